import { CoinError } from "../base/errors.ts";

export type CodecErrorCode = "CODEC_UNDERFLOW" | "CODEC_MAXLEN" | "CODEC_TRAILING" | "CODEC_BOOL" | "CODEC_RANGE";

/** Bytes that do not decode. The messages are the reference encoder's. */
export class CodecError extends CoinError<CodecErrorCode> {}

const UNDERFLOW = "Not enough buffer data to deserialize";

/** Bounds-checked little-endian cursor. Slices it returns share the input's memory: do not mutate them. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A u64 kept as a number. Differs: above 2^53-1 is refused; no height or second ever gets there. */
  size(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
    if (!Number.isSafeInteger(value)) throw new CodecError("CODEC_RANGE", "number above 2^53-1", { at });
    return value;
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new CodecError("CODEC_BOOL", "Invalid value for bool type", { value });
    return value === 1;
  }

  /** The next `size` bytes, without copying. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** Bytes from an earlier offset up to here, without copying. */
  since(offset: number): Uint8Array {
    return this.#bytes.subarray(offset, this.#at);
  }

  /**
   * The u32 count in front of a list. Checks in the reference's order: the count against the *bytes* left,
   * then against `maxLen` (a count of 65536 in a short buffer is an underflow, in a long one a maxlen error).
   */
  count(maxLen: number): number {
    const count = this.u32();
    if (count > this.remaining) throw new CodecError("CODEC_UNDERFLOW", UNDERFLOW, { count, left: this.remaining });
    if (count > maxLen) {
      throw new CodecError("CODEC_MAXLEN", "Maximum length exceeded for variable length field", { count, maxLen });
    }
    return count;
  }

  /** Nothing may be left: slack would give one value many byte forms. */
  end(): void {
    if (this.remaining > 0) {
      throw new CodecError("CODEC_TRAILING", "Bytes remain in buffer after deserializing object", {
        left: this.remaining,
      });
    }
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) {
      throw new CodecError("CODEC_UNDERFLOW", UNDERFLOW, { need: size, left: this.#bytes.length - at });
    }
    this.#at = at + size;
    return at;
  }
}
