import type { Hash } from "../cipher/hash.ts";
import { Reader } from "../codec/reader.ts";
import { writeNumber } from "./layout.ts";

/** Unspent ids kept in the record itself; more go to pages. Most addresses hold fewer. */
export const TAIL_UNSPENTS_MAX = 32;
/** Events kept in the record; a full list becomes a page. Small, since the record is rewritten at each use. */
export const EVENTS_PER_PAGE = 16;
const HASH_BYTES = 32;
const EVENT_BYTES = 33;
const FIXED_BYTES = 44;

const TXID = 0;
const UXID = 1;

/** Where a record keeps what does not fit it. Pages written are seen by later reads. */
export interface AddressPages {
  unspents(firstSeq: number): Uint8Array | undefined;
  putUnspents(firstSeq: number, ids: Uint8Array | undefined): void;
  putEvents(page: number, events: Uint8Array): void;
}

/**
 * What one address holds and did. In order of bytes: coins u64, unspents u32, pages u32, tail ids u32, events u32,
 * event pages u32, first and last seq of the tail u64, then per page the seq of its oldest output u64, the tail's
 * uxids (32 each), the events (33 each: 0 txid or 1 received uxid).
 *
 * Unspent outputs are listed in the order they were created. The newest are the tail; when it is full and the next
 * block begins it becomes a page. An output's block therefore tells its page, and a removal touches one page only.
 * Events are the history in chain order: a txid once per transaction that touches the address, a uxid per output
 * received. Full lists become pages that never change again.
 */
export class AddressRecord {
  coins = 0n;
  /** Unspent outputs, pages included. */
  unspents = 0;
  readonly pages: number[] = [];
  readonly tail = new ByteList(HASH_BYTES);
  #tailFirst = 0;
  #tailLast = 0;
  #eventPages = 0;
  readonly events = new ByteList(EVENT_BYTES);
  /** The transaction whose event was noted last, so that each is noted once. */
  #lastTransaction: Hash | undefined;

  static decode(bytes: Uint8Array): AddressRecord {
    const r = new Reader(bytes);
    const record = new AddressRecord();
    record.coins = r.u64();
    record.unspents = r.u32();
    const [pages, tail, events] = [r.u32(), r.u32(), r.u32()];
    record.#eventPages = r.u32();
    record.#tailFirst = r.size();
    record.#tailLast = r.size();
    for (let i = 0; i < pages; i++) record.pages.push(r.size());
    record.tail.assign(r.bytes(tail * HASH_BYTES));
    record.events.assign(r.bytes(events * EVENT_BYTES));
    r.end();
    return record;
  }

  /** Coins and number of outputs alone, for scans: the rest of the record is not looked at. @throws CodecError */
  static summary(bytes: Uint8Array): { readonly coins: bigint; readonly unspents: number } {
    const r = new Reader(bytes);
    return { coins: r.u64(), unspents: r.u32() };
  }

  get size(): number {
    return FIXED_BYTES + 8 * this.pages.length + HASH_BYTES * this.tail.count + EVENT_BYTES * this.events.count;
  }

