import type { Head, HistoryUxOut, UnconfirmedRecord } from "../chain/store.ts";
import { decodeTransaction, encodeTransaction } from "../chain/transaction.ts";
import { decodeUxOut, encodeUxOut, type UxOut } from "../chain/uxout.ts";
import type { Hash } from "../cipher/hash.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { crc32c } from "./crc32c.ts";

/** Raised whenever the meaning of a stored byte changes. A program refuses a layout newer than its own. */
export const LAYOUT_VERSION = 2;

/**
 * First byte of every key, and what follows it. Numbers in keys are big-endian u64 (u32 for page numbers) so that
 * key order is number order; numbers in values are little-endian. Every value ends with the CRC-32C of key and
 * value. Ids are never used for something else: retired ones stay listed.
 */
export const KIND = {
  /** `layout` -> version u32; `chain` -> genesis hash 32, publisher key 33; `head` -> see encodeTip. */
  meta: 0x00,
  /** seq -> transactions in blocks 0..seq u64, then the bytes of encodeSignedBlock. */
  block: 0x01,
  /** block hash -> seq u64. */
  blockSeq: 0x02,
  /** txid -> seq u64, index in the block u32, offset in the block's bytes u32. */
  transaction: 0x03,
  /** uxid -> encodeUxOut, 85. The unspent set and nothing else. */
  unspent: 0x04,
  /** uxid -> encodeUxOut, 85, spending txid 32, spending seq u64. Outputs that were spent. */
  spent: 0x05,
  /** address 21 -> see address-record.ts. */
  address: 0x06,
  /** address 21, seq of its oldest output -> uxids, 32 each: unspent outputs that no longer fit the record. */
  unspentPage: 0x07,
  /** address 21, page u32 -> places of transactions, 12 each: history that no longer fits the record. */
  placePage: 0x08,
  /** txid -> received i64, checked i64, announced i64, valid u8, transaction bytes. The unconfirmed pool. */
  unconfirmed: 0x09,
} as const;

/** Ids of kinds that no version writes any more, with the last layout that did. */
export const RETIRED_KINDS: Readonly<Record<number, string>> = {};

export type Kind = keyof typeof KIND;

export const CRC_BYTES = 4;
export const BLOCK_PREFIX_BYTES = 8;

/** The name of a key's kind, for messages. */
export function kindName(key: Uint8Array): string {
  const found = Object.entries(KIND).find(([, id]) => id === key[0]);
  return found?.[0] ?? `kind ${key[0]}`;
}

export function metaKey(name: "layout" | "chain" | "head"): Buffer {
  return Buffer.concat([Buffer.of(KIND.meta), Buffer.from(name, "latin1")]);
}

/** Kind and bytes: hashes and addresses. A new buffer each time. */
export function keyOf(kind: Kind, id: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(1 + id.length);
  key[0] = KIND[kind];
  key.set(id, 1);
  return key;
}

export function blockKey(seq: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = KIND.block;
  writeSeq(key, seq, 1);
  return key;
}

export function unspentPageKey(address: Uint8Array, firstSeq: number): Buffer {
  const key = Buffer.allocUnsafe(30);
  key[0] = KIND.unspentPage;
  key.set(address, 1);
  writeSeq(key, firstSeq, 22);
  return key;
}

export function placePageKey(address: Uint8Array, page: number): Buffer {
  const key = Buffer.allocUnsafe(26);
  key[0] = KIND.placePage;
  key.set(address, 1);
  key.writeUInt32BE(page, 22);
  return key;
}

function writeSeq(key: Buffer, seq: number, at: number): void {
  key.writeUInt32BE(Math.floor(seq / 0x1_0000_0000), at);
  key.writeUInt32BE(seq >>> 0, at + 4);
}

/** A number as little-endian u64, in place; the offset behind it. */
export function writeNumber(to: Buffer, value: number, at: number): number {
  to.writeUInt32LE(value >>> 0, at);
  return to.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** Mirror of `writeNumber`, for numbers it wrote. */
export function readNumber(from: Buffer, at: number): number {
  return from.readUInt32LE(at) + from.readUInt32LE(at + 4) * 0x1_0000_0000;
}

/** Height in the last eight bytes of a block's key. */
export function seqOfKey(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset + key.length - 8, 8);
  return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
}

