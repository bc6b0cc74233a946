import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HashSet } from "../../../src/chain/hash-set.ts";
import { type Hash, hashHex } from "../../../src/cipher/hash.ts";

/** Few first bytes and few last ones: equal hashes, and different ones that share the bits looked at first. */
const anyHash = fc.tuple(fc.nat(2), fc.nat(2)).map(([first, last]) => {
  const hash = new Uint8Array(32) as Hash;
  hash[0] = first;
  hash[31] = last;
  return hash;
});

test("holds each hash once, as a set of their texts does", () => {
  fc.assert(
    fc.property(fc.array(anyHash), (hashes) => {
      const [set, texts] = [new HashSet(), new Set<string>()];
      for (const hash of hashes) {
        const isNew = !texts.has(hashHex(hash));
        texts.add(hashHex(hash));
        assert.equal(set.add(hash), isNew);
      }
    }),
  );
});

test("tells hashes apart that differ in the two highest bits of the fourth byte", () => {
  const [a, b] = [new Uint8Array(32) as Hash, new Uint8Array(32) as Hash];
  b[3] = 0x40;
  const set = new HashSet();
  assert.deepEqual([set.add(a), set.add(b), set.add(a), set.add(b)], [true, true, false, false]);
});
