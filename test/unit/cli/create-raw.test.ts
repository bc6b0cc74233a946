import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { readableHeader } from "../../../src/api/readable.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import type { BlockHeader } from "../../../src/chain/block.ts";
import { formatDroplets } from "../../../src/chain/droplet.ts";
import {
  decodeTransaction,
  encodeTransaction,
  newTransaction,
  signTransaction,
  type Transaction,
  txid,
} from "../../../src/chain/transaction.ts";
import { type Droplets, type Hours, type UxBody, uxId } from "../../../src/chain/uxout.ts";
import { type Address, encodeAddress } from "../../../src/cipher/address.ts";
import { NULL_HASH, sha256 } from "../../../src/cipher/hash.ts";
import { formatJson, type Json, parseJson } from "../../../src/cli/client/json.ts";
import { localSecretBox, passwordBytes } from "../../../src/cli/client/wallet-file.ts";
import { newWalletDocument, parseWallet, serializeDocument } from "../../../src/wallet/document.ts";
import { lockWallet } from "../../../src/wallet/secrets.ts";
import { setMeta, walletAddresses } from "../../../src/wallet/wallet.ts";
import { type ClientRun, client, FakeNode } from "../../support/client.ts";

const TO = "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6";
const HEAD_TIME = 1_700_000_000;
const WALLET = newWalletDocument({ label: "test", addresses: 3, nowMs: 0, seed: "create-raw test" });
const [FIRST, SECOND] = walletAddresses(WALLET) as [Address, Address];

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "cli-"));
  await writeFile(join(dir, "w.json"), serializeDocument(WALLET));
  const xor = setMeta(WALLET, { cryptoType: "sha256-xor" });
  await writeFile(
    join(dir, "locked.wlt"),
    serializeDocument(await lockWallet(xor, passwordBytes("pwd"), localSecretBox)),
  );
});
after(() => rm(dir, { recursive: true, force: true }));

interface Output {
  readonly coins: bigint;
  readonly hours: bigint;
  readonly address?: Address;
}

interface Listing {
  /** Places in the list of outputs. */
  readonly outgoing?: readonly number[];
  readonly incoming?: readonly Output[];
  readonly head?: { readonly [name: string]: Json };
}

/** What a node answers that holds these outputs, as of the head's time. */
function outputsAnswer(outputs: readonly Output[], { outgoing = [], incoming = [], head = {} }: Listing = {}): string {
  const header: BlockHeader = {
    version: 0,
    time: HEAD_TIME,
    seq: 7,
    fee: 0n as Hours,
    prevHash: NULL_HASH,
    bodyHash: NULL_HASH,
    uxHash: NULL_HASH,
  };
  const confirmed = outputs.map(listOutput);
  return formatJson({
    head: { ...(readableHeader(header) as { [name: string]: Json }), ...head },
    head_outputs: confirmed,
    outgoing_outputs: outgoing.map((i) => confirmed[i] as Json),
    incoming_outputs: incoming.map(listOutput),
  });
}

function nodeWith(outputs: readonly Output[], listing?: Listing): FakeNode {
  return nodeAnswering(outputsAnswer(outputs, listing));
}

function nodeAnswering(text: string): FakeNode {
  return new FakeNode({
    "POST /api/v1/outputs": { text },
    "POST /api/v1/injectTransaction": ({ body }) => ({
      json: toHex(txid(decodeTransaction(fromHex((parseJson(body) as { rawtx: string }).rawtx)))),
    }),
  });
}

function listOutput({ coins, hours, address = FIRST }: Output, i: number): Json {
  const body: UxBody = {
    srcTransaction: sha256(Uint8Array.of(i)),
    address,
    coins: coins as Droplets,
    hours: hours as Hours,
  };
  return {
    hash: toHex(uxId(body)),
    time: HEAD_TIME,
    block_seq: 7,
    src_tx: toHex(body.srcTransaction),
    address: encodeAddress(address),
    coins: formatDroplets(coins),
    hours: body.hours,
    calculated_hours: body.hours,
  };
}

function create(node: FakeNode, args: readonly string[], env: Record<string, string> = {}): Promise<ClientRun> {
  return client(["createRawTransaction", ...args], { node, cwd: dir, env });
}

function made({ code, stdout, stderr }: ClientRun): Transaction {
  assert.deepEqual([code, stderr], [0, ""]);
  return decodeTransaction(fromHex(stdout.trim()));
}

