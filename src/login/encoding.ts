import { base64url } from "jose";
import { sha256 } from "../cipher/hash.ts";
import type { Random } from "../cipher/random.ts";

/** `bytes` random bytes as base64url without padding. */
export function randomText(random: Random, bytes: number): string {
  return base64url.encode(random(bytes));
}

/** Base64url of SHA-256 of the text: how secrets are stored, and what PKCE calls S256. */
export function hashText(text: string): string {
  return base64url.encode(sha256(new TextEncoder().encode(text)));
}
