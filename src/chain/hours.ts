import { toHex } from "../base/bytes.ts";
import { U64_MAX, wrap64 } from "../base/uint64.ts";
import { RuleError } from "./rules.ts";
import { type Hours, type UxOut, uxId } from "./uxout.ts";

const DROPLETS_PER_COIN = 1_000_000n;
const SECONDS_PER_HOUR = 3600n;

/**
 * Hours an output holds at unix second `at` (Go: UxOut.CoinHours): a whole coin earns one per 3600 s. For rules
 * `at` is always a block's time, never the wall clock. Two floors: part coins are rounded down to whole
 * coin-seconds before the division by 3600.
 * @throws RuleError HOURS_SECONDS_OVERFLOW, HOURS_DROPLETS_OVERFLOW, HOURS_ADDITION_OVERFLOW
 */
export function coinHours(ux: UxOut, at: number): Hours {
  if (at < ux.head.time) return ux.body.hours;
  const seconds = BigInt(at - ux.head.time);
  const { coins: droplets, hours } = ux.body;
  const coins = droplets / DROPLETS_PER_COIN;
  const rest = droplets % DROPLETS_PER_COIN;
  const whole = seconds * coins;
  if (whole > U64_MAX) throw overflow("HOURS_SECONDS_OVERFLOW", ux, seconds, coins);
  const part = seconds * rest;
  if (part > U64_MAX) throw overflow("HOURS_DROPLETS_OVERFLOW", ux, seconds, rest);
  // The sum of both is not checked in the reference: it wraps.
  const total = hours + wrap64(whole + part / DROPLETS_PER_COIN) / SECONDS_PER_HOUR;
  if (total > U64_MAX) throw new RuleError("HOURS_ADDITION_OVERFLOW", { uxid: toHex(uxId(ux.body)) });
  return total as Hours;
}

/**
 * As `coinHours`, with 0 for the addition overflow. One output of Skycoin's main chain (spent in block 13277)
 * overflows so, and blocks must count it as nothing.
 * @throws RuleError HOURS_SECONDS_OVERFLOW, HOURS_DROPLETS_OVERFLOW
 */
export function coinHoursOrZero(ux: UxOut, at: number): Hours {
  try {
    return coinHours(ux, at);
  } catch (error) {
    if (error instanceof RuleError && error.code === "HOURS_ADDITION_OVERFLOW") return 0n as Hours;
    throw error;
  }
}

function overflow(code: "HOURS_SECONDS_OVERFLOW" | "HOURS_DROPLETS_OVERFLOW", ux: UxOut, seconds: bigint, n: bigint) {
  const uxid = toHex(uxId(ux.body));
  return new RuleError(code, { uxid, seconds, n }, { args: [seconds, n, uxid] });
}
