import { CoinError } from "../base/errors.ts";
import { goQuote } from "./go-text.ts";

/** A request body Go's decoder would refuse; the message is its text. Answered with 400. */
export class JsonError extends CoinError<"API_JSON"> {
  constructor(message: string) {
    super("API_JSON", message);
  }
}

/** Go's own limit, so hostile nesting costs one error and no stack. */
const DEPTH_MAX = 10_000;
const [QUOTE, BACKSLASH, OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST, COMMA, COLON, MINUS, ZERO] = [
  ...Buffer.from('"\\{}[],:-0'),
] as [number, number, number, number, number, number, number, number, number, number];

type State = "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "after";

/**
 * Finds the first complete JSON value, as Go's `Decoder.Decode` does: syntax is judged over the whole value before
 * anything is decoded, and what follows it is ignored. Returns start and end offsets. Iterative on purpose.
 * @throws JsonError with Go's text
 */
export function scanValue(bytes: Uint8Array): { start: number; end: number } {
  const start = skipSpace(bytes, 0);
  if (start === bytes.length) throw new JsonError("EOF");
  const open: number[] = [];
  let state: State = "value";
  for (let at = start; ; ) {
    at = skipSpace(bytes, at);
    if (at >= bytes.length) throw truncated();
    const c = bytes[at] as number;
    switch (state) {
      case "keyOrEnd":
      case "key":
        if (c === QUOTE) {
          at = scanString(bytes, at);
          state = "colon";
          break;
        }
        if (c !== CLOSE_OBJECT || state === "key") throw unexpected(c, "looking for beginning of object key string");
        open.pop();
        at++;
        state = "after";
        break;
      case "colon":
        if (c !== COLON) throw unexpected(c, "after object key");
        at++;
        state = "value";
        break;
      case "valueOrEnd":
      case "value":
        if (c === OPEN_OBJECT || c === OPEN_LIST) {
          if (open.length === DEPTH_MAX) throw unexpected(c, "exceeded max depth");
          open.push(c);
          at++;
          state = c === OPEN_OBJECT ? "keyOrEnd" : "valueOrEnd";
          continue;
        }
        if (c === CLOSE_LIST && state === "valueOrEnd") {
          open.pop();
          at++;
        } else {
          at = scanScalar(bytes, at, open.length === 0);
        }
        state = "after";
        break;
      case "after":
        at = scanAfter(c, open, at);
        state = c === COMMA ? (open.at(-1) === OPEN_OBJECT ? "key" : "value") : "after";
        break;
    }
    if (state === "after" && open.length === 0) return { start, end: at };
  }
}

/** The comma or closing bracket behind a member or element. */
function scanAfter(c: number, open: number[], at: number): number {
  const inObject = open.at(-1) === OPEN_OBJECT;
  if (c === (inObject ? CLOSE_OBJECT : CLOSE_LIST)) open.pop();
  else if (c !== COMMA) throw unexpected(c, inObject ? "after object key:value pair" : "after array element");
  return at + 1;
}

function scanScalar(bytes: Uint8Array, at: number, top: boolean): number {
  const c = bytes[at] as number;
  if (c === QUOTE) return scanString(bytes, at);
  if (c === MINUS || isDigit(c)) return scanNumber(bytes, at, top);
  for (const word of ["true", "false", "null"]) if (c === word.charCodeAt(0)) return scanWord(bytes, at, word);
  throw unexpected(c, "looking for beginning of value");
}

function scanWord(bytes: Uint8Array, at: number, word: string): number {
  for (let i = 1; i < word.length; i++) {
    const c = bytes[at + i];
    if (c === undefined) throw truncated();
    if (c !== word.charCodeAt(i)) throw unexpected(c, `in literal ${word} (expecting '${word[i]}')`);
  }
  return at + word.length;
}

function scanNumber(bytes: Uint8Array, from: number, top: boolean): number {
  let at = from;
  const digits = (context: string): void => {
    const c = bytes[at];
    if (c === undefined) throw truncated();
    if (!isDigit(c)) throw unexpected(c, context);
    while (isDigit(bytes[at])) at++;
  };
  if (bytes[at] === MINUS) at++;
  if (bytes[at] === ZERO) at++;
  else digits("in numeric literal");
  if (bytes[at] === 0x2e) {
    at++;
    digits("after decimal point in numeric literal");
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === MINUS) at++;
    digits("in exponent of numeric literal");
  }
  if (at === bytes.length && !top) throw truncated();
  return at;
}

function scanString(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const c = bytes[at] as number;
    if (c === QUOTE) return at + 1;
    if (c < 0x20) throw unexpected(c, "in string literal");
    if (c === BACKSLASH) at = scanEscape(bytes, at + 1);
  }
  throw truncated();
}

/** Offset of the last byte of the escape that begins behind a backslash. */
function scanEscape(bytes: Uint8Array, at: number): number {
  const c = bytes[at];
  if (c === undefined) throw truncated();
  if (c !== 0x75) {
    if (!'bfnrt\\/"'.includes(String.fromCharCode(c))) throw unexpected(c, "in string escape code");
    return at;
  }
  for (let i = 1; i <= 4; i++) {
    const digit = bytes[at + i];
    if (digit === undefined) throw truncated();
    if (!/[0-9a-fA-F]/.test(String.fromCharCode(digit))) {
      throw unexpected(digit, "in \\u hexadecimal character escape");
    }
  }
  return at + 4;
}

export function isDigit(c: number | undefined): boolean {
  return c !== undefined && c >= 0x30 && c <= 0x39;
}

export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function truncated(): JsonError {
  return new JsonError("unexpected EOF");
}

/** Go names the offending *byte*, as a Latin-1 character. */
function unexpected(c: number, context: string): JsonError {
  const shown = c === 0x27 ? "\\'" : c === QUOTE ? '"' : goQuote(String.fromCharCode(c)).slice(1, -1);
  return new JsonError(`invalid character '${shown}' ${context}`);
}