test("prints a signed transaction and nothing else; the change goes to the wallet's first address", async () => {
  const node = nodeWith([{ coins: 10_000_000n, hours: 100n }]);
  const txn = made(await create(node, ["w.json", TO, "1"]));
  assert.deepEqual(
    txn.outputs.map((o) => [encodeAddress(o.address), o.coins, o.hours]),
    [
      [TO, 1_000_000n, 1n], // never more hours than whole coins, as long as there is change
      [encodeAddress(FIRST), 9_000_000n, 89n],
    ],
  );
  assert.deepEqual(
    node.seen.map((r) => r.path),
    ["/api/v1/csrf", "/api/v1/outputs"],
  );
  assert.equal(
    decodeURIComponent(node.seen[1]?.body ?? ""),
    `addrs=${walletAddresses(WALLET).map(encodeAddress).join(",")}`,
  );
});

test("everything at once leaves no change, and all hours but the fee to the receiver", async () => {
  const txn = made(await create(nodeWith([{ coins: 1_000_000_000n, hours: 1_000_000_000n }]), ["w.json", TO, "1000"]));
  assert.deepEqual(
    txn.outputs.map((o) => [o.coins, o.hours]),
    [[1_000_000_000n, 900_000_000n]],
  );
});

test("-a spends from one address, -c says where the change goes, -j prints JSON", async () => {
  const node = nodeWith([{ coins: 2_000_000n, hours: 10n, address: SECOND }]);
  const second = encodeAddress(SECOND);
  const txn = made(await create(node, ["w.json", TO, "1", "-a", second]));
  assert.equal(encodeAddress(txn.outputs[1]?.address as Address), second);
  assert.equal(node.seen[1]?.body, `addrs=${second}`);
  const run = await create(node, ["-j", "w.json", TO, "1", "-a", second, "-c", encodeAddress(FIRST)]);
  const { rawtx } = JSON.parse(run.stdout) as { rawtx: string };
  assert.equal(encodeAddress(decodeTransaction(fromHex(rawtx)).outputs[1]?.address as Address), encodeAddress(FIRST));
});

test("several receivers by -m and by --csv make the same outputs", async () => {
  await writeFile(join(dir, "many.csv"), `${TO},1\r\n\r\n" ${encodeAddress(SECOND)} ",0.25\r`);
  const node = nodeWith([{ coins: 10_000_000n, hours: 100n }]);
  const list = JSON.stringify([
    { addr: TO, coins: "1" },
    { addr: encodeAddress(SECOND), coins: "0.25" },
  ]);
  const [many, csv] = [
    made(await create(node, ["w.json", "-m", list])),
    made(await create(node, ["w.json", "--csv", "many.csv"])),
  ];
  assert.deepEqual(many.outputs, csv.outputs);
  assert.deepEqual(
    many.outputs.map((o) => o.coins),
    [1_000_000n, 250_000n, 8_750_000n],
  );
});

test("an encrypted wallet needs its password", async () => {
  const node = nodeWith([{ coins: 10_000_000n, hours: 100n }]);
  made(await create(node, ["locked.wlt", TO, "1", "-p", "pwd"]));
  assert.equal((await create(node, ["locked.wlt", TO, "1", "-p", "no"])).stderr, "Error: invalid password\n");
  const asked = await create(node, ["locked.wlt", TO, "1"]);
  assert.deepEqual([asked.stdout, asked.stderr], ["enter password:", "Error: inappropriate ioctl for device\n"]);
});

test("FIBER_TOML and the environment set the burn factor", async () => {
  await writeFile(join(dir, "fiber.toml"), "[params]\nuser_burn_factor = 2\n");
  const node = nodeWith([{ coins: 1_000_000n, hours: 100n }]);
  const hours = async (env: Record<string, string>) =>
    made(await create(node, ["w.json", TO, "1"], env)).outputs[0]?.hours;
  assert.equal(await hours({}), 90n);
  assert.equal(await hours({ FIBER_TOML: "fiber.toml" }), 50n);
  assert.equal(await hours({ FIBER_TOML: "fiber.toml", USER_BURN_FACTOR: "4" }), 75n);
});

