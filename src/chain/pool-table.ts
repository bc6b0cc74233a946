import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";
import { type Evictable, nextEvicted, type PoolLimits } from "./pool-limits.ts";
import type { UnconfirmedRecord } from "./store.ts";

export interface PoolEntry extends Evictable {
  readonly id: Hash;
  readonly record: UnconfirmedRecord;
}

/** The members of the pool, with what limits are measured by counted along. Knows no rules and no store. */
export class PoolTable {
  readonly #limits: PoolLimits;
  readonly #entries = new Map<HashHex, PoolEntry>();
  #bytes = 0;
  #softInvalid = 0;
  #sorted: readonly UnconfirmedRecord[] | undefined;
  #membership = 0;
  #revision = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Changes whenever somebody comes or goes. */
  get membership(): number {
    return this.#membership;
  }

  /** Changes with every record, too. */
  get revision(): number {
    return this.#revision;
  }

  keys(): HashHex[] {
    return [...this.#entries.keys()];
  }

  has(key: HashHex): boolean {
    return this.#entries.has(key);
  }

  get(key: HashHex): PoolEntry | undefined {
    return this.#entries.get(key);
  }

  /** Every record, in txid byte order. */
  records(): readonly UnconfirmedRecord[] {
    this.#sorted ??= this.keys()
      .sort()
      .map((key) => (this.#entries.get(key) as PoolEntry).record);
    return this.#sorted;
  }

  add(entry: PoolEntry): void {
    const key = hashHex(entry.id);
    this.delete(key);
    this.#set(key, entry);
    this.#membership++;
  }

  /** New times and validity of a member; its fee rate stays. */
  renew(key: HashHex, record: UnconfirmedRecord): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const { received, isValid } = record;
    this.#count(entry, -1);
    this.#set(key, { ...entry, record, received, isValid });
  }

  /** The entry that is no longer a member, if it was one. */
  delete(key: HashHex): PoolEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#count(entry, -1);
    this.#entries.delete(key);
    this.#sorted = undefined;
    this.#membership++;
    this.#revision++;
    return entry;
  }

  /** Removes whoever must go for the limits to hold. */
  evict(): PoolEntry[] {
    const evicted: PoolEntry[] = [];
    while (this.#isOverfull()) {
      const entry = nextEvicted(this.#entries.values(), this.#limits);
      if (entry === undefined) break;
      this.delete(hashHex(entry.id));
      evicted.push(entry);
    }
    return evicted;
  }

  #set(key: HashHex, entry: PoolEntry): void {
    this.#entries.set(key, entry);
    this.#count(entry, 1);
    this.#sorted = undefined;
    this.#revision++;
  }

  #count(entry: PoolEntry, sign: 1 | -1): void {
    this.#bytes += sign * entry.size;
    if (!entry.isValid) this.#softInvalid += sign;
  }

  #isOverfull(): boolean {
    const { transactionsMax, bytesMax, softInvalidMax } = this.#limits;
    return this.size > transactionsMax || this.#bytes > bytesMax || this.#softInvalid > softInvalidMax;
  }
}
