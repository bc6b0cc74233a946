import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeJson, holdsLazy, JsonLazyList, JsonRaw, type JsonValue, jsonPieces } from "../../../src/api/json.ts";

function inPieces(value: JsonValue): string {
  return Buffer.concat([...jsonPieces(value)]).toString();
}

test("members stand one per line behind four spaces, without a last newline", () => {
  const value = { a: 1, b: { c: [true, null], d: [], e: {} }, f: "x" };
  const text = [
    "{",
    '    "a": 1,',
    '    "b": {',
    '        "c": [',
    "            true,",
    "            null",
    "        ],",
    '        "d": [],',
    '        "e": {}',
    "    },",
    '    "f": "x"',
    "}",
  ].join("\n");
  assert.equal(encodeJson(value), text);
});

test("bigint keeps every digit", () => {
  assert.equal(encodeJson({ n: 18446744073709551615n }), '{\n    "n": 18446744073709551615\n}');
});

test("a number JavaScript cannot hold exactly is our bug", () => {
  assert.throws(() => encodeJson(2 ** 53), /safe integers/);
  assert.throws(() => encodeJson(0.5), /safe integers/);
});

test("undefined members are left out", () => {
  assert.equal(encodeJson({ a: undefined, b: 1, c: undefined }), '{\n    "b": 1\n}');
  assert.equal(encodeJson({ a: undefined }), "{}");
});

test("a map is sorted by the bytes of its keys, also keys that look like numbers", () => {
  const map = new Map([
    ["b", 1],
    ["10", 2],
    ["9", 3],
    ["\u{10000}", 4],
    ["\uffff", 5],
  ]);
  const names = [...encodeJson(map).matchAll(/"([^"]+)":/g)].map((found) => found[1]);
  assert.deepEqual(names, ["10", "9", "b", "\uffff", "\u{10000}"]);
});

test("lone surrogates are written as the replacement character", () => {
  assert.equal(encodeJson("a\ud800b\udc00"), '"a\\ufffdb\\ufffd"');
});

test("raw JSON goes in untouched, and only at its own depth", () => {
  const raw = new JsonRaw(Buffer.from("[\n        7\n    ]"), 1);
  assert.equal(encodeJson({ a: raw }), '{\n    "a": [\n        7\n    ]\n}');
  assert.throws(() => encodeJson({ a: { b: raw } }), /depth/);
});

const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

test("what is encoded decodes to the same value", () => {
  fc.assert(fc.property(json, (value) => assert.deepEqual(JSON.parse(encodeJson(value)), value)));
});

test("without strings Go escapes differently, the text is that of JSON.stringify", () => {
  const plain = fc.array(fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.maxSafeInteger(), { noNullPrototype: true }));
  const format = (text: string): string => text.replace(/\{\s+\}/g, "{}");
  fc.assert(fc.property(plain, (value) => assert.equal(encodeJson(value), format(JSON.stringify(value, null, 4)))));
});

test("a lazy list reads the same in one piece, in many, and as an array", () => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 5 }), fc.array(json, { maxLength: 3 }), (one, two) => {
      const lazy = { head: 1, one: new JsonLazyList(one), nested: { two: new JsonLazyList(two), end: "x" } };
      const whole = encodeJson({ head: 1, one, nested: { two, end: "x" } });
      assert.ok(holdsLazy(lazy));
      assert.equal(inPieces(lazy), whole);
      assert.equal(encodeJson(lazy), whole);
      assert.equal(inPieces(new JsonLazyList(one)), encodeJson(one));
    }),
  );
});

test("items of a lazy list are made one at a time", () => {
  let made = 0;
  function* items(): Generator<JsonValue> {
    for (; made < 3; ) yield ++made;
  }
  const pieces = jsonPieces(new JsonLazyList(items()));
  pieces.next();
  pieces.next();
  assert.equal(made, 1);
});