const LOCKED = "R6aHqKWSQfvpdo2fGSrq4F1RYXkBWR9HHJ";
for (const [why, args, stderr, node = nodeWith([{ coins: 10_000_000n, hours: 100n }])] of [
  ["too little", ["w.json", TO, "11"], "Error: balance is not sufficient\n"],
  [
    "too little as yet",
    ["w.json", TO, "11"],
    "Error: balance is not sufficient. Balance will be sufficient after unconfirmed transactions confirm\n",
    nodeWith([{ coins: 10_000_000n, hours: 9n }], { incoming: [{ coins: 5_000_000n, hours: 1n }] }),
  ],
  [
    "outputs all being spent",
    ["w.json", TO, "1"],
    "Error: no unspents to spend\n",
    nodeWith([{ coins: 10_000_000n, hours: 100n }], { outgoing: [0] }),
  ],
  [
    "no hours",
    ["w.json", TO, "1"],
    "Error: Transaction has zero coinhour fee\n",
    nodeWith([{ coins: 10_000_000n, hours: 0n }]),
  ],
  ["zero coins", ["w.json", TO, "0"], "Error: Cannot send 0 coins\n"],
  ["no number", ["w.json", TO, "x"], "Error: invalid amount: can't convert x to decimal\n"],
  [
    "four decimals",
    ["w.json", TO, "1.0001"],
    "Error: Transaction violates soft constraint: invalid amount, too many decimal places\n",
  ],
  ["a bad receiver", ["w.json", "x", "1"], "Error: Invalid address length\n"],
  ["a missing amount", ["w.json", TO], "Error: requires at least 2 arg(s), only received 1\n"],
  ["a needless password", ["w.json", TO, "1", "-p", "x"], "Error: wallet is not encrypted\n"],
  ["foreign change", ["w.json", TO, "1", "-c", LOCKED], `Error: change address ${LOCKED} is not in wallet\n`],
  ["a foreign sender", ["w.json", TO, "1", "-a", LOCKED], `Error: ${LOCKED} address is not in wallet\n`],
  ["a bad sender", ["w.json", TO, "1", "-a", "x"], "Error: invalid address: x\n"],
  ["bad change", ["w.json", TO, "1", "-c", "x"], "Error: invalid change address: x\n"],
  ["both lists", ["w.json", "-m", "x", "--csv", "y"], "Error: -csv and -m cannot be combined\n"],
  ["an empty list", ["w.json", "-m", "[]"], "Error: No destination addresses\n"],
  ["a broken list", ["w.json", "-m", "[{"], "Error: invalid -m flag string, err: unexpected EOF\n"],
  [
    "a list with a bad amount",
    ["w.json", "-m", '[{"addr":"x","coins":"z"}]'],
    "Error: invalid coins value in -m flag string: can't convert z to decimal\n",
  ],
  ["a list with a bad address", ["w.json", "-m", '[{"addr":"x","coins":"1"}]'], "Error: invalid address\n"],
  ["no csv", ["w.json", "--csv", "none.csv"], "Error: open none.csv: no such file or directory\n"],
  [
    "a directory for a wallet",
    [".", TO, "1"],
    "See 'skycoin-cli createRawTransaction --help'\nError: Load wallet failed: read .: is a directory\n",
  ],
  ["a directory for csv", ["w.json", "--csv", "."], "Error: read .: is a directory\n"],
  [
    "no wallet",
    ["none.json", TO, "1"],
    "See 'skycoin-cli createRawTransaction --help'\nError: Load wallet failed: wallet \"none.json\" doesn't exist\n",
  ],
  [
    "another head",
    ["w.json", TO, "1"],
    "Error: readable.BlockHeader.Hash != recovered coin.BlockHeader.Hash()\n",
    nodeWith([{ coins: 10_000_000n, hours: 100n }], { head: { seq: 8 } }),
  ],
] as const) {
  test(`refuses ${why}`, async () => {
    const run = await create(node, args);
    assert.deepEqual([run.code, run.stdout, run.stderr], [1, "", stderr]);
  });
}

test("a bip44 wallet without an account has neither change nor addresses", async () => {
  await writeFile(join(dir, "bare.wlt"), '{"meta":{"type":"bip44","coin":"skycoin","filename":"b"},"accounts":null}');
  const said = async (...more: string[]) => (await create(nodeWith([]), ["bare.wlt", TO, "1", ...more])).stderr;
  assert.equal(await said(), "Error: failed to get external chain, err: account index 0 out of range\n");
  assert.equal(await said("-c", TO), "Error: account index 0 out of range\n");
  assert.equal(await said("-a", TO), "Error: account index 0 out of range\n");
});

