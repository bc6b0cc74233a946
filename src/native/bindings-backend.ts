import { createRequire } from "node:module";
import type { CipherBackend } from "../cipher/backend.ts";
import { platformRandom } from "../cipher/random.ts";
import type { NodeHashing } from "./node-hashing.ts";

/** What is used of secp256k1 5.x. All throw on input they do not take. */
interface Bindings {
  publicKeyVerify(publicKey: Uint8Array): boolean;
  publicKeyCreate(secret: Uint8Array, compressed: true, output: Uint8Array): Uint8Array;
  publicKeyTweakMul(publicKey: Uint8Array, scalar: Uint8Array, compressed: true, output: Uint8Array): Uint8Array;
  ecdsaRecover(rs: Uint8Array, id: number, digest: Uint8Array, compressed: true, output: Uint8Array): Uint8Array;
  ecdsaSign(
    digest: Uint8Array,
    secret: Uint8Array,
    options: { data: Uint8Array },
    output: Uint8Array,
  ): { signature: Uint8Array; recid: number };
}

/**
 * libsecp256k1 compiled to machine code, 2.5 times Go's speed. Throws when this platform has no build of it.
 * Only the `bindings` entry is loaded: the package's main entry would fall back to elliptic, 31 times slower,
 * without a word.
 */
export function bindingsBackend(hashing: NodeHashing): CipherBackend {
  const native = createRequire(import.meta.url)("secp256k1/bindings") as Bindings;
  return {
    name: "secp256k1/bindings",
    sha256: hashing.sha256,
    ripemd160: hashing.ripemd160,
    recover(digest, rs, recovery) {
      try {
        return native.ecdsaRecover(rs, recovery, digest, true, new Uint8Array(33));
      } catch {
        return undefined;
      }
    },
    publicKey: (secret) => native.publicKeyCreate(secret, true, new Uint8Array(33)),
    isPublicKey: (bytes) => bytes.length === 33 && native.publicKeyVerify(bytes),
    sign(digest, secret) {
      // The library's nonce is RFC 6979; `data` is its extra entropy.
      const { signature, recid } = native.ecdsaSign(digest, secret, { data: platformRandom(32) }, new Uint8Array(64));
      return { rs: signature, recovery: recid };
    },
    multiply: (publicKey, secret) => native.publicKeyTweakMul(publicKey, secret, true, new Uint8Array(33)),
  };
}
