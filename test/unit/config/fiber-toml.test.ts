import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fiberFileKind, loadFiberConfig, parseFiberConfig } from "../../../src/config/fiber-toml.ts";

const dir = await mkdtemp(join(tmpdir(), "fiber-"));
after(() => rm(dir, { recursive: true, force: true }));

test("reads every type, floats for integers, and leaves absent keys absent", () => {
  const { node, params } = parseFiberConfig(
    `# comment
[node]
genesis_coin_volume = 100e12
GENESIS_TIMESTAMP = 1426562704
default_connections = ["1.2.3.4:6000"] # one
explorer_url = ""
unknown_key = { a = 1 }
[params]
max_coin_supply = 18446744073709551615
user_burn_factor = "0x10"
`,
    "toml",
  );
  assert.deepEqual(node, {
    genesis_coin_volume: 100_000_000_000_000n,
    genesis_timestamp: 1426562704,
    default_connections: ["1.2.3.4:6000"],
    explorer_url: "",
  });
  assert.deepEqual(params, { max_coin_supply: (1n << 64n) - 1n, user_burn_factor: 16 });
});

test("json holds the same schema, in any case of the section's name", () => {
  const { node } = parseFiberConfig('{"Node": {"port": 7, "coinname": "abc"}}', "json");
  assert.deepEqual(node, { port: 7, coinname: "abc" });
});

test("a file without the sections is an empty configuration", () => {
  assert.deepEqual(parseFiberConfig("", "toml"), { node: {}, params: {} });
});

for (const [why, text, message] of [
  ["text for a number", '[node]\nport = "x"', /node\.port must be an integer, not a string/],
  ["a number for text", "[node]\nticker = 1", /node\.ticker must be a string, not a number/],
  ["a fraction", "[node]\nport = 1.5", /node\.port must be an integer/],
  ["a negative number", "[node]\nport = -1", /node\.port must be between 0 and 65535/],
  ["too large a number", "[node]\ncreate_block_max_decimals = 256", /must be between 0 and 255/],
  ["text for a list", '[node]\ndefault_connections = "a"', /must be an array of strings, not a string/],
  ["a list with a number", "[node]\ndefault_connections = [1]", /must be an array of strings/],
  ["a key twice in another case", "[node]\nport = 1\nPort = 2", /node\.port is given twice/],
  ["a section that is a value", "node = 1", /\[node\] must be a table/],
  ["broken toml", "[node\n", /^line 1, column \d+: /],
] as const) {
  test(`refuses ${why}`, () => assert.throws(() => parseFiberConfig(text, "toml"), { code: "CONFIG_FILE", message }));
}

test("no error shows the text around the fault, since that may be the secret key", () => {
  const secret = "ab".repeat(32);
  for (const [text, kind] of [
    [`[node]\nblockchain_seckey_str = "${secret}\n`, "toml"],
    [`[node]\nblockchain_seckey_str = ${secret}\n`, "toml"],
    [`{"node": {"blockchain_seckey_str": ${secret}}}`, "json"],
    [`{"node": {"port": "${secret}"}}`, "json"],
  ] as const) {
    const error = (() => {
      try {
        parseFiberConfig(text, kind);
      } catch (thrown) {
        return thrown as Error;
      }
      throw assert.fail("accepted");
    })();
    assert.doesNotMatch(error.message, /abab/);
  }
});

test("the extension decides the parser", () => {
  assert.equal(fiberFileKind("a.b/fiber.toml"), "toml");
  assert.equal(fiberFileKind("fiber.json"), "json");
  assert.throws(() => fiberFileKind("fiber.yml"), { code: "CONFIG_FILE", message: /yaml is not supported/ });
  assert.throws(() => fiberFileKind("fiber.ini"), { message: "invalid blockchain config file type: ini" });
  assert.throws(() => fiberFileKind("fiber"), { message: "invalid blockchain config file type: fiber" });
});

test("looks beside the given path first, then in the working directory by the bare name", async () => {
  await writeFile(join(dir, "coin.toml"), "[node]\nport = 1234\n");
  assert.equal((await loadFiberConfig("elsewhere/coin.toml", { cwd: dir })).node.port, 1234);
  assert.equal((await loadFiberConfig("coin.toml", { cwd: dir })).path, join(dir, "coin.toml"));
  await assert.rejects(loadFiberConfig("missing.toml", { cwd: dir }), {
    code: "CONFIG_FILE",
    exitCode: 1,
    message: "open missing.toml: no such file or directory",
  });
});
