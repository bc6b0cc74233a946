import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Evictable, nextEvicted, POOL_LIMITS } from "../../../src/chain/pool-limits.ts";

const limits = { transactionsMax: 3, bytesMax: 100, softInvalidMax: 1 };
const entry = (rate: number, received: bigint, size = 10, isValid = true): Evictable => ({
  rate,
  received,
  size,
  isValid,
});

test("the pool's limits are those of the specification", () => {
  assert.deepEqual({ ...POOL_LIMITS }, { transactionsMax: 4096, bytesMax: 33_554_432, softInvalidMax: 512 });
});

test("nobody goes while count, bytes and soft-invalid are within their limits, up to the limit", () => {
  const three = [entry(1, 1n), entry(2, 2n), entry(3, 3n, 80, false)];
  assert.equal(nextEvicted(three, limits), undefined);
  assert.equal(nextEvicted([], limits), undefined);
});

test("one too many: the lowest rate goes", () => {
  const four = [entry(2, 1n), entry(1, 9n), entry(3, 2n), entry(4, 3n)];
  assert.equal(nextEvicted(four, limits), four[1]);
});

test("of equal rates the oldest goes", () => {
  const four = [entry(1, 5n), entry(1, 4n), entry(1, 6n), entry(2, 1n)];
  assert.equal(nextEvicted(four, limits), four[1]);
});

test("a byte too many counts like one too many", () => {
  const two = [entry(2, 1n, 51), entry(1, 2n, 50)];
  assert.equal(nextEvicted(two, limits), two[1]);
  assert.equal(nextEvicted([entry(2, 1n, 50), entry(1, 2n, 50)], limits), undefined);
});

test("too many soft-invalid ones: the worst of those goes, whatever valid ones pay", () => {
  const three = [entry(0, 1n), entry(5, 2n, 10, false), entry(4, 3n, 10, false)];
  assert.equal(nextEvicted(three, limits), three[2]);
});

test("removing who is named ends within the limits, and never names a better one before a worse", () => {
  const anyEntry = fc
    .tuple(
      fc.integer({ min: -1, max: 5 }),
      fc.bigInt({ min: 0n, max: 9n }),
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
    )
    .map(([rate, received, size, isValid]) => entry(rate, received, size, isValid));
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 12 }), (entries) => {
      const left = new Set(entries);
      for (let gone = nextEvicted(left, limits); gone !== undefined; gone = nextEvicted(left, limits)) {
        const soft = [...left].filter(({ isValid }) => !isValid).length > limits.softInvalidMax;
        for (const other of left) {
          if (soft && other.isValid) continue;
          assert.ok(gone.rate < other.rate || (gone.rate === other.rate && gone.received <= other.received));
        }
        left.delete(gone);
      }
      assert.ok(left.size <= limits.transactionsMax);
      assert.ok([...left].reduce((sum, { size }) => sum + size, 0) <= limits.bytesMax);
      assert.ok([...left].filter(({ isValid }) => !isValid).length <= limits.softInvalidMax);
    }),
  );
});
