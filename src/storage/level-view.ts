import { blockHash, decodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import type {
  AddressHistory,
  AddressSummary,
  ChainView,
  Head,
  HistoryUxOut,
  Holding,
  IdentifiedUxOut,
  StoredTransaction,
} from "../chain/store.ts";
import { readTransaction } from "../chain/transaction.ts";
import { createUnspents } from "../chain/unspents.ts";
import { decodeUxOut, type UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import { CodecError, Reader } from "../codec/reader.ts";
import { AddressRecord, type BlockPlace } from "./address-record.ts";
import { damaged, type Entry } from "./database.ts";
import type { StoreError } from "./errors.ts";
import {
  BLOCK_PREFIX_BYTES,
  blockKey,
  decodePlace,
  decodeSeq,
  decodeSpent,
  type Kind,
  keyOf,
  placePageKey,
  type Tip,
  unspentPageKey,
} from "./layout.ts";

/** Where a view reads: everything of one moment, that of `tip`. */
export interface ViewSource {
  readonly dir: string;
  tip(): Tip | undefined;
  get(key: Buffer): Uint8Array | undefined;
  scan(kind: Kind): AsyncIterable<readonly Entry[]>;
  /** An unspent output at the tip. */
  unspent(id: Hash): UxOut | undefined;
  /** The record of an address at the tip; the view only reads it. */
  address(address: Address): AddressRecord | undefined;
}

/**
 * The questions of ChainView over LevelDB records. What the head or an index says is there must be
 * there: its absence is damage, never an answer. All methods @throws StoreError STORE_DAMAGED, STORE_READ,
 * STORE_CLOSED.
 */
export class LevelView implements ChainView {
  readonly #source: ViewSource;

  constructor(source: ViewSource) {
    this.#source = source;
  }

  head(): Head | undefined {
    return this.#source.tip()?.head;
  }

  blockBySeq(seq: number): SignedBlock | undefined {
    const bytes = this.signedBlockBytes(seq);
    return bytes && this.#decode(`block ${seq}`, () => decodeSignedBlock(bytes));
  }

  blockByHash(hash: Hash): SignedBlock | undefined {
    const seq = this.#source.get(keyOf("blockSeq", hash));
    return seq && this.blockBySeq(this.#decode("block hash", () => decodeSeq(seq)));
  }

  signedBlockBytes(seq: number): Uint8Array | undefined {
    return this.#blockRecord(seq)?.subarray(BLOCK_PREFIX_BYTES);
  }

  blockHashAt(seq: number): Hash | undefined {
    const head = this.head();
    if (head?.seq === seq) return head.hash;
    const block = this.blockBySeq(seq);
    return block && blockHash(block);
  }

  unspent(id: Hash): UxOut | undefined {
    return this.#source.unspent(id);
  }

  unspentsOf(address: Address): IdentifiedUxOut[] {
    const record = this.#source.address(address);
    if (record === undefined) return [];
    const ids = record.unspentIds((firstSeq) => this.#page(unspentPageKey(address, firstSeq)));
    return ids.map((id) => {
      const ux = this.unspent(id);
      if (ux === undefined) throw this.#damaged(`output ${hashHex(id)} of an address is missing`);
      return { id, ux };
    });
  }

  /**
   * Reads every block, since LevelDB has no synchronous ranges: tests and small chains only. `scanUnspents` is the
   * way for everything else.
   */
  *allUnspents(): Iterable<IdentifiedUxOut> {
    const head = this.head();
    const found: IdentifiedUxOut[] = [];
    for (let seq = 0; seq <= (head?.seq ?? -1); seq++) {
      const block = this.blockBySeq(seq);
      for (const txn of block?.transactions ?? []) {
        for (const created of createUnspents(txn, { time: block?.header.time ?? 0, seq })) {
          if (this.unspent(created.id) !== undefined) found.push(created);
        }
      }
    }
    yield* found.sort((a, b) => Buffer.compare(a.id, b.id));
  }

  async *scanUnspents(): AsyncIterable<readonly IdentifiedUxOut[]> {
    for await (const chunk of this.#source.scan("unspent")) {
      yield chunk.map(({ key, content }) => ({
        id: plain(key.subarray(1)) as Hash,
        ux: this.#decode("output", () => decodeUxOut(content)),
      }));
    }
  }

  unspentCount(): number {
    return this.#source.tip()?.unspents ?? 0;
  }

  addressCount(): number {
    return this.#source.tip()?.addresses ?? 0;
  }

  transaction(id: Hash): StoredTransaction | undefined {
    const bytes = this.#source.get(keyOf("transaction", id));
    if (bytes === undefined) return undefined;
    return this.#transactionAt(this.#decode("place of a transaction", () => decodePlace(bytes)));
  }

  #transactionAt({ seq, offset }: BlockPlace): StoredTransaction {
    const block = this.signedBlockBytes(seq);
    if (block === undefined) throw this.#damaged(`block ${seq} is missing`);
    const txn = this.#decode("transaction", () => readTransaction(new Reader(block.subarray(offset))));
    const blockTime = new Reader(block.subarray(4)).size(); // behind the version
    return { txn, blockSeq: seq, blockTime };
  }

  transactionCount(): number {
    return this.#source.tip()?.transactions ?? 0;
  }

  transactionsUpTo(seq: number): number {
    if (seq >= (this.head()?.seq ?? 0)) return this.transactionCount();
    const record = this.#blockRecord(seq);
    return record === undefined ? 0 : new Reader(record).size();
  }

  uxOut(id: Hash): HistoryUxOut | undefined {
    const ux = this.unspent(id);
    if (ux !== undefined) return { id, ux, spentBy: undefined };
    const spent = this.#source.get(keyOf("spent", id));
    return spent && this.#decode("spent output", () => decodeSpent(id, spent));
  }

  historyOf(address: Address): AddressHistory {
    const record = this.#source.address(address) ?? new AddressRecord();
    let last: { readonly number: number; readonly bytes: Uint8Array } | undefined; // neighbours share a page
    const page = (number: number): Uint8Array => {
      if (last?.number !== number) last = { number, bytes: this.#page(placePageKey(address, number)) };
      return last.bytes;
    };
    return { length: record.placeCount, at: (i) => this.#transactionAt(record.placeAt(i, page)) };
  }

  addressSeen(address: Address): boolean {
    return this.#source.address(address) !== undefined;
  }

  addressSummary(address: Address): AddressSummary {
    const record = this.#source.address(address);
    return { coins: record?.coins ?? 0n, unspents: record?.unspents ?? 0 };
  }

  async *holdings(): AsyncIterable<readonly Holding[]> {
    for await (const chunk of this.#source.scan("address")) {
      const holdings: Holding[] = [];
      for (const { key, content } of chunk) {
        const { coins, unspents } = this.#decode("address", () => AddressRecord.summary(content));
        if (unspents > 0) holdings.push({ address: plain(key.subarray(1)) as Address, coins });
      }
      if (holdings.length > 0) yield holdings;
    }
  }

  /** The stored value of a block at or below the head. */
  #blockRecord(seq: number): Uint8Array | undefined {
    const head = this.head();
    if (head === undefined || !(seq >= 0 && seq <= head.seq) || !Number.isInteger(seq)) return undefined;
    const record = this.#source.get(blockKey(seq));
    if (record === undefined) throw this.#damaged(`block ${seq} is missing`);
    return record;
  }

  #page(key: Buffer): Uint8Array {
    const page = this.#source.get(key);
    if (page === undefined) throw this.#damaged("a page of an address is missing");
    return page;
  }

  #decode<T>(what: string, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (error instanceof CodecError) throw this.#damaged(`${what} does not decode: ${error.message}`, error);
      throw error;
    }
  }

  #damaged(what: string, cause?: unknown): StoreError {
    return damaged(this.#source.dir, what, {}, cause);
  }
}

/** LevelDB gives Node buffers; the rest of the program deals in plain byte arrays. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
