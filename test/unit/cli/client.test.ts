import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../../src/cli/client/commands/index.ts";
import { client, FakeNode, FakeTerminal } from "../../support/client.ts";

const ADDRESS = "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6";

test("without a command, with help and with --help the commands are listed", async () => {
  for (const argv of [[], ["help"], ["--help"], ["-h"]]) {
    const { code, stdout, stderr } = await client(argv);
    assert.deepEqual([code, stderr], [0, ""]);
    for (const { name, summary } of COMMANDS)
      assert.match(stdout, new RegExp(`^ {2}${name} +${summary.slice(0, 9)}`, "m"));
  }
  assert.equal(COMMANDS.length, 40);
});

test("every command explains itself and its flags", async () => {
  for (const { name, flags } of COMMANDS) {
    const { code, stdout } = await client([name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^USAGE:\\n {2}skycoin-cli ${name} `));
    for (const flag of Object.keys(flags)) assert.match(stdout, new RegExp(`--${flag}\\b`));
    assert.equal((await client(["help", name])).stdout, stdout);
  }
});

test("the version is the reference's, whatever the program's", async () => {
  assert.equal((await client(["--version"])).stdout, "skycoin-cli version 0.27.1\n");
  assert.equal((await client(["--version"], { env: { COIN: "abc" } })).stdout, "abc-cli version 0.27.1\n");
});

for (const [argv, stderr] of [
  [["nope"], 'Error: unknown command "nope" for "skycoin-cli"\nRun \'skycoin-cli --help\' for usage.\n'],
  [
    ["sen"],
    'Error: unknown command "sen" for "skycoin-cli"\n\nDid you mean this?\n\tsend\n\nRun \'skycoin-cli --help\' for usage.\n',
  ],
  [["encodeJSONTransaction"], /^Error: unknown command "encodeJSONTransaction"/],
  [["status", "x"], 'Error: unknown command "x" for "skycoin-cli status"\n'],
  [["listWallets", "x"], "Error: accepts at most 0 arg(s), received 1\n"],
  [["--foo", "status"], "Error: unknown flag: --foo\n"],
  [["verifyAddress"], "Error: accepts 1 arg(s), received 0\n"],
  [["addressBalance"], "Error: requires at least 1 arg(s), only received 0\n"],
  [["lastBlocks", "1", "2"], "Error: accepts at most 1 arg(s), received 2\n"],
  [["blocks"], "Error: accepts between 1 and 2 arg(s), received 0\n"],
  [["verifyTransaction"], "Error: requires at least 1 arg(s), only received 0\n"],
  [["verifyAddress", "abc"], "Error: Invalid address length\n"],
  [["transaction", "zz"], "Error: invalid txid\n"],
  [["blocks", "-1"], "Error: unknown shorthand flag: '1' in -1\n"],
  [
    ["send", "none.json", ADDRESS, "1"],
    "See 'skycoin-cli send --help'\nError: Load wallet failed: wallet \"none.json\" doesn't exist\n",
  ],
  [
    ["addPrivateKey", "none", "zz"],
    "See 'skycoin-cli addPrivateKey --help'\nError: Load wallet failed: open none: no such file or directory\n",
  ],
  [["createRawTransaction", "", ADDRESS, "1"], "Error: wallet file, from address and change address are empty\n"],
  [
    ["addPrivateKey", "", "zz"],
    "See 'skycoin-cli addPrivateKey --help'\nError: Load wallet failed: open : no such file or directory\n",
  ],
  [["checkdb", ""], "Error: db file: /home/nobody/.skycoin/chain does not exist\n"],
  [["checkdb"], "Error: db file: /home/nobody/.skycoin/chain does not exist\n"],
  [["checkdb", "./x"], "Error: db file: /nowhere/x does not exist\n"],
] as const) {
  test(`fails with exit code 1: ${JSON.stringify(argv)}`, async () => {
    const run = await client(argv);
    assert.deepEqual([run.code, run.stdout], [1, ""]);
    if (typeof stderr === "string") assert.equal(run.stderr, stderr);
    else assert.match(run.stderr, stderr);
  });
}

for (const [why, env, stdout] of [
  ["no scheme", { RPC_ADDR: "127.0.0.1:6420" }, "RPC_ADDR must be in scheme://host format\n"],
  ["the old WALLET_DIR", { WALLET_DIR: "/x" }, /^the envvar WALLET_DIR is no longer recognized by the CLI tool\. /],
  ["the old WALLET_NAME", { WALLET_NAME: "x" }, /^the envvar WALLET_NAME /],
] as const) {
  test(`an environment with ${why} is told on stdout, whatever the command`, async () => {
    const run = await client(["version"], { env });
    assert.deepEqual([run.code, run.stderr], [1, ""]);
    assert.match(run.stdout, stdout instanceof RegExp ? stdout : new RegExp(`^${stdout}$`));
  });
}

test("showConfig shows the environment, never the credentials", async () => {
  const env = { COIN: "abc", RPC_USER: "me", RPC_PASS: "hunter2", RPC_ADDR: "http://1.2.3.4:5" };
  const { stdout } = await client(["showConfig"], { env });
  assert.deepEqual(JSON.parse(stdout), {
    data_directory: "/home/nobody/.abc",
    coin: "abc",
    rpc_address: "http://1.2.3.4:5",
  });
  assert.doesNotMatch(stdout, /me"|hunter2/);
});

test("status wraps the node's health", async () => {
  const node = new FakeNode({ "GET /api/v1/health": { json: { coin: "skycoin" } } });
  const { stdout } = await client(["status"], { node });
  assert.deepEqual(JSON.parse(stdout), {
    status: { coin: "skycoin" },
    cli_config: { webrpc_address: "http://127.0.0.1:6420" },
  });
});

test("a POST is preceded by a token, sent when the node gives one; credentials go with every request", async () => {
  const node = new FakeNode({
    "GET /api/v1/csrf": { json: { csrf_token: "T" } },
    "POST /api/v1/injectTransaction": { json: "00ff" },
  });
  const env = { RPC_ADDR: "http://h:1//", RPC_USER: "u", RPC_PASS: "p" };
  const { stdout } = await client(["broadcastTransaction", "abcd"], { node, env });
  assert.equal(stdout, "00ff\n");
  assert.deepEqual(
    node.seen.map(({ method, path, headers }) => [
      method,
      path,
      headers.get("x-csrf-token"),
      headers.get("authorization"),
    ]),
    [
      ["GET", "/api/v1/csrf", null, "Basic dTpw"],
      ["POST", "/api/v1/injectTransaction", "T", "Basic dTpw"],
    ],
  );
  assert.equal(node.seen[1]?.body, '{"rawtx":"abcd"}');
});

test("credentials in the address authenticate, those of RPC_USER come first, and no error shows the password", async () => {
  const asked = async (env: Record<string, string>) => {
    const node = new FakeNode({ "GET /api/v1/last_blocks": { json: { blocks: [] } } });
    await client(["lastBlocks"], { node, env });
    return node.seen.map(({ headers }) => headers.get("authorization"));
  };
  assert.deepEqual(await asked({ RPC_ADDR: "http://u:p%40@h:1" }), [`Basic ${btoa("u:p@")}`]);
  assert.deepEqual(await asked({ RPC_ADDR: "http://u:p@h:1", RPC_USER: "v" }), [`Basic ${btoa("v:")}`]);
  const env = { RPC_ADDR: "http://u:hunter2@127.0.0.1:1" };
  const { stderr } = await client(["lastBlocks"], { node: { fetch: globalThis.fetch }, env });
  assert.match(stderr, /^Error: Get "http:\/\/u:\*\*\*@127\.0\.0\.1:1\/api\/v1\/last_blocks\?num=1": /);
  assert.doesNotMatch(stderr, /hunter2|credentials/);
});

test("errors of the node are its words: the body of v1, the message of v2, the body of anything else", async () => {
  const v1 = new FakeNode({ "GET /api/v1/last_blocks": { status: 400, text: "400 Bad Request - no\n" } });
  assert.equal((await client(["lastBlocks"], { node: v1 })).stderr, "Error: 400 Bad Request - no\n");
  const verify = (answer: object) =>
    client(["verifyTransaction", "00"], { node: new FakeNode({ "POST /api/v2/transaction/verify": answer }) });
  const error = { json: { error: { message: "spent", code: 422 }, data: {} }, status: 422 };
  assert.equal((await verify(error)).stderr, "Error: spent\n");
  assert.equal((await verify({ status: 502, text: "bad gateway" })).stderr, "Error: bad gateway\n");
  assert.equal((await verify({ json: { data: {} } })).stdout, "transaction is spendable\n");
});

test("a node that is not there is told like the reference tells it", async () => {
  const refuse = (error: object) => {
    const node = new FakeNode();
    const fetch = async () => {
      throw error;
    };
    return client(["status"], { node: Object.assign(node, { fetch }), env: { RPC_ADDR: "http://127.0.0.1:19999" } });
  };
  const url = 'Get "http://127.0.0.1:19999/api/v1/health"';
  const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED", address: "127.0.0.1", port: 19999 });
  assert.equal(
    (await refuse(refused)).stderr,
    `Error: ${url}: dial tcp 127.0.0.1:19999: connect: connection refused\n`,
  );
  const unknown = Object.assign(new Error("x"), { code: "ENOTFOUND", hostname: "h" });
  assert.equal((await refuse(unknown)).stderr, `Error: ${url}: dial tcp: lookup h: no such host\n`);
  for (const [address, reason] of [
    ["ftp://h", 'unsupported protocol scheme "ftp"'],
    ["x", 'unsupported protocol scheme ""'],
    ["//x", 'unsupported protocol scheme ""'],
    ["http://", "http: no Host in request URL"],
    ["http://127.0.0.1:99999", "dial tcp: address 99999: invalid port"],
    ["http://<", "dial tcp: lookup <: no such host"],
  ] as const) {
    const { code, stderr } = await client(["status"], { env: { RPC_ADDR: address } });
    assert.equal(code, 1);
    const shown = address === "http://" ? "http:" : address;
    assert.equal(stderr, `Error: Get "${shown}/api/v1/health": ${reason}\n`);
    assert.equal((await client(["verifyAddress", ADDRESS], { env: { RPC_ADDR: address } })).code, 0);
  }
});

test("flags before the command's name hide it, as they may take it as their value", async () => {
  assert.equal((await client(["--version", "status"])).stdout, "skycoin-cli version 0.27.1\n");
  const all = (await client([])).stdout;
  for (const argv of [
    ["-h", "status"],
    ["--", "status"],
    ["", ""],
    ["help", "--", "status"],
  ]) {
    const { code, stdout } = await client(argv);
    assert.deepEqual([code, stdout], [0, argv[0] === "help" ? (await client(["status", "-h"])).stdout : all]);
  }
  assert.match((await client(["help", "-h"])).stdout, /^USAGE:\n {2}skycoin-cli help \[command\]/);
});

const WALLET = {
  meta: { filename: "w.wlt", type: "deterministic", label: "l", encrypted: true, temp: false },
  entries: [{ address: ADDRESS }],
};

test("a password is asked for without echo, and goes to the node only", async () => {
  const node = new FakeNode({
    "GET /api/v1/wallet": { json: WALLET },
    "POST /api/v1/wallet/seed": { json: { seed: "s" } },
  });
  const stdin = new FakeTerminal("se", "crex", "\u007f", "t\r");
  const { stdout, stderr } = await client(["showSeed", "w.wlt"], { node, stdin });
  assert.equal(stdout, "enter password:\ns\n");
  assert.equal(stderr, "");
  assert.equal(stdin.raw, false);
  assert.equal(node.seen.at(-1)?.body, "id=w.wlt&password=secret");
});

test("-p spares the prompt, an empty -p does not", async () => {
  const node = new FakeNode({
    "GET /api/v1/wallet": { json: WALLET },
    "POST /api/v1/wallet/seed": { json: { seed: "s", seed_passphrase: "p p" } },
  });
  assert.equal((await client(["showSeed", "w.wlt", "-p", "x"], { node })).stdout, "s\np p\n");
  const asked = await client(["showSeed", "w.wlt", "-p", ""], { node });
  assert.deepEqual(
    [asked.code, asked.stdout, asked.stderr],
    [1, "enter password:", "Error: inappropriate ioctl for device\n"],
  );
});

for (const [why, keys, error] of [
  ["Ctrl-C", ["ab", "\u0003"], "interrupted"],
  ["Ctrl-D at once", ["\u0004"], "EOF"],
] as const) {
  test(`${why} at the prompt gives up and leaves the terminal as it was`, async () => {
    const stdin = new FakeTerminal(...keys);
    const run = await client(["showSeed", "w.wlt"], {
      node: new FakeNode({ "GET /api/v1/wallet": { json: WALLET } }),
      stdin,
    });
    assert.deepEqual([run.code, run.stderr, stdin.raw], [1, `Error: ${error}\n`, false]);
  });
}
