import assert from "node:assert/strict";
import { test } from "node:test";
import { type Logger, silentLogger } from "../../../src/base/log.ts";
import { FoldedLog } from "../../../src/p2p/folded-log.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

function rig() {
  const clock = new VirtualClock();
  const lines: unknown[] = [];
  const say = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
  const log: Logger = {
    ...{ debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
    child: () => silentLogger,
  };
  return { clock, lines, folded: new FoldedLog({ logLinesPerKind: 2, logWindowMs: 10_000 }, { log, clock }) };
}

test("the first lines of a kind pass, the rest is counted and said once", async () => {
  const { clock, lines, folded } = rig();
  for (let n = 0; n < 1000; n++) folded.warn({ n }, "block refused");
  folded.info({ n: 0 }, "block refused");
  assert.deepEqual(lines, [
    ["warn", { n: 0 }, "block refused"],
    ["warn", { n: 1 }, "block refused"],
    ["info", { n: 0 }, "block refused"],
  ]);
  await clock.advance(10_000);
  assert.deepEqual(lines.slice(3), [["warn", { n: 999, times: 998 }, "block refused"]]);
  folded.warn({ n: 1000 }, "block refused");
  assert.deepEqual(lines.slice(4), [["warn", { n: 1000 }, "block refused"]]);
});

test("flush says what is held back and leaves no timer", () => {
  const { clock, lines, folded } = rig();
  for (let n = 0; n < 3; n++) folded.error({ n }, "failed");
  folded.flush();
  assert.deepEqual(lines.slice(2), [["error", { n: 2, times: 1 }, "failed"]]);
  assert.equal(clock.waiting, 0);
});

test("debug lines are not folded", () => {
  const { lines, folded } = rig();
  for (let n = 0; n < 9; n++) folded.debug({}, "peer leaves");
  assert.equal(lines.length, 9);
});
