import { compareBytes } from "../base/bytes.ts";
import { WalletFault } from "./errors.ts";

/** Members keep their order; `undefined` ones are left out; a Map is written sorted by key bytes, as Go does. */
export type JsonText =
  | string
  | number
  | null
  | readonly JsonText[]
  | ReadonlyMap<string, string>
  | { readonly [name: string]: JsonText | undefined };

const utf8 = new TextEncoder();
const ESCAPED =
  /["\\<>&\u2028\u2029]|[^\x20-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SHORT: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text as Go's encoding/json writes it: <, >, & and U+2028/9 escaped, half surrogates become U+FFFD. */
function quote(text: string): string {
  return `"${text.replace(ESCAPED, (unit) => {
    const code = unit.charCodeAt(0);
    if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd";
    return SHORT[unit] ?? `\\u${code.toString(16).padStart(4, "0")}`;
  })}"`;
}

/** Go's json.MarshalIndent with four blanks (`step`), or json.Marshal (`step` empty). No newline at the end. */
export function writeJson(value: JsonText, step = "    ", depth = 0): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return String(value);
  if (value === null) return "null";
  const pieces = Array.isArray(value)
    ? (value as readonly JsonText[]).map((item) => writeJson(item, step, depth + 1))
    : members(value as ReadonlyMap<string, string>).map(
        ([name, member]) => `${quote(name)}:${step === "" ? "" : " "}${writeJson(member, step, depth + 1)}`,
      );
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (pieces.length === 0) return open + close;
  if (step === "") return open + pieces.join(",") + close;
  const line = `\n${step.repeat(depth)}`;
  return `${open}${line}${step}${pieces.join(`,${line}${step}`)}${line}${close}`;
}

function members(value: ReadonlyMap<string, string> | { readonly [name: string]: JsonText | undefined }) {
  if (!(value instanceof Map)) {
    return Object.entries(value).filter((pair): pair is [string, JsonText] => pair[1] !== undefined);
  }
  const keyed = [...(value as ReadonlyMap<string, string>)].map(([k, v]) => ({ k, v, bytes: utf8.encode(k) }));
  return keyed.sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ k, v }): [string, JsonText] => [k, v]);
}

/** Each escape in a JSON text; a pair of surrogates is one. */
const ESCAPES = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[0-9a-fA-F]{4}|.)/gs;

/** Half a surrogate pair is U+FFFD from the start, as in Go: read as it is, it would be written as another text. */
function whole(escaped: string): string {
  return escaped.length === 6 && /^\\u[dD][89a-fA-F]/.test(escaped) ? "\\ufffd" : escaped;
}

/** A JSON object read member by member; names match as in Go, ignoring case when no exact one is there. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** @throws WalletFault WALLET_FILE_INVALID */
export function parseJson(text: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(ESCAPES, whole));
  } catch {
    // The engine's message quotes the text, which may hold secrets.
    throw new WalletFault("WALLET_FILE_INVALID", "wallet is not valid JSON");
  }
  return asRecord(value, "wallet");
}

export function member(record: JsonRecord, name: string): unknown {
  if (Object.hasOwn(record, name)) return record[name];
  const other = Object.keys(record).find((key) => key.toLowerCase() === name);
  return other === undefined ? undefined : record[other];
}

/** An object; null counts as an empty one. @throws WalletFault WALLET_FILE_INVALID */
export function asRecord(value: unknown, what: string): JsonRecord {
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as JsonRecord;
  throw invalid(what, "an object");
}

/** A list of objects; null and absence count as an empty one. @throws WalletFault WALLET_FILE_INVALID */
export function asRecords(value: unknown, what: string): JsonRecord[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(what, "a list");
  return value.map((item, i) => asRecord(item, `${what}[${i}]`));
}

/** Text; null and absence count as empty. @throws WalletFault WALLET_FILE_INVALID */
export function asText(value: unknown, what: string): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  throw invalid(what, "a string");
}

/** A u32; null and absence count as 0. @throws WalletFault WALLET_FILE_INVALID */
export function asUint32(value: unknown, what: string): number {
  if (value === null || value === undefined) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw invalid(what, "a number below 2^32");
}

function invalid(what: string, kind: string): WalletFault {
  return new WalletFault("WALLET_FILE_INVALID", `${what} must be ${kind}`);
}
