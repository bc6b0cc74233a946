import type { Brand } from "../base/brand.ts";
import type { Address } from "../cipher/address.ts";
import { type Hash, sha256 } from "../cipher/hash.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";

/** Millionths of a coin, u64. */
export type Droplets = Brand<bigint, "Droplets">;
/** Coin hours, u64. */
export type Hours = Brand<bigint, "Hours">;

export interface UxHead {
  /** Time of the creating block, unix seconds. */
  readonly time: number;
  /** Height of the creating block. */
  readonly seq: number;
}

export interface UxBody {
  /** Txid of the creating transaction; the null hash for outputs of block 0. */
  readonly srcTransaction: Hash;
  readonly address: Address;
  readonly coins: Droplets;
  readonly hours: Hours;
}

/** An output, spent or not (Go's coin.UxOut). */
export interface UxOut {
  readonly head: UxHead;
  readonly body: UxBody;
}

export const UX_BODY_BYTES = 69;
export const UX_OUT_BYTES = 85;

function writeBody(w: Writer, body: UxBody): Writer {
  return w.bytes(body.srcTransaction).bytes(body.address).u64(body.coins).u64(body.hours);
}

/** 69 bytes: srcTransaction(32) version(1) key(20) coins(8) hours(8). Go: coin.UxBody. */
export function encodeUxBody(body: UxBody): Uint8Array {
  return writeBody(new Writer(UX_BODY_BYTES), body).finish();
}

/** 85 bytes: time(8) seq(8), then the body. Go: coin.UxOut as stored. */
export function encodeUxOut(ux: UxOut): Uint8Array {
  return writeBody(new Writer(UX_OUT_BYTES).size(ux.head.time).size(ux.head.seq), ux.body).finish();
}

/** Mirror of `encodeUxOut`. @throws CodecError */
export function decodeUxOut(bytes: Uint8Array): UxOut {
  const r = new Reader(bytes);
  const head = { time: r.size(), seq: r.size() };
  const body = {
    srcTransaction: r.bytes(32) as Hash,
    address: r.bytes(21) as Address,
    coins: r.u64() as Droplets,
    hours: r.u64() as Hours,
  };
  r.end();
  return { head, body };
}

const bodyHashed = new Writer(UX_BODY_BYTES);

/** The id of an output: H(UxBody). It does not depend on the block's time or height. */
export function uxId(body: UxBody): Hash {
  return sha256(writeBody(bodyHashed.rewind(), body).finish());
}

/** Hashed at once and used again: every output spent passes here. */
const snapshot = new Writer(UX_OUT_BYTES);

/** H(UxBody ++ UxHead): body first, the opposite of the stored order. The set hash is the XOR of these. */
export function snapshotHash(ux: UxOut): Hash {
  return sha256(writeBody(snapshot.rewind(), ux.body).size(ux.head.time).size(ux.head.seq).finish());
}
