import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { backend, installBackend } from "../../../src/cipher/active-backend.ts";
import { addressOf, encodeAddress, NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { type Hash, NULL_HASH, parseHash, sha256 } from "../../../src/cipher/hash.ts";
import { deterministicKeys, parsePublicKey, publicKeyOf, type SecretKey } from "../../../src/cipher/keys.ts";
import { nobleBackend } from "../../../src/cipher/noble-backend.ts";
import {
  NULL_SIGNATURE,
  parseSignature,
  recoverSigner,
  type Signature,
  signatureFrom,
  signHash,
  verifyAddressSignedHash,
  verifyPubKeySignedHash,
  verifySignatureRecoverPubKey,
} from "../../../src/cipher/sign.ts";
import { keyVectors, recoveryVectors, utf8 } from "../../support/cipher-vectors.ts";

const [mine, other] = deterministicKeys(utf8("signer"), 2).keys as [Pair, Pair];
const digest = sha256(utf8("some transaction"));

afterEach(() => {
  installBackend(nobleBackend);
});

for (const vector of recoveryVectors)
  test(`recovers what the reference does: ${vector.case}`, () => {
    const signer = recoverSigner(parseHash(vector.digest), parseSignature(vector.signature));
    assert.equal(signer.ok ? toHex(signer.publicKey) : null, vector.publicKey);
    assert.equal(signer.ok ? encodeAddress(signer.address) : null, vector.address);
    assert.equal(signer.ok ? signer.strict : null, vector.strict);
  });

for (const { publicKey, strict } of [
  { publicKey: false, strict: null },
  { publicKey: true, strict: false },
  { publicKey: true, strict: true },
])
  test(`verification gives the reference's verdict when ${verdictName(publicKey, strict)}`, () => {
    const matching = recoveryVectors.filter((v) => (v.publicKey !== null) === publicKey && v.strict === strict);
    assert.ok(matching.length >= 10);
    for (const vector of matching) {
      const [hash, signature] = [parseHash(vector.digest), parseSignature(vector.signature)];
      const key = vector.publicKey === null ? mine.public : parsePublicKey(vector.publicKey);
      const expect = (run: () => void, message: string) =>
        strict === true ? run() : assert.throws(run, { message: publicKey ? message : UNRECOVERABLE });
      expect(() => verifySignatureRecoverPubKey(signature, hash), "Signature not valid for hash");
      expect(() => verifyAddressSignedHash(addressOf(key), signature, hash), "Signature not valid for hash");
      const malleable = "VerifySignatureRecoverPubKey, VerifySignatureValidity failed";
      expect(() => verifyPubKeySignedHash(key, signature, hash), malleable);
    }
  });

test("a signature verifies for its key, address and digest, and for no other", () => {
  const signature = signHash(digest, mine.secret);
  verifySignatureRecoverPubKey(signature, digest);
  verifyAddressSignedHash(addressOf(mine.public), signature, digest);
  verifyPubKeySignedHash(mine.public, signature, digest);
  const wrongAddress = { code: "SIGNER_NOT_ADDRESS", message: "Address does not match recovered signing address" };
  assert.throws(() => verifyAddressSignedHash(addressOf(other.public), signature, digest), wrongAddress);
  assert.throws(() => verifyAddressSignedHash(NULL_ADDRESS, signature, digest), wrongAddress);
  assert.throws(() => verifyAddressSignedHash(addressOf(mine.public), signature, sha256(digest)), wrongAddress);
  const wrongKey = { code: "SIGNER_NOT_KEY", message: "Recovered pubkey does not match pubkey" };
  assert.throws(() => verifyPubKeySignedHash(other.public, signature, digest), wrongKey);
  assert.throws(() => verifyPubKeySignedHash(mine.public, signature, sha256(digest)), wrongKey);
});

test("the key or address is compared before the malleability rule is tested", () => {
  const signature = Uint8Array.from(signHash(digest, mine.secret)) as Signature;
  signature[64] = (signature[64] as number) + 4; // recovery still works on the low bits
  assert.throws(() => verifyPubKeySignedHash(other.public, signature, digest), { code: "SIGNER_NOT_KEY" });
  assert.throws(() => verifyAddressSignedHash(addressOf(other.public), signature, digest), {
    code: "SIGNER_NOT_ADDRESS",
  });
  assert.throws(() => verifyPubKeySignedHash(mine.public, signature, digest), { code: "SIGNATURE_MALLEABLE" });
});

test("every digest can be signed by every key, low-s and strict", () => {
  const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => bytes.some((b) => b !== 0));
  fc.assert(
    fc.property(digests, fc.uint8Array({ minLength: 1, maxLength: 9 }), (hash, seed) => {
      const secret = deterministicKeys(seed, 1).keys[0]?.secret as SecretKey;
      const signature = signHash(hash as Hash, secret);
      assert.ok((signature[32] as number) <= 0x7f && (signature[64] as number) < 2);
      verifyPubKeySignedHash(publicKeyOf(secret), signature, hash as Hash);
    }),
    { numRuns: 15 },
  );
});

