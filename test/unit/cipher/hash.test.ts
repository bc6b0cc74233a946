import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { concat, toHex } from "../../../src/base/bytes.ts";
import {
  addSha256,
  doubleSha256,
  type Hash,
  hashFrom,
  hashHex,
  merklePath,
  merkleRoot,
  merkleRootOfPath,
  NULL_HASH,
  parseHash,
  ripemd160,
  sha256,
  xorHash,
} from "../../../src/cipher/hash.ts";
import { keyVectors, utf8 } from "../../support/cipher-vectors.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const anyHash = fc.uint8Array({ minLength: 32, maxLength: 32 }) as fc.Arbitrary<Uint8Array> as fc.Arbitrary<Hash>;

test("sha256 and ripemd160 are OpenSSL's", () => {
  fc.assert(
    fc.property(bytes, (data) => {
      assert.equal(toHex(sha256(data)), createHash("sha256").update(data).digest("hex"));
      assert.equal(toHex(ripemd160(data)), createHash("ripemd160").update(data).digest("hex"));
    }),
  );
});

test("hashing leaves its input alone and gives each caller its own array", () => {
  const data = Uint8Array.of(1, 2, 3);
  const [first, second] = [sha256(data), sha256(data)];
  first.fill(0);
  assert.deepEqual(data, Uint8Array.of(1, 2, 3));
  assert.equal(toHex(second), createHash("sha256").update(data).digest("hex"));
});

test("the double and the joined hash are compositions of the single one", () => {
  fc.assert(fc.property(bytes, (data) => assert.deepEqual(doubleSha256(data), sha256(sha256(data)))));
  fc.assert(fc.property(anyHash, anyHash, (a, b) => assert.deepEqual(addSha256(a, b), sha256(concat(a, b)))));
});

test("xor is its own inverse, and null changes nothing", () => {
  fc.assert(fc.property(anyHash, anyHash, (a, b) => assert.deepEqual(xorHash(xorHash(a, b), b), a)));
  fc.assert(fc.property(anyHash, (a) => assert.deepEqual(xorHash(a, NULL_HASH), a)));
});

test("merkle roots are the reference's", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => sha256(utf8(text))) as [Hash, Hash, Hash];
  assert.deepEqual(merkleRoot([]), NULL_HASH);
  assert.equal(hashHex(merkleRoot([a])), keyVectors.merkle.a);
  assert.equal(hashHex(merkleRoot([a, b])), keyVectors.merkle.ab);
  assert.equal(hashHex(merkleRoot([a, b, c])), keyVectors.merkle.abc);
});

test("a merkle root pads with null hashes, so padding by hand changes nothing", () => {
  fc.assert(
    fc.property(fc.array(anyHash, { minLength: 1, maxLength: 20 }), (hashes) => {
      const width = 2 ** Math.ceil(Math.log2(hashes.length));
      const padded = [...hashes, ...Array.from({ length: width - hashes.length }, () => NULL_HASH)];
      assert.deepEqual(merkleRoot(hashes), merkleRoot(padded));
    }),
    { numRuns: 30 },
  );
});

test("a hash survives its hex form, in either case of letters", () => {
  fc.assert(
    fc.property(anyHash, (hash) => {
      assert.deepEqual(parseHash(hashHex(hash)), hash);
      assert.deepEqual(parseHash(hashHex(hash).toUpperCase()), hash);
    }),
  );
});

for (const { why, text, code, message } of [
  { why: "empty text", text: "", code: "HASH_HEX_LENGTH", message: "Invalid hex length" },
  { why: "31 bytes", text: "01".repeat(31), code: "HASH_HEX_LENGTH", message: "Invalid hex length" },
  { why: "33 bytes", text: "01".repeat(33), code: "HASH_HEX_LENGTH", message: "Invalid hex length" },
  {
    why: "a letter past f",
    text: "zz",
    code: "HASH_HEX_INVALID",
    message: "encoding/hex: invalid byte: U+007A 'z'",
  },
  { why: "an odd length", text: "abc", code: "HASH_HEX_INVALID", message: "encoding/hex: odd length hex string" },
])
  test(`a hash is not parsed from ${why}`, () => assert.throws(() => parseHash(text), { code, message }));

test("only 32 bytes are a hash", () => {
  assert.throws(() => hashFrom(new Uint8Array(31)), { code: "HASH_LENGTH", message: "Invalid sha256 length" });
  assert.equal(hashFrom(new Uint8Array(32)).length, 32);
});

test("a merkle path leads from each hash to the root, and from no other", () => {
  fc.assert(
    fc.property(fc.array(anyHash, { minLength: 1, maxLength: 40 }), fc.nat(), anyHash, (hashes, n, other) => {
      const index = n % hashes.length;
      const path = merklePath(hashes, index);
      assert.equal(path.length, Math.ceil(Math.log2(hashes.length)));
      assert.deepEqual(merkleRootOfPath(hashes[index] as Hash, index, path), merkleRoot(hashes));
      assert.notDeepEqual(merkleRootOfPath(other, index, path), merkleRoot(hashes));
    }),
  );
});
