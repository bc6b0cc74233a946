import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { Point } from "@noble/secp256k1";
import { concat, equalBytes, fromHex, isZero } from "../base/bytes.ts";
import { CoinError, errorText } from "../base/errors.ts";
import { decodeBase58, encodeBase58 } from "./base58.ts";
import { doubleSha256, ripemd160, sha256 } from "./hash.ts";
import { isValidPublicKey, isValidSecretKey, type PublicKey, publicKeyOf, type SecretKey } from "./keys.ts";

/** Refusals of extended keys and paths; the reference's texts (its bip32 and bip44 packages). */
export const BIP32_ERRORS = {
  BIP32_SEED_LENGTH: "Invalid master key seed length",
  BIP32_MASTER_INVALID: "Derived invalid private key",
  BIP32_TEXT: "Invalid base58 string", // replaced by the decoder's own text
  BIP32_LENGTH: "Serialized keys should be exactly 82 bytes",
  BIP32_CHECKSUM: "Checksum doesn't match",
  BIP32_VERSION: "Invalid key version",
  BIP32_NOT_PRIVATE: "Invalid private key version",
  BIP32_NOT_PUBLIC: "Invalid public key version",
  BIP32_FINGERPRINT: "Invalid key fingerprint",
  BIP32_CHILD_NUMBER: "Invalid key child number",
  BIP32_PRIVATE_KEY: "Invalid private key",
  BIP32_PUBLIC_KEY: "Invalid public key",
  BIP32_DEPTH: "Maximum child depth reached",
  BIP32_HARDENED_PUBLIC: "Can't create hardened child for public key",
  BIP32_IMPOSSIBLE_CHILD: "childNumber=%d: no such child, a chance of 1 in 2^127", // completed with the number
  BIP32_PATH_ROOT: "Path must start with m",
  BIP32_PATH_INNER_ROOT: "Path contains m as a child node",
  BIP32_PATH_NUMBER: "Path node is not a valid uint32 number",
  BIP32_PATH_RANGE: "Path node must be less than 2^31",
  BIP44_COIN: "invalid bip44 coin type",
  BIP44_ACCOUNT: "bip44 account index must be < 0x80000000",
} as const;

export type Bip32ErrorCode = keyof typeof BIP32_ERRORS;

/** Never carries key material. */
export class Bip32Error extends CoinError<Bip32ErrorCode> {
  constructor(code: Bip32ErrorCode, message: string = BIP32_ERRORS[code], options?: { cause?: unknown }) {
    super(code, message, {}, options);
  }
}

/** Child numbers from here on are hardened: derivable from the private key only. */
export const HARDENED = 0x8000_0000;

interface ExtendedKey {
  /** 0 for a master key, 3 for a bip44 account, 4 for one of its chains. */
  readonly depth: number;
  /** First 4 bytes of the parent's identifier. */
  readonly parentFingerprint: Uint8Array;
  readonly childNumber: number;
  readonly chainCode: Uint8Array;
}

export interface ExtendedPrivateKey extends ExtendedKey {
  readonly kind: "private";
  readonly key: SecretKey;
}

export interface ExtendedPublicKey extends ExtendedKey {
  readonly kind: "public";
  readonly key: PublicKey;
}

const VERSIONS = { private: fromHex("0488ade4"), public: fromHex("0488b21e") } as const; // xprv, xpub
const SERIALIZED_BYTES = 82;
const NO_PARENT = new Uint8Array(4);
const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Master key of a seed of 16 to 64 bytes. @throws Bip32Error BIP32_SEED_LENGTH, BIP32_MASTER_INVALID */
export function masterKey(seed: Uint8Array): ExtendedPrivateKey {
  if (seed.length < 16 || seed.length > 64) throw new Bip32Error("BIP32_SEED_LENGTH");
  const mac = hmac(sha512, new TextEncoder().encode("Bitcoin seed"), seed);
  const key = mac.slice(0, 32);
  if (!isValidSecretKey(key)) throw new Bip32Error("BIP32_MASTER_INVALID");
  const chainCode = mac.slice(32);
  return { kind: "private", key: key as SecretKey, depth: 0, parentFingerprint: NO_PARENT, childNumber: 0, chainCode };
}

/** The same place in the tree without the power to sign. */
export function neuter(key: ExtendedPrivateKey): ExtendedPublicKey {
  return { ...key, kind: "public", key: publicKeyOf(key.key) };
}

