import { compareBytes, equalBytes, toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { blockTime, headOf, type PoolView, QueryError, type SpentInput, transactionInputs } from "./queries.ts";
import type { ChainView, UnconfirmedRecord } from "./store.ts";
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

/** Inputs with hours at the time that decided the fee: that of the block before, or of the head. Genesis has none. */
export function locatedInputs(view: ChainView, located: LocatedTransaction): SpentInput[] {
  if (located.confirmed?.seq === 0) return [];
  const at = located.confirmed === undefined ? headOf(view).time : blockTime(view, located.confirmed.seq - 1);
  return transactionInputs(view, located.txn, at);
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
function transactionsOfBlock(view: ChainView, seq: number, head: number): LocatedTransaction[] {
  const block = view.blockBySeq(seq);
  if (block === undefined) throw new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
  const confirmed = { seq, height: head - seq + 1 };
  const located = block.transactions.map((txn) => ({ id: txid(txn), txn, confirmed, time: block.header.time }));
  return located.sort((a, b) => compareBytes(a.id, b.id));
}

function findConfirmed(view: ChainView, id: Hash, head = headOf(view).seq): LocatedTransaction | undefined {
  const stored = view.transaction(id);
  if (stored === undefined) return undefined;
  const { txn, blockSeq: seq, blockTime: time } = stored;
  return { id, txn, confirmed: { seq, height: head - seq + 1 }, time };
}

function unconfirmed(record: UnconfirmedRecord): LocatedTransaction {
  const { txn, received } = record;
  return { id: txid(txn), txn, confirmed: undefined, time: Number(received / 1_000_000_000n) };
}

/** Pool transactions with an output to one of the addresses; grouped by address, then in txid order. */
function poolMatches(pool: PoolView, addresses: readonly Address[]): LocatedTransaction[] {
  const records = pool.all();
  if (addresses.length === 0) return records.map(unconfirmed);
  const matches = addresses.flatMap((address) => records.filter(({ txn }) => paysTo(txn, address)));
  return [...new Set(matches)].map(unconfirmed);
}

function paysTo(txn: Transaction, address: Address): boolean {
  return txn.outputs.some((out) => equalBytes(out.address, address));
}

interface Place {
  readonly id: Hash;
  readonly seq: number;
}

function placesOf(view: ChainView, addresses: readonly Address[]): Place[] {
  const ids = new Map(addresses.flatMap((address) => view.txidsOf(address)).map((id) => [toHex(id), id]));
  return [...ids.values()].map((id) => ({ id, seq: view.transaction(id)?.blockSeq ?? 0 }));
}

function byPlace(a: Place, b: Place): number {
  return a.seq - b.seq || compareBytes(a.id, b.id);
}

export interface PageRequest extends TransactionFilter {
  readonly order: "asc" | "desc";
  /** Transactions per page, 1 to `PAGE_SIZE_MAX`. */
  readonly size: bigint;
  /** From 1. */
  readonly page: bigint;
}

export interface TransactionPage {
  readonly transactions: readonly LocatedTransaction[];
  readonly totalPages: number;
}

export const PAGE_SIZE_DEFAULT = 10n;
export const PAGE_SIZE_MAX = 100n;

/** @throws QueryError QUERY_PAGE with the reference's texts */
export function checkPage({ size, page }: Pick<PageRequest, "size" | "page">): void {
  if (size === 0n) throw new QueryError("QUERY_PAGE", "page size must be greater than 0");
  if (page === 0n) throw new QueryError("QUERY_PAGE", "page number must be greater than 0");
  if (size > PAGE_SIZE_MAX) {
    throw new QueryError("QUERY_PAGE", `transaction page size must be not greater than ${PAGE_SIZE_MAX}`);
  }
}

/**
 * One page by height, then txid, pool transactions last (ascending). With exactly one address the order is that of
 * the address's index. `counts` finds a page of the whole chain without reading the blocks before it.
 * Differs: pool transactions always follow the head; the reference puts them behind the last entry of an unsorted
 * list (chain.md G17).
 */
export function transactionPage(
  view: ChainView,
  pool: PoolView,
  counts: TransactionCounts,
  request: PageRequest,
): TransactionPage {
  checkPage(request);
  const head = headOf(view).seq;
  const list = request.confirmed === false ? EMPTY_LIST : confirmedList(view, counts, request.addresses, head);
  const waiting = request.confirmed === true ? [] : poolMatches(pool, request.addresses);
  if (request.confirmed === false) waiting.sort((a, b) => compareBytes(a.id, b.id));
  const count = list.count + waiting.length;
  const size = Number(request.size);
  const start = request.size * (request.page - 1n);
  const totalPages = Math.ceil(count / size);
  if (start >= BigInt(count)) return { transactions: [], totalPages };
  const positions = Array.from({ length: Math.min(size, count - Number(start)) }, (_, i) => Number(start) + i);
  const at = (i: number): LocatedTransaction =>
    i < list.count ? list.at(i) : (waiting[i - list.count] as LocatedTransaction);
  return { transactions: positions.map((i) => at(request.order === "asc" ? i : count - 1 - i)), totalPages };
}

interface ConfirmedList {
  readonly count: number;
  at(position: number): LocatedTransaction;
}

const EMPTY_LIST: ConfirmedList = {
  count: 0,
  at: () => {
    throw new RangeError("empty list");
  },
};

function confirmedList(
  view: ChainView,
  counts: TransactionCounts,
  addresses: readonly Address[],
  head: number,
): ConfirmedList {
  if (addresses.length === 0) {
    let block: { seq: number; transactions: LocatedTransaction[] } | undefined; // neighbours share one
    return {
      count: counts.upTo(head),
      at(position) {
        const { seq, first } = counts.blockOf(position);
        if (block?.seq !== seq) block = { seq, transactions: transactionsOfBlock(view, seq, head) };
        return block.transactions[position - first] as LocatedTransaction;
      },
    };
  }
  const ids =
    addresses.length === 1
      ? view.txidsOf(addresses[0] as Address)
      : placesOf(view, addresses)
          .sort(byPlace)
          .map(({ id }) => id);
  return {
    count: ids.length,
    at: (position) => findConfirmed(view, ids[position] as Hash, head) as LocatedTransaction,
  };
}

/** Where a confirmed transaction's number in the chain begins: one running count per block, kept as the chain grows. */
export class TransactionCounts {
  readonly #view: ChainView;
  /** Transactions up to and including block i. */
  readonly #totals: number[] = [];

  constructor(view: ChainView) {
    this.#view = view;
  }

  /** Transactions in the blocks 0 to `head`. */
  upTo(head: number): number {
    for (let seq = this.#totals.length; seq <= head; seq++) {
      this.#totals.push((this.#totals[seq - 1] ?? 0) + this.#countIn(seq));
    }
    return this.#totals[head] ?? 0;
  }

  /** The block that holds the transaction with this number, and the number of its first one. */
  blockOf(position: number): { seq: number; first: number } {
    let [low, high] = [0, this.#totals.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#totals[middle] as number) > position) high = middle;
      else low = middle + 1;
    }
    return { seq: low, first: this.#totals[low - 1] ?? 0 };
  }

  /** The count stands behind the 124 bytes of the header; the rest of the block need not be decoded. */
  #countIn(seq: number): number {
    const bytes = this.#view.signedBlockBytes(seq);
    if (bytes === undefined) throw new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(124, true);
  }
}
