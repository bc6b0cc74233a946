import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { parseFiberConfig } from "../../../src/config/fiber-toml.ts";
import { editJson, editToml, writeGenesisIdentity } from "../../../src/config/fiber-write.ts";

const IDENTITY = {
  address: "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6",
  publicKey: "02".repeat(33),
  signature: "ab".repeat(65),
};
const THREE = {
  genesis_signature_str: IDENTITY.signature,
  genesis_address_str: IDENTITY.address,
  blockchain_pubkey_str: IDENTITY.publicKey,
};

const dir = await mkdtemp(join(tmpdir(), "fiber-"));
after(() => rm(dir, { recursive: true, force: true }));

test("replaces the three values in place and nothing else", () => {
  const text = (sig: string, address: string, key: string) => `# head
[params] # first
max_coin_supply = 1 # [node]
genesis_address_str = "not this one"

[ "node" ]   # the section
  genesis_signature_str = ${sig}   # signed
genesis_timestamp = 1_700_000_000
  'Genesis_Address_Str'=${address}
description = """
genesis_address_str = "nor this"
[node]
"""
default_connections = [ # a list
  "1.2.3.4:6000", # "]"
]
blockchain_pubkey_str	=	${key}
[node.sub]
blockchain_pubkey_str = "nor that"
`;
  assert.equal(
    editToml(text('""', "'old'", '"""x"""'), IDENTITY),
    text(`"${IDENTITY.signature}"`, `"${IDENTITY.address}"`, `"${IDENTITY.publicKey}"`),
  );
});

for (const [why, text, expected] of [
  ["an empty section", "[node]", "[node]\nS\nA\nP"],
  [
    "a section with keys",
    "[node]\n\tport = 1 # p\n\n[params]\n",
    "[node]\n\tport = 1 # p\n\tS\n\tA\n\tP\n\n[params]\n",
  ],
  ["carriage returns", "[node]\r\nport = 1\r\n", "[node]\r\nport = 1\r\nS\r\nA\r\nP\r\n"],
  ["dotted keys", "Node.port = 1\na = 2\n", "Node.port = 1\nNode.S\nNode.A\nNode.P\na = 2\n"],
  ["a byte order mark", "\uFEFF[node]\n", "\uFEFF[node]\nS\nA\nP\n"],
] as const) {
  test(`adds the keys that are absent: ${why}`, () => {
    const lines: Record<string, string> = {
      S: `genesis_signature_str = "${IDENTITY.signature}"`,
      A: `genesis_address_str = "${IDENTITY.address}"`,
      P: `blockchain_pubkey_str = "${IDENTITY.publicKey}"`,
    };
    assert.equal(
      editToml(text, IDENTITY),
      expected.replace(/\b[SAP]\b/g, (letter) => lines[letter] as string),
    );
  });
}

for (const [why, text, message] of [
  ["no section", "[params]\n", "missing [node] section in fiber.toml"],
  ["only a table below it", "[node.sub]\nport = 1\n", "missing [node] section in fiber.toml"],
  ["an inline table", "node = { port = 1 }\n", "node is an inline table; write it as a [node] section"],
] as const) {
  test(`refuses ${why}`, () => assert.throws(() => editToml(text, IDENTITY), { code: "CONFIG_WRITE_BACK", message }));
}

/** Texts of single lines around a [node] section: what people and generators write. */
const key = fc.constantFrom("port", "'ticker'", '"explorer_url"', "a.b", "x-1");
const value = fc.constantFrom(
  "1",
  '"a # b"',
  "'c:\\d'",
  '"""\nmulti "" line\n[node]\n"""',
  "'''\nraw\n'''",
  "[1, [2, # three\n 3], ]",
  '{ a = 1, b = "}" }',
  "1979-05-27 07:32:00",
  "-0.5e-3",
  "true",
  '"\\"\\\\"',
);
const trail = fc.constantFrom("", " # comment", '\t# "quoted" = [', "   ");
const line = fc.tuple(key, value, trail);
const section = (name: string, seen: Set<string>, lines: readonly (readonly [string, string, string])[]): string =>
  [
    `[${name}]`,
    ...lines.flatMap(([k, v, t]) => {
      if (seen.has(k)) return ["# again"];
      seen.add(k);
      return [`${k} = ${v}${t}`];
    }),
  ].join("\n");

test("whatever else the file holds, only the three values change", () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 6 }),
      fc.array(line, { maxLength: 6 }),
      fc.array(line, { maxLength: 4 }),
      fc.subarray(Object.keys(THREE)),
      fc.constantFrom("\n", "\r\n"),
      (first, second, third, present, lineBreak) => {
        const own = present.map((name) => [name, "'before'", " # mine"] as const);
        // The section's own keys must not be of a kind the schema would refuse.
        const harmless = (lines: typeof first) =>
          lines.map(([k, v, t]) => [`x_${k.replaceAll(/\W/g, "")}`, v, t] as const);
        const before = [
          section("first", new Set(), first),
          section("node", new Set(), [...harmless(second).slice(0, 3), ...own, ...harmless(second).slice(3)]),
          section("third", new Set(), third),
        ]
          .join("\n\n")
          .replaceAll("\n", lineBreak);
        const after = editToml(before, IDENTITY);
        const { node } = parseFiberConfig(after, "toml");
        assert.deepEqual({ ...node }, THREE);
        const without = (text: string, drop: RegExp) =>
          text
            .split(lineBreak)
            .filter((l) => !drop.test(l))
            .join(lineBreak);
        const three = /^(genesis_signature_str|genesis_address_str|blockchain_pubkey_str) =/;
        assert.equal(without(after, three), without(before, three));
        assert.equal(after.split("# mine").length, before.split("# mine").length);
        assert.equal(editToml(after, IDENTITY), after);
      },
    ),
  );
});

test("the file is replaced whole, mode 0600, also through a link, and nothing is left behind", async () => {
  const [path, link] = [join(dir, "fiber.toml"), join(dir, "link.toml")];
  await writeFile(path, "[node]\n", { mode: 0o644 });
  await symlink(path, link);
  assert.equal(await writeGenesisIdentity(link, IDENTITY), true);
  assert.equal(await writeGenesisIdentity(path, IDENTITY), false);
  assert.deepEqual({ ...parseFiberConfig(await readFile(path, "utf8"), "toml").node }, THREE);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(dir)).sort(), ["fiber.toml", "link.toml"]);
});

test("a failure names the file and leaves it alone", async () => {
  const path = join(dir, "bad.toml");
  await writeFile(path, "[params]\n");
  await assert.rejects(writeGenesisIdentity(path, IDENTITY), {
    code: "CONFIG_WRITE_BACK",
    message: `${path}: missing [node] section in fiber.toml`,
  });
  assert.equal(await readFile(path, "utf8"), "[params]\n");
  await assert.rejects(writeGenesisIdentity(join(dir, "none.toml"), IDENTITY), { message: /no such file/ });
});

test("json keeps its other members and their order", () => {
  const text = editJson('{"a": [1], "Node": {"port": 1, "Genesis_Address_Str": ""}, "z": {}}', IDENTITY);
  assert.deepEqual(Object.keys(JSON.parse(text)), ["a", "Node", "z"]);
  assert.equal(JSON.parse(text).Node.Genesis_Address_Str, IDENTITY.address);
  assert.equal(editJson(text, IDENTITY), text);
  assert.throws(() => editJson("{}", IDENTITY), { code: "CONFIG_WRITE_BACK" });
});
