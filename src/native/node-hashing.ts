import * as crypto from "node:crypto";
import { nobleBackend } from "../cipher/noble-backend.ts";

type HashFunction = (data: Uint8Array) => Uint8Array;

/** SHA-256 and RIPEMD-160 of OpenSSL, as fast as this Node can give them. `name` says which way was taken. */
export interface NodeHashing {
  readonly name: string;
  readonly sha256: HashFunction;
  readonly ripemd160: HashFunction;
}

/** One-shot `crypto.hash` where it exists (Node 20.12, not 21.0 to 21.6), `createHash` otherwise. */
export function nodeHashing(): NodeHashing {
  return typeof crypto.hash === "function" ? hashingBy("crypto.hash", oneShotHash) : createdHashing();
}

/** The older, slower way, which every Node has. */
export function createdHashing(): NodeHashing {
  return hashingBy("crypto.createHash", createdHash);
}

/** RIPEMD-160 falls to noble where OpenSSL refuses it, as FIPS and some distribution builds do. */
function hashingBy(name: string, hashOf: (algorithm: string, size: number) => HashFunction): NodeHashing {
  const sha256 = hashOf("sha256", 32);
  const ripemd160 = hashOf("ripemd160", 20);
  try {
    ripemd160(new Uint8Array(0)); // throws where it is disabled
    return { name, sha256, ripemd160 };
  } catch {
    return { name: `${name}, ripemd160 by noble`, sha256, ripemd160: nobleBackend.ripemd160 };
  }
}

/**
 * The digest as a string, one character a byte, copied into a plain array: asking for a Buffer instead
 * costs an off-heap allocation each time (measured 0.8 against 0.3 microseconds for 32 bytes).
 */
function oneShotHash(algorithm: string, size: number): HashFunction {
  return (data) => {
    const text = crypto.hash(algorithm, data, "binary"); // binary is latin1
    const digest = new Uint8Array(size);
    for (let i = 0; i < size; i++) digest[i] = text.charCodeAt(i);
    return digest;
  };
}

function createdHash(algorithm: string): HashFunction {
  return (data) => Uint8Array.from(crypto.createHash(algorithm).update(data).digest());
}
