import type { Brand } from "../base/brand.ts";
import { fromHex, toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { backend } from "./active-backend.ts";
import { CipherError } from "./errors.ts";

/** 32 bytes, storage order (never reversed for display). */
export type Hash = Brand<Uint8Array, "Hash">;

/** 64 lower-case hex digits of a `Hash`: text at the edges, and the key of Maps. */
export type HashHex = Brand<string, "HashHex">;

/** 32 zero bytes: "no hash", and the padding of merkle trees. Shared; never written to. */
export const NULL_HASH = new Uint8Array(32) as Hash;

export function sha256(data: Uint8Array): Hash {
  return backend().sha256(data) as Hash;
}

/** SHA-256 of the SHA-256. */
export function doubleSha256(data: Uint8Array): Hash {
  return sha256(sha256(data));
}

/** SHA-256 of two hashes, one after the other. */
export function addSha256(a: Hash, b: Hash): Hash {
  const both = new Uint8Array(64);
  both.set(a);
  both.set(b, 32);
  return sha256(both);
}

/** Bytewise exclusive or, in a new array. */
export function xorHash(a: Hash, b: Hash): Hash {
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = (a[i] as number) ^ (b[i] as number);
  return out as Hash;
}

/** 20 bytes. */
export function ripemd160(data: Uint8Array): Uint8Array {
  return backend().ripemd160(data);
}

/**
 * Root of the tree over `hashes`, padded on the right with null hashes to a power of two (cipher.Merkle). One
 * hash is its own root; none gives the null hash. Unlike Bitcoin's, the last hash is not repeated.
 */
export function merkleRoot(hashes: readonly Hash[]): Hash {
  return merkleLevels(hashes).at(-1)?.[0] ?? NULL_HASH;
}

/**
 * What leads from hash `index` up to `merkleRoot(hashes)`: its neighbour on each level, lowest first; nothing for a
 * single hash. `index` is one of the list's.
 */
export function merklePath(hashes: readonly Hash[], index: number): Hash[] {
  const levels = merkleLevels(hashes);
  return levels.slice(0, -1).map((level, height) => level[(index >>> height) ^ 1] as Hash);
}

/** The root that `leaf` has as hash `index` of a tree, with its neighbours as `merklePath` gives them. */
export function merkleRootOfPath(leaf: Hash, index: number, path: readonly Hash[]): Hash {
  return path.reduce((below, neighbour, height) => {
    const isRight = ((index >>> height) & 1) === 1;
    return isRight ? addSha256(neighbour, below) : addSha256(below, neighbour);
  }, leaf);
}

/** The padded list, then each level above it, the root last. */
function merkleLevels(hashes: readonly Hash[]): Hash[][] {
  let width = 1;
  while (width < hashes.length) width *= 2;
  let level = hashes.slice();
  while (level.length < width) level.push(NULL_HASH);
  const levels = [level];
  while (level.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(addSha256(level[i] as Hash, level[i + 1] as Hash));
    level = above;
    levels.push(level);
  }
  return levels;
}

export function hashHex(hash: Hash): HashHex {
  return toHex(hash) as HashHex;
}

/** Hash of 64 hex digits, either case (cipher.SHA256FromHex). @throws CipherError HASH_HEX_INVALID, HASH_HEX_LENGTH */
export function parseHash(text: string): Hash {
  let bytes: Uint8Array;
  try {
    bytes = fromHex(text);
  } catch (cause) {
    throw new CipherError("HASH_HEX_INVALID", errorText(cause), { cause });
  }
  if (bytes.length !== 32) throw new CipherError("HASH_HEX_LENGTH");
  return bytes as Hash;
}

/** The bytes as a hash, sharing their memory. @throws CipherError HASH_LENGTH */
export function hashFrom(bytes: Uint8Array): Hash {
  if (bytes.length !== 32) throw new CipherError("HASH_LENGTH");
  return bytes as Hash;
}
