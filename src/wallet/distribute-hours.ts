import { assert } from "../base/errors.ts";
import { I64_MAX, U64_MAX } from "../base/uint64.ts";
import { remainingHours } from "../chain/fee.ts";
import type { Hours } from "../chain/uxout.ts";
import { WalletFault } from "./errors.ts";

function arithmetic(text: string): WalletFault {
  return new WalletFault("SPEND_ARITHMETIC", text);
}

/** Go's Uint64ToInt64. @throws WalletFault SPEND_ARITHMETIC */
export function requireInt64(value: bigint): bigint {
  if (value > I64_MAX) throw arithmetic("uint64 overflows int64");
  return value;
}

/** A sum that must fit u64. @throws WalletFault SPEND_ARITHMETIC */
export function requireUint64(value: bigint): bigint {
  if (value > U64_MAX) throw arithmetic("uint64 addition overflow");
  return value;
}

/**
 * Splits `hours` in proportion to `coins` (Go: DistributeCoinHoursProportional; wallet.md 9.5). What rounding down
 * leaves goes, one each and in order, first to those that got none, then to everyone from the start.
 * @throws WalletFault SPEND_ARITHMETIC on values the reference cannot hold
 */
export function distributeProportional(coins: readonly bigint[], hours: bigint): Hours[] {
  if (coins.length === 0) throw arithmetic("DistributeCoinHoursProportional coins array must not be empty");
  let total = 0n;
  for (const c of coins) {
    if (c === 0n) throw arithmetic("DistributeCoinHoursProportional coins array has a zero value");
    total = requireUint64(total + c);
    requireInt64(c);
  }
  requireInt64(total);
  requireInt64(hours);

  const shares = coins.map((c) => (c * hours) / total);
  let left = shares.reduce((rest, share) => rest - share, hours);
  for (let i = 0; i < shares.length && left > 0n; i++) {
    if (shares[i] !== 0n) continue;
    shares[i] = 1n;
    left--;
  }
  for (let i = 0; left > 0n; i++, left--) shares[i] = (shares[i] as bigint) + 1n;
  return shares as Hours[];
}

export interface SpendHours {
  readonly change: Hours;
  /** One per receiver. */
  readonly receivers: readonly Hours[];
  /** Sum of all of them. */
  readonly total: Hours;
}

/**
 * How the command line's own builder shares out hours (Go: DistributeSpendHours; wallet.md 9.7): after the fee one
 * half, rounded up, goes with the change, the rest is split evenly, the first receivers getting what is left over.
 */
export function distributeSpendHours(
  inputHours: Hours,
  receiverCount: number,
  haveChange: boolean,
  burnFactor: number,
): SpendHours {
  assert(receiverCount > 0, "someone receives");
  const total = remainingHours(inputHours, burnFactor);
  const change = haveChange ? (total + 1n) / 2n : 0n;
  const count = BigInt(receiverCount);
  const share = (total - change) / count;
  const extra = (total - change) % count;
  const receivers = Array.from({ length: receiverCount }, (_, i) => (BigInt(i) < extra ? share + 1n : share));
  return { change: change as Hours, receivers: receivers as Hours[], total };
}
