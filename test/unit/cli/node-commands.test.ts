import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { decodeTransaction } from "../../../src/chain/transaction.ts";
import { addressOf, decodeAddress, encodeAddress } from "../../../src/cipher/address.ts";
import { validateMnemonic } from "../../../src/cipher/bip39.ts";
import { deterministicKeys } from "../../../src/cipher/keys.ts";
import { SKYCOIN } from "../../../src/config/skycoin.ts";
import { client, type FakeAnswer, FakeNode } from "../../support/client.ts";

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "cli-"));
});
after(() => rm(dir, { recursive: true, force: true }));

const [GENESIS, ONE, TWO] = deterministicKeys(new TextEncoder().encode("node commands"), 3).keys.map((pair) => ({
  address: encodeAddress(addressOf(pair.public)),
  secretKey: toHex(pair.secret),
})) as [Who, Who, Who];
interface Who {
  readonly address: string;
  readonly secretKey: string;
}

const output = (address: string, hash: string, coins: string, hours: number) => ({
  hash,
  time: 1,
  block_seq: 1,
  src_tx: "00",
  address,
  coins,
  hours: 0,
  calculated_hours: hours,
});
const outputs = {
  head: {},
  head_outputs: [output(ONE.address, "a", "1.500000", 5), output(TWO.address, "b", "2.000000", 7)],
  outgoing_outputs: [output(TWO.address, "b", "2.000000", 7)],
  incoming_outputs: [output(ONE.address, "c", "0.500000", 1)],
};

test("balances: confirmed, without what is being spent, with what is coming; in the order asked", async () => {
  const node = new FakeNode({ "POST /api/v1/outputs": { json: outputs } });
  const { stdout } = await client(["addressBalance", TWO.address, ONE.address], { node });
  const b = (coins: string, hours: string) => ({ coins, hours });
  assert.deepEqual(JSON.parse(stdout), {
    confirmed: b("3.500000", "12"),
    spendable: b("1.500000", "5"),
    expected: b("2.000000", "6"),
    addresses: [
      {
        confirmed: b("2.000000", "7"),
        spendable: b("0.000000", "0"),
        expected: b("0.000000", "0"),
        address: TWO.address,
      },
      {
        confirmed: b("1.500000", "5"),
        spendable: b("1.500000", "5"),
        expected: b("2.000000", "6"),
        address: ONE.address,
      },
    ],
  });
  const foreign = await client(["addressBalance", ONE.address], { node });
  assert.equal(
    foreign.stderr,
    `Error: Found address ${TWO.address} in GetUnspentOutputs result, but this address wasn't requested\n`,
  );
});

const wallet = (more: object = {}, addresses: readonly string[] = [ONE.address]) => ({
  meta: { filename: "w.wlt", type: "deterministic", label: "l", encrypted: false, temp: false, ...more },
  entries: addresses.map((address) => ({ address })),
});

test("walletHistory nets what one transaction received and spent, oldest first, asking each block once", async () => {
  const ux = (src: string, time: number, coins: number, spent = "0", seq = 0) => ({
    uxid: "",
    time,
    src_block_seq: 1,
    src_tx: src,
    owner_address: ONE.address,
    coins,
    hours: 0,
    calculated_hours: 0,
    spent_block_seq: seq,
    spent_tx: spent,
  });
  const node = new FakeNode({
    "GET /api/v1/wallet": { json: wallet() },
    "GET /api/v1/address_uxouts": {
      json: [ux("t2", 20, 3_000_000, "t3", 3), ux("t1", 10, 5_000_000, "t2", 2), ux("t1", 10, 1_000_000, "t3", 3)],
    },
    "GET /api/v1/block": { json: { header: { timestamp: 30 } } },
  });
  const { stdout } = await client(["walletHistory", "w.wlt"], { node });
  const entry = (txid: string, amount: string, second: string) => ({
    txid,
    address: ONE.address,
    amount,
    timestamp: `1970-01-01T00:00:${second}Z`,
    status: 1,
  });
  assert.deepEqual(JSON.parse(stdout), [
    entry("t1", "6.000000", "10"),
    entry("t2", "-2.000000", "20"),
    entry("t3", "-4.000000", "30"),
  ]);
  assert.equal(node.seen.filter((r) => r.path === "/api/v1/block?seq=3").length, 1);
});

