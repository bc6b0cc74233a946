import type { Address } from "../cipher/address.ts";
import { platformRandom } from "../cipher/random.ts";
import { AddressRecord } from "./address-record.ts";
import { crc32c } from "./crc32c.ts";
import type { Batch } from "./database.ts";
import { CRC_BYTES, KIND } from "./layout.ts";

const ADDRESS_BYTES = 21;
const KEY_BYTES = 22;
/** What a record gets at least: few outgrow it, since long lists become pages. Those that do get some room more. */
const RECORD_BYTES_MIN = 512;
const ROOM_BYTES = 128;
const PART_BYTES_MIN = 1 << 20;
const EMPTY = new AddressRecord().bytes();

/**
 * Records of addresses in use, for the writer: the bytes that are stored, one behind the other in one piece of memory,
 * where records as objects were most of what the garbage collector had to look at. In two parts: what is visited moves
 * to the younger one; when that is full the older one is dropped as a whole. A batch may fill it beyond that, since what
 * it has changed must stay.
 */
export class AddressTable {
  readonly #max: number;
  #young = new Part();
  #old = new Part();
  readonly #touched: number[] = [];
  #current = 0;
  #load: (address: Address) => Uint8Array | undefined = () => undefined;
  readonly #record = new AddressRecord((record, size) => this.#grow(record, size));

  /** Keeps up to `max` bytes, half of them in each part. */
  constructor(max: number) {
    this.#max = max;
  }

  /** A batch begins: nothing is touched. `load` reads what is stored. */
  begin(load: (address: Address) => Uint8Array | undefined): void {
    this.#load = load;
    this.#touched.length = 0;
    if (this.#young.used < this.#max / 2) return;
    const dropped = this.#old;
    this.#old = this.#young;
    this.#young = dropped.bytes.length <= this.#max ? dropped.clear() : new Part();
  }

  /** The record of an address, to be changed; good until the next visit. */
  visit(address: Address): AddressRecord {
    const young = this.#young;
    let i = young.find(address);
    if (i < 0) i = young.add(address, this.#old.read(address) ?? this.#load(address) ?? EMPTY);
    this.#current = i;
    return this.#record.moveTo(young.bytes, young.at[i] as number, young.end[i] as number);
  }

  /** Says that transaction number `transaction` of the chain, from 1, changes the record visited; true the first time. */
  isFirstVisitBy(transaction: number): boolean {
    const { visitedBy } = this.#young;
    const before = visitedBy[this.#current];
    if (before === 0) this.#touched.push(this.#current);
    visitedBy[this.#current] = transaction;
    return before !== transaction;
  }

  /** Writes what was touched since `begin`. */
  write(batch: Batch): void {
    const { bytes, at, end, visitedBy } = this.#young;
    for (const i of this.#touched) {
      const from = at[i] as number;
      const key = from - KEY_BYTES;
      const to = from + this.#record.moveTo(bytes, from, end[i] as number).size;
      bytes.writeUInt32LE(crc32c(bytes, key, to), to);
      batch.put(bytes.subarray(key, from), bytes.subarray(from, to + CRC_BYTES));
      visitedBy[i] = 0;
    }
  }

  /** The bytes of a record, in memory of their own. */
  read(address: Address): Uint8Array | undefined {
    const found = this.#young.read(address) ?? this.#old.read(address);
    return found && new Uint8Array(found);
  }

  clear(): void {
    this.#young = new Part();
    this.#old = new Part();
    this.#touched.length = 0;
  }

  #grow(record: AddressRecord, size: number): void {
    const young = this.#young;
    young.move(this.#current, record.size, size);
    record.moveTo(young.bytes, young.at[this.#current] as number, young.end[this.#current] as number);
  }
}

/** Records one behind the other: key, content, room to grow, four bytes for the checksum. What moves leaves a hole. */
class Part {
  bytes = Buffer.alloc(0);
  used = 0;
  /** Of each record: where its content begins and may end, and the transaction that visited it last, 0 for none. */
  readonly at: number[] = [];
  readonly end: number[] = [];
  readonly visitedBy: number[] = [];
  readonly #reader = new AddressRecord();
  /** One more than the number of a record, at the hash of its address or the next free slot; 0 is empty. */
  #slots = new Int32Array(1 << 12);

  find(address: Address): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(address, 0) & mask; ; slot = (slot + 1) & mask) {
      const i = (this.#slots[slot] as number) - 1;
      if (i < 0 || this.#isAt(address, (this.at[i] as number) - ADDRESS_BYTES)) return i;
    }
  }

  #isAt(address: Address, at: number): boolean {
    let i = 0;
    while (i < ADDRESS_BYTES && this.bytes[at + i] === address[i]) i++;
    return i === ADDRESS_BYTES;
  }

  add(address: Address, content: Uint8Array): number {
    const i = this.at.length;
    this.#reserve(i, content.length);
    const at = this.at[i] as number;
    this.bytes[at - KEY_BYTES] = KIND.address;
    this.bytes.set(address, at - ADDRESS_BYTES);
    this.bytes.set(content, at);
    this.visitedBy[i] = 0;
    if (4 * i >= 3 * this.#slots.length) this.#rehash();
    else this.#enter(i);
    return i;
  }

  /** Moves a record of `size` bytes to where it has room for `wanted` and some more. */
  move(i: number, size: number, wanted: number): void {
    const at = this.at[i] as number;
    this.#reserve(i, wanted);
    this.bytes.copyWithin((this.at[i] as number) - KEY_BYTES, at - KEY_BYTES, at + size);
  }

  /** A view; undefined when it is not here. */
  read(address: Address): Uint8Array | undefined {
    const i = this.find(address);
    if (i < 0) return undefined;
    return this.#reader.moveTo(this.bytes, this.at[i] as number, this.end[i] as number).bytes();
  }

  clear(): this {
    this.used = 0;
    for (const list of [this.at, this.end, this.visitedBy]) list.length = 0;
    this.#slots.fill(0);
    return this;
  }

  #reserve(i: number, size: number): void {
    const at = this.used + KEY_BYTES;
    const end = at + Math.max(size + ROOM_BYTES, RECORD_BYTES_MIN);
    this.used = end + CRC_BYTES;
    this.at[i] = at;
    this.end[i] = end;
    if (this.used <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.used, PART_BYTES_MIN));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  #enter(i: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(this.bytes, (this.at[i] as number) - ADDRESS_BYTES) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = i + 1;
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let i = 0; i < this.at.length; i++) this.#enter(i);
  }
}

/** Not known outside, since anybody may pay to addresses of his choice and make them meet in one slot. */
const MULTIPLIERS = Array.from({ length: 5 }, () => new DataView(platformRandom(4).buffer).getInt32(0) | 1);

/** Universal, of the twenty bytes behind the version; its upper bits are the better ones. */
function hashOf(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let word = 0; word < 5; word++) {
    const i = at + 1 + 4 * word;
    const value =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    sum = (sum + Math.imul(value, MULTIPLIERS[word] as number)) | 0;
  }
  return sum >>> 8;
}
