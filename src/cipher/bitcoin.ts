import type { Brand } from "../base/brand.ts";
import { concat, equalBytes } from "../base/bytes.ts";
import { decodeBase58, encodeBase58 } from "./base58.ts";
import { CipherError } from "./errors.ts";
import { doubleSha256, ripemd160, sha256 } from "./hash.ts";
import { type PublicKey, type SecretKey, secretKeyFrom } from "./keys.ts";

/** 21 bytes: version(1) key(20); the key is RIPEMD-160 of one SHA-256 of the public key. Only wallets of coin bitcoin use it. */
export type BitcoinAddress = Brand<Uint8Array, "BitcoinAddress">;

/** Mainnet, version 0. */
export function bitcoinAddressOf(publicKey: PublicKey): BitcoinAddress {
  const address = new Uint8Array(21);
  address.set(ripemd160(sha256(publicKey)), 1);
  return address as BitcoinAddress;
}

/** Base58 of version ++ key ++ checksum, the checksum being of the double SHA-256. */
export function encodeBitcoinAddress(address: BitcoinAddress): string {
  return encodeBase58(concat(address, checksum(address)));
}

/** @throws CipherError BASE58_EMPTY, BASE58_CHARACTER, ADDRESS_LENGTH, ADDRESS_CHECKSUM, ADDRESS_VERSION, in this order */
export function decodeBitcoinAddress(text: string): BitcoinAddress {
  const bytes = decodeBase58(text, 25);
  if (bytes?.length !== 25) throw new CipherError("ADDRESS_LENGTH");
  const address = bytes.slice(0, 21);
  if (!equalBytes(checksum(address), bytes.subarray(21))) throw new CipherError("ADDRESS_CHECKSUM");
  if (address[0] !== 0) throw new CipherError("ADDRESS_VERSION");
  return address as BitcoinAddress;
}

/** Wallet import format: base58 of 80 ++ key(32) ++ 01 ++ checksum(4). A secret. */
export function encodeWif(secret: SecretKey): string {
  const body = concat(Uint8Array.of(0x80), secret, Uint8Array.of(0x01));
  return encodeBase58(concat(body, checksum(body)));
}

/**
 * @throws CipherError BASE58_EMPTY, BASE58_CHARACTER, WIF_LENGTH, WIF_FIRST_BYTE, WIF_SUFFIX, WIF_CHECKSUM,
 * SECRET_KEY_INVALID, in this order
 */
export function decodeWif(text: string): SecretKey {
  const bytes = decodeBase58(text, 38);
  if (bytes?.length !== 38) throw new CipherError("WIF_LENGTH");
  if (bytes[0] !== 0x80) throw new CipherError("WIF_FIRST_BYTE");
  if (bytes[33] !== 0x01) throw new CipherError("WIF_SUFFIX");
  if (!equalBytes(checksum(bytes.subarray(0, 34)), bytes.subarray(34))) throw new CipherError("WIF_CHECKSUM");
  return secretKeyFrom(bytes.slice(1, 33));
}

function checksum(bytes: Uint8Array): Uint8Array {
  return doubleSha256(bytes).subarray(0, 4);
}
