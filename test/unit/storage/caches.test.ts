import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../../src/cipher/hash.ts";
import { IdFilter } from "../../../src/storage/id-filter.ts";
import { latin1Key } from "../../../src/storage/latin1-key.ts";

const hashOf = (n: number) => sha256(Buffer.from(String(n)));

test("the filter never denies an id it was given, and lets few others pass, through several layers", () => {
  const filter = new IdFilter();
  assert.equal(filter.mayHave(hashOf(1)), false);
  const count = 150_000;
  for (let n = 0; n < count; n++) filter.add(hashOf(n));
  for (let n = 0; n < count; n += 7) assert.ok(filter.mayHave(hashOf(n)), String(n));
  let passed = 0;
  for (let n = count; n < count + 20_000; n++) if (filter.mayHave(hashOf(n))) passed++;
  assert.ok(passed < 400, `${passed} of 20000 pass`);
});

test("different bytes are different keys", () => {
  const keys = new Set<string>();
  for (let byte = 0; byte < 256; byte++) keys.add(latin1Key(Uint8Array.of(byte, 255 - byte)));
  assert.equal(keys.size, 256);
  const shared = new Uint8Array(10).subarray(3, 5);
  assert.equal(latin1Key(shared).length, 2);
});
