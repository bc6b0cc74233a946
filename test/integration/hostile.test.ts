import assert from "node:assert/strict";
import { test } from "node:test";
import { runHostile } from "../support/hostile-run.ts";

const LONG = process.env.LOGINCHAIN_LONG === "1";
// The short form shares the processor with other tests: only the long one holds the event loop to its figure.
const { visitors, rate, seconds, loopDelayP99 } = LONG
  ? { visitors: 10_000, rate: 5_000, seconds: 30, loopDelayP99: 0.05 }
  : { visitors: 400, rate: 800, seconds: 1.5, loopDelayP99: 0.25 };

test("attackers on every door: the honest peer and users are served, memory is bounded, and nothing is left", async (t) => {
  const figures = await runHostile(t, { visitors, rate, seconds });
  assert.ok(figures.crowd.opened >= visitors / 2, `${figures.crowd.opened} connections were opened`);
  assert.ok(figures.rssMax < 300e6, `${figures.rssMax} bytes resident`);
  assert.ok(figures.loopDelayP99 < loopDelayP99, `event loop delay ${figures.loopDelayP99} s`);
  assert.ok(Math.max(...figures.blockMs) < 2_000, `blocks on the honest peer after ${figures.blockMs} ms`);
  for (const { who, failures } of figures.users) assert.deepEqual(failures, [], who);
  assert.deepEqual(figures.left, []);
});
