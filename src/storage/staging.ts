import { assert } from "../base/errors.ts";
import type { BlockChange, Head, IdentifiedUxOut } from "../chain/store.ts";
import type { UxOut } from "../chain/uxout.ts";
import type { Hash } from "../cipher/hash.ts";

/** The tip a change leads to. */
export function headAfter(change: BlockChange): Head {
  const { seq, time } = change.block.header;
  return { seq, time, hash: change.hash, setHash: change.setHash };
}

/** Blocks that are written together, and what they do to the unspent set: present, or spent (undefined). */
export class Generation {
  readonly changes: BlockChange[] = [];
  readonly unspents = new Map<string, IdentifiedUxOut | undefined>();
}

/**
 * Blocks staged and not yet durable, in generations: each flush closes the one that is open, so what is staged while
 * it runs belongs to the next. All stay visible to staged reads until they are written. Used by every store, so that
 * staging means the same everywhere.
 */
export class Staging {
  readonly #keyOf: (id: Uint8Array) => string;
  /** Closed, oldest first. The first is the one being written while `#taken`. */
  #closed: Generation[] = [];
  #open = new Generation();
  #taken = false;

  constructor(keyOf: (id: Uint8Array) => string) {
    this.#keyOf = keyOf;
  }

  get count(): number {
    let count = this.#open.changes.length;
    for (const { changes } of this.#closed) count += changes.length;
    return count;
  }

  /** All that is staged, oldest first. */
  changes(): BlockChange[] {
    return [...this.#closed, this.#open].flatMap(({ changes }) => changes);
  }

  head(): Head | undefined {
    const last = this.#open.changes.at(-1) ?? this.#closed.at(-1)?.changes.at(-1);
    return last && headAfter(last);
  }

  /** What staged blocks say of an output; `unknown` leaves the answer to the durable state. */
  unspent(id: Hash): UxOut | undefined | "unknown" {
    if (this.#open.unspents.size === 0 && this.#closed.length === 0) return "unknown";
    const key = this.#keyOf(id);
    for (let i = this.#closed.length; i >= 0; i--) {
      const { unspents } = this.#closed[i] ?? this.#open;
      const found = unspents.get(key);
      if (found !== undefined) return found.ux;
      if (unspents.has(key)) return undefined;
    }
    return "unknown";
  }

  /** `durable` is the head the change must follow when nothing is staged. */
  add(change: BlockChange, durable: Head | undefined): void {
    const before = this.head() ?? durable;
    assert(change.block.header.seq === (before === undefined ? 0 : before.seq + 1), "staged blocks follow the head");
    const { changes, unspents } = this.#open;
    changes.push(change);
    for (const spent of change.spent) for (const { id } of spent) unspents.set(this.#keyOf(id), undefined);
    for (const created of change.created) for (const out of created) unspents.set(this.#keyOf(out.id), out);
  }

  /** What is staged from here on is for a later flush. */
  close(): void {
    if (this.#open.changes.length === 0) return;
    this.#closed.push(this.#open);
    this.#open = new Generation();
  }

  /** The oldest generation, for writing; undefined when nothing is staged. One at a time. */
  take(): Generation | undefined {
    assert(!this.#taken, "one generation is written at a time");
    if (this.#closed.length === 0) this.close(); // a failed flush before this one has put all back
    const [oldest] = this.#closed;
    this.#taken = oldest !== undefined;
    return oldest;
  }

  /** The generation taken is durable. */
  settle(): void {
    if (this.#taken) this.#closed.shift();
    this.#taken = false;
  }

  /** It is not: everything stays staged, for one later flush. */
  restore(): void {
    this.#taken = false;
    const merged = new Generation();
    for (const { changes, unspents } of [...this.#closed, this.#open]) {
      for (const change of changes) merged.changes.push(change);
      for (const [key, out] of unspents) merged.unspents.set(key, out);
    }
    this.#closed = [];
    this.#open = merged;
  }

  /** Forgets the leading blocks that turn out to be stored. What they did to the set stays: it is true now. */
  dropStored(isStored: (change: BlockChange) => boolean): void {
    for (const { changes } of [...this.#closed, this.#open]) {
      let stored = 0;
      while (stored < changes.length && isStored(changes[stored] as BlockChange)) stored++;
      changes.splice(0, stored);
      if (changes.length > 0) break;
    }
    this.#closed = this.#closed.filter(({ changes }) => changes.length > 0);
  }

  /** Forgets everything but what is being written. */
  discard(): void {
    this.#closed = this.#taken ? this.#closed.slice(0, 1) : [];
    this.#open = new Generation();
  }
}
