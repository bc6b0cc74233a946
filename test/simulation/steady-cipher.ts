import { toHex } from "../../src/base/bytes.ts";
import { backend, installBackend } from "../../src/cipher/active-backend.ts";
import type { CipherBackend } from "../../src/cipher/backend.ts";

const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** Twice so many answers are remembered at most. */
const REMEMBERED_MAX = 40_000;

/**
 * The installed curve with signatures that are the same in every run, which a hedged nonce's are not, and with every
 * answer remembered. One nonce serves all: that gives the keys away, and these keys are known anyway. A signature of
 * ours need not be recovered, its key is known; any other one is recovered for real.
 */
export function installSteadyCipher(): CipherBackend {
  const real = backend();
  const recovered = new Memory<Uint8Array | undefined>();
  const keys = new Memory<Uint8Array>();
  const hashes = new Memory<Uint8Array>();

  const nonce = 0x5eedn;
  const point = real.publicKey(bytesOf(nonce)); // prefix 02 or 03, then x
  const r = point.subarray(1);
  const parity = (point[0] as number) & 1;
  const inverse = power(nonce, GROUP_ORDER - 2n);
  const nonceTimesX = numberOf(r);

  const publicKey = (secret: Uint8Array) => keys.get(toHex(secret), () => real.publicKey(secret));
  const steady: CipherBackend = {
    name: `steady ${real.name}`,
    sha256: (data) => real.sha256(data),
    ripemd160: (data) => hashes.get(toHex(data), () => real.ripemd160(data)),
    isPublicKey: (bytes) => real.isPublicKey(bytes),
    multiply: (key, secret) => real.multiply(key, secret),
    publicKey,
    recover: (digest, rs, recovery) =>
      recovered.get(`${toHex(digest)}${toHex(rs)}${recovery}`, () => real.recover(digest, rs, recovery)),
    sign(digest, secret) {
      let s = (inverse * (numberOf(digest) + nonceTimesX * numberOf(secret))) % GROUP_ORDER;
      let recovery = parity;
      if (s > GROUP_ORDER / 2n) {
        s = GROUP_ORDER - s;
        recovery ^= 1;
      }
      const rs = new Uint8Array(64);
      rs.set(r);
      rs.set(bytesOf(s), 32);
      recovered.get(`${toHex(digest)}${toHex(rs)}${recovery}`, () => publicKey(secret));
      return { rs, recovery };
    },
  };
  installBackend(steady);
  return real;
}

/** The older half goes when the newer one is full. */
class Memory<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  get(key: string, compute: () => T): T {
    const young = this.#young.get(key);
    if (young !== undefined || this.#young.has(key)) return young as T;
    const value = this.#old.has(key) ? (this.#old.get(key) as T) : compute();
    if (this.#young.size >= REMEMBERED_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function bytesOf(n: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(n.toString(16).padStart(64, "0"), "hex"));
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % GROUP_ORDER];
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * square) % GROUP_ORDER;
    square = (square * square) % GROUP_ORDER;
  }
  return result;
}
