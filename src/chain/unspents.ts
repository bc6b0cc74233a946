import type { Address } from "../cipher/address.ts";
import { type Hash, NULL_HASH, sha256 } from "../cipher/hash.ts";
import type { IdentifiedUxOut } from "./store.ts";
import { encodedOutput, type Transaction, txid } from "./transaction.ts";
import { snapshotHash, UX_BODY_BYTES, UX_OUT_BYTES, type UxHead, type UxOut } from "./uxout.ts";

/** Running XOR of snapshot hashes: the set hash (chain.md 8). Order does not matter; adding twice removes. */
export class SetHash {
  readonly #bytes: Uint8Array;

  constructor(start: Hash) {
    this.#bytes = start.slice();
  }

  toggle(snapshot: Uint8Array): void {
    const bytes = this.#bytes;
    for (let i = 0; i < 32; i++) bytes[i] = (bytes[i] as number) ^ (snapshot[i] as number);
  }

  value(): Hash {
    return this.#bytes.slice() as Hash;
  }
}

/**
 * The outputs a transaction creates in the block `head` describes, in order (Go: coin.CreateUnspents). In the
 * genesis block their source is the null hash instead of the txid. When `set` is given their snapshots are added.
 */
export function createUnspents(txn: Transaction, head: UxHead, set?: SetHash): IdentifiedUxOut[] {
  return outputsFrom(txn, head.seq === 0 ? NULL_HASH : txid(txn), head, set);
}

/**
 * The outputs an unconfirmed transaction would create, dated as if in the head block itself.
 * Differs: the source is the txid also while the genesis block is the head (G7).
 */
export function predictUnspents(txn: Transaction, head: UxHead): IdentifiedUxOut[] {
  return outputsFrom(txn, txid(txn), head);
}

function outputsFrom(txn: Transaction, srcTransaction: Hash, head: UxHead, set?: SetHash): IdentifiedUxOut[] {
  return txn.outputs.map((out, i) => {
    // Body and head exactly as hashed, 85 bytes: the first 69 give the id, all of them the snapshot.
    const bytes = new Uint8Array(UX_OUT_BYTES);
    bytes.set(srcTransaction, 0);
    bytes.set(encodedOutput(txn, i), 32);
    const id = sha256(bytes.subarray(0, UX_BODY_BYTES));
    if (set !== undefined) {
      writeHead(bytes, head);
      set.toggle(sha256(bytes));
    }
    // The address is a view of these bytes rather than of the message, which can then be freed.
    const address = bytes.subarray(32, 53) as Address;
    return { id, ux: { head, body: { srcTransaction, address, coins: out.coins, hours: out.hours } } };
  });
}

function writeHead(bytes: Uint8Array, head: UxHead): void {
  const view = new DataView(bytes.buffer);
  view.setBigUint64(UX_BODY_BYTES, BigInt(head.time), true);
  view.setBigUint64(UX_BODY_BYTES + 8, BigInt(head.seq), true);
}

/** Takes spent outputs out of the set. */
export function removeFromSet(set: SetHash, spent: readonly UxOut[]): void {
  for (const ux of spent) set.toggle(snapshotHash(ux));
}
