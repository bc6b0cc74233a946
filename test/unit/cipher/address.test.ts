import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import {
  type Address,
  addressBytes25,
  addressFromBytes25,
  addressFromKeyHash,
  addressOf,
  decodeAddress,
  encodeAddress,
  NULL_ADDRESS,
  verifyAddressKey,
} from "../../../src/cipher/address.ts";
import { decodeBase58, encodeBase58 } from "../../../src/cipher/base58.ts";
import { sha256 } from "../../../src/cipher/hash.ts";
import { deterministicKeys, parsePublicKey } from "../../../src/cipher/keys.ts";
import { utf8, keyVectors as vectors } from "../../support/cipher-vectors.ts";

const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(addressFromKeyHash);

test("the addresses of a seed are the reference's", () => {
  const { keys } = deterministicKeys(utf8(vectors.seed), 3);
  assert.deepEqual(
    keys.map((pair) => encodeAddress(addressOf(pair.public))),
    vectors.addresses,
  );
});

test("version leads on the wire, the key leads in the text", () => {
  const address = addressOf(parsePublicKey(vectors.publicKey0));
  assert.equal(address.length, 21);
  assert.equal(toHex(address), `00${vectors.addressBytes0.slice(0, 40)}`);
  assert.equal(toHex(addressBytes25(address)), vectors.addressBytes0);
});

test("the null address has a text and decodes", () => {
  assert.equal(encodeAddress(NULL_ADDRESS), vectors.nullAddress);
  assert.deepEqual(decodeAddress(vectors.nullAddress), NULL_ADDRESS);
});

test("an address survives its text and its 25 bytes", () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      assert.deepEqual(decodeAddress(encodeAddress(address)), address);
      assert.deepEqual(addressFromBytes25(addressBytes25(address)), address);
    }),
  );
});

test("a changed letter is noticed", () => {
  const text = vectors.addresses[0] as string;
  for (let i = 0; i < text.length; i++) {
    const other = text[i] === "x" ? "y" : "x";
    assert.throws(() => decodeAddress(text.slice(0, i) + other + text.slice(i + 1)), /Invalid/);
  }
});

for (const { why, text, code, message } of [
  { why: "nothing", text: "", code: "BASE58_EMPTY", message: "Invalid base58 string" },
  { why: "a letter outside base58", text: "0", code: "BASE58_CHARACTER", message: "Invalid base58 character" },
  { why: "space before", text: " a", code: "BASE58_CHARACTER", message: "Invalid base58 character" },
  { why: "a line end", text: "a\n", code: "BASE58_CHARACTER", message: "Invalid base58 character" },
  { why: "Cyrillic", text: "ключ", code: "BASE58_CHARACTER", message: "Invalid base58 character" },
  {
    why: "24 bytes",
    text: encodeBase58(new Uint8Array(24)),
    code: "ADDRESS_LENGTH",
    message: "Invalid address length",
  },
  {
    why: "26 bytes",
    text: encodeBase58(new Uint8Array(26)),
    code: "ADDRESS_LENGTH",
    message: "Invalid address length",
  },
  { why: "a wrong checksum", text: "1".repeat(25), code: "ADDRESS_CHECKSUM", message: "Invalid checksum" },
  { why: "version 1", text: encodeAddress(versioned(1)), code: "ADDRESS_VERSION", message: "Address version invalid" },
])
  test(`an address is not read from ${why}`, () => assert.throws(() => decodeAddress(text), { code, message }));

test("base58 is read back as the bytes it was made of, zeros that lead included", () => {
  const bytes = fc.tuple(fc.nat({ max: 5 }), fc.uint8Array({ minLength: 1, maxLength: 120 }));
  fc.assert(
    fc.property(bytes, ([zeros, rest]) => {
      const whole = Uint8Array.from([...new Uint8Array(zeros), ...rest]);
      const text = encodeBase58(whole);
      assert.deepEqual(decodeBase58(text, 200), whole);
      assert.equal(
        /^1*/.exec(text)?.[0].length,
        whole.findIndex((b) => b !== 0) < 0 ? whole.length : whole.findIndex((b) => b !== 0),
      );
    }),
    { numRuns: 500 },
  );
  assert.equal(encodeBase58(new Uint8Array()), "");
});

test("a megabyte of base58 is refused without decoding it", () => {
  const started = performance.now();
  assert.throws(() => decodeAddress("z".repeat(1 << 20)), { code: "ADDRESS_LENGTH" });
  assert.ok(performance.now() - started < 1000, "quadratic decoding would take minutes");
});

test("the longest text of 25 bytes is within the measured length", () => {
  const text = encodeBase58(new Uint8Array(25).fill(255));
  assert.equal(text.length, 35);
  assert.throws(() => decodeAddress(text), { code: "ADDRESS_CHECKSUM" });
});

test("an address is its key's and no other's", () => {
  const [mine, other] = deterministicKeys(utf8("owner"), 2).keys.map((pair) => pair.public);
  assert.ok(mine !== undefined && other !== undefined);
  verifyAddressKey(addressOf(mine), mine);
  assert.throws(() => verifyAddressKey(addressOf(mine), other), {
    code: "ADDRESS_NOT_KEY",
    message: "Public key invalid for address",
  });
  assert.throws(() => verifyAddressKey(versioned(1), mine), { code: "ADDRESS_VERSION" });
});

test("a key hash has 20 bytes", () => {
  assert.throws(() => addressFromKeyHash(new Uint8Array(21)), { message: "Invalid ripemd160 length" });
});

test("the checksum covers the version", () => {
  const bytes = addressBytes25(versioned(7));
  assert.deepEqual(bytes.subarray(21), sha256(fromHex(`${"00".repeat(20)}07`)).subarray(0, 4));
});

function versioned(version: number): Address {
  const address = new Uint8Array(21) as Address;
  address[0] = version;
  return address;
}
