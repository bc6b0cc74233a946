import { CoinError } from "../base/errors.ts";

/** Every refusal of this folder: a stable code and the reference's text, which API answers show. */
export const CIPHER_ERRORS = {
  HASH_HEX_INVALID: "encoding/hex: invalid hex", // replaced by the decoder's own text
  HASH_HEX_LENGTH: "Invalid hex length",
  HASH_LENGTH: "Invalid sha256 length",
  RIPEMD160_LENGTH: "Invalid ripemd160 length",
  PUBLIC_KEY_LENGTH: "Invalid public key length",
  PUBLIC_KEY_INVALID: "Invalid public key",
  SECRET_KEY_LENGTH: "Invalid secret key length",
  SECRET_KEY_INVALID: "Invalid secret key",
  SECRET_KEY_NULL: "Attempt to load null seckey, unsafe",
  SEED_EMPTY: "Seed input is empty",
  ECDH_PUBLIC_KEY_INVALID: "ECDH invalid pubkey input",
  ECDH_SECRET_KEY_INVALID: "ECDH invalid seckey input",
  SIGNATURE_LENGTH: "Invalid signature length",
  SIGNATURE_HEX_INVALID: "Invalid signature",
  SIGN_NULL_HASH: "Cannot sign null hash digest",
  SIGNATURE_UNRECOVERABLE: "Failed to recover pubkey from signature",
  SIGNATURE_INVALID_FOR_HASH: "Signature not valid for hash",
  SIGNATURE_MALLEABLE: "VerifySignatureRecoverPubKey, VerifySignatureValidity failed",
  SIGNER_NOT_ADDRESS: "Address does not match recovered signing address",
  SIGNER_NOT_KEY: "Recovered pubkey does not match pubkey",
  BASE58_EMPTY: "Invalid base58 string",
  BASE58_CHARACTER: "Invalid base58 character",
  ADDRESS_LENGTH: "Invalid address length",
  ADDRESS_CHECKSUM: "Invalid checksum",
  ADDRESS_VERSION: "Address version invalid",
  ADDRESS_NOT_KEY: "Public key invalid for address",
  WIF_LENGTH: "Invalid length",
  WIF_FIRST_BYTE: "Bitcoin WIF: First byte invalid",
  WIF_SUFFIX: "Bitcoin WIF: Invalid 33rd byte",
  WIF_CHECKSUM: "Bitcoin WIF: Checksum fail",
  ENTROPY_LENGTH: "Entropy length must be [128, 256] and a multiple of 32",
  MNEMONIC_WHITESPACE: "Mnemonic has extra whitespace around it",
  MNEMONIC_SEPARATOR: "Mnemonic must be separated by single spaces",
  MNEMONIC_WORD_COUNT: "Mnemonic must have 12, 15, 18, 21 or 24 words",
  MNEMONIC_WORD_UNKNOWN: "Mnemonic contains an unrecognized word",
  MNEMONIC_CHECKSUM: "Mnemonic checksum incorrect",
} as const;

export type CipherErrorCode = keyof typeof CIPHER_ERRORS;

/** A key, hash, signature, address or seed phrase that is not what it claims to be. Never carries secrets. */
export class CipherError extends CoinError<CipherErrorCode> {
  constructor(code: CipherErrorCode, message: string = CIPHER_ERRORS[code], options?: { cause?: unknown }) {
    super(code, message, {}, options);
  }
}
