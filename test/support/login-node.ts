import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { bootstrapFirstBlock, waitForBlock } from "../../src/orchestrator/bootstrap.ts";
import { prepareStock } from "../../src/orchestrator/chain-files.ts";
import { type LoginChain, loginChain } from "./login-chain.ts";
import type { RunningNode } from "./processes.ts";

/** One node that publishes and serves logins: everything but the wire between two nodes. */
export interface LoginNode {
  readonly chain: LoginChain;
  readonly node: RunningNode;
  /** Base URL of the public listener. */
  readonly open: string;
  /** The same node again, on the same port and data. */
  restart(): Promise<LoginNode>;
}

export interface LoginNodeOptions {
  /** Text of the file of services. */
  readonly clients?: string;
  readonly flags?: readonly string[];
}

export async function startLoginNode(t: TestContext, options: LoginNodeOptions = {}): Promise<LoginNode> {
  const chain = await loginChain(t);
  const stock = await prepareStock(chain.files, Date.now());
  const clientsFile = join(chain.files.directory, "clients.toml");
  if (options.clients !== undefined) await writeFile(clientsFile, options.clients, { mode: 0o600 });
  const start = async (publicAddress: string): Promise<LoginNode> => {
    const node = await chain.startPublisher(
      `--public-addr=${publicAddress}`,
      `--login-stock=${chain.files.stock}`,
      ...(options.clients === undefined ? [] : [`--login-clients=${clientsFile}`]),
      ...(options.flags ?? []),
    );
    const open = node.publicWeb ?? "";
    return { chain, node, open, restart: () => start(new URL(open).host) };
  };
  const first = await start("127.0.0.1:0");
  await bootstrapFirstBlock({
    api: first.node.web,
    genesisFile: chain.files.genesis,
    fiberToml: chain.files.publisherToml,
    stock,
  });
  await waitForBlock({ api: first.node.web, seq: 1, timeoutMs: 30_000 });
  return first;
}

/** A service with a secret, as the file of services has it. */
export function clientToml(id: string, secret: string, more = ""): string {
  const hash = createHash("sha256").update(secret).digest("hex");
  return `[clients.${id}]\nname = "Service ${id}"\nsecret_sha256 = "${hash}"\n${more}\n`;
}

export function basicAuth(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
}
