import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import {
  deterministicKeys,
  isValidPublicKey,
  isValidSecretKey,
  type PublicKey,
  parsePublicKey,
  parseSecretKey,
  publicKeyFrom,
  publicKeyOf,
  randomSecretKey,
  type SecretKey,
  secp256k1Hash,
  secretKeyFrom,
  sharedSecret,
} from "../../../src/cipher/keys.ts";
import { utf8, keyVectors as vectors } from "../../support/cipher-vectors.ts";

const ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const ORDER_LESS_1 = `${ORDER.slice(0, -1)}0`;
const GENERATOR = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const PRIME = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const one = `${"00".repeat(31)}01`;

test("the deterministic keys of a seed are the reference's", () => {
  const { keys, lastSeed } = deterministicKeys(utf8(vectors.seed), 3);
  assert.deepEqual(
    keys.map((pair) => toHex(pair.secret)),
    vectors.secrets,
  );
  assert.equal(toHex((keys[0] as (typeof keys)[0]).public), vectors.publicKey0);
  assert.equal(toHex(lastSeed), vectors.nexts[2]);
});

test("keys can be continued from the last seed", () => {
  const first = deterministicKeys(utf8(vectors.seed), 1);
  assert.equal(toHex(first.lastSeed), vectors.nexts[0]);
  const then = deterministicKeys(first.lastSeed, 2);
  assert.deepEqual([...first.keys, ...then.keys], deterministicKeys(utf8(vectors.seed), 3).keys);
});

test("the slow hash of a seed is the first next seed", () => {
  assert.equal(toHex(secp256k1Hash(utf8(vectors.seed))), vectors.nexts[0]);
});

test("no key can be made of an empty seed, and no keys of any", () => {
  const empty = new Uint8Array(0);
  assert.throws(() => deterministicKeys(empty, 1), { code: "SEED_EMPTY", message: "Seed input is empty" });
  assert.deepEqual(deterministicKeys(empty, 0), { keys: [], lastSeed: empty });
});

for (const { why, hex, code } of [
  { why: "zero", hex: "00".repeat(32), code: "SECRET_KEY_INVALID" },
  { why: "the group order", hex: ORDER, code: "SECRET_KEY_INVALID" },
  { why: "all ones", hex: "ff".repeat(32), code: "SECRET_KEY_INVALID" },
  { why: "31 bytes", hex: "01".repeat(31), code: "SECRET_KEY_LENGTH" },
  { why: "33 bytes", hex: "01".repeat(33), code: "SECRET_KEY_LENGTH" },
  { why: "nothing", hex: "", code: "SECRET_KEY_LENGTH" },
  { why: "bad hex", hex: "zz", code: "SECRET_KEY_INVALID" },
])
  test(`${why} is no secret key`, () => {
    const message = code === "SECRET_KEY_LENGTH" ? "Invalid secret key length" : "Invalid secret key";
    assert.throws(() => parseSecretKey(hex), { code, message });
    assert.equal(hex !== "zz" && isValidSecretKey(fromHex(hex)), false);
  });

test("the secret keys go from one to the order less one", () => {
  assert.equal(toHex(publicKeyOf(parseSecretKey(one))), GENERATOR);
  assert.equal(toHex(publicKeyOf(parseSecretKey(ORDER_LESS_1))), `03${GENERATOR.slice(2)}`);
});

test("an error about a secret key says nothing of it", () => {
  for (const text of [`${"ab".repeat(31)}zz`, "ab".repeat(31), "ff".repeat(32)]) {
    const error = thrownBy(() => parseSecretKey(text)) as Error & { data: object };
    assert.ok(!`${error.stack} ${JSON.stringify(error.data)}`.includes("abab"));
    assert.equal(error.cause, undefined);
  }
});

for (const { why, hex, code } of [
  { why: "33 zero bytes", hex: "00".repeat(33), code: "PUBLIC_KEY_INVALID" },
  { why: "prefix 05", hex: `05${GENERATOR.slice(2)}`, code: "PUBLIC_KEY_INVALID" },
  { why: "prefix 04 without y", hex: `04${GENERATOR.slice(2)}`, code: "PUBLIC_KEY_INVALID" },
  { why: "an x off the curve", hex: `02${"00".repeat(31)}05`, code: "PUBLIC_KEY_INVALID" },
  { why: "x equal to the field prime", hex: `02${PRIME}`, code: "PUBLIC_KEY_INVALID" },
  { why: "x past the field prime", hex: `02${"ff".repeat(32)}`, code: "PUBLIC_KEY_INVALID" },
  { why: "32 bytes", hex: GENERATOR.slice(2), code: "PUBLIC_KEY_LENGTH" },
  { why: "an uncompressed key", hex: `04${GENERATOR.slice(2).repeat(2)}`, code: "PUBLIC_KEY_LENGTH" },
  { why: "nothing", hex: "", code: "PUBLIC_KEY_LENGTH" },
  { why: "bad hex", hex: "zz", code: "PUBLIC_KEY_INVALID" },
])
  test(`${why} is no public key`, () => {
    const message = code === "PUBLIC_KEY_LENGTH" ? "Invalid public key length" : "Invalid public key";
    assert.throws(() => parsePublicKey(hex), { code, message });
    assert.equal(hex !== "zz" && isValidPublicKey(fromHex(hex)), false);
  });

test("keys keep their bytes", () => {
  assert.equal(toHex(parsePublicKey(vectors.publicKey0)), vectors.publicKey0);
  assert.equal(toHex(publicKeyFrom(fromHex(GENERATOR.toUpperCase()))), GENERATOR);
  assert.equal(toHex(secretKeyFrom(fromHex(one))), one);
});

test("a public key is not computed from bytes that are no secret key", () => {
  assert.throws(() => publicKeyOf(new Uint8Array(32) as SecretKey), {
    code: "SECRET_KEY_NULL",
    message: "Attempt to load null seckey, unsafe",
  });
  assert.throws(() => publicKeyOf(fromHex(ORDER) as SecretKey), { code: "SECRET_KEY_INVALID" });
});

test("random keys are drawn until one is valid", () => {
  const draws = [fromHex(ORDER), new Uint8Array(32), fromHex(one)];
  assert.equal(toHex(randomSecretKey(() => draws.shift() as Uint8Array)), one);
  assert.notDeepEqual(randomSecretKey(), randomSecretKey());
});

test("both sides compute the same shared secret", () => {
  const [a, b] = deterministicKeys(utf8("two parties"), 2).keys as [KeyPairOf, KeyPairOf];
  assert.deepEqual(sharedSecret(a.public, b.secret), sharedSecret(b.public, a.secret));
  assert.throws(() => sharedSecret(fromHex(`02${"ff".repeat(32)}`) as PublicKey, a.secret), {
    message: "ECDH invalid pubkey input",
  });
  assert.throws(() => sharedSecret(a.public, new Uint8Array(32) as SecretKey), {
    message: "ECDH invalid seckey input",
  });
});

type KeyPairOf = ReturnType<typeof deterministicKeys>["keys"][number];

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("did not throw");
}
