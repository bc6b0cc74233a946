import { pbkdf2 } from "@noble/hashes/pbkdf2.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { CipherError } from "./errors.ts";
import { platformRandom, type Random } from "./random.ts";

const WORDS: ReadonlySet<string> = new Set(wordlist);

// Go's unicode.IsSpace. JavaScript's trim differs at U+0085 (left alone) and U+FEFF (removed).
const OUTER_SPACE =
  /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;

const TEXT_MAX = 24 * 9; // 24 words of at most 8 letters and their spaces

/** A phrase of `bits` of entropy: 128 (12 words), 160, 192, 224 or 256 (24 words). @throws CipherError ENTROPY_LENGTH */
export function generateMnemonic(bits: number, random: Random = platformRandom): string {
  requireEntropyBits(bits);
  return mnemonicFromEntropy(random(bits / 8));
}

/** The phrase of given entropy, English words. @throws CipherError ENTROPY_LENGTH */
export function mnemonicFromEntropy(entropy: Uint8Array): string {
  requireEntropyBits(entropy.length * 8);
  return entropyToMnemonic(entropy, wordlist);
}

/**
 * Passes for a phrase of English words with a right checksum, single spaces and nothing around (bip39.ValidateMnemonic).
 * @throws CipherError MNEMONIC_WHITESPACE, MNEMONIC_SEPARATOR, MNEMONIC_WORD_COUNT, MNEMONIC_WORD_UNKNOWN,
 * MNEMONIC_CHECKSUM, tested in this order. None carries the phrase.
 */
export function validateMnemonic(text: string): void {
  if (OUTER_SPACE.test(text)) throw new CipherError("MNEMONIC_WHITESPACE");
  const words = text.split(" ");
  if (words.includes("")) throw new CipherError("MNEMONIC_SEPARATOR");
  if (words.length % 3 !== 0 || words.length < 12 || words.length > 24) throw new CipherError("MNEMONIC_WORD_COUNT");
  if (text.length > TEXT_MAX || words.some((word) => !WORDS.has(word))) throw new CipherError("MNEMONIC_WORD_UNKNOWN");
  try {
    mnemonicToEntropy(text, wordlist);
  } catch {
    throw new CipherError("MNEMONIC_CHECKSUM"); // no cause: what is left to say could quote the phrase
  }
}

/**
 * The 64-byte seed of a phrase and passphrase: PBKDF2, HMAC-SHA-512, 2048 rounds (bip39.NewSeed). The reference
 * hashes the passphrase's bytes as they come, without the Unicode normalisation BIP 39 asks for; so do we.
 * @throws CipherError as validateMnemonic
 */
export function mnemonicSeed(text: string, passphrase = ""): Uint8Array {
  validateMnemonic(text);
  const utf8 = new TextEncoder();
  return pbkdf2(sha512, utf8.encode(text), utf8.encode(`mnemonic${passphrase}`), { c: 2048, dkLen: 64 });
}

function requireEntropyBits(bits: number): void {
  if (!Number.isInteger(bits) || bits % 32 !== 0 || bits < 128 || bits > 256) throw new CipherError("ENTROPY_LENGTH");
}