test("walletCreate makes the seed here and asks for the missing addresses, never for fewer than none", async () => {
  const create = async (args: readonly string[], made: object) => {
    const node = new FakeNode({
      "POST /api/v1/wallet/create": { json: made },
      "POST /api/v1/wallet/newAddress": { json: { addresses: [] } },
      "GET /api/v1/wallet": { json: made },
    });
    const run = await client(["walletCreate", "-l", "x", "-e=false", ...args], { node });
    assert.equal(run.stderr, "");
    return node.seen.filter((r) => r.method === "POST").map((r) => [r.path, new URLSearchParams(r.body)] as const);
  };
  const [[path, fields], [more, wanted]] = (await create(["-n", "4"], wallet())) as [
    [string, URLSearchParams],
    [string, URLSearchParams],
  ];
  assert.deepEqual([path, more], ["/api/v1/wallet/create", "/api/v1/wallet/newAddress"]);
  validateMnemonic(fields.get("seed") ?? "");
  assert.deepEqual([fields.get("type"), fields.get("encrypt"), fields.get("scan")], ["deterministic", "false", "1"]);
  assert.equal(wanted.get("num"), "3");
  const many = wallet({}, [ONE.address, TWO.address, GENESIS.address]);
  assert.equal((await create(["-n", "2", "--scan", "5"], many)).length, 1);
  assert.match((await create(["-r"], many))[0]?.[1].get("seed") ?? "", /^[0-9a-f]{64}$/);
  assert.equal((await create(["-m", "-w", "24"], many))[0]?.[1].get("seed")?.split(" ").length, 24);
  // Keys are of a collection wallet only; the reference does not send them for another.
  const keys = async (...args: string[]) =>
    (await create([...args, "--private-keys", ONE.secretKey], many))[0]?.[1].get("private-keys");
  assert.equal(await keys(), null);
  assert.equal(await keys("-t", "collection"), ONE.secretKey);
});

for (const [args, message] of [
  [[], "label must not be empty"],
  [["-l", "x", "--scan", "0"], "scan must be > 0"],
  [["-l", "x", "-n", "0"], "-n must > 0"],
  [["-l", "x", "-w", "12"], "-m must also be set when using -wordcount"],
  [["-l", "x", "-t", "foo"], "invalid wallet type"],
  [["-l", "x", "-s", "a", "-r"], "seed already specified, must not use -r or -m again"],
  [["-l", "x", "-r", "-m"], "for -r and -m, only one option can be used"],
  [["-l", "x", "-t", "bip44", "-s", "a", "-m"], "-r and -m can't be used with -s"],
  [["-l", "x", "-t", "bip44", "-r"], "-r can't be used for bip44 wallets"],
  [
    ["-l", "x", "-t", "bip44", "-s", "a b"],
    "seed must be a valid bip39 mnemonic: Mnemonic must have 12, 15, 18, 21 or 24 words",
  ],
  [["-l", "x", "-m", "-w", "13"], "word count must be 12, 15, 18, 21 or 24"],
  [["-l", "x", "-t", "collection", "-s", "a"], '"collection" type wallets do not use seeds'],
  [["-l", "x", "-t", "collection", "-n", "1"], '"collection" type wallets do not support address generation'],
  [["-l", "x", "-t", "collection", "--private-keys", "zz"], "invalid private keys"],
  [["-l", "x", "-t", "xpub", "-m"], '"xpub" type wallets do not use seeds'],
] as const) {
  test(`walletCreate refuses ${JSON.stringify(args)}`, async () => {
    const node = new FakeNode();
    assert.equal((await client(["walletCreate", ...args], { node })).stderr, `Error: ${message}\n`);
    assert.equal(node.seen.length, 0);
  });
}

test("walletAddAddresses: keys for collections, numbers for others, a password only where it is needed", async () => {
  const add = async (meta: object, args: readonly string[]) => {
    const node = new FakeNode({
      "GET /api/v1/wallet": { json: wallet(meta) },
      "POST /api/v1/wallet/newAddress": { json: { addresses: ["x", "y"] } },
    });
    const run = await client(["walletAddAddresses", "w.wlt", ...args], { node });
    return { ...run, body: node.seen.at(-1)?.body };
  };
  const plain = await add({}, ["-n", "2"]);
  assert.deepEqual([plain.stdout, plain.body], ["x,y\n", "id=w.wlt&num=2"]);
  assert.equal(
    (await add({ type: "collection" }, ["--private-keys", `${ONE.secretKey}, ,${TWO.secretKey}`])).body,
    `id=w.wlt&private-keys=${ONE.secretKey}%2C${TWO.secretKey}`,
  );
  const bad = await add({ type: "collection" }, ["--private-keys", ONE.secretKey.slice(2)]);
  assert.equal(bad.stderr, "Error: invalid private key: Invalid secret key length\n");
  assert.equal((await add({ encrypted: true, type: "bip44" }, [])).body, "id=w.wlt&num=1");
  assert.equal((await add({ encrypted: true }, ["-p", "x"])).body, "id=w.wlt&num=1&password=x");
  assert.match((await add({ encrypted: true }, [])).stderr, /inappropriate ioctl/);
  assert.deepEqual(JSON.parse((await add({}, ["-j"])).stdout), { addresses: ["x", "y"] });
});

