import { compareBytes, equalBytes, toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { blockTime, headOf, type PoolView, QueryError, type SpentInput, transactionInputs } from "./queries.ts";
import type { ChainView, StoredTransaction, UnconfirmedRecord } from "./store.ts";
import { type Transaction, txid } from "./transaction.ts";

/** A transaction and where it stands. */
export interface LocatedTransaction {
  readonly id: Hash;
  readonly txn: Transaction;
  /** Undefined while it is in the pool. `height`: 1 in the head block, growing with each block after. */
  readonly confirmed: { readonly seq: number; readonly height: number } | undefined;
  /** Unix seconds: of the block, or of the last receipt. */
  readonly time: number;
}

export interface TransactionFilter {
  /** Confirmed ones touching any of them, pool ones paying any of them. Empty: all. */
  readonly addresses: readonly Address[];
  /** Undefined: both. */
  readonly confirmed: boolean | undefined;
}

/** One transaction, the pool looked at first. */
export function findTransaction(view: ChainView, pool: PoolView, id: Hash): LocatedTransaction | undefined {
  const record = pool.get(id);
  return record === undefined ? findConfirmed(view, id) : unconfirmed(record);
}

/**
 * Inputs with hours at the time that decided the fee: that of the block before, or of the head. Genesis has none.
 * `timeAt`: times of blocks, when the caller has them at hand.
 */
export function locatedInputs(
  view: ChainView,
  { confirmed, txn }: LocatedTransaction,
  timeAt = (seq: number): number => blockTime(view, seq),
): SpentInput[] {
  if (confirmed?.seq === 0) return [];
  return transactionInputs(view, txn, confirmed === undefined ? headOf(view).time : timeAt(confirmed.seq - 1));
}

/** By time, then txid. Made while it is walked: what is confirmed never changes, the pool is copied first. */
export function* transactionsByTime(
  view: ChainView,
  pool: PoolView,
  filter: TransactionFilter,
): Generator<LocatedTransaction> {
  const waiting = filter.confirmed === true ? [] : poolMatches(pool, filter.addresses).sort(byTime);
  const head = headOf(view).seq;
  let next = 0;
  for (const located of filter.confirmed === false ? [] : confirmedByTime(view, filter.addresses, head)) {
    for (; next < waiting.length && byTime(waiting[next] as LocatedTransaction, located) < 0; next++) {
      yield waiting[next] as LocatedTransaction;
    }
    yield located;
  }
  yield* waiting.slice(next);
}

function byTime(a: LocatedTransaction, b: LocatedTransaction): number {
  return a.time - b.time || compareBytes(a.id, b.id);
}

/** Block times grow with the height, so the order by height is the order by time. */
function* confirmedByTime(view: ChainView, addresses: readonly Address[], head: number): Generator<LocatedTransaction> {
  if (addresses.length === 0) {
    for (let seq = 0; seq <= head; seq++) yield* transactionsOfBlock(view, seq, head);
    return;
  }
  for (const { id } of placesOf(view, addresses).sort(byPlace)) {
    const located = findConfirmed(view, id, head);
    if (located !== undefined) yield located;
  }
}

/** Transactions of one block in txid order. */
export function transactionsOfBlock(view: ChainView, seq: number, head: number): LocatedTransaction[] {
  const block = view.blockBySeq(seq);
  if (block === undefined) throw new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
  const confirmed = { seq, height: head - seq + 1 };
  const located = block.transactions.map((txn) => ({ id: txid(txn), txn, confirmed, time: block.header.time }));
  return located.sort((a, b) => compareBytes(a.id, b.id));
}

export function findConfirmed(view: ChainView, id: Hash, head = headOf(view).seq): LocatedTransaction | undefined {
  const stored = view.transaction(id);
  return stored && located(id, stored, head);
}

export function located(id: Hash, { txn, blockSeq: seq, blockTime: time }: StoredTransaction, head: number) {
  return { id, txn, confirmed: { seq, height: head - seq + 1 }, time };
}

function unconfirmed(record: UnconfirmedRecord): LocatedTransaction {
  const { txn, received } = record;
  return { id: txid(txn), txn, confirmed: undefined, time: Number(received / 1_000_000_000n) };
}

/** Pool transactions with an output to one of the addresses; grouped by address, then in txid order. */
export function poolMatches(pool: PoolView, addresses: readonly Address[]): LocatedTransaction[] {
  const records = pool.all();
  if (addresses.length === 0) return records.map(unconfirmed);
  const matches = addresses.flatMap((address) => records.filter(({ txn }) => paysTo(txn, address)));
  return [...new Set(matches)].map(unconfirmed);
}

function paysTo(txn: Transaction, address: Address): boolean {
  return txn.outputs.some((out) => equalBytes(out.address, address));
}

/** A transaction's place in a listing: first by number, then by id. */
export interface Place {
  readonly id: Hash;
  readonly seq: number;
}

/** Confirmed transactions touching any of the addresses, each once, address by address. */
export function placesOf(view: ChainView, addresses: readonly Address[]): Place[] {
  const places = new Map<string, Place>();
  for (const address of addresses) {
    const history = view.historyOf(address);
    for (let i = 0; i < history.length; i++) {
      const { txn, blockSeq: seq } = history.at(i);
      const id = txid(txn);
      if (!places.has(toHex(id))) places.set(toHex(id), { id, seq });
    }
  }
  return [...places.values()];
}

export function byPlace(a: Place, b: Place): number {
  return a.seq - b.seq || compareBytes(a.id, b.id);
}
