import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { atMost, defineCommand } from "../command.ts";
import type { ClientContext } from "../context.ts";
import { refused } from "../errors.ts";

export const checkdb = defineCommand({
  name: "checkdb",
  arguments: "[db path]",
  summary: "Verify the chain database",
  description: "Checks every block and its signature. Without an argument: chain inside the data directory.",
  flags: {},
  count: atMost(1),
  async run({ args, context }) {
    databasePath(context, args[0]);
    throw refused("checkdb failed: not available yet");
  },
});

export const checkDBDecoding = defineCommand({
  name: "checkDBDecoding",
  arguments: "[db path]",
  summary: "Verify that every record of the chain database reads and writes the same",
  flags: {},
  count: atMost(1),
  async run({ args, context }) {
    databasePath(context, args[0]);
    throw refused("checkDBDecoding failed: not available yet");
  },
});

/** A bare name is looked up in the data directory. @throws ClientError CLIENT_INPUT */
function databasePath(context: ClientContext, given = "chain"): string {
  const path = context.path(basename(given) === given ? join(context.config.dataDirectory, given) : given);
  if (!existsSync(path)) throw refused(`db file: ${path} does not exist`);
  return path;
}
