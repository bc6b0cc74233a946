import { I64_MAX, U64_MAX } from "../base/uint64.ts";

/** Why Go's strconv refuses a text. */
export type NumberProblem = "invalid syntax" | "value out of range";

export type ParsedInteger =
  | { readonly ok: true; readonly value: bigint }
  | { readonly ok: false; readonly problem: NumberProblem };

const DIGITS = /^[0-9a-z]+$/;

/**
 * Go's `strconv.ParseUint(text, base, 64)`. Base 0 takes the 0x, 0o, 0b, 0 prefixes and underscores between digits.
 */
export function parseGoUint(text: string, base: 0 | 10 = 10, max: bigint = U64_MAX): ParsedInteger {
  const magnitude = digitsOf(text, base);
  if (magnitude === undefined) return { ok: false, problem: "invalid syntax" };
  if (magnitude > max) return { ok: false, problem: "value out of range" };
  return { ok: true, value: magnitude };
}

/** Go's `strconv.ParseInt(text, base, 64)`: as above, with one leading sign. */
export function parseGoInt(text: string, base: 0 | 10 = 10, max: bigint = I64_MAX): ParsedInteger {
  const negative = text.startsWith("-");
  const magnitude = digitsOf(negative || text.startsWith("+") ? text.slice(1) : text, base);
  if (magnitude === undefined) return { ok: false, problem: "invalid syntax" };
  const value = negative ? -magnitude : magnitude;
  if (value > max || value < -max - 1n) return { ok: false, problem: "value out of range" };
  return { ok: true, value };
}

/** `strconv.ParseBool`; undefined for anything else. */
export function parseGoBool(text: string): boolean | undefined {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  return undefined;
}

function digitsOf(text: string, base: 0 | 10): bigint | undefined {
  if (base === 10) return /^[0-9]+$/.test(text) ? BigInt(text) : undefined;
  const lower = text.toLowerCase();
  const prefix = /^0[xob]/.exec(lower)?.[0];
  if (lower.includes("_") && !/^(0[xob]_?)?[0-9a-f](_?[0-9a-f])*$/.test(lower)) return undefined;
  const digits = (prefix === undefined ? lower : lower.slice(2)).replaceAll("_", "");
  if (!DIGITS.test(digits)) return undefined;
  if (prefix !== undefined) return tryBigInt(prefix + digits);
  if (digits.length > 1 && digits.startsWith("0")) return tryBigInt(`0o${digits.slice(1)}`);
  return tryBigInt(digits);
}

function tryBigInt(text: string): bigint | undefined {
  try {
    return BigInt(text);
  } catch {
    return undefined;
  }
}
