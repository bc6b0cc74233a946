import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanPath } from "../../../src/api/clean-path.ts";
import {
  decodeGoJson,
  goBool,
  goInt,
  goList,
  goPointer,
  goRaw,
  goString,
  goStruct,
  goText,
  JsonError,
} from "../../../src/api/go-json.ts";
import {
  GoParseError,
  goDuration,
  goQuote,
  goTime,
  goTrim,
  parseBool,
  parseInteger,
  parseUint,
} from "../../../src/api/go-text.ts";
import { urlHost } from "../../../src/api/host-check.ts";
import { encodeString } from "../../../src/api/json.ts";
import { vectors } from "../../support/vectors.ts";

interface Pair<Out> {
  readonly in: string;
  readonly out: Out;
}
type Parsed<T> = T | { readonly error: string };

/** Made by a program over Go's standard library; the file says which functions. */
const go = vectors<{
  quote: Pair<string>[];
  encodeString: Pair<string>[];
  duration: Pair<string>[];
  parseUint: Pair<Parsed<string>>[];
  atoi: Pair<Parsed<string>>[];
  parseBool: Pair<Parsed<boolean>>[];
  cleanPath: Pair<string>[];
  urlHost: Pair<string | null>[];
  decode: Pair<Parsed<object>>[];
}>("api-go.json");

/** The value, or Go's error text. */
function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof GoParseError || error instanceof JsonError, String(error));
    return { error: error.message };
  }
}

test("text is quoted as Go's %q", () => {
  for (const { in: text, out } of go.quote) assert.equal(goQuote(text), out);
});

test("JSON strings are escaped as Go does", () => {
  for (const { in: text, out } of go.encodeString) assert.equal(encodeString(text), out);
});

test("durations read as Go prints them", () => {
  for (const { in: text, out } of go.duration) assert.equal(goDuration(BigInt(text)), out);
});

test("numbers and flags parse as in strconv, with its errors", () => {
  for (const { in: text, out } of go.parseUint)
    assert.deepEqual(
      outcome(() => String(parseUint(text))),
      out,
    );
  for (const { in: text, out } of go.atoi)
    assert.deepEqual(
      outcome(() => String(parseInteger(text))),
      out,
    );
  for (const { in: text, out } of go.parseBool)
    assert.deepEqual(
      outcome(() => parseBool(text)),
      out,
    );
});

test("a number that fits no u32 is out of range there", () => {
  assert.equal(parseUint("4294967295", 32), 4294967295n);
  assert.throws(() => parseUint("4294967296", 32), /value out of range/);
});

test("paths are cleaned as http.ServeMux does", () => {
  for (const { in: path, out } of go.cleanPath) assert.equal(cleanPath(path), out);
});

test("the host of a URL is what url.Parse finds, or nothing where it fails", () => {
  for (const { in: url, out } of go.urlHost) assert.equal(urlHost(url) ?? null, out, JSON.stringify(url));
});

const inner = goStruct("inner", { b: goBool, l: goList(goInt), s: goString });
const Thing = goStruct("Thing", {
  name: goString,
  flag: goBool,
  n: goInt,
  inner,
  list: goList(inner),
  ptr: goPointer(inner),
});

/** Go prints empty slices as null and absent pointers as null; numbers are not bigint there. */
function asGo(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(asGo);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asGo(member)]));
}

test("request bodies decode as in encoding/json, with its errors", () => {
  for (const { in: body, out } of go.decode) {
    const found = outcome(() => asGo(decodeGoJson(Buffer.from(body), Thing)));
    assert.deepEqual(found, out, JSON.stringify(body));
  }
});

test("a type of its own sees null as empty text and ends the decoding at once", () => {
  const upper = goText("api.Upper", "", {}, (text) => {
    if (text === "bad") throw new JsonError("own error");
    return text.toUpperCase();
  });
  const type = goStruct("Own", { first: goString, own: upper });
  assert.deepEqual(decodeGoJson(Buffer.from('{"own":"x"}'), type), { first: "", own: "X" });
  assert.deepEqual(decodeGoJson(Buffer.from('{"own":null}'), type), { first: "", own: "" });
  // Go folds case by Unicode: the long s and the Kelvin sign are letters of ASCII names.
  assert.deepEqual(decodeGoJson(Buffer.from('{"fir\u017ft":"x"}'), type), { first: "x", own: "" });
  assert.deepEqual(decodeGoJson(Buffer.from('{"\u212aind":"x"}'), goStruct("K", { kind: goString })), { kind: "x" });
  assert.throws(() => decodeGoJson(Buffer.from('{"first":1,"own":"bad"}'), type), { message: "own error" });
  assert.throws(() => decodeGoJson(Buffer.from('{"own":[1]}'), type), {
    message: "json: cannot unmarshal array into Go struct field Own.own of type string",
  });
});

test("a raw type sees the literal", () => {
  const literal = goRaw("api.Raw", "", {}, (kind, text) => `${kind} ${Buffer.from(text).toString()}`);
  const decoded = decodeGoJson(Buffer.from('[1.50, {"a" : [2]}, "x"]'), goList(literal));
  assert.deepEqual(decoded, ["number 1.50", 'object {"a" : [2]}', 'string "x"']);
});

test("nesting beyond Go's limit is an error, not a full stack", () => {
  const deep = Buffer.from("[".repeat(1_000_000));
  assert.throws(() => decodeGoJson(deep, Thing), { message: "invalid character '[' exceeded max depth" });
  const closed = Buffer.from(`{"x":${"[".repeat(9_000)}${"]".repeat(9_000)}}`);
  assert.equal(decodeGoJson(closed, Thing).name, "");
});

test("invalid UTF-8 becomes the replacement character", () => {
  const body = Buffer.concat([Buffer.from('{"name":"a'), Buffer.from([0xff]), Buffer.from('b"}')]);
  assert.equal(decodeGoJson(body, Thing).name, "a\ufffdb");
});

test("times are RFC 3339 with the fraction that is needed", () => {
  const seconds = 1_535_637_620n * 1_000_000_000n;
  const zone = /(Z|[+-]\d\d:\d\d)$/;
  assert.match(goTime(seconds), zone);
  assert.equal(Date.parse(goTime(seconds)), 1_535_637_620_000);
  assert.equal(
    goTime(seconds + 120_000_000n)
      .replace(zone, "")
      .slice(-3),
    ".12",
  );
  assert.equal(
    goTime(seconds + 1n)
      .replace(zone, "")
      .slice(-10),
    ".000000001",
  );
  assert.match(goTime(-1n), /59\.999999999/);
});

test("blanks around a text are those of Unicode, as Go trims them", () => {
  for (const [text, trimmed] of [
    [" \t\n\v\f\r\u0085\u00a0\u2003\u2028\u3000 a b \u0085", "a b"],
    ["\ufeffa", "\ufeffa"],
    ["\u200ba", "\u200ba"],
    [" \u0085 ", ""],
  ] as const) {
    assert.equal(goTrim(text), trimmed);
  }
});
