import { compareBytes, toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { coinHoursOrZero } from "./hours.ts";
import { headOf, type PoolView } from "./queries.ts";
import type { ChainView, Head, IdentifiedUxOut } from "./store.ts";

/** Which outputs are wanted: those of some addresses, those with some ids, or all. */
export type OutputFilter =
  | { readonly addresses: readonly Address[] }
  | { readonly ids: readonly Hash[] }
  | Record<string, never>;

export interface OutputSets {
  readonly head: Head;
  /** Unspent at the head, those about to be spent included. */
  readonly confirmed: readonly IdentifiedUxOut[];
  /** Confirmed ones that pool transactions spend. */
  readonly outgoing: readonly IdentifiedUxOut[];
  /** Those that pool transactions create. */
  readonly incoming: readonly IdentifiedUxOut[];
}

/**
 * The three sets at the head, each newest first, then by id. Go: GetUnspentOutputsSummary.
 * The reference reads the whole set and filters; here a filter asks the indexes.
 */
export async function outputSets(view: ChainView, pool: PoolView, filter: OutputFilter): Promise<OutputSets> {
  const wanted = matcher(filter);
  const head = headOf(view);
  // Nothing is awaited before the scan begins, so it is of the same head as the rest.
  const confirmed = isUnfiltered(filter) ? await allOutputs(view) : confirmedOutputs(view, filter);
  return {
    head,
    confirmed: newestFirst(confirmed),
    outgoing: newestFirst(pool.outgoing().filter(wanted)),
    incoming: newestFirst(pool.incoming().filter(wanted)),
  };
}

/** Hours of an unspent output at the head's time, 0 for the one historic overflow. @throws RuleError HOURS_* */
export function unspentHours(output: IdentifiedUxOut, head: Pick<Head, "time">): bigint {
  return coinHoursOrZero(output.ux, head.time);
}

function isUnfiltered(filter: OutputFilter): boolean {
  return !("addresses" in filter) && !("ids" in filter);
}

async function allOutputs(view: ChainView): Promise<IdentifiedUxOut[]> {
  const all: IdentifiedUxOut[] = [];
  for await (const chunk of view.scanUnspents()) all.push(...chunk);
  return all;
}

function confirmedOutputs(view: ChainView, filter: OutputFilter): IdentifiedUxOut[] {
  if ("addresses" in filter) return distinct(filter.addresses).flatMap((address) => view.unspentsOf(address));
  if (!("ids" in filter)) return [];
  return distinct(filter.ids).flatMap((id) => {
    const ux = view.unspent(id);
    return ux === undefined ? [] : [{ id, ux }];
  });
}

function matcher(filter: OutputFilter): (output: IdentifiedUxOut) => boolean {
  if ("addresses" in filter) {
    const owners = new Set(filter.addresses.map(toHex));
    return ({ ux }) => owners.has(toHex(ux.body.address));
  }
  if (!("ids" in filter)) return () => true;
  const ids = new Set(filter.ids.map(toHex));
  return ({ id }) => ids.has(toHex(id));
}

function newestFirst(outputs: readonly IdentifiedUxOut[]): IdentifiedUxOut[] {
  return [...outputs].sort((a, b) => b.ux.head.time - a.ux.head.time || compareBytes(a.id, b.id));
}

function distinct<T extends Uint8Array>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [toHex(item), item])).values()];
}