  /** Writes `size` bytes at an offset of `to`. */
  encodeInto(to: Buffer, offset: number): void {
    const { pages, tail, events } = this;
    let at = to.writeBigUInt64LE(this.coins, offset);
    for (const count of [this.unspents, pages.length, tail.count, events.count, this.#eventPages]) {
      at = to.writeUInt32LE(count, at);
    }
    at = writeNumber(to, this.#tailFirst, at);
    at = writeNumber(to, this.#tailLast, at);
    for (const page of pages) at = writeNumber(to, page, at);
    to.set(tail.bytes(), at);
    to.set(events.bytes(), at + HASH_BYTES * tail.count);
  }

  /** An output created in block `seq`, which is not below that of any output before. */
  add(id: Hash, coins: bigint, seq: number, pages: AddressPages): void {
    const { tail } = this;
    if (tail.count >= TAIL_UNSPENTS_MAX && seq > this.#tailLast) {
      pages.putUnspents(this.#tailFirst, tail.bytes().slice());
      this.pages.push(this.#tailFirst);
      tail.clear();
    }
    if (tail.count === 0) this.#tailFirst = seq;
    this.#tailLast = seq;
    tail.push(id);
    this.unspents++;
    this.coins += coins;
  }

  /** An output created in block `seq` is spent. False when it is not listed, which is damage. */
  remove(id: Hash, coins: bigint, seq: number, pages: AddressPages): boolean {
    const removed = this.tail.count > 0 && seq >= this.#tailFirst ? this.tail.remove(id) : this.#unpage(id, seq, pages);
    if (!removed) return false;
    this.unspents--;
    this.coins -= coins;
    return true;
  }

  #unpage(id: Hash, seq: number, pages: AddressPages): boolean {
    const at = lastNotAbove(this.pages, seq);
    const firstSeq = this.pages[at];
    const bytes = firstSeq === undefined ? undefined : pages.unspents(firstSeq);
    if (firstSeq === undefined || bytes === undefined) return false;
    const page = new ByteList(HASH_BYTES);
    page.assign(bytes);
    if (!page.remove(id)) return false;
    if (page.count === 0) this.pages.splice(at, 1);
    pages.putUnspents(firstSeq, page.count === 0 ? undefined : page.bytes().slice());
    return true;
  }

  /** The transaction touches the address. */
  noteTransaction(id: Hash, pages: AddressPages): void {
    if (this.#lastTransaction === id) return;
    this.#lastTransaction = id;
    this.#note(TXID, id, pages);
  }

  noteReceived(id: Hash, pages: AddressPages): void {
    this.#note(UXID, id, pages);
  }

  #note(tag: number, id: Hash, pages: AddressPages): void {
    this.events.push(id, tag);
    if (this.events.count < EVENTS_PER_PAGE) return;
    pages.putEvents(this.#eventPages, this.events.bytes().slice());
    this.#eventPages++;
    this.events.clear();
  }

  /** Ids of the unspent outputs, oldest first. `page` gives the bytes of a page. */
  unspentIds(page: (firstSeq: number) => Uint8Array): Hash[] {
    const ids = this.pages.flatMap((firstSeq) => split(page(firstSeq)));
    return ids.concat(split(this.tail.bytes().slice()));
  }

  /** `page` gives the bytes of an event page. */
  txids(page: (number: number) => Uint8Array): Hash[] {
    return this.#select(TXID, page);
  }

  received(page: (number: number) => Uint8Array): Hash[] {
    return this.#select(UXID, page);
  }

  #select(tag: number, page: (number: number) => Uint8Array): Hash[] {
    const found: Hash[] = [];
    for (let i = 0; i <= this.#eventPages; i++) {
      const bytes = i < this.#eventPages ? page(i) : this.events.bytes().slice();
      for (let at = 0; at < bytes.length; at += EVENT_BYTES) {
        if (bytes[at] === tag) found.push(bytes.subarray(at + 1, at + EVENT_BYTES) as Hash);
      }
    }
    return found;
  }
}

/** Ids one after the other, as views of the page. */
export function split(bytes: Uint8Array): Hash[] {
  const ids: Hash[] = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES) ids.push(bytes.subarray(at, at + HASH_BYTES) as Hash);
  return ids;
}

/** Index of the last number that is not above `value`, -1 when all are. */
function lastNotAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Items of one size in one growing piece of memory. */
class ByteList {
  readonly #size: number;
  #bytes = new Uint8Array(0);
  count = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** A view; whoever keeps it copies it. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.count * this.#size);
  }

  assign(bytes: Uint8Array): void {
    this.#bytes = new Uint8Array(bytes); // a copy; slice() of a Node buffer is none
    this.count = bytes.length / this.#size;
  }

  clear(): void {
    this.count = 0;
  }

  /** `tag`, when given, goes in front. */
  push(item: Uint8Array, tag?: number): void {
    const at = this.count * this.#size;
    if (at + this.#size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, 4 * this.#size));
      grown.set(this.bytes());
      this.#bytes = grown;
    }
    if (tag !== undefined) this.#bytes[at] = tag;
    this.#bytes.set(item, tag === undefined ? at : at + 1);
    this.count++;
  }

  remove(item: Uint8Array): boolean {
    const end = this.count * this.#size;
    for (let at = 0; at < end; at += this.#size) {
      let i = 0;
      while (i < item.length && this.#bytes[at + i] === item[i]) i++;
      if (i < item.length) continue;
      this.#bytes.copyWithin(at, at + this.#size, end);
      this.count--;
      return true;
    }
    return false;
  }
}
