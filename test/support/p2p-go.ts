import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/base/bytes.ts";
import type { ChainParams } from "../../src/chain/params.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import type { Signature } from "../../src/cipher/sign.ts";

/** Path of a reference node's program; tests against it skip without. */
export const goNode = process.env.LOGINCHAIN_GO_NODE;
export const goNodeMissing: string | false = goNode === undefined ? "no reference node: set LOGINCHAIN_GO_NODE" : false;

export interface GoNodeOptions {
  readonly params: ChainParams;
  readonly genesisSignature: Signature;
  /** Peers to dial; without any it only takes connections. */
  readonly peers?: readonly string[];
  /** Continue with the data of an earlier one. */
  readonly directory?: string;
  /** Another build than `goNode`. */
  readonly program?: string;
  /** Makes blocks; hex of a test key, it is seen on the command line. */
  readonly publisherSecret?: string;
  /** Ports that were free a moment ago, unless others must know them beforehand. */
  readonly port?: number;
  readonly flags?: readonly string[];
}

/** A reference node in localhost-only mode, on ports that were free a moment ago. */
export class GoNode {
  readonly port: number;
  readonly directory: string;
  /** Base URL of its API. */
  readonly web: string;
  readonly #process: ChildProcess;
  log = "";

  private constructor(port: number, web: number, directory: string, process: ChildProcess) {
    this.port = port;
    this.web = `http://127.0.0.1:${web}`;
    this.directory = directory;
    this.#process = process;
    const keep = (chunk: Buffer) => {
      this.log = (this.log + chunk.toString()).slice(-4_000_000);
    };
    process.stdout?.on("data", keep);
    process.stderr?.on("data", keep);
  }

  static async start(options: GoNodeOptions): Promise<GoNode> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "go-node-")));
    const [port, web] = [options.port ?? (await freePort()), await freePort()];
    const { genesis, publisherKey } = options.params;
    const flags = [
      "-localhost-only",
      "-download-peerlist=false",
      "-launch-browser=false",
      "-color-log=false",
      "-log-level=debug",
      "-disable-csrf",
      "-disable-default-peers",
      "-enable-all-api-sets",
      `-genesis-address=${encodeAddress(genesis.address)}`,
      `-blockchain-public-key=${toHex(publisherKey)}`,
      `-genesis-timestamp=${genesis.time}`,
      `-genesis-signature=${toHex(options.genesisSignature)}`,
      `-data-dir=${join(directory, "data")}`,
      `-port=${port}`,
      `-web-interface-port=${web}`,
      ...(options.flags ?? []),
    ];
    if (options.publisherSecret !== undefined) {
      flags.push("-block-publisher", `-blockchain-secret-key=${options.publisherSecret}`);
    }
    if (options.peers === undefined) flags.push("-disable-outgoing");
    else {
      const list = join(directory, "custom-peers.txt");
      await writeFile(list, `${options.peers.join("\n")}\n`);
      flags.push(`-custom-peers-file=${list}`, "-connection-rate=1s");
    }
    const child = spawn(options.program ?? (goNode as string), flags, {
      cwd: "/",
      env: { ...process.env, HOME: directory },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const node = new GoNode(port, web, directory, child);
    await node.until(() => node.get("/api/v1/health").then(() => true), "its API to answer");
    return node;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.web}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${this.web}${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async seq(): Promise<number> {
    const { head } = await this.get<{ head: { seq: number } }>("/api/v1/blockchain/metadata");
    return head.seq;
  }

  /** Asks until it holds; a process of another language cannot be awaited otherwise. */
  async until(holds: () => Promise<boolean>, what: string, ms = 30_000): Promise<void> {
    for (const end = Date.now() + ms; ; ) {
      if (await holds().catch(() => false)) return;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}\n${this.log.slice(-3000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends it orderly; the directory stays unless it is told to go. */
  async stop({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGINT");
      const late = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
      await once(this.#process, "exit");
      clearTimeout(late);
    }
    if (!keep) await rm(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
