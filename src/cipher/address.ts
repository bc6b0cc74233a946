import type { Brand } from "../base/brand.ts";
import { equalBytes } from "../base/bytes.ts";
import { decodeBase58, encodeBase58 } from "./base58.ts";
import { CipherError } from "./errors.ts";
import { doubleSha256, ripemd160, sha256 } from "./hash.ts";
import type { PublicKey } from "./keys.ts";

/** The wire form, 21 bytes: version(1) key(20). The key is RIPEMD-160 of the double SHA-256 of the public key. */
export type Address = Brand<Uint8Array, "Address">;

/** Version 0, key of zeros: decodes like any other; only user-level rules refuse to pay to it. Never written to. */
export const NULL_ADDRESS = new Uint8Array(21) as Address;

const TEXT_BYTES = 25;

export function addressOf(publicKey: PublicKey): Address {
  return addressFromKeyHash(ripemd160(doubleSha256(publicKey)));
}

/** The version 0 address of a 20-byte key hash. @throws CipherError RIPEMD160_LENGTH */
export function addressFromKeyHash(keyHash: Uint8Array): Address {
  if (keyHash.length !== 20) throw new CipherError("RIPEMD160_LENGTH");
  const address = new Uint8Array(21);
  address.set(keyHash, 1);
  return address as Address;
}

/** 25 bytes: key(20) version(1) checksum(4), the checksum being of SHA-256(key ++ version). Rich lists sort by these. */
export function addressBytes25(address: Address): Uint8Array {
  const bytes = new Uint8Array(TEXT_BYTES);
  bytes.set(address.subarray(1));
  bytes[20] = address[0] as number;
  bytes.set(sha256(bytes.subarray(0, 21)).subarray(0, 4), 21);
  return bytes;
}

/** Base58 of the 25-byte form: the key leads, so that vanity addresses are possible. */
export function encodeAddress(address: Address): string {
  return encodeBase58(addressBytes25(address));
}

/** @throws CipherError BASE58_EMPTY, BASE58_CHARACTER, ADDRESS_LENGTH, ADDRESS_CHECKSUM, ADDRESS_VERSION, in this order */
export function decodeAddress(text: string): Address {
  return addressFromBytes25(decodeBase58(text, TEXT_BYTES));
}

/** Reads the 25-byte form. @throws CipherError ADDRESS_LENGTH, ADDRESS_CHECKSUM, ADDRESS_VERSION */
export function addressFromBytes25(bytes: Uint8Array | undefined): Address {
  if (bytes?.length !== TEXT_BYTES) throw new CipherError("ADDRESS_LENGTH");
  const checksum = sha256(bytes.subarray(0, 21)).subarray(0, 4);
  if (!equalBytes(checksum, bytes.subarray(21))) throw new CipherError("ADDRESS_CHECKSUM");
  if (bytes[20] !== 0) throw new CipherError("ADDRESS_VERSION");
  return addressFromKeyHash(bytes.subarray(0, 20));
}

/** The address is the key's (Address.Verify). @throws CipherError ADDRESS_VERSION, ADDRESS_NOT_KEY */
export function verifyAddressKey(address: Address, publicKey: PublicKey): void {
  if (address[0] !== 0) throw new CipherError("ADDRESS_VERSION");
  if (!equalBytes(address, addressOf(publicKey))) throw new CipherError("ADDRESS_NOT_KEY");
}
