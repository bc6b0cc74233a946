import bs58 from "bs58";
import { CipherError } from "./errors.ts";

const DIGITS = /^[1-9A-HJ-NP-Za-km-z]*$/;

/** Bitcoin's alphabet; each leading zero byte is one `1`. */
export function encodeBase58(bytes: Uint8Array): string {
  return bs58.encode(bytes);
}

/**
 * Bytes of base58 text, or undefined when it is too long to be `bytesMax` bytes: decoding takes quadratic time,
 * so text from outside is measured before it is decoded.
 * @throws CipherError BASE58_EMPTY, BASE58_CHARACTER
 */
export function decodeBase58(text: string, bytesMax: number): Uint8Array | undefined {
  if (text.length === 0) throw new CipherError("BASE58_EMPTY");
  if (!DIGITS.test(text)) throw new CipherError("BASE58_CHARACTER");
  if (text.length > bytesMax * 1.4 + 1) return undefined; // a byte takes log(256)/log(58) = 1.37 digits at most
  return bs58.decode(text);
}
