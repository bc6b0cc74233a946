import type { Brand } from "../base/brand.ts";
import { compareBytes, concat, fromHex, isZero } from "../base/bytes.ts";
import { backend } from "./active-backend.ts";
import { CipherError, type CipherErrorCode } from "./errors.ts";
import { type Hash, sha256 } from "./hash.ts";
import { platformRandom, type Random } from "./random.ts";

/** 32 bytes, big-endian scalar, 0 < k < n. Never logged, never put into an error. */
export type SecretKey = Brand<Uint8Array, "SecretKey">;

/** 33 bytes: 02 or 03, then x; a point on the curve. */
export type PublicKey = Brand<Uint8Array, "PublicKey">;

export interface KeyPair {
  readonly secret: SecretKey;
  readonly public: PublicKey;
}

const GROUP_ORDER = fromHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

export function isValidSecretKey(bytes: Uint8Array): boolean {
  return bytes.length === 32 && !isZero(bytes) && compareBytes(bytes, GROUP_ORDER) < 0;
}

/** Differs: x >= p, on which the reference panics, is invalid like any other bad key. */
export function isValidPublicKey(bytes: Uint8Array): boolean {
  return bytes.length === 33 && backend().isPublicKey(bytes);
}

/** The bytes as a secret key, sharing memory. @throws CipherError SECRET_KEY_LENGTH, SECRET_KEY_INVALID */
export function secretKeyFrom(bytes: Uint8Array): SecretKey {
  if (bytes.length !== 32) throw new CipherError("SECRET_KEY_LENGTH");
  if (!isValidSecretKey(bytes)) throw new CipherError("SECRET_KEY_INVALID");
  return bytes as SecretKey;
}

/** The bytes as a public key, sharing memory. @throws CipherError PUBLIC_KEY_LENGTH, PUBLIC_KEY_INVALID */
export function publicKeyFrom(bytes: Uint8Array): PublicKey {
  if (bytes.length !== 33) throw new CipherError("PUBLIC_KEY_LENGTH");
  if (!isValidPublicKey(bytes)) throw new CipherError("PUBLIC_KEY_INVALID");
  return bytes as PublicKey;
}

/** @throws CipherError SECRET_KEY_INVALID (bad hex too), SECRET_KEY_LENGTH */
export function parseSecretKey(hex: string): SecretKey {
  return secretKeyFrom(hexBytes(hex, "SECRET_KEY_INVALID"));
}

/** @throws CipherError PUBLIC_KEY_INVALID (bad hex too), PUBLIC_KEY_LENGTH */
export function parsePublicKey(hex: string): PublicKey {
  return publicKeyFrom(hexBytes(hex, "PUBLIC_KEY_INVALID"));
}

/** @throws CipherError SECRET_KEY_NULL, SECRET_KEY_INVALID: for bytes branded without a check */
export function publicKeyOf(secret: SecretKey): PublicKey {
  if (isZero(secret)) throw new CipherError("SECRET_KEY_NULL");
  if (!isValidSecretKey(secret)) throw new CipherError("SECRET_KEY_INVALID");
  return backend().publicKey(secret) as PublicKey;
}

/** A key drawn from `random`. */
export function randomSecretKey(random: Random = platformRandom): SecretKey {
  for (;;) {
    const bytes = random(32);
    if (isValidSecretKey(bytes)) return bytes as SecretKey;
  }
}

/** SHA-256 of the compressed shared point (cipher.ECDH). @throws CipherError ECDH_PUBLIC_KEY_INVALID, ECDH_SECRET_KEY_INVALID */
export function sharedSecret(publicKey: PublicKey, secret: SecretKey): Hash {
  if (!isValidPublicKey(publicKey)) throw new CipherError("ECDH_PUBLIC_KEY_INVALID");
  if (!isValidSecretKey(secret)) throw new CipherError("ECDH_SECRET_KEY_INVALID");
  return sha256(backend().multiply(publicKey, secret));
}

/**
 * The slow hash between one deterministic key and the next seed: H(h ++ shared point) with h = H(seed). The
 * shared point is raw, 33 bytes (chain.md 1.3; secp256k1.Secp256k1Hash).
 */
export function secp256k1Hash(seed: Uint8Array): Hash {
  const h = sha256(seed);
  const secret = secretFromChain(h);
  const point = publicKeyOf(secretFromChain(sha256(h))); // one hash further than `secret`
  return sha256(concat(h, backend().multiply(point, secret)));
}

/**
 * `count` keys of a seed and the seed to continue from (wallets keep it as lastSeed). The first seed is any
 * text's bytes, later ones are 32 bytes. Count 0 gives the seed back unlooked at, as the reference does.
 * @throws CipherError SEED_EMPTY
 */
export function deterministicKeys(
  seed: Uint8Array,
  count: number,
): { readonly keys: readonly KeyPair[]; readonly lastSeed: Uint8Array } {
  const keys: KeyPair[] = [];
  let from = seed;
  for (let i = 0; i < count; i++) {
    if (from.length === 0) throw new CipherError("SEED_EMPTY");
    const next = secp256k1Hash(from);
    const secret = secretFromChain(sha256(concat(from, next)));
    keys.push({ secret, public: publicKeyOf(secret) });
    from = next;
  }
  return { keys, lastSeed: from };
}

/** Hashes on until the hash is a secret key; practically always the first is. */
function secretFromChain(seed: Hash): SecretKey {
  let s = sha256(seed);
  while (!isValidSecretKey(s)) s = sha256(s);
  return s as Uint8Array as SecretKey;
}

/** No `cause`: the hex decoder's text quotes a character, which may be one of a secret. */
function hexBytes(hex: string, code: CipherErrorCode): Uint8Array {
  try {
    return fromHex(hex);
  } catch {
    throw new CipherError(code);
  }
}
