import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClientFlagTable, parseArguments } from "../../../src/cli/client/flags.ts";
import { suggestions } from "../../../src/cli/client/suggestions.ts";

const TABLE = {
  num: { kind: "int", value: 1, short: "n", help: "" },
  label: { kind: "string", value: "", short: "l", help: "" },
  json: { kind: "bool", value: false, short: "j", help: "" },
  encrypt: { kind: "bool", value: true, short: "e", help: "" },
  big: { kind: "uint64", value: 5n, help: "" },
  coin: { kind: "uint32", value: 8000, help: "" },
} as const satisfies ClientFlagTable;

for (const { words, flags = {}, args = [] } of [
  { words: ["a", "-n", "2", "b", "--json", "c"], flags: { num: 2, json: true }, args: ["a", "b", "c"] },
  { words: ["-n=3", "--label=x=y"], flags: { num: 3, label: "x=y" } },
  { words: ["-n3", "-lx"], flags: { num: 3, label: "x" } },
  { words: ["-jn", "4"], flags: { json: true, num: 4 } },
  { words: ["-jlx"], flags: { json: true, label: "x" } },
  { words: ["-e=false", "false"], flags: { encrypt: false }, args: ["false"] },
  { words: ["-n", "-1"], flags: { num: -1 } },
  { words: ["--", "-n", "--json"], args: ["-n", "--json"] },
  { words: ["-", ""], args: ["-", ""] },
  { words: ["--big", "18446744073709551615", "--coin=0x10"], flags: { big: (1n << 64n) - 1n, coin: 16 } },
  { words: ["-l", "--json"], flags: { label: "--json" } },
  { words: ["--label="], flags: { label: "" } },
  { words: ["-j", "-j=false"], flags: { json: false } },
]) {
  test(`reads ${JSON.stringify(words)}`, () => {
    const parsed = parseArguments(TABLE, words);
    const defaults = { num: 1, label: "", json: false, encrypt: true, big: 5n, coin: 8000 };
    assert.deepEqual(parsed.flags, { ...defaults, ...flags });
    assert.deepEqual(parsed.args, args);
    assert.deepEqual([...parsed.given].sort(), Object.keys(flags).sort());
  });
}

for (const [words, message] of [
  [["--nope"], "unknown flag: --nope"],
  [["--toString"], "unknown flag: --toString"],
  [["-x"], "unknown shorthand flag: 'x' in -x"],
  [["-jx"], "unknown shorthand flag: 'x' in -x"],
  [["-é"], "unknown shorthand flag: 'Ã' in -é"],
  [["---"], "bad flag syntax: ---"],
  [["--=1"], "bad flag syntax: --=1"],
  [["--num"], "flag needs an argument: --num"],
  [["-jn"], "flag needs an argument: 'n' in -n"],
  [["-n", "x"], 'invalid argument "x" for "-n, --num" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [["--big=-1"], 'invalid argument "-1" for "--big" flag: strconv.ParseUint: parsing "-1": invalid syntax'],
  [
    ["--coin=4294967296"],
    'invalid argument "4294967296" for "--coin" flag: strconv.ParseUint: parsing "4294967296": value out of range',
  ],
  [["-j=x"], 'invalid argument "x" for "-j, --json" flag: strconv.ParseBool: parsing "x": invalid syntax'],
] as const) {
  test(`refuses ${JSON.stringify(words)}`, () => {
    assert.throws(() => parseArguments(TABLE, words), { code: "CLIENT_USAGE", message });
  });
}

test("help is a switch like any other: what stands beside it must be right, and it can be off", () => {
  for (const word of ["-h", "--help", "-jh", "-hj", "-h=1"]) assert.equal(parseArguments(TABLE, [word]).help, true);
  assert.equal(parseArguments(TABLE, ["--help=false"]).help, false);
  const refuse = (words: readonly string[], message: RegExp) =>
    assert.throws(() => parseArguments(TABLE, words), { code: "CLIENT_USAGE", message });
  refuse(["--help", "--nope"], /^unknown flag: --nope$/);
  refuse(["--help=x"], /^invalid argument "x" for "-h, --help" flag: strconv.ParseBool: parsing "x": invalid syntax$/);
});

test("suggestions are names one edit away or with the word as prefix, in the table's order", () => {
  const names = ["send", "status", "walletBalance", "walletAdd"];
  assert.equal(suggestions("sed", names), "\n\nDid you mean this?\n\tsend\n");
  assert.equal(suggestions("STAT", names), "\n\nDid you mean this?\n\tstatus\n");
  assert.equal(suggestions("wallet", names), "\n\nDid you mean this?\n\twalletBalance\n\twalletAdd\n");
  assert.equal(suggestions("sned", names), "");
  assert.equal(suggestions("x".repeat(100_000), names), "");
});
