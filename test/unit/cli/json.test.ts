import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asList, asUint, formatJson, type Json, parseJson } from "../../../src/cli/client/json.ts";

test("integers of any size survive reading and printing; digits in strings stay strings", () => {
  const text =
    '{"a": 18446744073709551615, "b": -9007199254740993, "c": 9007199254740991, "d": "12345678901234567890", "e": 1.5, "f": 1e3}';
  const value = parseJson(text) as Record<string, Json>;
  assert.deepEqual(value, {
    a: 18446744073709551615n,
    b: -9007199254740993n,
    c: Number.MAX_SAFE_INTEGER,
    d: "12345678901234567890",
    e: 1.5,
    f: 1000,
  });
  assert.match(formatJson(value), /"a": 18446744073709551615,\n {4}"b": -9007199254740993/);
});

test("the layout is Go's: four blanks, empty lists and objects closed at once, HTML characters escaped", () => {
  assert.equal(
    formatJson({ a: [], b: {}, c: [1, { d: null }], e: undefined, f: "<&>" }),
    '{\n    "a": [],\n    "b": {},\n    "c": [\n        1,\n        {\n            "d": null\n        }\n    ],\n    "f": "\\u003c\\u0026\\u003e"\n}',
  );
});

const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.bigInt({ min: -(1n << 64n), max: 1n << 64n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
    fc.constantFrom<Json>(null, true, false, "\\", '"', "12345678901234567", "-1234567890123456789"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

test("what is printed reads back the same", () => {
  fc.assert(fc.property(json, (value) => assert.deepEqual(parseJson(formatJson(value)), wellFormed(value))));
});

/** Lone surrogates do not survive UTF-8. */
function wellFormed(value: Json): Json {
  if (typeof value === "string") return Buffer.from(value).toString();
  if (Array.isArray(value)) return (value as readonly Json[]).map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [Buffer.from(k).toString(), wellFormed(v as Json)]));
}

test("answers of another shape are refused by name", () => {
  assert.throws(() => parseJson("<html>"), { code: "CLIENT_NODE_ANSWER" });
  assert.throws(() => asList({}, "outputs"), { message: "unexpected answer of the node: outputs is not a list" });
  assert.throws(() => asUint(-1, "hours"), { code: "CLIENT_NODE_ANSWER" });
  assert.throws(() => asUint(1n << 64n, "hours"), { code: "CLIENT_NODE_ANSWER" });
  assert.deepEqual(asList(null, "outputs"), []);
});
