import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatGoDuration, parseGoDuration } from "../../../src/config/go-duration.ts";
import { describeFlags, type FlagTable, parseGoFlags } from "../../../src/config/go-flags.ts";
import { parseGoInt, parseGoUint } from "../../../src/config/go-numbers.ts";

const TABLE = {
  yes: { kind: "bool", value: false, help: "a switch" },
  on: { kind: "bool", value: true, help: "a switch that is on" },
  name: { kind: "string", value: "x", help: "a text" },
  key: { kind: "string", value: "", help: "a secret", secret: true },
  port: { kind: "int", value: 6000, help: "a number" },
  size: { kind: "uint", value: 0, help: "a size" },
  rate: { kind: "duration", value: 5000, help: "a pause" },
  every: { kind: "duration", value: 0, help: "a pause in seconds", bareSeconds: true },
} as const satisfies FlagTable;

for (const { argv, given, rest = [] } of [
  { argv: ["-yes", "--name", "a", "-port=7"], given: { yes: true, name: "a", port: 7 } },
  { argv: ["-on=false", "-yes=T"], given: { on: false, yes: true } },
  { argv: ["--name=a=b", "-name="], given: { name: "" } },
  { argv: ["-yes", "false", "-port", "7"], given: { yes: true }, rest: ["false", "-port", "7"] },
  { argv: ["-port", "-7"], given: { port: -7 } },
  { argv: ["-port", "0x10", "-size", "1_000"], given: { port: 16, size: 1000 } },
  { argv: ["-name", "-yes"], given: { name: "-yes" } },
  { argv: ["--", "-yes"], given: {}, rest: ["-yes"] },
  { argv: ["-", "-yes"], given: {}, rest: ["-", "-yes"] },
  { argv: ["-rate=1m30s", "-every=10"], given: { rate: 90_000, every: 10_000 } },
  { argv: ["-port=1", "-port=2"], given: { port: 2 } },
]) {
  test(`reads ${JSON.stringify(argv)}`, () => {
    const parsed = parseGoFlags(TABLE, argv);
    assert.deepEqual({ ...parsed.given }, given);
    assert.deepEqual(parsed.rest, rest);
    assert.equal(parsed.help, false);
  });
}

for (const { argv, message } of [
  { argv: ["-nope"], message: "flag provided but not defined: -nope" },
  { argv: ["--nope=1"], message: "flag provided but not defined: -nope" },
  { argv: ["-toString"], message: "flag provided but not defined: -toString" },
  { argv: ["---yes"], message: "bad flag syntax: ---yes" },
  { argv: ["-=1"], message: "bad flag syntax: -=1" },
  { argv: ["-port"], message: "flag needs an argument: -port" },
  { argv: ["-yes=2"], message: 'invalid boolean value "2" for -yes: parse error' },
  { argv: ["-yes="], message: 'invalid boolean value "" for -yes: parse error' },
  { argv: ["-port", "x"], message: 'invalid value "x" for flag -port: parse error' },
  { argv: ["-size", "-1"], message: 'invalid value "-1" for flag -size: parse error' },
  {
    argv: ["-size", "18446744073709551616"],
    message: 'invalid value "18446744073709551616" for flag -size: value out of range',
  },
  { argv: ["-rate", "5"], message: 'invalid value "5" for flag -rate: parse error' },
]) {
  test(`refuses ${JSON.stringify(argv)}`, () => {
    assert.throws(() => parseGoFlags(TABLE, argv), { code: "CONFIG_USAGE", exitCode: 2, message });
  });
}

test("-h and -help ask for help wherever the table has no such flag", () => {
  for (const word of ["-h", "--help", "-help"]) assert.equal(parseGoFlags(TABLE, ["-yes", word, "-nope"]).help, true);
});

test("the description is sorted, shows given defaults, and never a secret", () => {
  const text = describeFlags(TABLE, { key: "hunter2", name: "y" });
  assert.match(text, /^ {2}-every duration\n/);
  assert.match(text, /-name string\n {4}\ta text \(default "y"\)/);
  assert.match(text, /-rate duration\n {4}\ta pause \(default 5s\)/);
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /-yes\n {4}\ta switch$/);
});

for (const [text, ms] of [
  ["0", 0],
  ["5s", 5000],
  ["100ms", 100],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  [".5s", 500],
  ["-2s", -2000],
  ["20µs", 0.02],
  ["", undefined],
  ["5", undefined],
  ["s", undefined],
  ["1d", undefined],
  ["1 s", undefined],
  ["9999999999h", undefined],
] as const) {
  test(`the duration ${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(parseGoDuration(text), ms));
}

test("a formatted duration reads back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (ms) => assert.equal(parseGoDuration(formatGoDuration(ms)), ms)),
  );
});

test("decimal integers of any size parse as Go's, and only those in range", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 65n), max: 1n << 65n }), (n) => {
      const uint = parseGoUint(n.toString());
      assert.equal(uint.ok, n >= 0n && n < 1n << 64n);
      const int = parseGoInt(n.toString());
      assert.equal(int.ok, n >= -(1n << 63n) && n < 1n << 63n);
      if (int.ok) assert.equal(int.value, n);
    }),
  );
});

for (const [text, value] of [
  ["0x1f", 31n],
  ["0b101", 5n],
  ["0o17", 15n],
  ["017", 15n],
  ["1__0", undefined],
  ["_1", undefined],
  ["09", undefined],
  ["1e3", undefined],
  ["", undefined],
  [" 1", undefined],
] as const) {
  test(`base 0 reads ${JSON.stringify(text)} as ${value}`, () => {
    const parsed = parseGoUint(text, 0);
    assert.equal(parsed.ok ? parsed.value : undefined, value);
  });
}
