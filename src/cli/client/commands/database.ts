import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { equalBytes } from "../../../base/bytes.ts";
import { errorText } from "../../../base/errors.ts";
import { decodeSignedBlock, encodeSignedBlock } from "../../../chain/block.ts";
import { uxId } from "../../../chain/uxout.ts";
import type { OpenChain } from "../../../node/open-chain.ts";
import { atMost, defineCommand } from "../command.ts";
import type { ClientContext } from "../context.ts";
import { refused } from "../errors.ts";

const WHERE = `Without an argument: the directory chain inside the data directory. A bare name is looked up there.
The chain is Skycoin's, or that of FIBER_TOML. No node may be running on the database.`;

export const checkdb = defineCommand({
  name: "checkdb",
  arguments: "[db path]",
  summary: "Verify the chain database",
  description: `Checks every block, its signatures and its place in the history.\n${WHERE}`,
  flags: {},
  count: atMost(1),
  run: ({ args, context }) =>
    onDatabase(context, args[0], "checkdb", async ({ chain }) => {
      const { verifyChain } = await import("../../../node/chain-transfer.ts");
      await verifyChain(chain, () => {});
      context.print("check db success");
    }),
});

export const checkDBDecoding = defineCommand({
  name: "checkDBDecoding",
  arguments: "[db path]",
  summary: "Verify that the records of the chain database read and write the same",
  description: `Decodes every block and unspent output and encodes it again.\n${WHERE}`,
  flags: {},
  count: atMost(1),
  run: ({ args, context }) =>
    onDatabase(context, args[0], "checkDBDecoding", async ({ chain, store }) => {
      for (let seq = 0; seq <= chain.head().seq; seq++) {
        const bytes = store.signedBlockBytes(seq);
        const again = bytes === undefined ? undefined : encodeSignedBlock(decodeSignedBlock(bytes));
        if (bytes === undefined || again === undefined || !equalBytes(bytes, again)) {
          throw refused(`block ${seq} does not read and write the same`);
        }
      }
      for await (const outputs of store.scanUnspents()) {
        for (const { id, ux } of outputs) {
          if (!equalBytes(id, uxId(ux.body)))
            throw refused("an unspent output does not have the id it is stored under");
        }
      }
      context.print("check db decoding success");
    }),
});

/** Opens the database for reading and closes it again; Ctrl-C ends the program with 0, as in the reference. */
async function onDatabase(
  context: ClientContext,
  given: string | undefined,
  name: string,
  check: (opened: OpenChain) => Promise<void>,
): Promise<void> {
  const path = databasePath(context, given);
  const opened = await openReadOnly(context, path);
  const interrupted = (): never => process.exit(0);
  process.once("SIGINT", interrupted);
  try {
    await check(opened);
  } catch (error) {
    throw refused(`${name} failed: ${errorText(error)}`);
  } finally {
    process.removeListener("SIGINT", interrupted);
    await opened.close();
  }
}

async function openReadOnly(context: ClientContext, path: string): Promise<OpenChain> {
  const { loadDaemonConfig } = await import("../../../config/config.ts");
  const { openChain } = await import("../../../node/open-chain.ts");
  // The data directory itself is not used; the database's own path passes its checks wherever we are.
  const argv = [`-db-path=${path}`, `-data-dir=${path}`, "-db-read-only", "-disable-default-peers"];
  const config = await loadDaemonConfig({ argv, env: { ...context.env, GENESIS: undefined }, cwd: context.cwd });
  try {
    return await openChain(config, { create: false });
  } catch (error) {
    throw refused(`open db failed: ${errorText(error)}`);
  }
}

/** @throws ClientError CLIENT_INPUT */
function databasePath(context: ClientContext, argument: string | undefined): string {
  const given = argument || "chain";
  const path = context.path(basename(given) === given ? join(context.config.dataDirectory, given) : given);
  if (!existsSync(path)) throw refused(`db file: ${path} does not exist`);
  return path;
}
