import { assert } from "../base/errors.ts";

/** JSON already encoded for the indentation level it will stand at; immutable things are encoded once (cache.ts). */
export class JsonRaw {
  readonly bytes: Uint8Array;
  readonly depth: number;

  constructor(bytes: Uint8Array, depth: number) {
    this.bytes = bytes;
    this.depth = depth;
  }
}

/** Items of a list that stands `depth` levels deep, each encoded for one level more, to be one item of it. */
export function joinItems(encoded: readonly string[], depth: number): JsonRaw {
  return new JsonRaw(Buffer.from(encoded.join(`,${newline(depth + 1)}`)), depth + 1);
}

/** An array made while it is sent: item by item, so a whole chain never sits in memory as text. */
export class JsonLazyList {
  readonly items: Iterable<JsonValue>;

  constructor(items: Iterable<JsonValue>) {
    this.items = items;
  }

  /** Of each thing what `readable` makes of it, when it is sent. */
  static of<T>(things: Iterable<T>, readable: (thing: T) => JsonValue): JsonLazyList {
    return new JsonLazyList(mapped(things, readable));
  }
}

function* mapped<T>(things: Iterable<T>, readable: (thing: T) => JsonValue): Generator<JsonValue> {
  for (const thing of things) yield readable(thing);
}

/** Members of an object keep their order, `undefined` ones are left out; a Map is a Go map: sorted by key bytes. */
export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | JsonRaw
  | JsonLazyList
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>
  | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

const STEP = "    ";
const NEWLINES: string[] = ["\n"];
const decoder = new TextDecoder();
const encoder = new TextEncoder();

function newline(depth: number): string {
  for (let d = NEWLINES.length; d <= depth; d++) NEWLINES.push(NEWLINES[d - 1] + STEP);
  return NEWLINES[depth] as string;
}

/**
 * The text Go's `json.MarshalIndent(value, "", "    ")` makes, byte for byte, as if `value` stood `depth` levels
 * deep. No trailing newline. Source: api.md 9.4.
 */
export function encodeJson(value: JsonValue, depth = 0): string {
  switch (typeof value) {
    case "string":
      return encodeString(value);
    case "number":
      assert(Number.isSafeInteger(value), "json numbers are safe integers");
      return String(value);
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return value === null ? "null" : encodeComposite(value, depth);
  }
}

type Composite = Exclude<JsonValue, string | number | bigint | boolean | null>;

function encodeComposite(value: Composite, depth: number): string {
  if (Array.isArray(value)) return encodeList(value as readonly JsonValue[], depth);
  if (value instanceof JsonRaw) {
    assert(value.depth === depth, "raw json stands at the depth it was made for");
    return decoder.decode(value.bytes);
  }
  if (value instanceof JsonLazyList) return encodeList([...value.items], depth);
  return value instanceof Map ? encodeMembers(membersOf(value), depth) : encodeObject(value as JsonObject, depth);
}

function encodeList(items: readonly JsonValue[], depth: number): string {
  if (items.length === 0) return "[]";
  const inner = newline(depth + 1);
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    text += (i === 0 ? "" : ",") + inner + encodeJson(items[i] as JsonValue, depth + 1);
  }
  return `${text}${newline(depth)}]`;
}

/** As `encodeMembers`, without a list of them: lists are full of small objects. */
function encodeObject(value: JsonObject, depth: number): string {
  const inner = newline(depth + 1);
  let text = "";
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === "" ? "{" : ","}${inner}${encodeName(name)}${encodeJson(member, depth + 1)}`;
  }
  return text === "" ? "{}" : `${text}${newline(depth)}}`;
}

const NAMES = new Map<string, string>();
const NAMES_MAX = 1024;

/** With the colon. Objects have names of ours, a few hundred; others are not remembered. */
function encodeName(name: string): string {
  const known = NAMES.get(name);
  if (known !== undefined) return known;
  const encoded = `${encodeString(name)}: `;
  if (NAMES.size < NAMES_MAX) NAMES.set(name, encoded);
  return encoded;
}

function encodeMembers(members: readonly Member[], depth: number): string {
  if (members.length === 0) return "{}";
  const inner = newline(depth + 1);
  let text = "{";
  for (let i = 0; i < members.length; i++) {
    const [name, value] = members[i] as Member;
    text += `${i === 0 ? "" : ","}${inner}${encodeString(name)}: ${encodeJson(value, depth + 1)}`;
  }
  return `${text}${newline(depth)}}`;
}

type Member = readonly [name: string, value: JsonValue];

function membersOf(value: JsonObject | ReadonlyMap<string, JsonValue>): Member[] {
  if (value instanceof Map)
    return [...(value as ReadonlyMap<string, JsonValue>)].sort((a, b) => compareUtf8(a[0], b[0]));
  const members: Member[] = [];
  for (const name in value as JsonObject) {
    const member = (value as JsonObject)[name];
    if (member !== undefined) members.push([name, member]);
  }
  return members;
}

/** Order by UTF-8 bytes. UTF-16 order differs only where a surrogate meets a unit above it. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A string that can be copied as it is; nearly all of ours (hex, base58, digits) can. */
const NEEDS_ESCAPE = /["\\<>&\u2028\u2029\ud800-\udfff]|[^\x20-\uffff]/;
const ESCAPED =
  /["\\<>&\u2028\u2029]|[^\x20-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SHORT: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Go escapes <, >, & and U+2028/9, and knows no short form for backspace and form feed. */
export function encodeString(text: string): string {
  return `"${NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, escapeUnit) : text}"`;
}

function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  // A lone surrogate is what invalid UTF-8 is to Go: the replacement character, written as an escape.
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd";
  return SHORT[unit] ?? `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * The same text in pieces, for answers that hold a `JsonLazyList`. Descends into objects only: that is where our
 * long lists stand. Items that are `JsonRaw` pass through without being copied.
 */
export function* jsonPieces(value: JsonValue, depth = 0): Generator<Uint8Array> {
  if (value instanceof JsonLazyList) {
    yield* listPieces(value, depth);
  } else if (isPlainObject(value) && Object.values(value).some(holdsLazy)) {
    let text = "{";
    for (const [name, member] of membersOf(value)) {
      text += `${text === "{" ? "" : ","}${newline(depth + 1)}${encodeString(name)}: `;
      if (holdsLazy(member)) {
        yield encoder.encode(text);
        yield* jsonPieces(member, depth + 1);
        text = "";
      } else {
        text += encodeJson(member, depth + 1);
      }
    }
    yield encoder.encode(`${text}${newline(depth)}}`);
  } else {
    yield value instanceof JsonRaw ? value.bytes : encoder.encode(encodeJson(value, depth));
  }
}

function* listPieces(list: JsonLazyList, depth: number): Generator<Uint8Array> {
  let lead = encoder.encode(`[${newline(depth + 1)}`);
  const between = encoder.encode(`,${newline(depth + 1)}`);
  let empty = true;
  for (const item of list.items) {
    yield lead;
    yield item instanceof JsonRaw ? item.bytes : encoder.encode(encodeJson(item, depth + 1));
    lead = between;
    empty = false;
  }
  yield encoder.encode(empty ? "[]" : `${newline(depth)}]`);
}

function isPlainObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** True when the answer must be sent in pieces. */
export function holdsLazy(value: JsonValue | undefined): boolean {
  return value instanceof JsonLazyList || (isPlainObject(value) && Object.values(value).some(holdsLazy));
}
