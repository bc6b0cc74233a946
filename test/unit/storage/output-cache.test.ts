import assert from "node:assert/strict";
import { test } from "node:test";
import type { UxOut } from "../../../src/chain/uxout.ts";
import { type Hash, hashHex, sha256 } from "../../../src/cipher/hash.ts";
import { OutputCache } from "../../../src/storage/output-cache.ts";

function output(n: number): { readonly id: Hash; readonly ux: UxOut } {
  const srcTransaction = sha256(Uint8Array.of(n >> 8, n));
  const body = { srcTransaction, address: srcTransaction.slice(0, 21), coins: 2n ** 64n - 1n, hours: BigInt(n) };
  return { id: sha256(srcTransaction), ux: { head: { time: 2 ** 40 + n, seq: n }, body } as UxOut };
}

test("gives back what it was given, in memory of its own", () => {
  const cache = new OutputCache(64);
  const { id, ux } = output(1);
  cache.set(id, ux);
  const found = cache.get(id);
  assert.deepEqual(found, ux);
  found?.body.address.fill(0xff);
  assert.deepEqual(cache.get(id), ux);
});

test("never answers with another output, however many pass through it", () => {
  const cache = new OutputCache(64);
  for (let n = 0; n < 2000; n++) {
    const { id, ux } = output(n);
    cache.set(id, ux);
    assert.deepEqual(cache.get(id), ux);
  }
  const kept = Array.from({ length: 2000 }, (_, n) => output(n)).filter(({ id, ux }) => {
    const found = cache.get(id);
    if (found !== undefined) assert.deepEqual(found, ux, hashHex(id));
    return found !== undefined;
  });
  assert.equal(kept.length, 64);
});

test("tells ids apart that share every byte but the last", () => {
  const cache = new OutputCache(4);
  const outputs = [1, 2, 3].map((n) => ({ ...output(n), id: new Uint8Array(32).fill(n, 31) as Hash }));
  for (const { id, ux } of outputs) cache.set(id, ux);
  for (const { id, ux } of outputs) assert.deepEqual(cache.get(id), ux);
  cache.delete((outputs[1] as { id: Hash }).id);
  assert.deepEqual(
    outputs.map(({ id }) => cache.get(id)?.head.seq),
    [1, undefined, 3],
  );
});

test("is empty after clear, and replaces what is set again", () => {
  const cache = new OutputCache(4);
  const { id, ux } = output(7);
  cache.set(id, output(8).ux);
  cache.set(id, ux);
  assert.deepEqual(cache.get(id), ux);
  cache.clear();
  assert.equal(cache.get(id), undefined);
  cache.delete(id);
});
