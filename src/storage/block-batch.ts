import { assert } from "../base/errors.ts";
import { BLOCK_HEADER_BYTES, encodeSignedBlock } from "../chain/block.ts";
import type { BlockChange, IdentifiedUxOut } from "../chain/store.ts";
import { transactionSize } from "../chain/transaction.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import type { AddressPages, AddressRecord, BlockPlace } from "./address-record.ts";
import type { AddressTable } from "./address-table.ts";
import { crc32c } from "./crc32c.ts";
import { type Batch, type Database, damaged } from "./database.ts";
import { latin1Key } from "./latin1-key.ts";
import {
  blockKey,
  CRC_BYTES,
  encodeTip,
  KIND,
  type Kind,
  keyOf,
  metaKey,
  placePageKey,
  seal,
  type Tip,
  UX_BYTES,
  unspentPageKey,
  writeNumber,
  writeUxOut,
} from "./layout.ts";
import { type Generation, headAfter } from "./staging.ts";

/**
 * A record of fixed size whose key is a hash, in memory used over and over: LevelDB copies at once. Key and value lie
 * side by side, so that one pass makes the checksum.
 */
class HashRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly #all: Buffer;

  constructor(kind: Kind, contentBytes: number) {
    this.#all = Buffer.alloc(33 + contentBytes + CRC_BYTES);
    this.key = this.#all.subarray(0, 33);
    this.value = this.#all.subarray(33);
    this.key[0] = KIND[kind];
  }

  put(batch: Batch, id: Hash): void {
    this.key.set(id, 1);
    const end = this.#all.length - CRC_BYTES;
    this.#all.writeUInt32LE(crc32c(this.#all, 0, end), end);
    batch.put(this.key, this.value);
  }

  delete(batch: Batch, id: Hash): void {
    this.key.set(id, 1);
    batch.del(this.key);
  }
}

const blockSeqRecord = new HashRecord("blockSeq", 8);
const transactionRecord = new HashRecord("transaction", 16);
const unspentRecord = new HashRecord("unspent", UX_BYTES);
const spentRecord = new HashRecord("spent", UX_BYTES + 40);

/** Where the records of a batch keep what does not fit them: the pages of the address at hand. */
class Pages implements AddressPages {
  address: Address | undefined;
  readonly #db: Database;
  readonly #batch: Batch;
  /** Pages of unspent ids as the batch will leave them, by latin1 key; without ids they are to be deleted. */
  readonly #unspents = new Map<string, { readonly key: Buffer; readonly ids: Uint8Array | undefined }>();

  constructor(db: Database, batch: Batch) {
    this.#db = db;
    this.#batch = batch;
  }

  unspents(firstSeq: number): Uint8Array | undefined {
    const key = unspentPageKey(this.address as Address, firstSeq);
    const pending = this.#unspents.get(latin1Key(key));
    return pending === undefined ? this.#db.get(key) : pending.ids;
  }

  putUnspents(firstSeq: number, ids: Uint8Array | undefined): void {
    const key = unspentPageKey(this.address as Address, firstSeq);
    this.#unspents.set(latin1Key(key), { key, ids });
  }

  putPlaces(page: number, places: Uint8Array): void {
    const key = placePageKey(this.address as Address, page);
    this.#batch.put(key, seal(key, places));
  }

  /** Writes the pages of unspent ids; those of places are written at once, since they never change. */
  write(): void {
    for (const { key, ids } of this.#unspents.values()) {
      if (ids === undefined) this.#batch.del(key);
      else this.#batch.put(key, seal(key, ids));
    }
  }
}

/**
 * Writes blocks into one batch. What a later block of the same batch undoes is never written: an output created and
 * spent within it goes straight to the history, and the record of an address is written once.
 */
export class BlockBatch {
  readonly #db: Database;
  readonly #batch: Batch;
  readonly #addresses: AddressTable;
  readonly #isPooled: (id: Hash) => boolean;
  readonly #firstSeq: number;
  readonly #pages: Pages;
  readonly #unspents: Generation["unspents"];
  #tip: Tip | undefined;
  /** Unspent outputs. */
  #count: number;
  #holders: number;
  #transactions: number;

