import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, fromHex } from "../../../src/base/bytes.ts";
import { sha256 } from "../../../src/cipher/hash.ts";
import { decodeBase64, encodeBase64 } from "../../../src/wallet/base64.ts";
import type { CryptoType } from "../../../src/wallet/meta.ts";
import { nodeSealingTools } from "../../../src/wallet/node-sealing.ts";
import { type SealingTools, seal, unseal } from "../../../src/wallet/sealing.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const INSECURE: CryptoType = "scrypt-chacha20poly1305-insecure";

/** Random bytes that are not: 32 of `a`, 12 of `b`. */
function fixed(a: number, b: number): SealingTools {
  return { ...nodeSealingTools, random: (bytes) => new Uint8Array(bytes).fill(bytes === 32 ? a : b) };
}

// Made by the reference with these bytes in place of its random ones.
const XOR =
  "2Koj8ltaT3AyuRCm3pcRd52+7k4kkPcRdWViE/Z3Tt4REREREREREREREREREREREREREREREREREREREREREdV5lF9sIbG0NKBun7Zd0Terl0YwaamsL2dOOVlZcAJ5QafKUKbR8HxGcUdhc3PZwHjchtOz4dBkG+27oX5bm0w=";
const SCRYPT =
  "dAB7Im4iOjMyNzY4LCJyIjo4LCJwIjoxLCJrZXlMZW4iOjMyLCJzYWx0IjoiSWlJaUlpSWlJaUlpSWlJaUlpSWlJaUlpSWlJaUlpSWlJaUlpSWlJaUlpST0iLCJub25jZSI6Ik16TXpNek16TXpNek16TXoifcrMoCpVsUEsuzzogXV4ZHDflHGiNm1Kei8QUA==";

test("what is sealed is, byte for byte, what the reference seals", () => {
  assert.equal(seal("sha256-xor", utf8("hello world"), utf8("pwd"), fixed(0x11, 0)), XOR);
  assert.equal(seal(INSECURE, utf8("hello world"), utf8("pwd"), fixed(0x22, 0x33)), SCRYPT);
});

test("what the reference sealed opens, under either name of the scrypt types", () => {
  assert.deepEqual(unseal("sha256-xor", XOR, utf8("pwd"), nodeSealingTools), utf8("hello world"));
  for (const type of [INSECURE, "scrypt-chacha20poly1305"] as const) {
    assert.equal(new TextDecoder().decode(unseal(type, SCRYPT, utf8("pwd"), nodeSealingTools)), "hello world");
  }
});

test("every text opens again with its password and with no other", () => {
  const text = fc.uint8Array({ maxLength: 3000 });
  fc.assert(
    fc.property(text, fc.uint8Array({ minLength: 1, maxLength: 40 }), (plain, password) => {
      const sealed = seal("sha256-xor", plain, password, nodeSealingTools);
      assert.deepEqual(unseal("sha256-xor", sealed, password, nodeSealingTools), plain);
      const other = concat(password, Uint8Array.of(1));
      assert.throws(() => unseal("sha256-xor", sealed, other, nodeSealingTools), { message: "invalid password" });
    }),
    { numRuns: 12 },
  );
});

test("two seals of one text differ", () => {
  const once = () => seal("sha256-xor", utf8("x"), utf8("p"), nodeSealingTools);
  assert.notEqual(once(), once());
});

/** A scrypt text with this meta in front. */
function withMeta(meta: string): string {
  const bytes = utf8(meta);
  return encodeBase64(concat(Uint8Array.of(bytes.length & 0xff, bytes.length >> 8), bytes, new Uint8Array(20)));
}

/** A xor text whose checksum is right. */
function withChecksum(body: Uint8Array): string {
  return encodeBase64(concat(sha256(body), body));
}

const cost = (changes: object) =>
  withMeta(JSON.stringify({ n: 2, r: 1, p: 1, keyLen: 32, salt: "", nonce: "AAAAAAAAAAAAAAAA", ...changes }));

for (const { why, type, sealed, message } of [
  { why: "text outside base64", type: "sha256-xor", sealed: "****", message: "illegal base64 data" },
  { why: "base64 without its padding", type: "sha256-xor", sealed: "AA", message: "illegal base64 data" },
  { why: "nothing", type: "sha256-xor", sealed: "", message: "EOF" },
  { why: "half a checksum", type: "sha256-xor", sealed: "AAAA", message: "invalid checksum length" },
  {
    why: "a wrong checksum",
    type: "sha256-xor",
    sealed: encodeBase64(new Uint8Array(96)),
    message: "invalid data, checksum is not matched",
  },
  {
    why: "half a nonce",
    type: "sha256-xor",
    sealed: withChecksum(new Uint8Array(16)),
    message: "invalid nonce length",
  },
  {
    why: "half a block",
    type: "sha256-xor",
    sealed: withChecksum(new Uint8Array(48)),
    message: "invalid block size, must be multiple of 32 bytes",
  },
  {
    why: "no block",
    type: "sha256-xor",
    sealed: withChecksum(new Uint8Array(32)),
    message: "read data hash failed: EOF",
  },
  {
    why: "one byte, on which the reference panics",
    type: INSECURE,
    sealed: "AA==",
    message: "invalid metadata length",
  },
  { why: "meta longer than the text", type: INSECURE, sealed: "//8A", message: "invalid metadata length" },
  { why: "meta that is not JSON", type: INSECURE, sealed: withMeta("{"), message: /JSON/ },
  { why: "meta without numbers", type: INSECURE, sealed: withMeta("{}"), message: "invalid metadata" },
  { why: "a cost that would take terabytes", type: INSECURE, sealed: cost({ n: 2 ** 40 }), message: /out of range/ },
  { why: "another key length", type: INSECURE, sealed: cost({ keyLen: 16 }), message: /out of range/ },
  { why: "a cost that is no power of two", type: INSECURE, sealed: cost({ n: 3 }), message: /./ },
  { why: "a tag that does not fit", type: INSECURE, sealed: cost({}), message: /./ },
] as const) {
  test(`does not open ${why}`, () => {
    assert.throws(() => unseal(type, sealed, utf8("p"), nodeSealingTools), { message });
  });
}

for (const type of ["sha256-xor", INSECURE] as const) {
  test(`asks for a password: ${type}`, () => {
    assert.throws(() => seal(type, utf8("x"), utf8(""), nodeSealingTools), { message: "missing password" });
    assert.throws(() => unseal(type, XOR, utf8(""), nodeSealingTools), { message: "missing password" });
  });
}

test("base64 is the platform's, both ways", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = encodeBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual(decodeBase64(`${text}\r\n`), bytes);
    }),
    { numRuns: 50 },
  );
});

interface EncryptVector {
  type: CryptoType;
  plaintext_hex: string;
  password_hex: string;
  ciphertext: string;
  wrong_password_hex: string;
  n?: number;
}

test("every recorded text of the reference opens, and not with a wrong password", { skip: conformanceMissing }, () => {
  for (const want of conformanceJson<EncryptVector[]>("cipher/vectors/encrypt.json")) {
    const plain = unseal(want.type, want.ciphertext, fromHex(want.password_hex), nodeSealingTools);
    assert.equal(Buffer.from(plain).toString("hex"), want.plaintext_hex);
    if ((want.n ?? 0) > 1 << 16) continue; // seconds each; once is enough
    assert.throws(() => unseal(want.type, want.ciphertext, fromHex(want.wrong_password_hex), nodeSealingTools));
  }
});
