import { concat } from "../base/bytes.ts";
import type { Hash } from "../cipher/hash.ts";
import { Reader } from "../codec/reader.ts";
import { type Place, readNumber, writeNumber } from "./layout.ts";

/** Unspent ids kept in the record itself; more go to pages. Most addresses hold fewer. */
export const TAIL_UNSPENTS_MAX = 8;
/** Places kept in the record; a full list becomes a page. Few, since the record is rewritten at each use. */
export const PLACES_PER_PAGE = 12;
const HASH_BYTES = 32;
const PLACE_BYTES = 12;
const SEQ_BYTES = 8;
const FIXED_BYTES = 44;

/** Where the numbers of a record are, from its first byte. */
const [UNSPENTS, PAGES, TAIL, PLACES, PLACE_PAGES, TAIL_FIRST, TAIL_LAST] = [8, 12, 16, 20, 24, 28, 36];

/** Where a transaction is: in the block of this height, from this byte of it. */
export type BlockPlace = Pick<Place, "seq" | "offset">;

/** Where a record keeps what does not fit it. Pages written are seen by later reads. */
export interface AddressPages {
  unspents(firstSeq: number): Uint8Array | undefined;
  putUnspents(firstSeq: number, ids: Uint8Array | undefined): void;
  putPlaces(page: number, places: Uint8Array): void;
}

/** Finds a record that has outgrown its memory a place of at least `size` bytes: copies it and calls `moveTo`. */
export type Grow = (record: AddressRecord, size: number) => void;

/**
 * What one address holds and did, as the bytes that are stored: coins u64, unspents u32, pages u32, tail ids u32,
 * places u32, place pages u32, first and last seq of the tail u64, then per page the seq of its oldest output u64, the
 * tail's uxids (32 each), the places of transactions (12 each: seq u64, offset u32).
 *
 * Unspent outputs are listed in the order they were created. The newest are the tail; when it is full and the next
 * block begins it becomes a page. An output's block therefore tells its page, and a removal touches one page only.
 * The places are those of the transactions that touch the address, in chain order, each once. Full lists become pages
 * that never change again.
 *
 * The record is read and changed where its bytes lie: nothing is decoded, and one object serves many records.
 */
export class AddressRecord {
  readonly #grow: Grow;
  #bytes: Buffer;
  #at = 0;
  #end: number;

  /** An empty record, by default in memory of its own. */
  constructor(grow: Grow = growAlone) {
    this.#grow = grow;
    this.#bytes = Buffer.alloc(FIXED_BYTES);
    this.#end = FIXED_BYTES;
  }

