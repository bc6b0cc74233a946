import { hmac } from "@noble/hashes/hmac.js";
import { ripemd160 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import * as secp from "@noble/secp256k1";
import { concat } from "../base/bytes.ts";
import type { CipherBackend } from "./backend.ts";

// noble's synchronous signing asks for hashes from outside; they are its own, so nothing else depends on this.
secp.hashes.sha256 = sha256;
secp.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

/** Pure JavaScript: runs everywhere, browsers included, at about 6 % of Go's speed. */
export const nobleBackend: CipherBackend = {
  name: "noble",
  sha256,
  ripemd160,

  recover(digest, rs, recovery) {
    try {
      // noble leads with the recovery id where the wire ends with it.
      return secp.recoverPublicKey(concat(Uint8Array.of(recovery), rs), digest, { prehash: false });
    } catch {
      return undefined;
    }
  },

  publicKey: (secret) => secp.getPublicKey(secret, true),

  isPublicKey: (bytes) => bytes.length === 33 && secp.utils.isValidPublicKey(bytes, true),

  sign(digest, secret) {
    const signed = secp.sign(digest, secret, { prehash: false, lowS: true, format: "recovered", extraEntropy: true });
    return { rs: signed.subarray(1), recovery: signed[0] as number };
  },

  multiply: (publicKey, secret) => secp.getSharedSecret(secret, publicKey, true),
};
