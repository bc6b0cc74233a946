import type { Brand } from "../base/brand.ts";
import { equalBytes, fromHex, isZero } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { backend } from "./active-backend.ts";
import { type Address, addressOf } from "./address.ts";
import { CipherError } from "./errors.ts";
import type { Hash } from "./hash.ts";
import { isValidSecretKey, type PublicKey, publicKeyOf, type SecretKey } from "./keys.ts";

/** 65 bytes: r(32) s(32) recovery id(1), big-endian. Only the length is checked; any content may be on the wire. */
export type Signature = Brand<Uint8Array, "Signature">;

/** 65 zero bytes: "unsigned". Never written to. */
export const NULL_SIGNATURE = new Uint8Array(65) as Signature;

/**
 * Who signed. `strict` is the reference's malleability rule, s < 2^255 and recovery id < 4, which its recovery
 * itself does not test. It is wider than low-s; testing low-s here would split us from the chain.
 */
export type Recovered =
  | { readonly ok: true; readonly publicKey: PublicKey; readonly address: Address; readonly strict: boolean }
  | { readonly ok: false };

const UNRECOVERABLE: Recovered = { ok: false };

/** The bytes as a signature, sharing memory. @throws CipherError SIGNATURE_LENGTH */
export function signatureFrom(bytes: Uint8Array): Signature {
  if (bytes.length !== 65) throw new CipherError("SIGNATURE_LENGTH");
  return bytes as Signature;
}

/** @throws CipherError SIGNATURE_HEX_INVALID, SIGNATURE_LENGTH */
export function parseSignature(hex: string): Signature {
  let bytes: Uint8Array;
  try {
    bytes = fromHex(hex);
  } catch (cause) {
    throw new CipherError("SIGNATURE_HEX_INVALID", undefined, { cause });
  }
  return signatureFrom(bytes);
}

/**
 * Signs a digest, low-s. The nonce is RFC 6979 hedged with fresh entropy, so signing twice gives two signatures,
 * as the reference's random nonce does. @throws CipherError SECRET_KEY_INVALID, SIGN_NULL_HASH
 */
export function signHash(digest: Hash, secret: SecretKey): Signature {
  if (!isValidSecretKey(secret)) throw new CipherError("SECRET_KEY_INVALID");
  if (isZero(digest)) throw new CipherError("SIGN_NULL_HASH");
  const { rs, recovery } = backend().sign(digest, secret);
  const signature = new Uint8Array(65) as Signature;
  signature.set(rs);
  signature[64] = recovery;
  const signer = recoverSigner(digest, signature);
  // A signature that does not verify would strand the coins it spends.
  assert(signer.ok && signer.strict && equalBytes(signer.publicKey, publicKeyOf(secret)), "own signature verifies");
  return signature;
}

/** The key and address behind a signature. Only the low two bits of the recovery id take part. */
export function recoverSigner(digest: Hash, signature: Signature): Recovered {
  const id = signature[64] as number;
  const publicKey = backend().recover(digest, signature.subarray(0, 64), id & 3) as PublicKey | undefined;
  if (publicKey === undefined) return UNRECOVERABLE;
  return { ok: true, publicKey, address: addressOf(publicKey), strict: (signature[32] as number) < 0x80 && id < 4 };
}

/** Somebody signed the digest. @throws CipherError SIGNATURE_UNRECOVERABLE, SIGNATURE_INVALID_FOR_HASH */
export function verifySignatureRecoverPubKey(signature: Signature, digest: Hash): void {
  const signer = recoverSigner(digest, signature);
  if (!signer.ok) throw new CipherError("SIGNATURE_UNRECOVERABLE");
  if (!signer.strict) throw new CipherError("SIGNATURE_INVALID_FOR_HASH");
}

/** The address's owner signed. @throws CipherError SIGNATURE_UNRECOVERABLE, SIGNER_NOT_ADDRESS, SIGNATURE_INVALID_FOR_HASH */
export function verifyAddressSignedHash(address: Address, signature: Signature, digest: Hash): void {
  const signer = recoverSigner(digest, signature);
  if (!signer.ok) throw new CipherError("SIGNATURE_UNRECOVERABLE");
  if (!equalBytes(signer.address, address)) throw new CipherError("SIGNER_NOT_ADDRESS");
  if (!signer.strict) throw new CipherError("SIGNATURE_INVALID_FOR_HASH");
}

/**
 * The key signed. Two further checks of the reference cannot fail once the keys are equal, so they have no code.
 * @throws CipherError SIGNATURE_UNRECOVERABLE, SIGNER_NOT_KEY, SIGNATURE_MALLEABLE
 */
export function verifyPubKeySignedHash(publicKey: PublicKey, signature: Signature, digest: Hash): void {
  const signer = recoverSigner(digest, signature);
  if (!signer.ok) throw new CipherError("SIGNATURE_UNRECOVERABLE");
  if (!equalBytes(signer.publicKey, publicKey)) throw new CipherError("SIGNER_NOT_KEY");
  if (!signer.strict) throw new CipherError("SIGNATURE_MALLEABLE");
}
