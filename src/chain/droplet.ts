import { CoinError } from "../base/errors.ts";
import { I64_MAX } from "../base/uint64.ts";
import { RuleError } from "./rules.ts";
import type { Droplets } from "./uxout.ts";

export type DropletErrorCode =
  | "DROPLETS_NOT_A_NUMBER"
  | "DROPLETS_NEGATIVE"
  | "DROPLETS_DECIMALS"
  | "DROPLETS_TOO_LARGE";

/** Text and amount do not convert. Messages are the reference's. */
export class DropletError extends CoinError<DropletErrorCode> {}

export const DROPLET_DECIMALS = 6;
const DROPLETS_PER_COIN = 1_000_000n;
const I32_MAX = 2_147_483_647;
const I32_MIN = -2_147_483_648;
const TEXT_MAX = 4096;

/**
 * Coins as text to droplets: optional sign, digits with at most one dot, optional integer exponent.
 * Differs: text above 4096 characters is refused and a huge exponent is judged without computing the power; the
 * reference would compute for minutes (chain.md 5.3).
 * @throws DropletError
 */
export function parseDroplets(text: string): Droplets {
  const { value, exponent } = parseDecimal(text);
  if (value < 0n) throw new DropletError("DROPLETS_NEGATIVE", "Droplet string conversion failed: Negative balance");
  // Go shifts the int32 exponent without a check; above 2^31-7 that wraps to a negative one.
  if (exponent < -DROPLET_DECIMALS || exponent + DROPLET_DECIMALS > I32_MAX) {
    throw new DropletError("DROPLETS_DECIMALS", "Droplet string conversion failed: Too many decimal places");
  }
  if (value === 0n) return 0n as Droplets;
  const shift = exponent + DROPLET_DECIMALS;
  const droplets = shift > 19 ? I64_MAX + 1n : value * 10n ** BigInt(shift);
  if (droplets > I64_MAX) throw tooLarge();
  return droplets as Droplets;
}

/** Always six decimals: "123.456789". @throws DropletError DROPLETS_TOO_LARGE above 2^63-1 */
export function formatDroplets(droplets: bigint): string {
  if (droplets > I64_MAX) throw tooLarge();
  const rest = String(droplets % DROPLETS_PER_COIN).padStart(DROPLET_DECIMALS, "0");
  return `${droplets / DROPLETS_PER_COIN}.${rest}`;
}

/** What an amount must be a multiple of when `decimals` (0..6) places are allowed. */
export function precisionDivisor(decimals: number): bigint {
  return 10n ** BigInt(DROPLET_DECIMALS - decimals);
}

/** @throws RuleError TX_DECIMALS (soft) */
export function checkPrecision(decimals: number, coins: bigint): void {
  if (coins % precisionDivisor(decimals) !== 0n) throw new RuleError("TX_DECIMALS", { decimals, coins });
}

function tooLarge(): DropletError {
  return new DropletError("DROPLETS_TOO_LARGE", "Droplet string conversion failed: Value is too large");
}

function notANumber(text: string, detail = ""): DropletError {
  return new DropletError("DROPLETS_NOT_A_NUMBER", `can't convert ${text} to decimal${detail}`);
}

/** value * 10^exponent, as the decimal library of the reference reads it, oddities included (".+5" is 0.05). */
function parseDecimal(text: string): { value: bigint; exponent: number } {
  if (text.length > TEXT_MAX) throw notANumber(`${text.slice(0, 32)}...`);
  const e = text.search(/[eE]/);
  let exponent = e === -1 ? 0 : parseExponent(text, text.slice(e + 1));
  const number = e === -1 ? text : text.slice(0, e);
  const parts = number.split(".");
  if (parts.length > 2) throw notANumber(number, ": too many .s");
  let digits = parts[0] as string;
  if (parts.length === 2) {
    const decimals = (parts[1] as string).replace(/0+$/, "");
    digits += decimals;
    // Go counts bytes. Every character that is more than one byte is refused below anyway.
    exponent -= decimals.length;
  }
  if (!/^[+-]?[0-9]+$/.test(digits)) throw notANumber(number);
  if (exponent < I32_MIN || exponent > I32_MAX) throw notANumber(text, ": fractional part too long");
  return { value: BigInt(digits.replace("+", "")), exponent };
}

/** Go's strconv.ParseInt(s, 10, 32), with the two texts the decimal library makes of its errors. */
function parseExponent(whole: string, text: string): number {
  const digits = /^[+-]/.test(text) ? text.slice(1) : text;
  if (digits === "") throw notANumber(whole, ": exponent is not numeric");
  let n = 0;
  for (const c of digits) {
    if (c < "0" || c > "9") throw notANumber(whole, ": exponent is not numeric");
    n = n * 10 + Number(c);
    // Go stops reading at the first digit that leaves 32 bits, before it could meet a bad character.
    if (n > 0xffff_ffff) throw notANumber(whole, ": fractional part too long");
  }
  const value = text.startsWith("-") ? -n : n;
  if (value < I32_MIN || value > I32_MAX) throw notANumber(whole, ": fractional part too long");
  return value;
}
