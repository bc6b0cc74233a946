import { equalBytes } from "../base/bytes.ts";
import { assert, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BlockChange, ChainStore, Head, UnconfirmedRecord } from "../chain/store.ts";
import { txid } from "../chain/transaction.ts";
import { decodeUxOut, type UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { AddressRecord } from "./address-record.ts";
import { AddressTable } from "./address-table.ts";
import { BlockBatch } from "./block-batch.ts";
import type { Database, Entry, Snapshot } from "./database.ts";
import { probeDisk } from "./directory.ts";
import { StoreError } from "./errors.ts";
import { latin1Key } from "./latin1-key.ts";
import { encodeUnconfirmed, type Kind, keyOf, rangeOf, seal, type Tip } from "./layout.ts";
import { LevelView, type ViewSource } from "./level-view.ts";
import { type LevelStoreOptions, type Opened, Opening } from "./opening.ts";
import { OutputCache } from "./output-cache.ts";
import { type Generation, Staging } from "./staging.ts";

/** Bytes of address records kept for the writer: ten thousand addresses in use. */
const ADDRESS_BYTES = 12 << 20;
/** Outputs kept for the checks of the next blocks: 4 MB. */
const OUTPUTS_CACHED = 32768;
/** Transactions turned into a batch before other work gets a turn: a few milliseconds. */
const SLICE_TRANSACTIONS = 400;

export type { ChainIdentity, LevelStoreOptions } from "./opening.ts";

/**
 * Opens the chain database of a directory and verifies it (see docs/storage.md).
 * @throws StoreError STORE_LOCKED, STORE_DAMAGED, STORE_FOREIGN, STORE_OLDER, STORE_NEWER, STORE_MISSING, STORE_OPEN
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<LevelStore> {
  const opening = new Opening(options);
  return new LevelStore(opening, await opening.open(), options.log);
}

/**
 * ChainStore on LevelDB. One flush is one synced batch, whole or not at all.
 *
 * Readers and the writer: LevelDB shows a batch to reads some time before its promise resolves. From just before the
 * write until it resolves all reads therefore go through a LevelDB snapshot; head and counters are held in memory
 * and switch in the same turn in which the snapshot is given up. So whatever is read without awaiting in between is
 * of one head, and never of one that is not durable.
 *
 * A failed write leaves LevelDB's log in doubt: it may end in half a record, and the batch may be stored or not.
 * The store stays readable as it was, refuses writes until the disk takes data again, then opens the database anew,
 * which settles what is stored, verifies it, and goes on from there.
 */
export class LevelStore extends LevelView implements ChainStore {
  readonly dir: string;
  readonly #opening: Opening;
  readonly #log: Logger;
  readonly #staging = new Staging(latin1Key);
  readonly #addresses = new AddressTable(ADDRESS_BYTES);
  /** Unspent at the acknowledged head, never ahead of it. */
  readonly #outputs = new OutputCache(OUTPUTS_CACHED);
  #state: Opened;
  /** Set while a batch is being written, and after a failed one until the database is opened anew. */
  #before: Snapshot | undefined;
  /** True from the first change to the cached address records until they agree with the database again. */
  #building = false;
  #failure: unknown;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(opening: Opening, opened: Opened, log: Logger) {
    super(LevelStore.#sourceOf(() => this));
    this.dir = opening.dir;
    this.#opening = opening;
    this.#state = opened;
    this.#log = log;
  }

  static #sourceOf(self: () => LevelStore): ViewSource {
    return {
      get dir() {
        return self().dir;
      },
      tip: () => self().#state.tip,
      get: (key) => self().#get(key),
      scan: (kind) => self().#scan(kind),
      unspent: (id) => self().#unspent(id),
      address: (address) => self().#address(address),
    };
  }

  /** Acknowledged blocks the database turned out to have lost when it was opened, when the caller accepts that. */
  get lostBlocks(): { readonly from: number; readonly to: number } | undefined {
    return this.#state.lostBlocks;
  }

  /** The last write failed and the database has not taken one since. */
  get writeFailing(): boolean {
    return this.#failure !== undefined;
  }

  get #db(): Database {
    return this.#state.db;
  }

  #get(key: Buffer): Uint8Array | undefined {
    return this.#db.get(key, this.#before);
  }

  #scan(kind: Kind): AsyncIterable<readonly Entry[]> {
    return this.#db.scan(rangeOf(kind), this.#before);
  }

  #unspent(id: Hash): UxOut | undefined {
    if (!this.#state.filter.mayHave(id)) return undefined;
    const cached = this.#outputs.get(id);
    if (cached !== undefined) return cached;
    const bytes = this.#get(keyOf("unspent", id));
    if (bytes === undefined) return undefined;
    const ux = decodeUxOut(bytes);
    this.#outputs.set(id, ux);
    return ux;
  }

  #address(address: Address): AddressRecord | undefined {
    const cached = this.#building ? undefined : this.#addresses.read(address);
    const bytes = cached ?? this.#get(keyOf("address", address));
    return bytes && AddressRecord.decode(bytes);
  }

  stagedHead(): Head | undefined {
    return this.#staging.head() ?? this.head();
  }

  stagedUnspent(id: Hash): UxOut | undefined {
    if (!this.#state.filter.mayHave(id)) return undefined;
    const staged = this.#staging.unspent(id);
    return staged === "unknown" ? this.#unspent(id) : staged;
  }

  /** @throws StoreError STORE_READ_ONLY, STORE_CLOSED */
  stage(change: BlockChange): void {
    this.#assertWritable();
    this.#staging.add(change, this.head());
    this.#note(change);
  }

  /** The filter knows outputs from when they are staged; those that are never written cost it nothing but room. */
  #note({ created }: BlockChange): void {
    for (const outputs of created) for (const { id } of outputs) this.#state.filter.add(id);
  }

  stagedCount(): number {
    return this.#staging.count;
  }

  discardStaged(): void {
    this.#staging.discard();
  }

  /** @throws StoreError STORE_WRITE, STORE_DAMAGED, STORE_READ_ONLY, STORE_CLOSED */
  flush(): Promise<void> {
    this.#staging.close();
    return this.#exclusive(async () => {
      const generation = this.#staging.take();
      if (generation === undefined) return;
      try {
        this.#assertFollows(generation);
        this.#commit(generation, await this.#write(generation));
      } catch (error) {
        this.#staging.restore();
        this.#addresses.clear();
        throw error;
      } finally {
        this.#building = false;
      }
    });
  }

  /** Only after a failed write that was stored after all may the head be another than the blocks were checked on. */
  #assertFollows({ changes }: Generation): void {
    const { header } = (changes[0] as BlockChange).block;
    const head = this.head();
    if (head === undefined ? header.seq === 0 : header.seq === head.seq + 1 && equalBytes(header.prevHash, head.hash)) {
      return;
    }
    throw new StoreError(
      "STORE_WRITE",
      `block ${header.seq} no longer follows the head of ${this.dir}: a write that had failed was stored after all`,
      { dir: this.dir, seq: header.seq, head: head?.seq },
    );
  }

  async #write(generation: Generation): Promise<Tip> {
    const { pool } = this.#state;
    const batch = this.#db.batch();
    const blocks = new BlockBatch({
      db: this.#db,
      batch,
      addresses: this.#addresses,
      isPooled: (id) => pool.has(latin1Key(id)),
      unspents: generation.unspents,
      tip: this.#state.tip,
    });
    this.#building = true;
    if (this.#state.tip === undefined) this.#opening.identify(batch, generation.changes[0] as BlockChange);
    let inSlice = 0;
    for (const change of generation.changes) {
      blocks.add(change);
      inSlice += change.txids.length;
      if (inSlice >= SLICE_TRANSACTIONS) {
        inSlice = 0;
        await new Promise(setImmediate);
      }
    }
    const tip = blocks.finish();
    this.#before = this.#db.snapshot();
    // If it fails the snapshot stays: the batch may be stored all the same, and nobody has acknowledged it.
    await this.#writeBatch(() => this.#db.write(batch, { sync: true }));
    return tip;
  }

  /** The batch is durable: everything that readers see switches, in one turn. */
  #commit(generation: Generation, tip: Tip): void {
    for (const { spent } of generation.changes)
      for (const ids of spent) for (const { id } of ids) this.#outputs.delete(id);
    for (const out of generation.unspents.values()) if (out !== undefined) this.#outputs.set(out.id, out.ux);
    const { pool } = this.#state;
    if (pool.size > 0) for (const { txids } of generation.changes) for (const id of txids) pool.delete(latin1Key(id));
    this.#state = { ...this.#state, tip };
    this.#staging.settle();
    this.#endSnapshot();
    this.#opening.acknowledge(tip.head);
  }

  #endSnapshot(): void {
    this.#before?.end().catch((error: unknown) => this.#log.warn({ error: errorText(error) }, "snapshot not closed"));
    this.#before = undefined;
  }

  unconfirmed(): Iterable<UnconfirmedRecord> {
    const { pool } = this.#state;
    return [...pool.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  }

  /** Synced: who was told that a transaction is in the pool may rely on it. @throws StoreError STORE_WRITE */
  putUnconfirmed(records: readonly UnconfirmedRecord[]): Promise<void> {
    const ids = records.map((record) => txid(record.txn));
    return this.#exclusive(async () => {
      if (records.length === 0) return;
      const batch = this.#db.batch();
      records.forEach((record, i) => {
        const key = keyOf("unconfirmed", ids[i] as Hash);
        batch.put(key, seal(key, encodeUnconfirmed(record)));
      });
      await this.#writeBatch(() => this.#db.write(batch, { sync: true }));
      records.forEach((record, i) => {
        this.#state.pool.set(latin1Key(ids[i] as Hash), record);
      });
    });
  }

  /** Not synced: what comes back is found invalid at the next start. @throws StoreError STORE_WRITE */
  removeUnconfirmed(ids: readonly Hash[]): Promise<void> {
    return this.#exclusive(async () => {
      const { pool } = this.#state;
      const stored = ids.filter((id) => pool.has(latin1Key(id)));
      if (stored.length === 0) return;
      const batch = this.#db.batch();
      for (const id of stored) batch.del(keyOf("unconfirmed", id));
      await this.#writeBatch(() => this.#db.write(batch, { sync: false }));
      for (const id of stored) pool.delete(latin1Key(id));
    });
  }

  /** Merges LevelDB's tables; slow, worth it once after a first synchronisation. */
  compact(): Promise<void> {
    return this.#exclusive(() => this.#db.compact());
  }

  /** Waits for writes under way; what is staged and not flushed is forgotten. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#queue.then(async () => {
      await this.#db.close();
      await this.#opening.release();
    });
    return this.#closing;
  }

  #assertWritable(): void {
    if (this.#closing !== undefined) throw new StoreError("STORE_CLOSED", `${this.dir} is closed`, { dir: this.dir });
    if (!this.#opening.readOnly) return;
    throw new StoreError("STORE_READ_ONLY", `${this.dir} is open for reading only`, { dir: this.dir });
  }

  /** One write at a time, in the order asked for, and none on a database that is in doubt. */
  async #exclusive(work: () => Promise<void>): Promise<void> {
    this.#assertWritable();
    const result = this.#queue.then(async () => {
      if (this.#failure !== undefined) await this.#reopen();
      await work();
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  async #writeBatch(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#failure = error;
      this.#log.error({ dir: this.dir, error: errorText(error) }, "database write failed");
      throw error;
    }
  }

  /** After a failed write: waits for nothing, but does not touch the database before the disk takes data again. */
  async #reopen(): Promise<void> {
    const before = this.head();
    try {
      await probeDisk(this.dir);
    } catch (cause) {
      throw this.#db.writeError(cause);
    }
    this.#endSnapshot();
    await this.#db.close();
    this.#addresses.clear();
    this.#outputs.clear();
    const opened = await this.#opening.open();
    this.#state = opened;
    for (const change of this.#staging.changes()) this.#note(change);
    this.#failure = undefined;
    const head = opened.tip?.head;
    this.#log.info({ dir: this.dir, seq: head?.seq }, "database opened again after a failed write");
    if (head === undefined || head.seq === before?.seq) return;
    assert(before === undefined || head.seq > before.seq, "what was acknowledged is stored");
    // The batch that was reported as failed had reached the disk. It is whole and was checked, so it stands.
    this.#staging.dropStored((change) => change.block.header.seq <= head.seq && this.#isStored(change));
    this.#log.warn({ from: before?.seq, to: head.seq }, "blocks of a failed write were stored after all");
  }

  #isStored(change: BlockChange): boolean {
    const stored = this.blockHashAt(change.block.header.seq);
    return stored !== undefined && equalBytes(stored, change.hash);
  }
}
