import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, toHex } from "../../../src/base/bytes.ts";
import { encodeBase58 } from "../../../src/cipher/base58.ts";
import {
  bitcoinAddressOf,
  decodeBitcoinAddress,
  decodeWif,
  encodeBitcoinAddress,
  encodeWif,
} from "../../../src/cipher/bitcoin.ts";
import { doubleSha256 } from "../../../src/cipher/hash.ts";
import { isValidSecretKey, parsePublicKey, parseSecretKey, type SecretKey } from "../../../src/cipher/keys.ts";
import { keyVectors as vectors } from "../../support/cipher-vectors.ts";

const secret0 = vectors.secrets[0] as string;

test("the bitcoin address of a key is the reference's, and decodes", () => {
  const address = bitcoinAddressOf(parsePublicKey(vectors.publicKey0));
  assert.equal(encodeBitcoinAddress(address), vectors.bitcoinAddress0);
  assert.deepEqual(decodeBitcoinAddress(vectors.bitcoinAddress0), address);
});

test("the import format of a key is the reference's", () => {
  assert.equal(encodeWif(parseSecretKey(secret0)), vectors.wif0);
  assert.equal(toHex(decodeWif(vectors.wif0)), secret0);
});

test("every secret key survives its import format", () => {
  const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(isValidSecretKey);
  fc.assert(fc.property(keys, (key) => assert.deepEqual(decodeWif(encodeWif(key as SecretKey)), key)));
});

for (const { why, text, code, message } of [
  { why: "nothing", text: "", code: "BASE58_EMPTY", message: "Invalid base58 string" },
  { why: "a zero", text: "0", code: "BASE58_CHARACTER", message: "Invalid base58 character" },
  { why: "37 bytes", text: encodeBase58(new Uint8Array(37)), code: "WIF_LENGTH", message: "Invalid length" },
  { why: "much text", text: "z".repeat(10_000), code: "WIF_LENGTH", message: "Invalid length" },
  { why: "first byte 81", text: wif(0x81, 1), code: "WIF_FIRST_BYTE", message: "Bitcoin WIF: First byte invalid" },
  { why: "suffix 2", text: wif(0x80, 2), code: "WIF_SUFFIX", message: "Bitcoin WIF: Invalid 33rd byte" },
  { why: "a checksum off by one", text: wif(0x80, 1, 1), code: "WIF_CHECKSUM", message: "Bitcoin WIF: Checksum fail" },
  { why: "key zero", text: wif(0x80, 1, 0, 0), code: "SECRET_KEY_INVALID", message: "Invalid secret key" },
])
  test(`the import format is refused for ${why}`, () => assert.throws(() => decodeWif(text), { code, message }));

for (const { why, text, code } of [
  { why: "nothing", text: "", code: "BASE58_EMPTY" },
  { why: "a letter outside base58", text: "O", code: "BASE58_CHARACTER" },
  { why: "24 bytes", text: encodeBase58(new Uint8Array(24)), code: "ADDRESS_LENGTH" },
  { why: "a wrong checksum", text: "1".repeat(25), code: "ADDRESS_CHECKSUM" },
  { why: "a testnet address", text: checked(new Uint8Array(21).fill(0x6f, 0, 1)), code: "ADDRESS_VERSION" },
  { why: "a Skycoin address", text: vectors.addresses[0] as string, code: "ADDRESS_CHECKSUM" },
])
  test(`a bitcoin address is not read from ${why}`, () => assert.throws(() => decodeBitcoinAddress(text), { code }));

function wif(first: number, suffix: number, checksumError = 0, keyByte = 5): string {
  const body = concat(Uint8Array.of(first), new Uint8Array(32).fill(keyByte), Uint8Array.of(suffix));
  return checked(body, checksumError);
}

function checked(body: Uint8Array, checksumError = 0): string {
  const sum = doubleSha256(body).slice(0, 4);
  sum[3] = ((sum[3] as number) + checksumError) & 0xff;
  return encodeBase58(concat(body, sum));
}
