import { concat } from "../base/bytes.ts";
import type { Hash } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { recoverSigner, type Signature } from "../cipher/sign.ts";

/** digest(32) signature(65). */
export const RECOVERY_RECORD_BYTES = 97;
/** status(1: 0 not recoverable, 1 ok) strict(1) publicKey(33) keyHash(20). */
export const RECOVERY_RESULT_BYTES = 55;

/**
 * Turns signatures into the keys that made them, many at once. The node's implementation spreads the work over
 * threads; results never depend on chain state, so they can be computed ahead and remembered.
 */
export interface SignatureRecovery {
  readonly name: string;
  /**
   * n records of 97 bytes in, n results of 55 bytes out, same order. The buffer is handed over: the
   * implementation may transfer it to a thread, the caller must not touch it again.
   */
  recover(records: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Recovery on the calling thread with the installed cipher backend: tests, browsers, small tools. */
export function inlineRecovery(): SignatureRecovery {
  return { name: "inline", recover: async (records) => recoverRecords(records), close: async () => {} };
}

/** The synchronous work behind `SignatureRecovery`: what a recovery thread runs. */
export function recoverRecords(records: Uint8Array): Uint8Array {
  const count = records.length / RECOVERY_RECORD_BYTES;
  const results = new Uint8Array(count * RECOVERY_RESULT_BYTES);
  for (let i = 0; i < count; i++) {
    const at = i * RECOVERY_RECORD_BYTES;
    const digest = records.subarray(at, at + 32) as Hash;
    const recovered = recoverSigner(digest, records.subarray(at + 32, at + 97) as Signature);
    if (!recovered.ok) continue;
    const out = i * RECOVERY_RESULT_BYTES;
    results[out] = 1;
    results[out + 1] = recovered.strict ? 1 : 0;
    results.set(recovered.publicKey, out + 2);
    results.set(recovered.address.subarray(1), out + 35);
  }
  return results;
}

/** Recovered signers of a list of signatures: a view over `recover` results. */
export class Signers {
  readonly #results: Uint8Array;
  readonly count: number;

  constructor(results: Uint8Array) {
    this.#results = results;
    this.count = results.length / RECOVERY_RESULT_BYTES;
  }

  /** A key could be recovered from signature `i`. */
  ok(i: number): boolean {
    return this.#results[i * RECOVERY_RESULT_BYTES] === 1;
  }

  /** The signature also obeys the malleability rule: s below 2^255 and recovery id below 4 (chain.md 1.6). */
  strict(i: number): boolean {
    return this.#results[i * RECOVERY_RESULT_BYTES + 1] === 1;
  }

  publicKey(i: number): PublicKey {
    const at = i * RECOVERY_RESULT_BYTES + 2;
    return this.#results.subarray(at, at + 33) as PublicKey;
  }

  /** The signer of signature `i` owns `address` (21 bytes: version, key hash; only version 0 has a signer). */
  owns(i: number, address: Uint8Array): boolean {
    if (address[0] !== 0) return false;
    const at = i * RECOVERY_RESULT_BYTES + 34;
    for (let k = 1; k < 21; k++) if (this.#results[at + k] !== address[k]) return false;
    return true;
  }

  /** The same signers in memory of their own, for keeping: a slice would keep the whole batch. */
  detached(): Signers {
    return new Signers(this.#results.slice());
  }

  /** Signers `from` to `to`, sharing memory. */
  slice(from: number, to: number): Signers {
    return new Signers(this.#results.subarray(from * RECOVERY_RESULT_BYTES, to * RECOVERY_RESULT_BYTES));
  }
}

/** Signatures on their way to recovery. */
export class RecoveryBatch {
  readonly #records: Uint8Array;
  #at = 0;

  constructor(count: number) {
    this.#records = new Uint8Array(count * RECOVERY_RECORD_BYTES);
  }

  add(digest: Uint8Array, signature: Uint8Array): void {
    this.#records.set(digest, this.#at);
    this.#records.set(signature, this.#at + 32);
    this.#at += RECOVERY_RECORD_BYTES;
  }

  /** All answers, in the order of `add`. Large batches go out in parts, so that no single message is huge. */
  async recover(recovery: SignatureRecovery): Promise<Signers> {
    const partBytes = RECOVERY_PART * RECOVERY_RECORD_BYTES;
    if (this.#at === 0) return new Signers(new Uint8Array(0));
    if (this.#at <= partBytes) return new Signers(await recovery.recover(this.#records));
    const parts: Promise<Uint8Array>[] = [];
    for (let at = 0; at < this.#at; at += partBytes) {
      parts.push(recovery.recover(this.#records.slice(at, at + partBytes)));
    }
    return new Signers(concat(...(await Promise.all(parts))));
  }
}

/** Signatures per message to a recovery implementation. */
const RECOVERY_PART = 4096;