test("every bad row of a csv file is reported", async () => {
  const node = nodeWith([]);
  const csv = async (text: string) => {
    await writeFile(join(dir, "bad.csv"), text);
    return (await create(node, ["w.json", "--csv", "bad.csv"])).stderr;
  };
  assert.equal(
    await csv(`x,1\n${TO},1\n${TO},y\n`),
    "Error: [row 0] Invalid address x: Invalid address length\n[row 2] Invalid amount y: can't convert y to decimal\n",
  );
  assert.equal(await csv(`${TO},1\n${TO}\n`), "Error: record on line 2: wrong number of fields\n");
  assert.match(
    await csv(`\ufeff${TO},1\r`),
    /^Error: \[row 0\] Invalid address \ufeff\S+: Invalid base58 character\n$/,
  );
  assert.equal(
    await csv(`${TO},"1\n`),
    'Error: parse error on line 1, column 40: extraneous or missing " in quoted-field\n',
  );
  assert.equal(
    await csv(`${TO},1\n"a\n\n`),
    'Error: record on line 2; parse error on line 3, column 2: extraneous or missing " in quoted-field\n',
  );
  assert.equal(await csv('a"b,1'), 'Error: parse error on line 1, column 2: bare " in non-quoted-field\n');
});

test("a node cannot have other coins signed away than it shows", async () => {
  const hashOf = (coins: bigint) => (listOutput({ coins, hours: 100n }, 0) as { hash: string }).hash;
  // The listed amount is not what the output's id stands for.
  const answer = outputsAnswer([{ coins: 5_000_000n, hours: 100n }]).replace(hashOf(5_000_000n), hashOf(50_000_000n));
  const run = await create(nodeAnswering(answer), ["w.json", TO, "1"]);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /unspent output of [0-9a-f]{64} does not exist/);
});

test("whatever is asked of whatever outputs: coins are kept, the fee is paid, change comes last, or it is refused", async () => {
  const amount = fc.bigInt({ min: 1n, max: 5_000n }).map((n) => n * 1000n);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ coins: amount, hours: fc.bigInt({ min: 0n, max: 1000n }) }), { maxLength: 5 }),
      fc.array(amount, { minLength: 1, maxLength: 3 }),
      async (outputs, wanted) => {
        const to = [...new Set(wanted)].map((coins) => ({ addr: TO, coins: formatDroplets(coins) }));
        const run = await create(nodeWith(outputs), ["w.json", "-m", JSON.stringify(to)]);
        if (run.code !== 0) {
          assert.match(run.stderr, /^Error: (no unspents|balance is not|Transaction has zero coinhour fee)/);
          return;
        }
        const txn = made(run);
        const byId = new Map(outputs.map((o, i) => [(listOutput(o, i) as { hash: string }).hash, o]));
        const spent = txn.inputs.map((id) => byId.get(toHex(id)) as Output);
        const total = (list: readonly { coins: bigint }[]) => list.reduce((sum, o) => sum + o.coins, 0n);
        const hours = (list: readonly { hours: bigint }[]) => list.reduce((sum, o) => sum + o.hours, 0n);
        assert.equal(total(spent), total(txn.outputs));
        assert.ok((hours(spent) - hours(txn.outputs)) * 10n >= hours(spent));
        assert.deepEqual(
          txn.outputs.slice(0, to.length).map((o) => formatDroplets(o.coins)),
          to.map((t) => t.coins),
        );
        assert.ok(txn.outputs.slice(to.length).every((o) => encodeAddress(o.address) === encodeAddress(FIRST)));
      },
    ),
    { numRuns: 40 },
  );
});

test("send injects what it made and prints the id", async () => {
  const node = nodeWith([{ coins: 10_000_000n, hours: 100n }]);
  const run = await client(["send", "w.json", TO, "1"], { node, cwd: dir });
  const body = parseJson(node.seen.at(-1)?.body ?? "") as { rawtx: string };
  assert.equal(run.stdout, `txid:${toHex(txid(decodeTransaction(fromHex(body.rawtx))))}\n`);
  assert.deepEqual(Object.keys(body), ["rawtx"]); // with broadcast
  const json = await client(["send", "-j", "w.json", TO, "1"], { node, cwd: dir });
  assert.match(json.stdout, /^\{\n {4}"txid": "[0-9a-f]{64}"\n\}\n$/);
  const failed = await client(["send", "w.json", TO, "99"], { node, cwd: dir });
  assert.equal(failed.stderr, "See 'skycoin-cli send --help'\nError: balance is not sufficient\n");
});