test("walletKeyExport derives the keys that a login by xpub stands on", async () => {
  const mnemonic = `${"abandon ".repeat(11)}about`;
  const node = new FakeNode({
    "GET /api/v1/wallet": { json: wallet({ type: "bip44", bip44_coin: 8000, encrypted: true }) },
    "POST /api/v1/wallet/seed": { json: { seed: mnemonic } },
  });
  const key = async (...args: string[]) =>
    (await client(["walletKeyExport", "w.wlt", "-p", "x", ...args], { node })).stdout.trim();
  assert.equal(
    await key("--path=0"),
    "xpub6Cjmbker6mxQGujSPMQvfFgsaSWmF5dL9dki1ZoNS39QWCmkZkguNHHjFxszEwYyVhpxCDkkb9B767LqHdcpEwXGAQpBiub5d532TA4RJGR",
  );
  assert.equal(
    await key(),
    "xpub6EqqWfTLqEwSZtw3VzmTXjD1TiRQTaEbygGidA1879WFuTRqAPPDLN9wTGre6La4jooj6NojdRgkEwLCLT2GrHc7oLcc5qY9Nmp4CcdHb4W",
  );
  const change = await key("-k", "pub", "--path=0/1/0");
  assert.equal(
    encodeAddress(addressOf(fromHex(change) as Parameters<typeof addressOf>[0])),
    "2RKPZ1rhvxjWFX4zWNSbtLW1QLqBTrokP7U",
  );
  const failed = async (...args: string[]) =>
    (await client(["walletKeyExport", "w.wlt", "-p", "x", ...args], { node })).stderr;
  assert.equal(await failed("-k", "foo"), 'Error: key must be "xpub", "xprv", "pub" or "prv"\n');
  assert.equal(await failed("--path=0/0/0/0"), "Error: path can have at most 3 elements\n");
  assert.equal(await failed("--path=a"), 'Error: invalid path node number "a" at position 0\n');
});

const metadata = (seq: number): FakeAnswer => ({ json: { head: { seq } } });
const block0 = (dst: string, coins: string): FakeAnswer => ({
  json: { body: { txns: [{ outputs: [{ uxid: "11".repeat(32), dst, coins, hours: 1 }] }] } },
});

async function distribute(node: FakeNode, toml: string | undefined, key = GENESIS.secretKey) {
  const FIBER_TOML = join(dir, "fiber.toml");
  if (toml !== undefined) await writeFile(FIBER_TOML, toml);
  return client(["distributeGenesis", key], { node, env: toml === undefined ? {} : { FIBER_TOML } });
}
const TOML = `[params]
max_coin_supply = 1000
initial_unlocked_count = 1
distribution_addresses = ["${ONE.address}", "${TWO.address}"]
`;

test("distributeGenesis pays the addresses of FIBER_TOML evenly and prints the id", async () => {
  for (const publisher of [true, false]) {
    const node = new FakeNode({
      "GET /api/v1/blockchain/metadata": metadata(0),
      "GET /api/v1/block": block0(GENESIS.address, "1000.000000"),
      "GET /api/v1/health": { json: { block_publisher: publisher } },
      "POST /api/v1/injectTransaction": { json: "abcd" },
    });
    const run = await distribute(node, TOML);
    assert.deepEqual([run.stdout, run.stderr], ["abcd\n", ""]);
    const body = JSON.parse(node.seen.at(-1)?.body ?? "") as { rawtx: string; no_broadcast?: boolean };
    assert.equal(body.no_broadcast, publisher ? true : undefined);
    const txn = decodeTransaction(fromHex(body.rawtx));
    assert.deepEqual(txn.inputs.map(toHex), ["11".repeat(32)]);
    assert.deepEqual(
      txn.outputs.map((o) => [encodeAddress(o.address), o.coins, o.hours]),
      [ONE, TWO].map((who) => [who.address, 500_000_000n, 1000n]),
    );
  }
});

