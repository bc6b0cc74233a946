import { CoinError } from "../base/errors.ts";

/** A number or flag that does not parse; the messages are Go's strconv texts, since answers show them. */
export class GoParseError extends CoinError<"API_PARSE"> {}

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const NAMED: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** Go's `%q` of a string (strconv.Quote): printable runes stay, everything else becomes an escape. */
export function goQuote(text: string): string {
  let quoted = "";
  for (const rune of text) quoted += NAMED[rune] ?? (PRINTABLE.test(rune) ? rune : escapeRune(rune));
  return `"${quoted}"`;
}

const BLANK = /^\p{White_Space}$/u;

/** Go's `strings.TrimSpace`: unlike `trim` it takes U+0085 for a blank and a byte order mark for none. */
export function goTrim(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANK.test(text.charAt(start))) start++;
  while (start < end && BLANK.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function escapeRune(rune: string): string {
  const code = rune.codePointAt(0) as number;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd";
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** Go's `strconv.ParseUint(text, 10, bits)`: digits only, no sign, no blanks. @throws GoParseError */
export function parseUint(text: string, bits: 8 | 32 | 64 = 64): bigint {
  if (!/^[0-9]+$/.test(text)) throw parseFailure("ParseUint", text, "invalid syntax");
  // Twenty digits hold every u64; counting them first keeps a megabyte of digits from becoming a bigint.
  const digits = text.replace(/^0+(?=.)/, "");
  const value = digits.length > 20 ? 1n << 64n : BigInt(digits);
  if (value >= 1n << BigInt(bits)) throw parseFailure("ParseUint", text, "value out of range");
  return value;
}

/** Go's `strconv.Atoi`: an optional sign and digits, within i64. @throws GoParseError */
export function parseInteger(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw parseFailure("Atoi", text, "invalid syntax");
  const digits = text.replace(/^[+-]?0*(?=.)/, "");
  const magnitude = digits.length > 19 ? 1n << 64n : BigInt(digits);
  const value = text.startsWith("-") ? -magnitude : magnitude;
  if (value >= 1n << 63n || value < -(1n << 63n)) throw parseFailure("Atoi", text, "value out of range");
  return value;
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's `strconv.ParseBool`. @throws GoParseError */
export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw parseFailure("ParseBool", text, "invalid syntax");
}

function parseFailure(name: string, text: string, reason: string): GoParseError {
  return new GoParseError("API_PARSE", `strconv.${name}: parsing ${goQuote(text)}: ${reason}`);
}

/** Go's `time.Duration.String()` of nanoseconds: `2h0m4s`, `350ms`, `21.552µs`, `0s`. */
export function goDuration(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const ns = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (ns === 0n) return "0s";
  if (ns < 1_000n) return `${sign}${ns}ns`;
  if (ns < 1_000_000n) return `${sign}${decimal(ns, 3)}µs`;
  if (ns < 1_000_000_000n) return `${sign}${decimal(ns, 6)}ms`;
  const seconds = ns / 1_000_000_000n;
  const hours = seconds / 3600n;
  const minutes = (seconds / 60n) % 60n;
  const rest = `${decimal(ns % 60_000_000_000n, 9)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${rest}`;
  return minutes > 0n ? `${sign}${minutes}m${rest}` : `${sign}${rest}`;
}

/** `value / 10^places` with trailing zeros of the fraction removed. */
function decimal(value: bigint, places: number): string {
  const unit = 10n ** BigInt(places);
  const fraction = (value % unit).toString().padStart(places, "0").replace(/0+$/, "");
  return `${value / unit}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Go's zero time: what a never-set time looks like in JSON. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** RFC 3339 with up to nine fractional digits, in the zone of this process, as Go prints a `time.Time`. */
export function goTime(unixNanoseconds: bigint): string {
  let seconds = unixNanoseconds / 1_000_000_000n;
  let nanos = unixNanoseconds % 1_000_000_000n;
  if (nanos < 0n) {
    seconds -= 1n;
    nanos += 1_000_000_000n;
  }
  const utcMs = Number(seconds) * 1000;
  const minutesEast = -new Date(utcMs).getTimezoneOffset();
  const local = new Date(utcMs + minutesEast * 60_000).toISOString().slice(0, 19);
  const fraction = nanos === 0n ? "" : `.${nanos.toString().padStart(9, "0").replace(/0+$/, "")}`;
  return `${local}${fraction}${zone(minutesEast)}`;
}

function zone(minutesEast: number): string {
  if (minutesEast === 0) return "Z";
  const size = Math.abs(minutesEast);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${minutesEast < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
