import { assert } from "../base/errors.ts";
import { BLOCK_HEADER_BYTES, encodeSignedBlock } from "../chain/block.ts";
import type { BlockChange, IdentifiedUxOut } from "../chain/store.ts";
import { transactionSize } from "../chain/transaction.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { type AddressPages, AddressRecord } from "./address-record.ts";
import { type AgingMap, latin1Key } from "./aging-map.ts";
import { crc32c } from "./crc32c.ts";
import { type Batch, type Database, damaged } from "./database.ts";
import {
  blockKey,
  CRC_BYTES,
  encodeTip,
  eventPageKey,
  KIND,
  type Kind,
  keyOf,
  metaKey,
  seal,
  type Tip,
  UX_BYTES,
  unspentPageKey,
  writeNumber,
  writeUxOut,
} from "./layout.ts";
import { type Generation, headAfter } from "./staging.ts";

const ADDRESS_KEY_BYTES = 22;

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

let addressScratch = Buffer.alloc(1 << 12);

/** What the addresses of a batch share: where their pages are read and written. */
interface PageStorage {
  readonly db: Database;
  readonly batch: Batch;
  /** Pages of unspent ids as the batch will leave them, by latin1 key; without ids they are to be deleted. */
  readonly unspents: Map<string, { readonly key: Buffer; readonly ids: Uint8Array | undefined }>;
}

/** An address that the batch writes. */
class TouchedAddress implements AddressPages {
  readonly address: Address;
  readonly record: AddressRecord;
  readonly #storage: PageStorage;

  constructor(address: Address, record: AddressRecord, storage: PageStorage) {
    this.address = address;
    this.record = record;
    this.#storage = storage;
  }

  unspents(firstSeq: number): Uint8Array | undefined {
    const key = unspentPageKey(this.address, firstSeq);
    const pending = this.#storage.unspents.get(latin1Key(key));
    return pending === undefined ? this.#storage.db.get(key) : pending.ids;
  }

  putUnspents(firstSeq: number, ids: Uint8Array | undefined): void {
    const key = unspentPageKey(this.address, firstSeq);
    this.#storage.unspents.set(latin1Key(key), { key, ids });
  }

  putEvents(page: number, events: Uint8Array): void {
    const key = eventPageKey(this.address, page);
    this.#storage.batch.put(key, seal(key, events));
  }
}

/**
 * Writes blocks into one batch. What a later block of the same batch undoes is never written: an output created and
 * spent within it goes straight to the history, and the record of an address is written once.
 */
export class BlockBatch {
  readonly #db: Database;
  readonly #batch: Batch;
  readonly #addresses: AgingMap<AddressRecord>;
  readonly #isPooled: (id: Hash) => boolean;
  readonly #firstSeq: number;
  readonly #touched = new Map<string, TouchedAddress>();
  readonly #pages: PageStorage;
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
    readonly addresses: AgingMap<AddressRecord>;
    readonly isPooled: (id: Hash) => boolean;
    /** What all blocks of the batch together do to the set. */
    readonly unspents: Generation["unspents"];
    /** Undefined before the first block. */
    readonly tip: Tip | undefined;
  }) {
    this.#db = options.db;
    this.#batch = options.batch;
    this.#pages = { db: options.db, batch: options.batch, unspents: new Map() };
    this.#addresses = options.addresses;
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
    this.#transactions += txids.length;
    const total = Buffer.allocUnsafe(8);
    writeNumber(total, this.#transactions, 0);
    const key = blockKey(seq);
    this.#batch.put(key, seal(key, total, encodeSignedBlock(block)));
    writeNumber(blockSeqRecord.value, seq, 0);
    blockSeqRecord.put(this.#batch, hash);

    let offset = BLOCK_HEADER_BYTES + 4;
    for (let index = 0; index < txids.length; index++) {
      const id = txids[index] as Hash;
      writeNumber(transactionRecord.value, seq, 0);
      transactionRecord.value.writeUInt32LE(index, 8);
      transactionRecord.value.writeUInt32LE(offset, 12);
      transactionRecord.put(this.#batch, id);
      const txn = block.transactions[index];
      assert(txn !== undefined, "one txid per transaction");
      offset += transactionSize(txn);
      if (this.#isPooled(id)) this.#batch.del(keyOf("unconfirmed", id));
      for (const spent of change.spent[index] ?? []) this.#spend(spent, id, seq);
      for (const created of change.created[index] ?? []) this.#create(created, id, seq);
    }
    this.#tip = {
      head: headAfter(change),
      transactions: this.#transactions,
      unspents: this.#count,
      addresses: this.#holders,
    };
  }

  #spend({ id, ux }: IdentifiedUxOut, by: Hash, seq: number): void {
    const { body, head } = ux;
    const pages = this.#address(body.address);
    const { record } = pages;
    record.noteTransaction(by, pages);
    if (!record.remove(id, body.coins, head.seq, pages)) {
      throw damaged(this.#db.dir, "the index of an address lacks an unspent output", { uxid: hex(id) });
    }
    this.#count--;
    if (record.unspents === 0) this.#holders--;
    writeUxOut(spentRecord.value, ux);
    spentRecord.value.set(by, UX_BYTES);
    writeNumber(spentRecord.value, seq, UX_BYTES + 32);
    spentRecord.put(this.#batch, id);
    if (head.seq < this.#firstSeq) unspentRecord.delete(this.#batch, id);
  }

  #create({ id, ux }: IdentifiedUxOut, by: Hash, seq: number): void {
    const pages = this.#address(ux.body.address);
    const { record } = pages;
    record.noteTransaction(by, pages);
    record.noteReceived(id, pages);
    if (record.unspents === 0) this.#holders++;
    record.add(id, ux.body.coins, seq, pages);
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
    for (const { key, ids } of this.#pages.unspents.values()) {
      if (ids === undefined) this.#batch.del(key);
      else this.#batch.put(key, seal(key, ids));
    }
    for (const touched of this.#touched.values()) this.#putAddress(touched);
    const key = metaKey("head");
    this.#batch.put(key, seal(key, encodeTip(this.#tip)));
    return this.#tip;
  }

  /** Key and value side by side in memory used over and over, as in HashRecord. */
  #putAddress({ address, record }: TouchedAddress): void {
    const end = ADDRESS_KEY_BYTES + record.size;
    if (end + CRC_BYTES > addressScratch.length) addressScratch = Buffer.alloc(2 * end);
    addressScratch[0] = KIND.address;
    addressScratch.set(address, 1);
    record.encodeInto(addressScratch, ADDRESS_KEY_BYTES);
    addressScratch.writeUInt32LE(crc32c(addressScratch, 0, end), end);
    const value = addressScratch.subarray(ADDRESS_KEY_BYTES, end + CRC_BYTES);
    this.#batch.put(addressScratch.subarray(0, ADDRESS_KEY_BYTES), value);
  }

  #address(address: Address): TouchedAddress {
    const name = latin1Key(address);
    let touched = this.#touched.get(name);
    if (touched === undefined) {
      touched = new TouchedAddress(address, this.#load(name, address), this.#pages);
      this.#touched.set(name, touched);
    }
    return touched;
  }

  #load(name: string, address: Address): AddressRecord {
    const cached = this.#addresses.get(name);
    if (cached !== undefined) return cached;
    const stored = this.#db.get(keyOf("address", address));
    const record = stored === undefined ? new AddressRecord() : AddressRecord.decode(stored);
    this.#addresses.set(name, record);
    return record;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
