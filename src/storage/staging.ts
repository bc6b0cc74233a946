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
 * Blocks staged and not yet durable. What a flush has taken stays visible to staged reads until it succeeds; what
 * is staged meanwhile forms the next generation. Used by every store, so that staging means the same everywhere.
 */
export class Staging {
  readonly #keyOf: (id: Uint8Array) => string;
  /** Handed to the flush under way. */
  #taken: Generation | undefined;
  #next = new Generation();

  constructor(keyOf: (id: Uint8Array) => string) {
    this.#keyOf = keyOf;
  }

  get count(): number {
    return this.#next.changes.length + (this.#taken?.changes.length ?? 0);
  }

  head(): Head | undefined {
    const last = this.#next.changes.at(-1) ?? this.#taken?.changes.at(-1);
    return last && headAfter(last);
  }

  /** What staged blocks say of an output; `unknown` leaves the answer to the durable state. */
  unspent(id: Hash): UxOut | undefined | "unknown" {
    if (this.#next.unspents.size === 0 && this.#taken === undefined) return "unknown";
    const key = this.#keyOf(id);
    const found = this.#next.unspents.get(key);
    if (found !== undefined) return found.ux;
    if (this.#next.unspents.has(key)) return undefined;
    const taken = this.#taken?.unspents;
    const earlier = taken?.get(key);
    if (earlier !== undefined) return earlier.ux;
    return taken?.has(key) === true ? undefined : "unknown";
  }

  /** `durable` is the head the change must follow when nothing is staged. */
  add(change: BlockChange, durable: Head | undefined): void {
    const before = this.head() ?? durable;
    assert(change.block.header.seq === (before === undefined ? 0 : before.seq + 1), "staged blocks follow the head");
    const { changes, unspents } = this.#next;
    changes.push(change);
    for (const spent of change.spent) for (const { id } of spent) unspents.set(this.#keyOf(id), undefined);
    for (const created of change.created) for (const out of created) unspents.set(this.#keyOf(out.id), out);
  }

  /** Everything staged, for one flush; undefined when there is nothing. One flush at a time. */
  take(): Generation | undefined {
    assert(this.#taken === undefined, "one flush at a time");
    if (this.#next.changes.length === 0) return undefined;
    this.#taken = this.#next;
    this.#next = new Generation();
    return this.#taken;
  }

  /** The generation taken is durable. */
  settle(): void {
    this.#taken = undefined;
  }

  /** The flush failed: what it took stays staged, in front of what was staged meanwhile. */
  restore(): void {
    const taken = this.#taken;
    if (taken === undefined) return;
    this.#taken = undefined;
    for (const change of this.#next.changes) taken.changes.push(change);
    for (const [key, out] of this.#next.unspents) taken.unspents.set(key, out);
    this.#next = taken;
  }

  /** Forgets the leading blocks that turn out to be stored. What they did to the set stays: it is true now. */
  dropStored(isStored: (change: BlockChange) => boolean): void {
    const { changes } = this.#next;
    let stored = 0;
    while (stored < changes.length && isStored(changes[stored] as BlockChange)) stored++;
    changes.splice(0, stored);
  }

  /** Forgets what no flush has taken. */
  discard(): void {
    this.#next = new Generation();
  }
}
