import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { backend } from "../../src/cipher/active-backend.ts";
import { sha256 } from "../../src/cipher/hash.ts";
import { recoverSigner, signHash } from "../../src/cipher/sign.ts";
import { realBackend } from "../simulation/coins.ts";
import { simulate } from "../simulation/simulation.ts";
import { alice } from "../support/chain.ts";

const FIXED_SEEDS = 150;
/** Seeds that once found something: each was a defect of ours. */
const REGRESSIONS = [2, 6, 25, 28, 62, 198, 341, 478, 1063] as const;
const CPU_MS = process.env.LOGINCHAIN_LONG === "1" ? 180_000 : 14_000;

async function run(seed: number): Promise<string> {
  const { failures, faults, nodes, fingerprint } = await simulate(seed);
  const replay = `replay: npm run simulate -- --seeds 1 --from ${seed} --trace`;
  assert.deepEqual(
    failures,
    [],
    `seed ${seed} (${nodes} nodes; ${faults.join(", ")})\n${failures.join("\n")}\n${replay}`,
  );
  return fingerprint;
}

test("seeds that once found a defect find none", async () => {
  for (const seed of REGRESSIONS) await run(seed);
});

test("a fixed set of seeds keeps safety, agrees after healing, and stays bounded", async () => {
  for (let seed = 1000; seed < 1000 + FIXED_SEEDS; seed++) await run(seed);
});

test("the same seed gives the same run", async () => {
  for (const seed of [1, 2, 3, 61, 255]) assert.equal(await run(seed), await run(seed));
});

test("fresh seeds keep it too", async (t) => {
  const base = randomInt(1_000_000, 2 ** 31);
  const begun = process.cpuUsage();
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
  let seed = base;
  while (cpuMs() < CPU_MS) await run(seed++);
  t.diagnostic(`${seed - base} fresh seeds from ${base}`);
});

test("the simulator's signatures are those of the real curve", () => {
  for (let i = 0; i < 50; i++) {
    const digest = sha256(Uint8Array.of(i));
    const signature = signHash(digest, alice.secret);
    assert.deepEqual(recoverSigner(digest, signature).ok && signature.length, 65);
    const key = realBackend.recover(digest, signature.subarray(0, 64), signature[64] as number);
    assert.deepEqual(key, Uint8Array.from(alice.public));
    assert.deepEqual(backend().recover(digest, signature.subarray(0, 64), signature[64] as number), key);
  }
});
