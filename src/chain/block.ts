import { type Hash, merkleRoot, sha256 } from "../cipher/hash.ts";
import type { Signature } from "../cipher/sign.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import {
  encodeTransaction,
  readTransaction,
  TRANSACTION_LIST_MAX,
  type Transaction,
  transactionSize,
  txid,
} from "./transaction.ts";
import type { Hours } from "./uxout.ts";

export interface BlockHeader {
  readonly version: number;
  /** Unix seconds, strictly increasing along the chain. */
  readonly time: number;
  readonly seq: number;
  readonly fee: Hours;
  readonly prevHash: Hash;
  readonly bodyHash: Hash;
  /** XOR of the snapshot hashes of all unspent outputs before this block. */
  readonly uxHash: Hash;
}

export interface Block {
  readonly header: BlockHeader;
  readonly transactions: readonly Transaction[];
}

export interface SignedBlock extends Block {
  /** The publisher's signature of the block hash. */
  readonly sig: Signature;
}

export const BLOCK_HEADER_BYTES = 124;

const headerHashes = new WeakMap<BlockHeader, Hash>();

/** 124 bytes: version(4) time(8) seq(8) fee(8) prevHash(32) bodyHash(32) uxHash(32). */
export function encodeBlockHeader(h: BlockHeader): Uint8Array {
  return writeHeader(new Writer(BLOCK_HEADER_BYTES), h).finish();
}

function writeHeader(w: Writer, h: BlockHeader): Writer {
  return w.u32(h.version).size(h.time).size(h.seq).u64(h.fee).bytes(h.prevHash).bytes(h.bodyHash).bytes(h.uxHash);
}

function readHeader(r: Reader): BlockHeader {
  return {
    version: r.u32(),
    time: r.size(),
    seq: r.size(),
    fee: r.u64() as Hours,
    prevHash: r.bytes(32) as Hash,
    bodyHash: r.bytes(32) as Hash,
    uxHash: r.bytes(32) as Hash,
  };
}

/** Exact decoding of `encodeBlockHeader`. @throws CodecError */
export function decodeBlockHeader(bytes: Uint8Array): BlockHeader {
  const r = new Reader(bytes);
  const header = readHeader(r);
  r.end();
  return header;
}

/** H(header): the block's id, what the publisher signs, what the next block names as prevHash. */
export function blockHash(block: Pick<Block, "header">): Hash {
  let hash = headerHashes.get(block.header);
  if (hash === undefined) {
    hash = sha256(encodeBlockHeader(block.header));
    headerHashes.set(block.header, hash);
  }
  return hash;
}

/** Merkle root of the txids in block order: what `bodyHash` must be. */
export function computeBodyHash(transactions: readonly Transaction[]): Hash {
  return merkleRoot(transactions.map(txid));
}

/** Sum of the transaction sizes, without count and header: what size limits are measured in. */
export function bodySize(transactions: readonly Transaction[]): number {
  let size = 0;
  for (const txn of transactions) size += transactionSize(txn);
  return size;
}

/** Header(124) ++ u32 count ++ transactions: how a block is stored. */
export function encodeBlock(block: Block): Uint8Array {
  return writeBlock(new Writer(blockSize(block)), block).finish();
}

/** Header ++ body ++ sig(65), signature last: one element of GIVB. */
export function encodeSignedBlock(block: SignedBlock): Uint8Array {
  return writeBlock(new Writer(blockSize(block) + 65), block)
    .bytes(block.sig)
    .finish();
}

/** Bytes of `encodeBlock`. */
export function blockSize(block: Block): number {
  return BLOCK_HEADER_BYTES + 4 + bodySize(block.transactions);
}

function writeBlock(w: Writer, block: Block): Writer {
  writeHeader(w, block.header).u32(block.transactions.length);
  for (const txn of block.transactions) w.bytes(encodeTransaction(txn));
  return w;
}

function readBlock(r: Reader): Block {
  const start = r.offset;
  const header = readHeader(r);
  headerHashes.set(header, sha256(r.since(start)));
  const transactions: Transaction[] = [];
  for (let n = r.count(TRANSACTION_LIST_MAX); n > 0; n--) transactions.push(readTransaction(r));
  return { header, transactions };
}

/** Exact decoding of `encodeBlock`. @throws CodecError */
export function decodeBlock(bytes: Uint8Array): Block {
  const r = new Reader(bytes);
  const block = readBlock(r);
  r.end();
  return block;
}

/** One signed block out of a longer buffer. @throws CodecError */
export function readSignedBlock(r: Reader): SignedBlock {
  return { ...readBlock(r), sig: r.bytes(65) as Signature };
}

/** Exact decoding of `encodeSignedBlock`. @throws CodecError */
export function decodeSignedBlock(bytes: Uint8Array): SignedBlock {
  const r = new Reader(bytes);
  const block = readSignedBlock(r);
  r.end();
  return block;
}
