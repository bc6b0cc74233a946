import { CoinError } from "./errors.ts";

const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
/** Digits of one call: up to as many as fit the arguments of a function well. */
const digits = new Uint8Array(4096);

/** Lower-case hex of the bytes, in storage order. A text that grows by each byte would take many times as long. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    let size = 0;
    for (; at < bytes.length && size < digits.length; at++) {
      const byte = bytes[at] as number;
      digits[size++] = DIGITS[byte >> 4] as number;
      digits[size++] = DIGITS[byte & 15] as number;
    }
    text += String.fromCharCode.apply(null, digits.subarray(0, size) as unknown as number[]);
  }
  return text;
}

/**
 * Bytes of hex text, either case. The messages are those of Go's encoding/hex, since the API shows them.
 * @throws CoinError HEX_INVALID
 */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i + 1 < text.length; i += 2) bytes[i >> 1] = (nibble(text, i) << 4) | nibble(text, i + 1);
  if (text.length % 2 === 1) {
    nibble(text, text.length - 1); // Go reports a bad last digit before the odd length
    throw new CoinError("HEX_INVALID", "encoding/hex: odd length hex string");
  }
  return bytes;
}

function nibble(text: string, at: number): number {
  const c = text.charCodeAt(at);
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  if (c >= 65 && c <= 70) return c - 55;
  throw new CoinError("HEX_INVALID", `encoding/hex: invalid byte: ${goByteName(text, at)}`);
}

/** Go's `%#U` of the offending *byte*: non-ASCII text is judged by the first byte of its UTF-8 form. */
function goByteName(text: string, at: number): string {
  const point = text.codePointAt(at) as number;
  const byte = point < 128 ? point : (new TextEncoder().encode(String.fromCodePoint(point))[0] as number);
  const name = `U+${byte.toString(16).toUpperCase().padStart(4, "0")}`;
  const printable = (byte >= 0x20 && byte < 0x7f) || (byte >= 0xa1 && byte !== 0xad);
  return printable ? `${name} '${String.fromCharCode(byte)}'` : name;
}

/** All parts, one after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Same length, same bytes. Not constant time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order by unsigned byte, shorter first on a common prefix (Go's bytes.Compare). */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** True when every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
