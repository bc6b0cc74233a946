/**
 * A bounded cache in two parts: entries of the older part that are asked for move to the younger; when there are too
 * many the older part is dropped as a whole. Nothing is forgotten while no more than `max` different entries are in
 * use, and never more than half as many again are kept.
 */
export class AgingMap<Value> {
  readonly #max: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    this.#old.delete(key);
    if (this.#young.size + this.#old.size >= this.#max && this.#young.size >= this.#max / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#old.delete(key);
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** The bytes as a string of as many characters: the cheapest key of a map (144 ns, hex costs four times that). */
export function latin1Key(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length);
}

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, from: number, to: number) => string;
};
