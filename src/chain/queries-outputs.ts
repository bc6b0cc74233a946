import { compareBytes, equalBytes, toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { coinHoursOrZero } from "./hours.ts";
import { type PoolView, unknownUxOut } from "./queries.ts";
import type { AddressHistory, ChainView, Head, HistoryUxOut, IdentifiedUxOut } from "./store.ts";
import { createUnspents } from "./unspents.ts";

/** Which outputs are wanted: those of some addresses, or those with some ids. */
export type OutputFilter = { readonly addresses: readonly Address[] } | { readonly ids: readonly Hash[] };

export interface PoolOutputs {
  /** Confirmed ones that pool transactions spend. */
  readonly outgoing: readonly IdentifiedUxOut[];
  /** Those that pool transactions create. */
  readonly incoming: readonly IdentifiedUxOut[];
}

/**
 * Unspent at the head, those about to be spent included; newest first, then by id, as all lists here. With the other two
 * this is Go's GetUnspentOutputsSummary, which reads the whole set and filters; here a filter asks the indexes.
 */
export function confirmedOutputs(view: ChainView, filter: OutputFilter): IdentifiedUxOut[] {
  if ("addresses" in filter) {
    return newestFirst(distinct(filter.addresses).flatMap((address) => view.unspentsOf(address)));
  }
  const found = distinct(filter.ids).flatMap((id) => {
    const ux = view.unspent(id);
    return ux === undefined ? [] : [{ id, ux }];
  });
  return newestFirst(found);
}

/** All that are unspent at the head of the moment of the call. */
export async function allOutputs(view: ChainView): Promise<IdentifiedUxOut[]> {
  const all: IdentifiedUxOut[] = [];
  for await (const chunk of view.scanUnspents()) all.push(...chunk);
  return all.sort((a, b) => b.ux.head.time - a.ux.head.time); // by id they are already
}

export function poolOutputs(pool: PoolView, filter?: OutputFilter): PoolOutputs {
  const wanted = filter === undefined ? () => true : matcher(filter);
  return {
    outgoing: newestFirst(pool.outgoing().filter(wanted)),
    incoming: newestFirst(pool.incoming().filter(wanted)),
  };
}

/** Every output the address ever received, in chain order, made while it is walked: what is confirmed never changes. */
export function receivedBy(view: ChainView, address: Address): Iterable<HistoryUxOut> {
  return receivedIn(view, address, view.historyOf(address));
}

function* receivedIn(view: ChainView, address: Address, history: AddressHistory): Generator<HistoryUxOut> {
  for (let i = 0; i < history.length; i++) {
    const { txn, blockSeq, blockTime } = history.at(i);
    if (!txn.outputs.some((out) => equalBytes(out.address, address))) continue;
    for (const { id, ux } of createUnspents(txn, { time: blockTime, seq: blockSeq })) {
      if (!equalBytes(ux.body.address, address)) continue;
      const output = view.uxOut(id);
      if (output === undefined) throw unknownUxOut(id);
      yield output;
    }
  }
}

/** Hours of an unspent output at the head's time, 0 for the one historic overflow. @throws RuleError HOURS_* */
export function unspentHours(output: IdentifiedUxOut, head: Pick<Head, "time">): bigint {
  return coinHoursOrZero(output.ux, head.time);
}

function matcher(filter: OutputFilter): (output: IdentifiedUxOut) => boolean {
  if ("addresses" in filter) {
    const owners = new Set(filter.addresses.map(toHex));
    return ({ ux }) => owners.has(toHex(ux.body.address));
  }
  const ids = new Set(filter.ids.map(toHex));
  return ({ id }) => ids.has(toHex(id));
}

function newestFirst(outputs: readonly IdentifiedUxOut[]): IdentifiedUxOut[] {
  return [...outputs].sort((a, b) => b.ux.head.time - a.ux.head.time || compareBytes(a.id, b.id));
}

function distinct<T extends Uint8Array>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [toHex(item), item])).values()];
}
