import { toHex } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import type { Address } from "../cipher/address.ts";
import { coinHours } from "./hours.ts";
import { headOf, type PoolView, QueryError } from "./queries.ts";
import { RuleError } from "./rules.ts";
import type { ChainView, IdentifiedUxOut } from "./store.ts";

/** Droplets and hours. */
export interface Balance {
  readonly coins: bigint;
  readonly hours: bigint;
}

/** What an address holds, and what it will when the pool is in the chain. */
export interface BalancePair {
  readonly confirmed: Balance;
  readonly predicted: Balance;
}

export const NO_BALANCE: BalancePair = { confirmed: { coins: 0n, hours: 0n }, predicted: { coins: 0n, hours: 0n } };

/** Balances in the order asked, hours valued at the head's time. Go: GetBalanceOfAddresses. @throws QueryError */
export function balancesOf(view: ChainView, pool: PoolView, addresses: readonly Address[]): BalancePair[] {
  const { time } = headOf(view);
  const leaving = new Set(pool.outgoing().map(({ id }) => toHex(id)));
  const coming = groupByOwner(pool.incoming());
  return addresses.map((address) => {
    const held = view.unspentsOf(address);
    const staying = held.filter(({ id }) => !leaving.has(toHex(id)));
    return {
      confirmed: worth(held, time),
      predicted: worth([...staying, ...(coming.get(toHex(address)) ?? [])], time),
    };
  });
}

/** Adds member by member. @throws QueryError QUERY_OVERFLOW */
export function addBalances(pairs: readonly BalancePair[]): BalancePair {
  const total = (pick: (pair: BalancePair) => bigint): bigint => {
    let sum = 0n;
    for (const pair of pairs) sum += pick(pair);
    return inRange(sum);
  };
  return {
    confirmed: { coins: total((p) => p.confirmed.coins), hours: total((p) => p.confirmed.hours) },
    predicted: { coins: total((p) => p.predicted.coins), hours: total((p) => p.predicted.hours) },
  };
}

function groupByOwner(outputs: readonly IdentifiedUxOut[]): Map<string, IdentifiedUxOut[]> {
  const groups = new Map<string, IdentifiedUxOut[]>();
  for (const output of outputs) {
    const owner = toHex(output.ux.body.address);
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [output]);
    else group.push(output);
  }
  return groups;
}

/** Sum of coins and hours; the addition overflow of one output makes the hours of all zero, as in the reference. */
function worth(outputs: readonly IdentifiedUxOut[], at: number): Balance {
  let coins = 0n;
  for (const { ux } of outputs) coins += ux.body.coins;
  return { coins: inRange(coins), hours: hoursOf(outputs, at) };
}

function hoursOf(outputs: readonly IdentifiedUxOut[], at: number): bigint {
  let hours = 0n;
  try {
    for (const { ux } of outputs) hours += coinHours(ux, at);
  } catch (error) {
    if (error instanceof RuleError && error.code === "HOURS_ADDITION_OVERFLOW") return 0n;
    throw error;
  }
  return inRange(hours);
}

function inRange(value: bigint): bigint {
  if (value > U64_MAX) throw new QueryError("QUERY_OVERFLOW", "uint64 addition overflow");
  return value;
}
