import { equalBytes, toHex } from "../base/bytes.ts";
import { type Address, encodeAddress } from "../cipher/address.ts";
import { type Hash, sha256 } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { parseSignature, recoverSigner } from "../cipher/sign.ts";

export interface MessageParts {
  /** Host, with its port, of the public listener. */
  readonly domain: string;
  /** Display name of the coin. */
  readonly coin: string;
  readonly address: Address;
  readonly uri: string;
  readonly publisherKey: PublicKey;
  readonly nonce: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** The text to sign (login-service.md 4): says what for, and to whom. Lines end with a line feed, the last with none. */
export function signedMessage(parts: MessageParts): string {
  return [
    `${parts.domain} wants you to sign in with your ${parts.coin} address:`,
    encodeAddress(parts.address),
    "",
    `URI: ${parts.uri}`,
    "Version: 1",
    `Chain: ${toHex(parts.publisherKey)}`,
    `Nonce: ${parts.nonce}`,
    `Issued At: ${new Date(parts.issuedAtMs).toISOString()}`,
    `Expiration Time: ${new Date(parts.expiresAtMs).toISOString()}`,
  ].join("\n");
}

/** What is signed: SHA-256 of the text's bytes, the text holding the address. */
export function messageDigest(message: string): Hash {
  return sha256(new TextEncoder().encode(message));
}

/** The owner of the address signed the message. Anything unreadable counts as no. */
export function isSignedBy(address: Address, message: string, signatureHex: string): boolean {
  if (!/^[0-9a-fA-F]{130}$/.test(signatureHex)) return false;
  const signer = recoverSigner(messageDigest(message), parseSignature(signatureHex));
  return signer.ok && signer.strict && equalBytes(signer.address, address);
}
