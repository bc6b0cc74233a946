import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../../src/cipher/hash.ts";
import { AgingMap, latin1Key } from "../../../src/storage/aging-map.ts";
import { IdFilter } from "../../../src/storage/id-filter.ts";

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

test("the aging map keeps what is used and stays within its bound", () => {
  const map = new AgingMap<number>(100);
  for (let n = 0; n < 1000; n++) {
    map.set(`k${n}`, n);
    assert.equal(map.get("k0"), 0); // in use all the time
  }
  let kept = 0;
  for (let n = 0; n < 1000; n++) if (map.get(`k${n}`) === n) kept++;
  assert.ok(kept >= 50 && kept <= 150, `${kept} kept`);
  map.delete("k999");
  assert.equal(map.get("k999"), undefined);
  map.clear();
  assert.equal(map.get("k0"), undefined);
});

test("the aging map forgets none of as many entries as it is made for, in whatever order they are used", () => {
  const map = new AgingMap<number>(100);
  for (let n = 0; n < 100; n++) map.set(`k${n}`, n);
  for (let turn = 0; turn < 5000; turn++) {
    const n = (turn * turn + turn) % 100;
    assert.equal(map.get(`k${n}`), n);
    map.set(`k${n}`, n);
  }
  for (let n = 0; n < 100; n++) assert.equal(map.get(`k${n}`), n);
});

test("a newer value hides the older one, also after the parts have changed places", () => {
  const map = new AgingMap<number>(2);
  map.set("a", 1);
  map.set("b", 1);
  map.set("c", 1); // a and b are the older part now
  map.set("a", 2);
  assert.equal(map.get("a"), 2);
  map.delete("a");
  assert.equal(map.get("a"), undefined);
});

test("different bytes are different keys", () => {
  const keys = new Set<string>();
  for (let byte = 0; byte < 256; byte++) keys.add(latin1Key(Uint8Array.of(byte, 255 - byte)));
  assert.equal(keys.size, 256);
  const shared = new Uint8Array(10).subarray(3, 5);
  assert.equal(latin1Key(shared).length, 2);
});