  constructor(options: {
    readonly db: Database;
    readonly batch: Batch;
    /** Cached records. They are changed as the batch is built: after a failure the cache must be cleared. */
    readonly addresses: AddressTable;
    readonly isPooled: (id: Hash) => boolean;
    /** What all blocks of the batch together do to the set. */
    readonly unspents: Generation["unspents"];
    /** Undefined before the first block. */
    readonly tip: Tip | undefined;
  }) {
    this.#db = options.db;
    this.#batch = options.batch;
    this.#pages = new Pages(options.db, options.batch);
    this.#addresses = options.addresses;
    this.#addresses.begin((address) => this.#db.get(keyOf("address", address)));
    this.#isPooled = options.isPooled;
    this.#tip = options.tip;
    this.#firstSeq = options.tip === undefined ? 0 : options.tip.head.seq + 1;
    this.#transactions = options.tip?.transactions ?? 0;
    this.#unspents = options.unspents;
    this.#count = options.tip?.unspents ?? 0;
    this.#holders = options.tip?.addresses ?? 0;
  }

  /** @throws StoreError STORE_DAMAGED when the address index does not know what is spent */
  add(change: BlockChange): void {
    const { block, hash, txids } = change;
    const { seq } = block.header;
    const total = Buffer.allocUnsafe(8);
    writeNumber(total, this.#transactions + txids.length, 0);
    const key = blockKey(seq);
    this.#batch.put(key, seal(key, total, encodeSignedBlock(block)));
    writeNumber(blockSeqRecord.value, seq, 0);
    blockSeqRecord.put(this.#batch, hash);

    let offset = BLOCK_HEADER_BYTES + 4;
    for (let index = 0; index < txids.length; index++) {
      const id = txids[index] as Hash;
      this.#transactions++;
      writeNumber(transactionRecord.value, seq, 0);
      transactionRecord.value.writeUInt32LE(index, 8);
      transactionRecord.value.writeUInt32LE(offset, 12);
      transactionRecord.put(this.#batch, id);
      const txn = block.transactions[index];
      assert(txn !== undefined, "one txid per transaction");
      if (this.#isPooled(id)) this.#batch.del(keyOf("unconfirmed", id));
      const place = { seq, offset };
      for (const spent of change.spent[index] ?? []) this.#spend(spent, id, place);
      for (const created of change.created[index] ?? []) this.#create(created, place);
      offset += transactionSize(txn);
    }
    this.#tip = {
      head: headAfter(change),
      transactions: this.#transactions,
      unspents: this.#count,
      addresses: this.#holders,
    };
  }

  #spend({ id, ux }: IdentifiedUxOut, by: Hash, place: BlockPlace): void {
    const { body, head } = ux;
    const record = this.#visit(body.address, place);
    if (!record.remove(id, body.coins, head.seq, this.#pages)) {
      throw damaged(this.#db.dir, "the index of an address lacks an unspent output", { uxid: hex(id) });
    }
    this.#count--;
    if (record.unspents === 0) this.#holders--;
    writeUxOut(spentRecord.value, ux);
    spentRecord.value.set(by, UX_BYTES);
    writeNumber(spentRecord.value, place.seq, UX_BYTES + 32);
    spentRecord.put(this.#batch, id);
    if (head.seq < this.#firstSeq) unspentRecord.delete(this.#batch, id);
  }

  #create({ id, ux }: IdentifiedUxOut, place: BlockPlace): void {
    const record = this.#visit(ux.body.address, place);
    if (record.unspents === 0) this.#holders++;
    record.add(id, ux.body.coins, place.seq, this.#pages);
    this.#count++;
  }

  /** Completes the batch; the tip it leads to. */
  finish(): Tip {
    assert(this.#tip !== undefined, "a batch holds at least one block");
    for (const out of this.#unspents.values()) {
      if (out === undefined) continue; // spent again within the batch, or older and deleted already
      writeUxOut(unspentRecord.value, out.ux);
      unspentRecord.put(this.#batch, out.id);
    }
    this.#pages.write();
    this.#addresses.write(this.#batch);
    const key = metaKey("head");
    this.#batch.put(key, seal(key, encodeTip(this.#tip)));
    return this.#tip;
  }

  /** The record of an address that the transaction at `place`, the latest, touches. */
  #visit(address: Address, place: BlockPlace): AddressRecord {
    this.#pages.address = address;
    const record = this.#addresses.visit(address);
    if (this.#addresses.isFirstVisitBy(this.#transactions)) record.notePlace(place, this.#pages);
    return record;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
