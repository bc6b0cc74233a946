import type { CipherBackend } from "../cipher/backend.ts";
import { nobleBackend } from "../cipher/noble-backend.ts";
import type { NodeHashing } from "./node-hashing.ts";

/** libsecp256k1 compiled to WebAssembly, 0.9 times Go's speed: needs no build for the platform. */
export async function wasmBackend(hashing: NodeHashing): Promise<CipherBackend> {
  // Not the package's main entry: that also loads its virtual machines and templates (190 ms instead of 45).
  const { instantiateSecp256k1 } = await import("@bitauth/libauth/build/lib/crypto/secp256k1.js");
  const wasm = await instantiateSecp256k1();
  return {
    name: "libauth (wasm)",
    sha256: hashing.sha256,
    ripemd160: hashing.ripemd160,
    recover(digest, rs, recovery) {
      const key = wasm.recoverPublicKeyCompressed(rs, recovery as 0 | 1 | 2 | 3, digest);
      return typeof key === "string" ? undefined : key; // a string is the reason of failure
    },
    publicKey: (secret) => requireBytes(wasm.derivePublicKeyCompressed(secret)),
    isPublicKey: (bytes) => bytes.length === 33 && wasm.validatePublicKey(bytes),
    sign: nobleBackend.sign, // this build takes no extra entropy for the nonce, and signing is rare
    multiply: (publicKey, secret) => requireBytes(wasm.mulTweakPublicKeyCompressed(publicKey, secret)),
  };
}

function requireBytes(result: Uint8Array | string): Uint8Array {
  if (typeof result === "string") throw new Error(result);
  return result;
}
