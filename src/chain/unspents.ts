import type { Address } from "../cipher/address.ts";
import { type Hash, NULL_HASH, sha256 } from "../cipher/hash.ts";
import type { IdentifiedUxOut } from "./store.ts";
import { encodedOutput, type Transaction, type TxOut, txid } from "./transaction.ts";
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

/** Body and head exactly as hashed, 85 bytes: the first 69 give the id, all of them the snapshot. Used over and over. */
const hashed = new Uint8Array(UX_OUT_BYTES);
const hashedBody = hashed.subarray(0, UX_BODY_BYTES);
const hashedView = new DataView(hashed.buffer);

function outputsFrom(txn: Transaction, srcTransaction: Hash, head: UxHead, set?: SetHash): IdentifiedUxOut[] {
  const created: IdentifiedUxOut[] = [];
  hashed.set(srcTransaction, 0);
  if (set !== undefined) {
    writeU64(hashedView, UX_BODY_BYTES, head.time);
    writeU64(hashedView, UX_BODY_BYTES + 8, head.seq);
  }
  for (let i = 0; i < txn.outputs.length; i++) {
    const { address, coins, hours } = txn.outputs[i] as TxOut;
    hashed.set(encodedOutput(txn, i), 32);
    const id = sha256(hashedBody);
    if (set !== undefined) set.toggle(sha256(hashed));
    // The address is copied, so that it does not keep the whole message it came in.
    created.push({ id, ux: { head, body: { srcTransaction, address: copied(address), coins, hours } } });
  }
  return created;
}

function copied(address: Address): Address {
  return new Uint8Array(address) as Address; // slice() of a Node buffer is no copy
}

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Takes spent outputs out of the set. */
export function removeFromSet(set: SetHash, spent: readonly UxOut[]): void {
  for (const ux of spent) set.toggle(snapshotHash(ux));
}