test("signing twice gives two signatures, so the nonce is not only derived", () => {
  assert.notDeepEqual(signHash(digest, mine.secret), signHash(digest, mine.secret));
});

test("the null hash cannot be signed, nor can anything with a key that is none", () => {
  assert.throws(() => signHash(NULL_HASH, mine.secret), {
    code: "SIGN_NULL_HASH",
    message: "Cannot sign null hash digest",
  });
  const noKey = new Uint8Array(32) as SecretKey;
  assert.throws(() => signHash(NULL_HASH, noKey), { code: "SECRET_KEY_INVALID", message: "Invalid secret key" });
});

test("a backend that signs wrong is found out before the signature leaves", () => {
  installBackend({ ...nobleBackend, sign: (_, secret) => nobleBackend.sign(sha256(digest), secret) });
  assert.throws(() => signHash(digest, mine.secret), { name: "AssertionFailure" });
});

test("the reference's own signature of a known key verifies", () => {
  const key = parsePublicKey(keyVectors.publicKey0);
  assert.equal(toHex(sha256(utf8(keyVectors.message))), keyVectors.messageHash);
  verifyPubKeySignedHash(key, parseSignature(keyVectors.signature0), parseHash(keyVectors.messageHash));
});

for (const { why, hex, code, message } of [
  { why: "nothing", hex: "", code: "SIGNATURE_LENGTH", message: "Invalid signature length" },
  { why: "64 bytes", hex: "01".repeat(64), code: "SIGNATURE_LENGTH", message: "Invalid signature length" },
  { why: "66 bytes", hex: "01".repeat(66), code: "SIGNATURE_LENGTH", message: "Invalid signature length" },
  { why: "bad hex", hex: "zz", code: "SIGNATURE_HEX_INVALID", message: "Invalid signature" },
])
  test(`${why} is no signature`, () => assert.throws(() => parseSignature(hex), { code, message }));

test("any 65 bytes are a signature by form", () => {
  assert.deepEqual(parseSignature("00".repeat(65)), NULL_SIGNATURE);
  assert.equal(signatureFrom(fromHex("ff".repeat(65))).length, 65);
});

test("the backend in use is the one installed last", () => {
  const stand = { ...nobleBackend, name: "stand-in", recover: () => undefined };
  assert.equal(installBackend(stand), nobleBackend);
  assert.equal(backend(), stand);
  assert.deepEqual(recoverSigner(digest, signatureFrom(new Uint8Array(65).fill(1))), { ok: false });
});

type Pair = ReturnType<typeof deterministicKeys>["keys"][number];
const UNRECOVERABLE = "Failed to recover pubkey from signature";

function verdictName(recovered: boolean, strict: boolean | null): string {
  if (!recovered) return "no key can be recovered";
  return strict === true ? "the signature is good" : "only the malleability rule is broken";
}
