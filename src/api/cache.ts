interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
  /** Asked for since it came, or since it last came up for removal. */
  isUsed: boolean;
}

/**
 * Values by text, up to a number of bytes. When it is reached the oldest go, but one that was asked for meanwhile
 * becomes the newest instead: nearly the order of last use, and finding something costs one look-up.
 */
export class BoundedCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #bytesMax: number;
  readonly #oneMax: number;
  #bytes = 0;
  /** Goes through the entries in their order, and never back: a new one would have to pass all that were removed. */
  #oldest = this.#entries.entries();

  /** `oneMax`: what is larger is not kept, since one giant must not push out everything else. */
  constructor({ bytesMax, oneMax = bytesMax / 8 }: { bytesMax: number; oneMax?: number }) {
    this.#bytesMax = bytesMax;
    this.#oneMax = oneMax;
  }

  /** Of all values and keys, with what the Map takes around them, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.isUsed = true;
    return entry.value;
  }

  /** `bytes` is what the value takes. */
  add(key: string, value: Value, bytes: number): void {
    this.delete(key);
    const cost = bytes + key.length + 128;
    if (cost > this.#oneMax) return;
    this.#entries.set(key, { value, bytes: cost, isUsed: false });
    this.#bytes += cost;
    while (this.#bytes > this.#bytesMax) this.#passOldest();
  }

  /** A Map keeps the order of insertion, and shows its iterators what is put at its end. */
  #passOldest(): void {
    const next = this.#oldest.next();
    if (next.done === true) {
      this.#oldest = this.#entries.entries();
      return;
    }
    const [key, old] = next.value;
    this.#entries.delete(key);
    if (old.isUsed) this.#entries.set(key, { ...old, isUsed: false });
    else this.#bytes -= old.bytes;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = this.#entries.entries();
    this.#bytes = 0;
  }
}

/** Memory of encoded JSON: blocks and confirmed transactions never change, so one encoding serves every request. */
export class BytesCache {
  readonly #cache: BoundedCache<Uint8Array>;

  constructor(limit: { bytesMax: number }) {
    this.#cache = new BoundedCache(limit);
  }

  get bytes(): number {
    return this.#cache.bytes;
  }

  /** The remembered bytes, or those `make` returns. */
  get(key: string, make: () => Uint8Array): Uint8Array {
    const found = this.#cache.find(key);
    if (found !== undefined) return found;
    const made = make();
    this.#cache.add(key, made, made.length);
    return made;
  }
}