/** All keys of a kind: from `gte` up to and without `lt`. */
export function rangeOf(kind: Kind): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: Buffer.of(KIND[kind]), lt: Buffer.of(KIND[kind] + 1) };
}

/** The parts of a value, then the checksum over key and parts. */
export function seal(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  let size = CRC_BYTES;
  for (const part of parts) size += part.length;
  const value = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    value.set(part, at);
    at += part.length;
  }
  value.writeUInt32LE(crc32c(value, 0, at, crc32c(key)), at);
  return value;
}

/** The content of a value, sharing its memory; undefined when the checksum does not fit key and content. */
export function unseal(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
  const end = value.length - CRC_BYTES;
  if (end < 0) return undefined;
  const stored = new DataView(value.buffer, value.byteOffset + end, CRC_BYTES).getUint32(0, true);
  if (stored !== crc32c(value, 0, end, crc32c(key))) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, end);
}

/** The head with the counters that are maintained along with it. */
export interface Tip {
  readonly head: Head;
  /** Transactions of the chain. */
  readonly transactions: number;
  readonly unspents: number;
  /** Addresses with at least one unspent output. */
  readonly addresses: number;
}

/** 104 bytes: seq(8) time(8) hash(32) setHash(32) transactions(8) unspents(8) addresses(8). */
export function encodeTip({ head, transactions, unspents, addresses }: Tip): Uint8Array {
  return new Writer(104)
    .size(head.seq)
    .size(head.time)
    .bytes(head.hash)
    .bytes(head.setHash)
    .size(transactions)
    .size(unspents)
    .size(addresses)
    .finish();
}

/** @throws CodecError */
export function decodeTip(bytes: Uint8Array): Tip {
  const r = new Reader(bytes);
  const head = { seq: r.size(), time: r.size(), hash: r.bytes(32) as Hash, setHash: r.bytes(32) as Hash };
  const tip = { head, transactions: r.size(), unspents: r.size(), addresses: r.size() };
  r.end();
  return tip;
}

/** 16 bytes. */
export interface Place {
  readonly seq: number;
  readonly index: number;
  readonly offset: number;
}

/** @throws CodecError */
export function decodePlace(bytes: Uint8Array): Place {
  const r = new Reader(bytes);
  const place = { seq: r.size(), index: r.u32(), offset: r.u32() };
  r.end();
  return place;
}

/** @throws CodecError */
export function decodeSeq(bytes: Uint8Array): number {
  const r = new Reader(bytes);
  const seq = r.size();
  r.end();
  return seq;
}

export const UX_BYTES = 85;

/** The bytes of encodeUxOut, in place. */
export function writeUxOut(to: Buffer, { head, body }: UxOut, at = 0): void {
  writeNumber(to, head.time, at);
  writeNumber(to, head.seq, at + 8);
  to.set(body.srcTransaction, at + 16);
  to.set(body.address, at + 48);
  to.writeBigUInt64LE(body.coins, at + 69);
  to.writeBigUInt64LE(body.hours, at + 77);
}

/** @throws CodecError */
export function decodeSpent(id: Hash, bytes: Uint8Array): HistoryUxOut {
  const r = new Reader(bytes);
  const ux: UxOut = decodeUxOut(r.bytes(UX_BYTES));
  const spentBy = { txid: r.bytes(32) as Hash, blockSeq: r.size() };
  r.end();
  return { id, ux, spentBy };
}

export function encodeUnconfirmed(record: UnconfirmedRecord): Uint8Array {
  const txn = encodeTransaction(record.txn);
  return new Writer(25 + txn.length)
    .i64(record.received)
    .i64(record.checked)
    .i64(record.announced)
    .u8(record.isValid ? 1 : 0)
    .bytes(txn)
    .finish();
}

/** The transaction keeps the memory of `bytes` alive, so they should be its own. @throws CodecError */
export function decodeUnconfirmed(bytes: Uint8Array): UnconfirmedRecord {
  const r = new Reader(bytes);
  const [received, checked, announced, isValid] = [r.i64(), r.i64(), r.i64(), r.bool()];
  return { txn: decodeTransaction(r.bytes(r.remaining)), received, checked, announced, isValid };
}

export { encodeUxOut };