/** RIPEMD-160 of one SHA-256 of the public key: 20 bytes, unlike the key hash of addresses (two SHA-256). */
export function keyIdentifier(key: ExtendedPrivateKey | ExtendedPublicKey): Uint8Array {
  return ripemd160(sha256(key.kind === "private" ? publicKeyOf(key.key) : key.key));
}

/**
 * A child of a private key; numbers from `HARDENED` on give hardened ones.
 * @throws Bip32Error BIP32_DEPTH, BIP32_IMPOSSIBLE_CHILD (never skipped: the next number is another address)
 */
export function privateChild(parent: ExtendedPrivateKey, childNumber: number): ExtendedPrivateKey {
  const publicKey = publicKeyOf(parent.key);
  const data = childNumber >= HARDENED ? concat(Uint8Array.of(0), parent.key) : publicKey;
  const mac = childMac(parent, data, childNumber);
  const left = mac.subarray(0, 32);
  if (!isValidSecretKey(left)) throw impossible(childNumber);
  const key = toBytes32((toBigInt(left) + toBigInt(parent.key)) % GROUP_ORDER);
  if (!isValidSecretKey(key)) throw impossible(childNumber);
  return { kind: "private", key: key as SecretKey, ...place(parent, publicKey, childNumber, mac) };
}

/**
 * A child of a public key, without any private one.
 * @throws Bip32Error BIP32_DEPTH, BIP32_HARDENED_PUBLIC, BIP32_IMPOSSIBLE_CHILD
 */
export function publicChild(parent: ExtendedPublicKey, childNumber: number): ExtendedPublicKey {
  if (parent.depth === 0xff) throw new Bip32Error("BIP32_DEPTH");
  if (childNumber >= HARDENED) throw new Bip32Error("BIP32_HARDENED_PUBLIC");
  const mac = childMac(parent, parent.key, childNumber);
  const left = mac.slice(0, 32);
  if (!isValidSecretKey(left)) throw impossible(childNumber);
  const key = addPoints(publicKeyOf(left as SecretKey), parent.key);
  if (key === undefined) throw impossible(childNumber);
  return { kind: "public", key, ...place(parent, parent.key, childNumber, mac) };
}

function childMac(parent: ExtendedKey, data: Uint8Array, childNumber: number): Uint8Array {
  if (parent.depth === 0xff) throw new Bip32Error("BIP32_DEPTH");
  return hmac(sha512, parent.chainCode, concat(data, bigEndian32(childNumber)));
}

function place(parent: ExtendedKey, parentPublic: PublicKey, childNumber: number, mac: Uint8Array): ExtendedKey {
  const parentFingerprint = ripemd160(sha256(parentPublic)).slice(0, 4);
  return { depth: parent.depth + 1, parentFingerprint, childNumber, chainCode: mac.slice(32) };
}

function impossible(childNumber: number): Bip32Error {
  const text = BIP32_ERRORS.BIP32_IMPOSSIBLE_CHILD.replace("%d", String(childNumber));
  return new Bip32Error("BIP32_IMPOSSIBLE_CHILD", text);
}

/** Sum of two points, undefined for infinity. Not secret: both are public. */
function addPoints(a: PublicKey, b: PublicKey): PublicKey | undefined {
  const sum = Point.fromBytes(a).add(Point.fromBytes(b));
  return sum.is0() ? undefined : (sum.toBytes(true) as PublicKey);
}

/** 82 bytes: version(4) depth(1) parent fingerprint(4) child number(4, BE) chain code(32) key(33) checksum(4). */
export function serializeExtendedKey(key: ExtendedPrivateKey | ExtendedPublicKey): Uint8Array {
  const body = concat(
    VERSIONS[key.kind],
    Uint8Array.of(key.depth),
    key.parentFingerprint,
    bigEndian32(key.childNumber),
    key.chainCode,
    key.kind === "private" ? concat(Uint8Array.of(0), key.key) : key.key,
  );
  return concat(body, doubleSha256(body).subarray(0, 4));
}

/** Base58 text: xprv... or xpub... */
export function formatExtendedKey(key: ExtendedPrivateKey | ExtendedPublicKey): string {
  return encodeBase58(serializeExtendedKey(key));
}

/** @throws Bip32Error BIP32_TEXT, BIP32_LENGTH, BIP32_CHECKSUM, BIP32_VERSION, BIP32_NOT_PRIVATE, ... in this order */
export function parseExtendedPrivateKey(text: string): ExtendedPrivateKey {
  return parse(text, "private") as ExtendedPrivateKey;
}

