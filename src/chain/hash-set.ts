import { equalBytes } from "../base/bytes.ts";
import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";

/**
 * Hashes, each once. Kept by 30 of their bits, a number that costs nothing to make or to compare; text, which does,
 * only serves the few that share those bits with another. Meant for the ids of one block.
 */
export class HashSet {
  readonly #byBits = new Map<number, Hash>();
  readonly #others = new Set<HashHex>();

  /** False when it is in the set already. */
  add(hash: Hash): boolean {
    const bits = bitsOf(hash);
    const first = this.#byBits.get(bits);
    if (first === undefined) {
      this.#byBits.set(bits, hash);
      return true;
    }
    if (equalBytes(first, hash)) return false;
    const key = hashHex(hash);
    if (this.#others.has(key)) return false;
    this.#others.add(key);
    return true;
  }
}

/** Small enough for an engine's short integers. */
function bitsOf(hash: Hash): number {
  return (
    (hash[0] as number) | ((hash[1] as number) << 8) | ((hash[2] as number) << 16) | (((hash[3] as number) & 63) << 24)
  );
}
