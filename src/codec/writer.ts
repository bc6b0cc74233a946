/** Little-endian cursor over a buffer sized up front; the mirror of `Reader`. */
export class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get offset(): number {
    return this.#at;
  }

  /** Begins again in the same memory, for bytes that are used up at once. */
  rewind(): this {
    this.#at = 0;
    return this;
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: bigint): this {
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  i64(value: bigint): this {
    this.#view.setBigInt64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  /** A u64 held as a number: heights, seconds, counts. */
  size(value: number): this {
    this.#view.setUint32(this.#at, value >>> 0, true);
    this.#view.setUint32(this.#at + 4, Math.floor(value / 0x1_0000_0000), true);
    this.#at += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** The whole buffer. Writing fewer bytes than announced is our bug. */
  finish(): Uint8Array {
    if (this.#at !== this.#bytes.length) throw new RangeError(`wrote ${this.#at} of ${this.#bytes.length} bytes`);
    return this.#bytes;
  }
}