  /** For reading: shares the memory of `bytes`. @throws CodecError */
  static decode(bytes: Uint8Array): AddressRecord {
    const record = new AddressRecord();
    const r = new Reader(bytes);
    r.bytes(FIXED_BYTES);
    record.moveTo(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    r.bytes(record.size - FIXED_BYTES);
    r.end();
    return record;
  }

  /** Coins and number of outputs alone, for scans: the rest of the record is not looked at. @throws CodecError */
  static summary(bytes: Uint8Array): { readonly coins: bigint; readonly unspents: number } {
    const r = new Reader(bytes);
    return { coins: r.u64(), unspents: r.u32() };
  }

  /** From now on the record is the one at `at`, and may grow up to `end`. */
  moveTo(bytes: Buffer, at: number, end: number): this {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    return this;
  }

  /** Its bytes; a view. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#at, this.#at + this.size);
  }

  get size(): number {
    return FIXED_BYTES + SEQ_BYTES * this.#pages + HASH_BYTES * this.#tail + PLACE_BYTES * this.#places;
  }

  get coins(): bigint {
    return this.#bytes.readBigUInt64LE(this.#at);
  }

  /** Unspent outputs, pages included. */
  get unspents(): number {
    return this.#u32(UNSPENTS);
  }

  /** Per page of unspent ids, the seq of its oldest output. */
  get pages(): number[] {
    return Array.from({ length: this.#pages }, (_, i) => this.#page(i));
  }

  /** Ids that are on no page; a view. */
  get tail(): Uint8Array {
    const from = this.#tailAt;
    return this.#bytes.subarray(from, from + HASH_BYTES * this.#tail);
  }

  /** An output created in block `seq`, which is not below that of any output before. */
  add(id: Hash, coins: bigint, seq: number, pages: AddressPages): void {
    this.#room(SEQ_BYTES + HASH_BYTES);
    if (this.#tail >= TAIL_UNSPENTS_MAX && seq > this.#seq(TAIL_LAST)) this.#turnPage(pages);
    if (this.#tail === 0) this.#setSeq(TAIL_FIRST, seq);
    this.#setSeq(TAIL_LAST, seq);
    const at = this.#placesAt;
    this.#bytes.copyWithin(at + HASH_BYTES, at, this.#at + this.size);
    this.#bytes.set(id, at);
    this.#count(TAIL, 1);
    this.#holds(1, coins);
  }

  #turnPage(pages: AddressPages): void {
    const firstSeq = this.#seq(TAIL_FIRST);
    pages.putUnspents(firstSeq, copyOf(this.tail));
    const [at, places] = [this.#tailAt, this.#placesAt];
    this.#bytes.copyWithin(at + SEQ_BYTES, places, this.#at + this.size);
    writeNumber(this.#bytes, firstSeq, at);
    this.#count(PAGES, 1);
    this.#count(TAIL, -this.#tail);
  }

  /** An output created in block `seq` is spent. False when it is not listed, which is damage. */
  remove(id: Hash, coins: bigint, seq: number, pages: AddressPages): boolean {
    const inTail = this.#tail > 0 && seq >= this.#seq(TAIL_FIRST);
    if (!(inTail ? this.#untail(id) : this.#unpage(id, seq, pages))) return false;
    this.#holds(-1, -coins);
    return true;
  }

  #untail(id: Hash): boolean {
    const at = indexOfId(this.#bytes, id, this.#tailAt, this.#placesAt);
    if (at < 0) return false;
    this.#bytes.copyWithin(at, at + HASH_BYTES, this.#at + this.size);
    this.#count(TAIL, -1);
    return true;
  }

  #unpage(id: Hash, seq: number, pages: AddressPages): boolean {
    const at = lastNotAbove(this.pages, seq);
    if (at < 0) return false;
    const firstSeq = this.#page(at);
    const page = pages.unspents(firstSeq);
    const found = page === undefined ? -1 : indexOfId(page, id, 0, page.length);
    if (page === undefined || found < 0) return false;
    if (page.length > HASH_BYTES) {
      pages.putUnspents(firstSeq, concat(page.subarray(0, found), page.subarray(found + HASH_BYTES)));
      return true;
    }
    pages.putUnspents(firstSeq, undefined);
    const gone = this.#at + FIXED_BYTES + SEQ_BYTES * at;
    this.#bytes.copyWithin(gone, gone + SEQ_BYTES, this.#at + this.size);
    this.#count(PAGES, -1);
    return true;
  }

  /** The transaction there touches the address; to be said once for each. */
  notePlace({ seq, offset }: BlockPlace, pages: AddressPages): void {
    this.#room(PLACE_BYTES);
    const at = writeNumber(this.#bytes, seq, this.#at + this.size);
    this.#bytes.writeUInt32LE(offset, at);
    this.#count(PLACES, 1);
    if (this.#places < PLACES_PER_PAGE) return;
    pages.putPlaces(this.#u32(PLACE_PAGES), copyOf(this.#lastPlaces()));
    this.#count(PLACE_PAGES, 1);
    this.#count(PLACES, -this.#places);
  }

  /** Ids of the unspent outputs, oldest first. `page` gives the bytes of a page. */
  unspentIds(page: (firstSeq: number) => Uint8Array): Hash[] {
    return this.pages.flatMap((firstSeq) => split(page(firstSeq))).concat(split(copyOf(this.tail)));
  }

  /** Transactions of the history. */
  get placeCount(): number {
    return PLACES_PER_PAGE * this.#u32(PLACE_PAGES) + this.#places;
  }

  /** Place `i` of the history, from 0. `page` gives the bytes of a page of places. */
  placeAt(i: number, page: (number: number) => Uint8Array): BlockPlace {
    const number = Math.floor(i / PLACES_PER_PAGE);
    const places = number < this.#u32(PLACE_PAGES) ? page(number) : this.#lastPlaces();
    const at = (i % PLACES_PER_PAGE) * PLACE_BYTES;
    const r = new Reader(places.subarray(at, at + PLACE_BYTES));
    return { seq: r.size(), offset: r.u32() };
  }

  get #pages(): number {
    return this.#u32(PAGES);
  }

  get #tail(): number {
    return this.#u32(TAIL);
  }

  get #places(): number {
    return this.#u32(PLACES);
  }

  get #tailAt(): number {
    return this.#at + FIXED_BYTES + SEQ_BYTES * this.#pages;
  }

  get #placesAt(): number {
    return this.#tailAt + HASH_BYTES * this.#tail;
  }

  #lastPlaces(): Uint8Array {
    return this.#bytes.subarray(this.#placesAt, this.#at + this.size);
  }

  #page(i: number): number {
    return readNumber(this.#bytes, this.#at + FIXED_BYTES + SEQ_BYTES * i);
  }

  #u32(field: number): number {
    return this.#bytes.readUInt32LE(this.#at + field);
  }

  #seq(field: number): number {
    return readNumber(this.#bytes, this.#at + field);
  }

  #setSeq(field: number, seq: number): void {
    writeNumber(this.#bytes, seq, this.#at + field);
  }

  #count(field: number, change: number): void {
    this.#bytes.writeUInt32LE(this.#u32(field) + change, this.#at + field);
  }

  #holds(outputs: 1 | -1, coins: bigint): void {
    this.#count(UNSPENTS, outputs);
    this.#bytes.writeBigUInt64LE(this.coins + coins, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + this.size + bytes > this.#end) this.#grow(this, this.size + bytes);
  }
}

function growAlone(record: AddressRecord, size: number): void {
  const grown = Buffer.alloc(2 * size);
  grown.set(record.bytes());
  record.moveTo(grown, 0, grown.length);
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

/** Where `id` lies in a list of ids from `from` to `to`, -1 when nowhere. */
function indexOfId(list: Uint8Array, id: Hash, from: number, to: number): number {
  for (let at = from; at < to; at += HASH_BYTES) {
    let i = 0;
    while (i < HASH_BYTES && list[at + i] === id[i]) i++;
    if (i === HASH_BYTES) return at;
  }
  return -1;
}

/** slice() of a Node buffer copies nothing. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
