import { readFile, writeFile } from "node:fs/promises";
import type { TestContext } from "node:test";
import type { ChainParams } from "../../src/chain/params.ts";
import type { Signature } from "../../src/cipher/sign.ts";
import { loadDaemonConfig } from "../../src/config/config.ts";
import { loadGenesisWallet } from "../../src/config/genesis-wallet.ts";
import { bootstrapFirstBlock } from "../../src/orchestrator/bootstrap.ts";
import {
  type ChainFiles,
  chainFiles,
  DEFAULT_PORTS,
  prepareChainFiles,
  signGenesis,
} from "../../src/orchestrator/chain-files.ts";
import { GoNode } from "./p2p-go.ts";
import { type RunningNode, runProgram, startDaemon, temporaryDirectory } from "./processes.ts";

/** Whose program a node runs. */
export type Maker = "go" | "ours";

/** One node of a login chain, of either make. */
export interface ChainMember {
  readonly maker: Maker;
  /** Base URL of its REST API. */
  readonly web: string;
  get(path: string): Promise<unknown>;
  readonly dataDirectory: string;
  /** Everything it has logged, at level debug. */
  log(): string;
  stop(): Promise<void>;
}

export interface MemberOptions {
  readonly role: "publisher" | "peer";
  readonly port: number;
  /** Ports of loopback peers it dials. */
  readonly dials: readonly number[];
}

/**
 * A login chain whose genesis is made and signed beforehand, so that nodes of any make can start in any order.
 */
export class LoginNetwork {
  readonly files: ChainFiles;
  readonly params: ChainParams;
  readonly genesisSignature: Signature;
  readonly address: string;
  readonly #t: Pick<TestContext, "after">;
  readonly #goProgram: string | undefined;
  readonly #secret: string;

  private constructor(
    t: Pick<TestContext, "after">,
    parts: Pick<LoginNetwork, "files" | "params" | "genesisSignature" | "address">,
    secret: string,
    goProgram: string | undefined,
  ) {
    this.files = parts.files;
    this.params = parts.params;
    this.genesisSignature = parts.genesisSignature;
    this.address = parts.address;
    this.#t = t;
    this.#goProgram = goProgram;
    this.#secret = secret;
  }

  /** `droplets`: the volume compiled into the reference build that takes part. */
  static async make(
    t: Pick<TestContext, "after">,
    options: { readonly droplets: number; readonly goProgram?: string | undefined },
  ): Promise<LoginNetwork> {
    const files = chainFiles(await temporaryDirectory(t));
    const nowSeconds = Math.floor(Date.now() / 1000);
    await prepareChainFiles({ files, ports: DEFAULT_PORTS, fresh: false, nowSeconds });
    const text = await readFile(files.publisherToml, "utf8");
    const coins = options.droplets / 1_000_000;
    await writeFile(
      files.publisherToml,
      text
        .replace(/^genesis_coin_volume = .*$/m, `genesis_coin_volume = ${options.droplets}`)
        .replace(/^max_coin_supply = .*$/m, `max_coin_supply = ${coins}`),
    );
    const wallet = await loadGenesisWallet(files.genesis);
    await signGenesis(files, wallet);
    const { params } = await loadDaemonConfig({
      argv: [],
      env: { HOME: files.directory, FIBER_TOML: files.publisherToml },
    });
    const parts = { files, params, genesisSignature: params.genesis.signature as Signature, address: wallet.address };
    return new LoginNetwork(t, parts, wallet.secretKey, options.goProgram);
  }

  async start(maker: Maker, options: MemberOptions): Promise<ChainMember> {
    return maker === "go" ? this.#startGo(options) : this.#startOurs(options);
  }

  async #startOurs({ role, port, dials }: MemberOptions): Promise<ChainMember> {
    const { files } = this;
    const toml = role === "publisher" ? files.publisherToml : files.peerToml;
    const text = await readFile(files.publisherToml, "utf8");
    const peers = dials.map((to) => `"127.0.0.1:${to}"`).join(", ");
    await writeFile(toml, text.replace(/^default_connections = .*$/m, `default_connections = [${peers}]`));
    const data = role === "publisher" ? files.publisherData : files.peerData;
    const flags = [`--port=${port}`, `--data-dir=${data}`, "--disable-csrf", "--log-level=debug"];
    if (role === "publisher") flags.push("--block-publisher", "--publish=on-demand");
    const env: Record<string, string> = { FIBER_TOML: toml };
    if (role === "publisher") env.GENESIS = files.genesis;
    const node: RunningNode = await startDaemon(this.#t, flags, env);
    return {
      maker: "ours",
      web: node.web,
      dataDirectory: data,
      get: (path) => node.get(path),
      log: () => node.lines.join("\n"),
      stop: async () => {
        await node.stop();
      },
    };
  }

  async #startGo({ role, port, dials }: MemberOptions): Promise<ChainMember> {
    const { params, genesisSignature } = this;
    const node = await GoNode.start({
      params,
      genesisSignature,
      port,
      ...(this.#goProgram === undefined ? {} : { program: this.#goProgram }),
      ...(role === "publisher" ? { publisherSecret: this.#secret } : {}),
      ...(dials.length > 0 ? { peers: dials.map((to) => `127.0.0.1:${to}`) } : {}),
    });
    this.#t.after(() => node.stop());
    return {
      maker: "go",
      web: node.web,
      dataDirectory: node.directory,
      get: (path) => node.get(path),
      log: () => node.log,
      stop: () => node.stop(),
    };
  }

  /** Key of the genesis address, a throw-away. */
  async secret(): Promise<string> {
    return (await loadGenesisWallet(this.files.genesis)).secretKey;
  }

  /** Block 1, through the API of the publisher, as the orchestrator does it. */
  async bootstrap(publisher: ChainMember): Promise<void> {
    const { genesis, publisherToml } = this.files;
    await bootstrapFirstBlock({ api: publisher.web, genesisFile: genesis, fiberToml: publisherToml });
  }

  /** Sends coins with the client of ours over the API of `at`, as a user would. @returns the transaction's id */
  async spend(at: ChainMember, to: string, coins: string): Promise<string> {
    const env = { RPC_ADDR: at.web, FIBER_TOML: this.files.publisherToml };
    const made = await runProgram(["cli", "createRawTransaction", this.files.genesis, to, coins], { env });
    if (made.code !== 0) throw new Error(made.stderr);
    const sent = await runProgram(["cli", "broadcastTransaction", made.stdout.trim()], { env });
    if (sent.code !== 0) throw new Error(sent.stderr);
    return sent.stdout.trim();
  }
}
