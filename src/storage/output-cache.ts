import type { UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { readNumber, UX_BYTES, writeUxOut } from "./layout.ts";

const WAYS = 4;
const ID_BYTES = 32;
const ENTRY_BYTES = ID_BYTES + UX_BYTES;

/**
 * Outputs by id, as bytes in one piece of memory: 117 bytes each, and nothing for the garbage collector to walk or to
 * move, where decoded outputs in a Map took four times as much and were most of what it collected. Ids are hashes, so
 * their own bytes choose one of the sets of four places; a full set forgets the one that came first.
 */
export class OutputCache {
  readonly #mask: number;
  readonly #entries: Buffer;
  /** Four more bytes of the id of each entry, never 0; 0 is an empty place. */
  readonly #tags: Uint32Array;
  /** Per set, the place to fill next. */
  readonly #next: Uint8Array;

  /** Keeps up to `max` outputs, rounded up to a power of two. Memory is taken as it fills. */
  constructor(max: number) {
    let sets = 1;
    while (sets * WAYS < max) sets *= 2;
    this.#mask = sets - 1;
    this.#entries = Buffer.alloc(sets * WAYS * ENTRY_BYTES);
    this.#tags = new Uint32Array(sets * WAYS);
    this.#next = new Uint8Array(sets);
  }

  /** In memory of its own. */
  get(id: Hash): UxOut | undefined {
    const place = this.#find(id);
    return place < 0 ? undefined : readUxOut(this.#entries, place * ENTRY_BYTES + ID_BYTES);
  }

  set(id: Hash, ux: UxOut): void {
    let place = this.#find(id);
    if (place < 0) {
      const set = wordAt(id, 0) & this.#mask;
      place = this.#emptyIn(set);
      if (place < 0) {
        const way = this.#next[set] as number;
        this.#next[set] = (way + 1) % WAYS;
        place = set * WAYS + way;
      }
    }
    const at = place * ENTRY_BYTES;
    this.#tags[place] = tagOf(id);
    this.#entries.set(id, at);
    writeUxOut(this.#entries, ux, at + ID_BYTES);
  }

  delete(id: Hash): void {
    const place = this.#find(id);
    if (place >= 0) this.#tags[place] = 0;
  }

  clear(): void {
    this.#tags.fill(0);
  }

  #find(id: Hash): number {
    const first = (wordAt(id, 0) & this.#mask) * WAYS;
    const tag = tagOf(id);
    for (let place = first; place < first + WAYS; place++) {
      if (this.#tags[place] === tag && this.#holds(place, id)) return place;
    }
    return -1;
  }

  #holds(place: number, id: Hash): boolean {
    const at = place * ENTRY_BYTES;
    for (let i = 0; i < ID_BYTES; i++) if (this.#entries[at + i] !== id[i]) return false;
    return true;
  }

  #emptyIn(set: number): number {
    for (let place = set * WAYS; place < (set + 1) * WAYS; place++) if (this.#tags[place] === 0) return place;
    return -1;
  }
}

function tagOf(id: Hash): number {
  return (wordAt(id, 4) | 1) >>> 0;
}

function wordAt(id: Hash, at: number): number {
  return (
    (id[at] as number) | ((id[at + 1] as number) << 8) | ((id[at + 2] as number) << 16) | ((id[at + 3] as number) << 24)
  );
}

/** Mirror of `writeUxOut`. */
function readUxOut(from: Buffer, at: number): UxOut {
  const head = { time: readNumber(from, at), seq: readNumber(from, at + 8) };
  const srcTransaction = copyOf(from, at + 16, 32) as Hash;
  const address = copyOf(from, at + 48, 21) as Address;
  const [coins, hours] = [from.readBigUInt64LE(at + 69), from.readBigUInt64LE(at + 77)];
  return { head, body: { srcTransaction, address, coins, hours } } as UxOut;
}

/** Byte by byte: for so few that is quicker than a view and a copy of it. */
function copyOf(from: Buffer, at: number, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  for (let i = 0; i < size; i++) copy[i] = from[at + i] as number;
  return copy;
}
