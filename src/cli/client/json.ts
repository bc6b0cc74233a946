import { encodeString } from "../../api/json.ts";
import { ClientError } from "./errors.ts";

/** A JSON value with exact integers: `number` when safe, else `bigint`. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

const BIG = "\u0000integer";
/** Strings are matched first, so that digits inside them stay alone. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON text with integers of any size; u64 amounts pass 2^53. @throws ClientError CLIENT_NODE_ANSWER */
export function parseJson(text: string): Json {
  const marked = text.replace(TOKENS, (token) =>
    token.length > 15 && /^-?\d+$/.test(token) ? `{${JSON.stringify(BIG)}:"${token}"}` : token,
  );
  try {
    return JSON.parse(marked, (_, value: unknown) => {
      const digits = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[BIG] : undefined;
      if (typeof digits !== "string") return value;
      const exact = BigInt(digits);
      return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
    }) as Json;
  } catch (cause) {
    throw new ClientError("CLIENT_NODE_ANSWER", "the answer is not valid JSON", {}, { cause });
  }
}

/** Go's `json.MarshalIndent` with four blanks. Members keep their order, `undefined` ones are left out. */
export function formatJson(value: Json, depth = 0): string {
  if (typeof value === "string") return encodeString(value);
  if (typeof value !== "object" || value === null) return String(value);
  const inner = `\n${"    ".repeat(depth + 1)}`;
  const pieces = Array.isArray(value)
    ? (value as readonly Json[]).map((item) => formatJson(item, depth + 1))
    : Object.entries(value as JsonObject).flatMap(([name, member]) =>
        member === undefined ? [] : [`${encodeString(name)}: ${formatJson(member, depth + 1)}`],
      );
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (pieces.length === 0) return open + close;
  return `${open}${inner}${pieces.join(`,${inner}`)}\n${"    ".repeat(depth)}${close}`;
}

function misshapen(what: string, expected: string): ClientError {
  return new ClientError("CLIENT_NODE_ANSWER", `unexpected answer of the node: ${what} is not ${expected}`);
}

/** @throws ClientError CLIENT_NODE_ANSWER */
export function asObject(value: Json | undefined, what: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw misshapen(what, "an object");
}

/** Null counts as empty: Go writes a list it never made as null. @throws ClientError CLIENT_NODE_ANSWER */
export function asList(value: Json | undefined, what: string): readonly Json[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value as readonly Json[];
  throw misshapen(what, "a list");
}

/** @throws ClientError CLIENT_NODE_ANSWER */
export function asString(value: Json | undefined, what: string): string {
  if (typeof value === "string") return value;
  throw misshapen(what, "a string");
}

/** A u64. @throws ClientError CLIENT_NODE_ANSWER */
export function asUint(value: Json | undefined, what: string): bigint {
  const integer = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value as number) : -1n;
  if (integer < 0n || integer >= 1n << 64n) throw misshapen(what, "an unsigned integer");
  return integer;
}

/** A height or a time. @throws ClientError CLIENT_NODE_ANSWER */
export function asCount(value: Json | undefined, what: string): number {
  const integer = asUint(value, what);
  if (integer > BigInt(Number.MAX_SAFE_INTEGER)) throw misshapen(what, "a number below 2^53");
  return Number(integer);
}
