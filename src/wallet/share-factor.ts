import { SpendError } from "./errors.ts";

/** An exact decimal: `value` * 10^`exponent`. */
export interface ShareFactor {
  readonly value: bigint;
  readonly exponent: number;
}

export const WHOLE: ShareFactor = Object.freeze({ value: 1n, exponent: 0 });

const TEXT_MAX = 4096;
const EXPONENT_MAX = 2_147_483_647;

/**
 * The decimal in `hours_selection.share_factor`: optional sign, digits with at most one dot, optional exponent.
 * Differs: text above 4096 characters is refused.
 * @throws SpendError SPEND_FACTOR_NOT_A_NUMBER with the texts of the reference's decimal library
 */
export function parseShareFactor(text: string): ShareFactor {
  if (text.length > TEXT_MAX) throw notANumber(`${text.slice(0, 32)}...`);
  const e = text.search(/[eE]/);
  const number = e === -1 ? text : text.slice(0, e);
  let exponent = 0;
  if (e !== -1) {
    if (!/^[+-]?[0-9]+$/.test(text.slice(e + 1))) throw notANumber(text, ": exponent is not numeric");
    exponent = Number(text.slice(e + 1));
  }
  const parts = number.split(".");
  if (parts.length > 2) throw notANumber(number, ": too many .s");
  const decimals = (parts[1] ?? "").replace(/0+$/, "");
  const digits = `${parts[0]}${decimals}`;
  if (!/^[+-]?[0-9]+$/.test(digits)) throw notANumber(number);
  exponent -= decimals.length;
  if (Math.abs(exponent) > EXPONENT_MAX) throw notANumber(text, ": fractional part too long");
  return { value: BigInt(digits.replace("+", "")), exponent };
}

function notANumber(text: string, detail = ""): SpendError {
  return new SpendError("SPEND_FACTOR_NOT_A_NUMBER", [text, detail]);
}

export function isNegative(factor: ShareFactor): boolean {
  return factor.value < 0n;
}

/** Compares with 1 without ever computing a huge power. */
export function isAboveOne({ value, exponent }: ShareFactor): boolean {
  if (value <= 0n) return false;
  if (exponent >= 0) return exponent > 0 || value > 1n;
  return digitCount(value) > -exponent && value > 10n ** BigInt(-exponent);
}

/** `trunc(factor * hours)`, exact, for a factor of 0 to 1. */
export function shareOf({ value, exponent }: ShareFactor, hours: bigint): bigint {
  const product = value * hours;
  if (exponent >= 0) return product; // only 0 and 1 get here
  return digitCount(product) <= -exponent ? 0n : product / 10n ** BigInt(-exponent);
}

function digitCount(value: bigint): number {
  return value.toString().length;
}
