import type { Hash, HashHex } from "../cipher/hash.ts";
import type { ChainStore, UnconfirmedRecord } from "./store.ts";

export type PoolStore = Pick<ChainStore, "unconfirmed" | "putUnconfirmed" | "removeUnconfirmed">;

/**
 * Brings the stored pool in line with the one in memory. Changes made while a write is under way share the next
 * one, so a burst costs two writes and not one each.
 */
export class PoolWriter {
  readonly #store: PoolStore;
  readonly #current: (id: HashHex) => UnconfirmedRecord | undefined;
  #dirty = new Map<HashHex, Hash>();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `current` gives the record as it should be stored, undefined when it should be gone. */
  constructor(store: PoolStore, current: (id: HashHex) => UnconfirmedRecord | undefined) {
    this.#store = store;
    this.#current = current;
  }

  /** Goes out with the next `save`: not worth a write of its own. */
  mark(key: HashHex, id: Hash): void {
    this.#dirty.set(key, id);
  }

  /** Resolves when the present state of these records, and of all marked before, is stored. @throws StoreError */
  save(ids: Iterable<readonly [HashHex, Hash]>): Promise<void> {
    for (const [key, id] of ids) this.#dirty.set(key, id);
    this.#next ??= this.#run();
    return this.#next;
  }

  /** Waits for whatever is under way; never rejects. */
  async settle(): Promise<void> {
    while (this.#next !== undefined || this.#writing !== undefined) {
      await (this.#next ?? this.#writing)?.catch(() => {});
    }
  }

  async #run(): Promise<void> {
    await this.#writing?.catch(() => {}); // whoever asked for that write hears of its failure
    this.#next = undefined;
    const writing = this.#write();
    this.#writing = writing;
    try {
      await writing;
    } finally {
      if (this.#writing === writing) this.#writing = undefined;
    }
  }

  async #write(): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Map();
    const put: UnconfirmedRecord[] = [];
    const removed: Hash[] = [];
    for (const [key, id] of dirty) {
      const record = this.#current(key);
      if (record === undefined) removed.push(id);
      else put.push(record);
    }
    try {
      if (removed.length > 0) await this.#store.removeUnconfirmed(removed);
      if (put.length > 0) await this.#store.putUnconfirmed(put);
    } catch (error) {
      for (const [key, id] of dirty) this.#dirty.set(key, id); // goes out with the next save
      throw error;
    }
  }
}
