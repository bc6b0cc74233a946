/**
 * Bounded memory of encoded JSON. Blocks and confirmed transactions never change, so one encoding serves every
 * request; the least recently used go when the byte limit is reached.
 */
export class BytesCache {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor({ bytesMax }: { bytesMax: number }) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The remembered bytes, or those `make` returns. */
  get(key: string, make: () => Uint8Array): Uint8Array {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key); // a Map keeps insertion order: the oldest entry is the first key
      this.#entries.set(key, found);
      return found;
    }
    const made = make();
    this.#add(key, made);
    return made;
  }

  #add(key: string, value: Uint8Array): void {
    const cost = costOf(key, value);
    if (cost > this.#bytesMax / 8) return; // one giant must not push out everything else
    this.#entries.set(key, value);
    this.#bytes += cost;
    for (const [oldKey, old] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldKey);
      this.#bytes -= costOf(oldKey, old);
    }
  }
}

/** Payload and, roughly, what the Map entry around it takes. */
function costOf(key: string, value: Uint8Array): number {
  return value.length + key.length + 128;
}
