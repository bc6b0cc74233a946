import { parseUint } from "../../../api/go-text.ts";
import { errorText } from "../../../base/errors.ts";
import { atMost, defineCommand } from "../command.ts";
import { refused } from "../errors.ts";

export const blocks = defineCommand({
  name: "blocks",
  arguments: "[starting block or single block seq] [ending block seq]",
  summary: "Print one block or a range of blocks",
  flags: {},
  count: { least: 1, most: 2 },
  async run({ context, args }) {
    const [start, end] = [args[0] as string, args[1] ?? (args[0] as string)].map(blockSeq);
    context.printJson(await context.api.get("/api/v1/blocks", { start: start as bigint, end: end as bigint }));
  },
});

function blockSeq(text: string): bigint {
  try {
    return parseUint(text);
  } catch {
    throw refused(`invalid block seq: ${text}, must be unsigned integer`);
  }
}

export const lastBlocks = defineCommand({
  name: "lastBlocks",
  arguments: "[numberOfBlocks]",
  summary: "Print the most recent blocks",
  flags: {},
  count: atMost(1),
  async run({ context, args }) {
    let num = 1n;
    try {
      if (args[0] !== undefined) num = parseUint(args[0]);
    } catch (error) {
      throw refused(`invalid block number, ${errorText(error)}`);
    }
    context.printJson(await context.api.get("/api/v1/last_blocks", { num }));
  },
});