test("a decoded transaction encodes to the same bytes; other hashes are refused, or fixed with -f", async () => {
  const secret = WALLET.entries[0]?.secretKey as NonNullable<(typeof WALLET.entries)[0]["secretKey"]>;
  const unsigned = newTransaction(
    [sha256(Uint8Array.of(1))],
    [{ address: FIRST, coins: 1n as Droplets, hours: 18446744073709551615n as Hours }],
  );
  const hex = toHex(encodeTransaction(signTransaction(unsigned, [secret])));
  const { stdout } = await client(["decodeRawTransaction", hex]);
  assert.match(stdout, /"hours": 18446744073709551615/);
  assert.equal((await client(["encodeJsonTransaction", "-"], { stdin: stdout })).stdout, `${hex}\n`);
  const wrong = stdout.replace(/"txid": "[0-9a-f]{64}"/, `"txid": "${"00".repeat(32)}"`);
  const refused = await client(["encodeJsonTransaction", "-"], { stdin: wrong });
  assert.match(
    refused.stderr,
    /^Error: readable\.Transaction\.Hash [0-9a-f]{64} does not match parsed transaction hash 0{64}\n$/,
  );
  const fixed = await client(["encodeJsonTransaction", "-", "-f", "-j"], { stdin: wrong });
  assert.equal(JSON.parse(fixed.stdout).rawtx, hex);
  assert.match(
    (await client(["encodeJsonTransaction", "none"])).stderr,
    /^Error: open file failed none: open none: no such file/,
  );
  assert.equal(
    (await client(["encodeJsonTransaction", "."], { cwd: dir })).stderr,
    "Error: invalid JSON transaction: read .: is a directory\n",
  );
  assert.equal(
    (await client(["encodeJsonTransaction", "-"], { stdin: "[]" })).stderr,
    "Error: invalid JSON transaction: json: cannot unmarshal array into Go value of type readable.Transaction\n",
  );
  const untyped = await client(["encodeJsonTransaction", "-"], { stdin: '{"outputs":[1]}' });
  assert.equal(
    untyped.stderr,
    "Error: invalid JSON transaction: json: cannot unmarshal number into Go struct field Transaction.outputs of type readable.TransactionOutput\n",
  );
});

test("addPrivateKey adds to collection files only, once, keeping encryption and mode", async () => {
  const key = "31".repeat(32);
  const document = (encrypted: boolean) => ({
    meta: {
      coin: "skycoin",
      cryptoType: "sha256-xor",
      encrypted: String(encrypted),
      filename: "c.wlt",
      label: "c",
      tm: "0",
      type: "collection",
      version: "0.4",
    },
    entries: [],
  });
  await writeFile(join(dir, "c.wlt"), JSON.stringify(document(false)), { mode: 0o600 });
  const add = (file: string, text: string, ...more: string[]) =>
    client(["addPrivateKey", file, text, ...more], { cwd: dir });
  assert.equal((await add("c.wlt", key)).stdout, "success\n");
  const [entry] = JSON.parse(await readFile(join(dir, "c.wlt"), "utf8")).entries;
  assert.equal(entry.secret_key, key);
  assert.equal((await stat(join(dir, "c.wlt"))).mode & 0o777, 0o600);
  assert.equal((await add("c.wlt", key)).stderr, "Error: wallet already contains entry with this address\n");
  const bad = await add("c.wlt", key.slice(2));
  assert.equal(bad.stderr, "Error: invalid private key: must be a hex string of length 64\n");
  assert.match(
    (await add("w.json", key)).stderr,
    /^See .*\nError: Load wallet failed: invalid wallet "[0-9_a-f]+\.wlt": invalid wallet type\n$/, // as the document says
  );
  await writeFile(join(dir, "odd.wlt"), '{"meta":{"coin":"sky","filename":"f.wlt"}}');
  assert.match(
    (await add("odd.wlt", key)).stderr,
    /^See .*\nError: Load wallet failed: invalid wallet "f\.wlt": type field not set\n$/,
  );
  assert.match((await add(".", key)).stderr, /^See .*\nError: Load wallet failed: read \.: is a directory\n$/);

  const open = parseWallet(JSON.stringify(document(false)), "e.wlt");
  assert.ok(open !== undefined);
  await writeFile(join(dir, "e.wlt"), serializeDocument(await lockWallet(open, passwordBytes("pwd"), localSecretBox)));
  assert.equal((await add("e.wlt", key, "-p", "pwd")).stdout, "success\n");
  const locked = await readFile(join(dir, "e.wlt"), "utf8");
  assert.match(locked, /"encrypted": "true"/);
  assert.ok(!locked.includes(key));
  assert.equal((await add("e.wlt", "32".repeat(32), "-p", "no")).stderr, "Error: invalid password\n");
});
