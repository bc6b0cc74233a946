import { compareBytes, toHex } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import { type Address, addressBytes25 } from "../cipher/address.ts";
import {
  addressInitialBalance,
  type Distribution,
  isLocked,
  lockedAddresses,
  unlockedAddresses,
} from "./distribution.ts";
import { coinHoursOrZero } from "./hours.ts";
import { headOf, QueryError } from "./queries.ts";
import type { ChainView } from "./store.ts";

const DROPLETS_PER_COIN = 1_000_000n;

export interface CoinSupply {
  /** Droplets that left the unlocked distribution addresses. */
  readonly current: bigint;
  /** Droplets the unlocked addresses were given. */
  readonly total: bigint;
  readonly max: bigint;
  /** Hours outside all distribution addresses. */
  readonly currentHours: bigint;
  /** Hours outside the locked ones. */
  readonly totalHours: bigint;
  readonly unlocked: readonly Address[];
  readonly locked: readonly Address[];
}

/**
 * Supply by the parameters, less what the distribution addresses still hold (chain.md 12).
 * Differs: `current` stops at zero; on a chain whose genesis volume does not fit its parameters the reference wraps.
 * @throws QueryError QUERY_OVERFLOW
 */
export async function coinSupply(view: ChainView, distribution: Distribution): Promise<CoinSupply> {
  const { time } = headOf(view);
  const unlocked = unlockedAddresses(distribution);
  const locked = lockedAddresses(distribution);
  const [unlockedKeys, lockedKeys] = [new Set(unlocked.map(toHex)), new Set(locked.map(toHex))];
  let held = 0n;
  let currentHours = 0n;
  let totalHours = 0n;
  for await (const chunk of view.scanUnspents()) {
    for (const { ux } of chunk) {
      const owner = toHex(ux.body.address);
      if (unlockedKeys.has(owner)) held += ux.body.coins;
      if (lockedKeys.has(owner)) continue;
      const hours = coinHoursOrZero(ux, time);
      totalHours += hours;
      if (!unlockedKeys.has(owner)) currentHours += hours;
    }
  }
  if (totalHours > U64_MAX || held > U64_MAX) throw new QueryError("QUERY_OVERFLOW", "uint64 addition overflow");
  const total = BigInt(unlocked.length) * addressInitialBalance(distribution) * DROPLETS_PER_COIN;
  const current = held > total ? 0n : total - held;
  const max = distribution.maxCoinSupply * DROPLETS_PER_COIN;
  return { current, total, max, currentHours, totalHours, unlocked, locked };
}

export interface Holder {
  readonly address: Address;
  readonly coins: bigint;
  readonly locked: boolean;
}

/**
 * Every address with coins, richest first, locked before unlocked, then by the 25 address bytes. Without
 * `includeDistribution` the distribution addresses, locked or not, are left out. Go: GetRichlist.
 */
export async function richList(
  view: ChainView,
  distribution: Distribution,
  includeDistribution: boolean,
): Promise<Holder[]> {
  const left = new Set(includeDistribution ? [] : distribution.addresses.map(toHex));
  const list: Holder[] = [];
  for await (const chunk of view.holdings()) {
    for (const { address, coins } of chunk) {
      if (!left.has(toHex(address))) list.push({ address, coins, locked: isLocked(distribution, address) });
    }
  }
  return list.sort(byRank);
}

function byRank(a: Holder, b: Holder): number {
  if (a.coins !== b.coins) return a.coins > b.coins ? -1 : 1;
  if (a.locked !== b.locked) return a.locked ? -1 : 1;
  return compareBytes(addressBytes25(a.address), addressBytes25(b.address));
}
