import type { HashHex } from "../cipher/hash.ts";
import type { Signers } from "./signatures.ts";

/**
 * Signers of transactions already judged once, by txid. A txid covers signatures and everything signed, so the
 * answer can never change: what was checked on its way into the pool needs no curve work when its block comes.
 * Least recently used goes first.
 */
export class SignerCache {
  readonly #entries = new Map<HashHex, Signers>();
  readonly #entriesMax: number;
  readonly #signaturesMax: number;
  #signatures = 0;

  /** 55 bytes are held per signature, 7 MB at most by default. */
  constructor(limits: { readonly entriesMax?: number; readonly signaturesMax?: number } = {}) {
    this.#entriesMax = limits.entriesMax ?? 8192;
    this.#signaturesMax = limits.signaturesMax ?? 131_072;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: HashHex): Signers | undefined {
    const signers = this.#entries.get(id);
    if (signers !== undefined) {
      this.#entries.delete(id);
      this.#entries.set(id, signers);
    }
    return signers;
  }

  set(id: HashHex, signers: Signers): void {
    if (this.get(id) !== undefined) return; // it cannot be another answer
    this.#entries.set(id, signers.detached());
    this.#signatures += signers.count;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax && this.#signatures <= this.#signaturesMax) return;
      this.delete(oldest);
    }
  }

  delete(id: HashHex): void {
    const signers = this.#entries.get(id);
    if (signers === undefined) return;
    this.#entries.delete(id);
    this.#signatures -= signers.count;
  }
}
