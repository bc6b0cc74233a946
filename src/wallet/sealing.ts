import { concat, equalBytes } from "../base/bytes.ts";
import { addSha256, type Hash, sha256, xorHash } from "../cipher/hash.ts";
import { secp256k1Hash } from "../cipher/keys.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { WalletFault } from "./errors.ts";
import type { CryptoType } from "./meta.ts";

/** What sealing needs from the platform. Both ciphers throw when something does not fit. */
export interface SealingTools {
  random(bytes: number): Uint8Array;
  scrypt(password: Uint8Array, salt: Uint8Array, cost: ScryptCost): Uint8Array;
  /** ChaCha20-Poly1305 (IETF, 12 byte nonce): cipher text and 16 byte tag. */
  encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, associated: Uint8Array): Uint8Array;
  decrypt(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array;
}

export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly keyLen: number;
}

/** n = 2^20 takes 1 GiB and seconds; the insecure one is for tests and weak machines. */
const COSTS: Readonly<Record<Exclude<CryptoType, "sha256-xor">, ScryptCost>> = {
  "scrypt-chacha20poly1305": { n: 1 << 20, r: 8, p: 1, keyLen: 32 },
  "scrypt-chacha20poly1305-insecure": { n: 1 << 15, r: 8, p: 1, keyLen: 32 },
};

const SALT_BYTES = 32;
const NONCE_BYTES = 12;

function broken(text: string): WalletFault {
  return new WalletFault("WALLET_SEALED_INVALID", text);
}

/** Base64 of the encrypted bytes. @throws WalletFault WALLET_SEALED_INVALID without a password */
export function seal(type: CryptoType, plain: Uint8Array, password: Uint8Array, tools: SealingTools): string {
  if (password.length === 0) throw broken("missing password");
  return encodeBase64(
    type === "sha256-xor" ? sealXor(plain, password, tools) : sealScrypt(type, plain, password, tools),
  );
}

/** Mirror of `seal`. @throws WalletFault WALLET_SEALED_INVALID with the reference's reason, or what the tools throw */
export function unseal(type: CryptoType, sealed: string, password: Uint8Array, tools: SealingTools): Uint8Array {
  if (password.length === 0) throw broken("missing password");
  const data = decodeBase64(sealed);
  if (data === undefined) throw broken("illegal base64 data");
  return type === "sha256-xor" ? unsealXor(data, password) : unsealScrypt(data, password, tools);
}

/** length(2, LE) of meta ++ meta (JSON) ++ cipher text with tag; the first two are authenticated (wallet.md 6.2). */
function sealScrypt(
  type: Exclude<CryptoType, "sha256-xor">,
  plain: Uint8Array,
  password: Uint8Array,
  tools: SealingTools,
): Uint8Array {
  const cost = COSTS[type];
  const [salt, nonce] = [tools.random(SALT_BYTES), tools.random(NONCE_BYTES)];
  const { n, r, p, keyLen } = cost;
  const meta = JSON.stringify({ n, r, p, keyLen, salt: encodeBase64(salt), nonce: encodeBase64(nonce) });
  const head = new Writer(2 + meta.length).u16(meta.length).bytes(new TextEncoder().encode(meta)).finish();
  return concat(head, tools.encrypt(tools.scrypt(password, salt, cost), nonce, plain, head));
}

/** All parameters come from the data, so either type name reads the other's. */
function unsealScrypt(data: Uint8Array, password: Uint8Array, tools: SealingTools): Uint8Array {
  if (data.length < 2) throw broken("invalid metadata length"); // the reference panics
  const end = 2 + new Reader(data).u16();
  if (end > data.length) throw broken("invalid metadata length");
  const { cost, salt, nonce } = readScryptMeta(new TextDecoder().decode(data.subarray(2, end)));
  const key = tools.scrypt(password, salt, cost);
  return tools.decrypt(key, nonce, data.subarray(end), data.subarray(0, end));
}

/** 128 * n * r bytes of memory, n * r * p of time: more than twice the default's is a hostile file. */
const COST_MAX = 2 * (1 << 20) * 8;

function readScryptMeta(text: string): { cost: ScryptCost; salt: Uint8Array; nonce: Uint8Array } {
  const meta = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const number = (name: string): number => {
    const value = meta[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) throw broken("invalid metadata");
    return value;
  };
  const bytes = (name: string): Uint8Array => {
    const value = meta[name];
    const decoded = typeof value === "string" ? decodeBase64(value) : undefined;
    if (decoded === undefined) throw broken("invalid metadata");
    return decoded;
  };
  const cost = { n: number("n"), r: number("r"), p: number("p"), keyLen: number("keyLen") };
  if (cost.n * cost.r * cost.p > COST_MAX || cost.keyLen !== 32) throw broken("scrypt parameters out of range");
  return { cost, salt: bytes("salt"), nonce: bytes("nonce") };
}

const BLOCK = 32;

/** checksum(32) ++ nonce(32) ++ blocks, block 0 being the hash of the padded others (wallet.md 6.3). Weak. */
function sealXor(plain: Uint8Array, password: Uint8Array, tools: SealingTools): Uint8Array {
  const padded = new Uint8Array(Math.ceil((4 + plain.length) / BLOCK) * BLOCK);
  new DataView(padded.buffer).setUint32(0, plain.length, true);
  padded.set(plain, 4);
  const nonce = tools.random(32);
  const blocks = xorBlocks(concat(sha256(padded), padded), password, nonce);
  const body = concat(nonce, blocks);
  return concat(sha256(body), body);
}

function unsealXor(data: Uint8Array, password: Uint8Array): Uint8Array {
  if (data.length === 0) throw broken("EOF");
  const checksum = new Uint8Array(32);
  checksum.set(data.subarray(0, 32));
  if (data.length < 32) throw broken("invalid checksum length");
  if (!equalBytes(sha256(data.subarray(32)), checksum)) throw broken("invalid data, checksum is not matched");
  if (data.length < 64) throw broken("invalid nonce length");
  const sealed = data.subarray(64);
  if (sealed.length % BLOCK !== 0) throw broken("invalid block size, must be multiple of 32 bytes");
  if (sealed.length === 0) throw broken("read data hash failed: EOF");
  const blocks = xorBlocks(sealed, password, data.subarray(32, 64));
  const padded = blocks.subarray(32);
  if (!equalBytes(sha256(padded), blocks.subarray(0, 32))) throw broken("invalid password");
  if (padded.length === 0) throw broken("EOF");
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0, true);
  if (length > padded.length - 4) throw broken("invalid data length");
  return padded.slice(4, 4 + length);
}

/** Exclusive or with H(key ++ H(index ++ H(nonce))), block by block: the same both ways. */
function xorBlocks(data: Uint8Array, password: Uint8Array, nonce: Uint8Array): Uint8Array {
  const key = secp256k1Hash(password);
  const nonceHash = sha256(nonce);
  const out = new Uint8Array(data.length);
  for (let at = 0, i = 0; at < data.length; at += BLOCK, i++) {
    const mask = addSha256(key, sha256(concat(signedVarint32(i), nonceHash)));
    out.set(xorHash(data.subarray(at, at + BLOCK) as Hash, mask), at);
  }
  return out;
}

/** The index as Go's signed varint (zigzag), at the start of 32 zero bytes. */
function signedVarint32(index: number): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = index * 2;
  let at = 0;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  bytes[at] = rest;
  return bytes;
}