/**
 * Refuses extended *private* keys (BIP32_NOT_PUBLIC).
 * @throws Bip32Error BIP32_TEXT, BIP32_LENGTH, BIP32_CHECKSUM, BIP32_VERSION, BIP32_NOT_PUBLIC, ... in this order
 */
export function parseExtendedPublicKey(text: string): ExtendedPublicKey {
  return parse(text, "public") as ExtendedPublicKey;
}

function parse(text: string, wanted: "private" | "public"): ExtendedPrivateKey | ExtendedPublicKey {
  const data = decode(text);
  const isPrivate = equalBytes(data.subarray(0, 4), VERSIONS.private);
  const isPublic = equalBytes(data.subarray(0, 4), VERSIONS.public);
  if (!isPrivate && !isPublic) throw new Bip32Error("BIP32_VERSION");
  if (wanted === "private" && !isPrivate) throw new Bip32Error("BIP32_NOT_PRIVATE");
  if (wanted === "public" && !isPublic) throw new Bip32Error("BIP32_NOT_PUBLIC");

  const depth = data[4] as number;
  const parentFingerprint = data.slice(5, 9);
  const childNumber = new DataView(data.buffer, data.byteOffset).getUint32(9);
  const chainCode = data.slice(13, 45);
  if (depth === 0 && !isZero(parentFingerprint)) throw new Bip32Error("BIP32_FINGERPRINT");
  if (depth === 0 && childNumber !== 0) throw new Bip32Error("BIP32_CHILD_NUMBER");
  const where = { depth, parentFingerprint, childNumber, chainCode };
  if (isPrivate) {
    const key = data.slice(46, 78);
    if (data[45] !== 0 || !isValidSecretKey(key)) throw new Bip32Error("BIP32_PRIVATE_KEY");
    return { kind: "private", key: key as SecretKey, ...where };
  }
  const key = data.slice(45, 78);
  if (!isValidPublicKey(key)) throw new Bip32Error("BIP32_PUBLIC_KEY");
  return { kind: "public", key: key as PublicKey, ...where };
}

function decode(text: string): Uint8Array {
  let data: Uint8Array | undefined;
  try {
    data = decodeBase58(text, SERIALIZED_BYTES);
  } catch (cause) {
    throw new Bip32Error("BIP32_TEXT", errorText(cause), { cause });
  }
  if (data?.length !== SERIALIZED_BYTES) throw new Bip32Error("BIP32_LENGTH");
  if (!equalBytes(doubleSha256(data.subarray(0, 78)).subarray(0, 4), data.subarray(78))) {
    throw new Bip32Error("BIP32_CHECKSUM");
  }
  return data;
}

/**
 * Child numbers of a path text `m/44'/8000'/0'`, hardened ones with `HARDENED` added; only `'` marks them.
 * @throws Bip32Error BIP32_PATH_ROOT, BIP32_PATH_INNER_ROOT, BIP32_PATH_NUMBER, BIP32_PATH_RANGE
 */
export function parsePath(text: string): number[] {
  const [root, ...nodes] = text.split("/");
  if (root !== "m") throw new Bip32Error("BIP32_PATH_ROOT");
  return nodes.map((node) => {
    if (node === "m") throw new Bip32Error("BIP32_PATH_INNER_ROOT");
    const hardened = node.endsWith("'");
    const digits = hardened ? node.slice(0, -1) : node;
    if (!/^[0-9]{1,64}$/.test(digits) || BigInt(digits) > 0xffff_ffffn) throw new Bip32Error("BIP32_PATH_NUMBER");
    const number = Number(digits);
    if (number >= HARDENED) throw new Bip32Error("BIP32_PATH_RANGE");
    return hardened ? number + HARDENED : number;
  });
}

/** The descendant along child numbers, as `parsePath` gives them. @throws Bip32Error */
export function derivePath(key: ExtendedPrivateKey, childNumbers: readonly number[]): ExtendedPrivateKey {
  return childNumbers.reduce(privateChild, key);
}

/** The key of `m/44'/coin'/account'`. @throws Bip32Error BIP44_COIN, BIP44_ACCOUNT, BIP32_* */
export function bip44Account(seed: Uint8Array, coin: number, account: number): ExtendedPrivateKey {
  if (coin >= HARDENED) throw new Bip32Error("BIP44_COIN");
  if (account >= HARDENED) throw new Bip32Error("BIP44_ACCOUNT");
  return derivePath(masterKey(seed), [44 + HARDENED, coin + HARDENED, account + HARDENED]);
}

function bigEndian32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function toBytes32(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0"));
}