for (const [why, toml, dst, coins, seq, key, message] of [
  [
    "a chain that went on",
    TOML,
    GENESIS.address,
    "1000.000000",
    1,
    undefined,
    "genesis output has already been distributed",
  ],
  [
    "a foreign chain without FIBER_TOML",
    undefined,
    GENESIS.address,
    "1000.000000",
    0,
    undefined,
    /the node runs a chain of its own .*set FIBER_TOML/,
  ],
  [
    "a file without addresses",
    "[params]\nmax_coin_supply = 1000\n",
    GENESIS.address,
    "1000.000000",
    0,
    undefined,
    /names no distribution_addresses/,
  ],
  [
    "another unit",
    TOML.replace("1000", "1000000000"),
    GENESIS.address,
    "1000.000000",
    0,
    undefined,
    /1000000000 coins \(1000000000000000 droplets\), but the genesis output holds 1000000000 droplets: nothing was sent/,
  ],
  ["another key", TOML, GENESIS.address, "1000.000000", 0, ONE.secretKey, /does not belong to the genesis address/],
  ["no key", TOML, GENESIS.address, "1000.000000", 0, "zz", "invalid genesis secret key"],
  [
    "Skycoin's own chain with another key",
    undefined,
    SKYCOIN.genesis.address,
    "100000000.000000",
    0,
    undefined,
    /does not belong to the genesis address 2jBb/,
  ],
] as const) {
  test(`distributeGenesis refuses ${why}, and sends nothing`, async () => {
    const node = new FakeNode({
      "GET /api/v1/blockchain/metadata": metadata(seq),
      "GET /api/v1/block": block0(dst, coins),
    });
    const run = await distribute(node, toml, key);
    assert.equal(run.code, 1);
    assert.match(run.stderr, message instanceof RegExp ? message : new RegExp(`^Error: ${message}\n$`));
    assert.ok(node.seen.every((r) => r.method === "GET"));
  });
}

test("addressGen prints a document, addresses or keys of a seed", async () => {
  const { stdout } = await client(["addressGen", "-s", "test", "-n", "2"], { nowMs: 1_600_000_000_000 });
  const document = JSON.parse(stdout);
  assert.match(document.meta.filename, /^2020_09_1[234]_[0-9a-f]{4}\.wlt$/);
  assert.deepEqual([document.meta.tm, document.meta.label, document.meta.seed], ["1600000000", "default", "test"]);
  assert.deepEqual(document.entries[0], {
    address: "2ccsfuKpQ1EcqgQXPZyYZNW8qEDuKXZh9fj",
    public_key: "024119d3c96e1cb4270fc332ff56b9fef66c4647c6f0b9a287821889e53eb235bc",
    secret_key: "2b98a11bc65fba1dda70dbb61d6f21025c422590716a02697f06ba583e46bcf5",
  });
  const plain = await client(["addressGen", "-s", "test", "-n", "2", "-m", "addrs"]);
  assert.equal(plain.stdout, "2ccsfuKpQ1EcqgQXPZyYZNW8qEDuKXZh9fj\n2fTWaCQ7kpi1iycY7ZAdTTp8g13wx1wHyZw\n");
  const hidden = JSON.parse((await client(["addressGen", "-s", "test", "-i"])).stdout);
  assert.deepEqual([hidden.meta.seed, hidden.meta.lastSeed, hidden.entries[0].secret_key], ["", "", ""]);
  validateMnemonic(JSON.parse((await client(["addressGen", "-e", "256"])).stdout).meta.seed);
  assert.match(JSON.parse((await client(["addressGen", "--hex"])).stdout).meta.seed, /^[0-9a-f]{64}$/);
});

test("fiberAddressGen writes both files, the seeds readable by the owner only, and never over others", async () => {
  const gen = (...args: string[]) => client(["fiberAddressGen", "-n", "3", ...args], { cwd: dir });
  assert.deepEqual(await gen(), { code: 0, stdout: "", stderr: "" });
  const addresses = await readFile(join(dir, "addresses.txt"), "utf8");
  const listed = [...addresses.matchAll(/^"(.+)",$/gm)].map((m) => m[1] as string);
  assert.equal(listed.length, 3);
  for (const line of (await readFile(join(dir, "seeds.csv"), "utf8")).trim().split("\n")) {
    const [, address = "", mnemonic = ""] = /^"(.+)","(.+)"$/.exec(line) ?? [];
    decodeAddress(address);
    const [pair] = deterministicKeys(new TextEncoder().encode(mnemonic), 1).keys;
    assert.equal(pair === undefined ? "" : encodeAddress(addressOf(pair.public)), address);
    assert.ok(listed.includes(address));
  }
  assert.equal((await stat(join(dir, "seeds.csv"))).mode & 0o777, 0o600);
  assert.equal(
    (await gen()).stderr,
    'Error: -addrs-file "addresses.txt" already exists. Use -overwrite to force writing\n',
  );
  assert.equal(
    (await gen("-a", "new.txt")).stderr,
    'Error: -seeds-file "seeds.csv" already exists. Use -overwrite to force writing\n',
  );
  assert.equal(await readFile(join(dir, "addresses.txt"), "utf8"), addresses);
  assert.equal((await gen("-o")).code, 0);
  for (const option of ["-a", "-s"]) {
    assert.equal((await gen("-o", option, "")).stderr, "Error: open : no such file or directory\n");
  }
  assert.equal((await gen("-o", "-s", "no/x")).stderr, "Error: open no/x: no such file or directory\n");
  assert.equal(await readFile(join(dir, "addresses.txt"), "utf8"), "", "no address without its seed");
  assert.equal((await gen("-a", "x", "-s", "./x")).stderr, 'Error: -addrs-file and -seeds-file are both "x"\n');
});
