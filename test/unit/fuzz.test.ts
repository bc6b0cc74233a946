import assert from "node:assert/strict";
import { test } from "node:test";
import { loadCorpus } from "../fuzz/corpus.ts";
import { type FuzzTarget, fuzz, HANG_MS } from "../fuzz/engine.ts";
import { TARGETS } from "../fuzz/targets.ts";

// Longer: npm run fuzz -- --inputs 1000000. A finding prints its input.
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_007);
const inputs = process.env.LOGINCHAIN_LONG === "1" ? 1_000_000 : 3_000;

for (const target of TARGETS) {
  test(`nothing but refusals, and no slow input: ${target.name} (seed ${seed})`, () => {
    const { findings } = fuzz(target, { seed, inputs, corpus: loadCorpus(target.name) });
    assert.deepEqual(findings, []);
  });
}

const fragile: FuzzTarget = {
  name: "fragile",
  seeds: [new Uint8Array(8)],
  run(input) {
    if (input[3] === 0xff) throw new TypeError("fell over");
  },
};

test("finds what falls over, and tells the input", () => {
  const { findings } = fuzz(fragile, { seed: 1, inputs: 20_000 });
  assert.ok(findings.length > 0);
  assert.match(findings[0] as string, /^fragile, input [0-9a-f]{6}ff.*fell over/);
});

test("finds what takes too long", () => {
  const slow: FuzzTarget = {
    name: "slow",
    seeds: [new Uint8Array(1)],
    run() {
      for (const begun = process.cpuUsage(); process.cpuUsage(begun).user < 1500 * HANG_MS; );
    },
  };
  const { findings } = fuzz(slow, { seed: 1, inputs: 1, guided: 0 });
  assert.match(findings[0] as string, /^slow, input 00: took \d+ ms/);
});

test("the same seed gives the same findings", () => {
  const once = () => fuzz(fragile, { seed: 7, inputs: 5_000, guided: 0 }).findings;
  assert.deepEqual(once(), once());
});
