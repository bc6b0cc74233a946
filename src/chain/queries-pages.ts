import { compareBytes } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { ChainOrder } from "./chain-order.ts";
import { headOf, type PoolView, QueryError } from "./queries.ts";
import {
  byPlace,
  findConfirmed,
  type LocatedTransaction,
  located,
  type Place,
  placesOf,
  poolMatches,
  type TransactionFilter,
  transactionsOfBlock,
} from "./queries-transactions.ts";
import type { ChainView } from "./store.ts";
import { txid } from "./transaction.ts";

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

/** One page by height, then txid; with exactly one address in the order of that address's index. */
export async function transactionPage(
  view: ChainView,
  pool: PoolView,
  order: ChainOrder,
  request: PageRequest,
): Promise<TransactionPage> {
  checkPage(request);
  const whole = request.addresses.length === 0 && request.confirmed !== false;
  if (whole) await order.catchUp({ ids: request.confirmed === undefined && pool.size > 0 });
  // From here on nothing is awaited: the page belongs to one head.
  const list = listOf(view, pool, order, request);
  const size = Number(request.size);
  const start = request.size * (request.page - 1n);
  const totalPages = Math.ceil(list.count / size);
  if (start >= BigInt(list.count)) return { transactions: [], totalPages };
  const first = Number(start);
  const positions = Array.from({ length: Math.min(size, list.count - first) }, (_, i) => first + i);
  const at = (i: number): LocatedTransaction => list.at(request.order === "asc" ? i : list.count - 1 - i);
  return { transactions: positions.map(at), totalPages };
}

/** A list in ascending order of which few items are looked at. */
interface Listing {
  readonly count: number;
  at(position: number): LocatedTransaction;
}

function listOf(view: ChainView, pool: PoolView, order: ChainOrder, request: PageRequest): Listing {
  const { addresses, confirmed } = request;
  if (confirmed === false) return unplaced(poolMatches(pool, addresses));
  const waiting = confirmed === true ? [] : poolMatches(pool, addresses).filter(({ id }) => !view.transaction(id));
  if (addresses.length === 0) return withPool(wholeChain(view, order), waiting, order.highest.bind(order));
  if (addresses.length === 1) return followed(ofAddress(view, addresses[0] as Address), waiting);
  return ofAddresses(view, addresses, waiting);
}

/** Pool transactions by themselves have no place: by id. */
function unplaced(waiting: LocatedTransaction[]): Listing {
  return listing(waiting.sort((a, b) => compareBytes(a.id, b.id)));
}

function listing(items: readonly LocatedTransaction[]): Listing {
  return { count: items.length, at: (position) => items[position] as LocatedTransaction };
}

interface ConfirmedListing extends Listing {
  /** How many stand before this place. */
  before(place: Place): number;
}

function wholeChain(view: ChainView, order: ChainOrder): ConfirmedListing {
  const head = headOf(view).seq;
  let last: { seq: number; transactions: LocatedTransaction[] } | undefined; // neighbours share a block
  const block = (seq: number): LocatedTransaction[] => {
    if (last?.seq !== seq) last = { seq, transactions: transactionsOfBlock(view, seq, head) };
    return last.transactions;
  };
  return {
    count: order.upTo(head),
    at(position) {
      const { seq, first } = order.blockOf(position);
      return block(seq)[position - first] as LocatedTransaction;
    },
    before({ seq, id }) {
      if (seq > head) return order.upTo(head);
      return order.upTo(seq - 1) + block(seq).filter((located) => compareBytes(located.id, id) < 0).length;
    },
  };
}

/**
 * Pool transactions take the places behind the entry with the greatest id, wherever in the chain that is: a slip of
 * the reference (chain.md G17) that its recorded answers hold, so that pages of both nodes are the same.
 */
function withPool(chain: ConfirmedListing, waiting: readonly LocatedTransaction[], highest: () => Place): Listing {
  if (waiting.length === 0) return chain;
  const anchor = highest().seq;
  const taken = new Map(waiting.map((w, i) => [chain.before({ id: w.id, seq: anchor + 1 + i }) + i, w]));
  const positions = [...taken.keys()];
  return {
    count: chain.count + waiting.length,
    at: (position) => taken.get(position) ?? chain.at(position - positions.filter((p) => p < position).length),
  };
}

function ofAddress(view: ChainView, address: Address): Listing {
  const history = view.historyOf(address);
  const head = headOf(view).seq;
  const at = (i: number): LocatedTransaction => {
    const stored = history.at(i);
    return located(txid(stored.txn), stored, head);
  };
  return { count: history.length, at };
}

function followed(list: Listing, waiting: LocatedTransaction[]): Listing {
  if (list.count === 0) return unplaced(waiting);
  const at = (i: number): LocatedTransaction =>
    i < list.count ? list.at(i) : (waiting[i - list.count] as LocatedTransaction);
  return { count: list.count + waiting.length, at };
}

/** With several addresses the pool's places begin behind the last entry of the last address (G17 again). */
function ofAddresses(view: ChainView, addresses: readonly Address[], waiting: LocatedTransaction[]): Listing {
  const places = placesOf(view, addresses);
  const last = places.at(-1);
  if (last === undefined) return unplaced(waiting);
  const head = headOf(view).seq;
  const items = [
    ...places.map((place) => ({ ...place, locate: () => findConfirmed(view, place.id, head) as LocatedTransaction })),
    ...waiting.map((w, i) => ({ id: w.id, seq: last.seq + 1 + i, locate: () => w })),
  ].sort(byPlace);
  return { count: items.length, at: (i) => (items[i] as (typeof items)[number]).locate() };
}
