import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import type { SignedBlock } from "./block.ts";
import type { Transaction } from "./transaction.ts";
import type { UxOut } from "./uxout.ts";

/** The tip: what the next block must build on. */
export interface Head {
  readonly seq: number;
  readonly time: number;
  readonly hash: Hash;
  /** XOR of the snapshot hashes of all unspent outputs *after* this block: the next header's uxHash. */
  readonly setHash: Hash;
}

/** An output together with its id. */
export interface IdentifiedUxOut {
  readonly id: Hash;
  readonly ux: UxOut;
}

/** What one accepted block does to the state; the store derives every index from it. */
export interface BlockChange {
  readonly block: SignedBlock;
  readonly hash: Hash;
  readonly txids: readonly Hash[];
  /** Per transaction, in input order. Empty lists for the genesis block. */
  readonly spent: readonly (readonly IdentifiedUxOut[])[];
  /** Per transaction, in output order. */
  readonly created: readonly (readonly IdentifiedUxOut[])[];
  /** The set hash after this block. */
  readonly setHash: Hash;
}

export interface StoredTransaction {
  readonly txn: Transaction;
  readonly blockSeq: number;
  readonly blockTime: number;
}

/** Transactions in a list that is long perhaps: each is read when it is asked for, at 0 up to `length`. */
export interface AddressHistory {
  readonly length: number;
  at(i: number): StoredTransaction;
}

/** An output of the history, with where it went. */
export interface HistoryUxOut {
  readonly id: Hash;
  readonly ux: UxOut;
  /** Undefined while unspent. */
  readonly spentBy: { readonly txid: Hash; readonly blockSeq: number } | undefined;
}

/** Pool record as kept on disk (Go's UnconfirmedTransaction). Times are unix nanoseconds. */
export interface UnconfirmedRecord {
  readonly txn: Transaction;
  readonly received: bigint;
  readonly checked: bigint;
  /** `NEVER_ANNOUNCED` until a peer was told. */
  readonly announced: bigint;
  /** False: violates a soft constraint at present. */
  readonly isValid: boolean;
}

/** Go's zero time as wrapped nanoseconds. */
export const NEVER_ANNOUNCED = -6795364578871345152n;

/**
 * Synchronous reads of acknowledged (durable) state. Everything read without awaiting in between belongs to
 * one and the same head. Absence is undefined, never an error.
 */
export interface ChainView extends ChainIndexes {
  head(): Head | undefined;
  blockBySeq(seq: number): SignedBlock | undefined;
  blockByHash(hash: Hash): SignedBlock | undefined;
  /** Raw `encodeSignedBlock` bytes, for serving peers and export without decoding. */
  signedBlockBytes(seq: number): Uint8Array | undefined;
  blockHashAt(seq: number): Hash | undefined;
  unspent(id: Hash): UxOut | undefined;
  /** Unspent outputs of an address, oldest first. */
  unspentsOf(address: Address): IdentifiedUxOut[];
  /** All unspent outputs in id order, at once: small chains and tests. `scanUnspents` is for everything else. */
  allUnspents(): Iterable<IdentifiedUxOut>;
  unspentCount(): number;
  /** Addresses holding at least one unspent output. */
  addressCount(): number;
  transaction(id: Hash): StoredTransaction | undefined;
  transactionCount(): number;
  uxOut(id: Hash): HistoryUxOut | undefined;
  /** Transactions touching the address (in or out), in chain order, each once. */
  historyOf(address: Address): AddressHistory;
  addressSeen(address: Address): boolean;
}

/** What an address holds at the head: the sum of its unspent outputs, and how many they are. */
export interface AddressSummary {
  readonly coins: bigint;
  readonly unspents: number;
}

/** An address with at least one unspent output. */
export interface Holding {
  readonly address: Address;
  readonly coins: bigint;
}

/**
 * Answers that would otherwise need the whole set. Scans are asynchronous, in chunks, and every one sees the head
 * of the moment its first chunk was asked for, however long it takes.
 */
export interface ChainIndexes {
  /** Coins and number of unspent outputs of an address; zeros for an unknown one. */
  addressSummary(address: Address): AddressSummary;
  /** Transactions in the blocks 0 to `seq`. */
  transactionsUpTo(seq: number): number;
  /** All unspent outputs in id order. */
  scanUnspents(): AsyncIterable<readonly IdentifiedUxOut[]>;
  /** Every address that holds something, in no order to rely on. */
  holdings(): AsyncIterable<readonly Holding[]>;
}

/**
 * What the chain needs from a database. `stage` makes a change visible to `staged*` reads at once; `flush`
 * writes everything staged in one atomic synced batch, and only then do the `ChainView` reads see it.
 * `stage` may be called while a flush is under way: such changes belong to the next flush, so that checking the
 * next blocks overlaps with writing the last ones. The chain never runs two flushes at a time. When a flush
 * rejects nothing of it is acknowledged, and everything stays staged until `discardStaged`.
 */
export interface ChainStore extends ChainView {
  /** Head including staged blocks. */
  stagedHead(): Head | undefined;
  /** Unspent lookup including staged blocks. */
  stagedUnspent(id: Hash): UxOut | undefined;
  stage(change: BlockChange): void;
  /** Blocks staged and not yet durable. */
  stagedCount(): number;
  /** One atomic, synced batch. After it resolves the staged blocks are acknowledged. @throws StoreError */
  flush(): Promise<void>;
  /** Forgets staged blocks (a failed batch, a shutdown). */
  discardStaged(): void;

  unconfirmed(): Iterable<UnconfirmedRecord>;
  putUnconfirmed(records: readonly UnconfirmedRecord[]): Promise<void>;
  removeUnconfirmed(ids: readonly Hash[]): Promise<void>;

  close(): Promise<void>;
}
