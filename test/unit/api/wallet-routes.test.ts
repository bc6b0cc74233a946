import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { encodeTransaction } from "../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { type ApiFixture, apiFixture, type Json } from "../../support/api.ts";
import { alice, bob, type Coin, carol, out, spend } from "../../support/chain.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { ABANDON, ABANDON_XPUB } from "../../support/wallets.ts";

const SETS = ["READ", "STATUS", "TXN", "WALLET", "NET_CTRL", "STORAGE", "INSECURE_WALLET_SEED"];
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";
type Fields = Readonly<Record<string, string>>;

interface Reply {
  readonly status: number;
  readonly body: string;
  json(): Json;
}

class Wallets {
  readonly fixture: ApiFixture;
  readonly folder: string;

  constructor(fixture: ApiFixture, folder: string) {
    this.fixture = fixture;
    this.folder = folder;
  }

  static async open(t: { after(clean: () => Promise<void>): void }, apiSets = SETS): Promise<Wallets> {
    const folder = tempDir(t);
    return new Wallets(await apiFixture({ apiSets }, {}, new MemoryStore(), folder), folder);
  }

  async send(method: "GET" | "POST" | "DELETE", path: string, body?: Fields | object, type = FORM): Promise<Reply> {
    const url = `/api/${path}`;
    const isForm = type === FORM;
    const fields = new URLSearchParams(body as Record<string, string> | undefined).toString();
    const response = await this.fixture.app.inject(
      method === "POST"
        ? { method, url, headers: { "content-type": type }, payload: isForm ? fields : JSON.stringify(body) }
        : { method, url: fields === "" ? url : `${url}?${fields}` },
    );
    return { status: response.statusCode, body: response.body, json: () => response.json() };
  }

  get(path: string, fields?: Fields): Promise<Reply> {
    return this.send("GET", `v1/${path}`, fields);
  }

  post(path: string, fields: Fields): Promise<Reply> {
    return this.send("POST", `v1/${path}`, fields);
  }

  json(path: string, body: object): Promise<Reply> {
    return this.send("POST", path, body, JSON_TYPE);
  }

  /** The id of a new wallet. */
  async make(fields: Fields, path = "wallet/create"): Promise<string> {
    const reply = await this.post(path, { label: "l", ...fields });
    assert.equal(reply.status, 200, reply.body);
    return reply.json().meta.filename;
  }
}

const SEEDS = { deterministic: "wallet routes", encrypted: "wallet routes, sealed" };
const KINDS: Readonly<Record<string, Fields>> = {
  deterministic: { type: "deterministic", seed: SEEDS.deterministic },
  encrypted: { type: "deterministic", seed: SEEDS.encrypted, encrypt: "true", password: "pwd" },
  bip44: { type: "bip44", seed: ABANDON, "seed-passphrase": "extra" },
  collection: { type: "collection", "private-keys": ` ${toHex(alice.secret)}, ${toHex(bob.secret)},` },
  xpub: { type: "xpub", xpub: ABANDON_XPUB },
};

test("every kind of wallet is created, listed and shown without secrets", async (t) => {
  const wallets = await Wallets.open(t);
  const made = new Map<string, Json>();
  for (const [kind, fields] of Object.entries(KINDS)) {
    const reply = await wallets.post("wallet/create", { label: kind, ...fields });
    assert.equal(reply.status, 200, reply.body);
    made.set(kind, reply.json());
    for (const secret of ["seed", "secret", "wallet routes", "abandon", toHex(alice.secret)]) {
      assert.equal(reply.body.includes(secret), false, `${kind} shows ${secret}`);
    }
  }
  assert.deepEqual(
    [...made.values()].map(({ entries }) => entries.length),
    [1, 1, 2, 2, 1],
  );
  assert.deepEqual(Object.keys(made.get("bip44").entries[1]), ["address", "public_key", "child_number", "change"]);
  assert.deepEqual(Object.keys(made.get("xpub").entries[0]), ["address", "public_key", "child_number"]);
  assert.deepEqual(Object.keys(made.get("deterministic").entries[0]), ["address", "public_key"]);
  assert.deepEqual(Object.keys(made.get("bip44").meta).slice(-3), ["temp", "encrypted", "bip44_coin"]);
  assert.equal(made.get("xpub").meta.xpub, ABANDON_XPUB);
  const list = (await wallets.get("wallets")).json();
  assert.deepEqual(list.map(({ meta }: Json) => meta.label).sort(), [...made.keys()].sort());
  for (const wallet of made.values()) {
    assert.deepEqual((await wallets.get("wallet", { id: wallet.meta.filename })).json(), wallet);
  }
  const folder = (await wallets.get("wallets/folderName")).json().address;
  assert.equal(folder, join(wallets.folder, "wallets"));
  assert.equal(readdirSync(folder).length, 5);
});

test("a temporary wallet has no file, cannot be encrypted and ends with unloading", async (t) => {
  const wallets = await Wallets.open(t);
  const id = await wallets.make({ type: "deterministic", seed: "s" }, "wallet/createTemp");
  assert.equal((await wallets.get("wallet", { id })).json().meta.temp, true);
  assert.deepEqual(readdirSync(join(wallets.folder, "wallets")), []);
  const refused = await wallets.post("wallet/encrypt", { id, password: "p" });
  assert.equal(refused.body, "400 Bad Request - temporary wallet does not support encryption\n");
  const unloaded = await wallets.post("wallet/unload", { id });
  assert.deepEqual([unloaded.status, unloaded.body], [200, ""]);
  assert.deepEqual((await wallets.get("wallets")).json(), []);
});

test("seed, password and recovery", async (t) => {
  const wallets = await Wallets.open(t);
  const id = await wallets.make({ ...KINDS.bip44, encrypt: "1", password: "one" });
  const locked = (await wallets.get("wallet", { id })).json();
  assert.equal(locked.meta.encrypted, true);
  const seed = await wallets.post("wallet/seed", { id, password: "one" });
  assert.deepEqual(seed.json(), { seed: ABANDON, seed_passphrase: "extra" });
  const words = { id, seed: ABANDON, seed_passphrase: "extra" };
  const recovered = await wallets.json("v2/wallet/recover", { ...words, password: "two" });
  assert.deepEqual(recovered.json().data, locked);
  assert.equal(
    (await wallets.post("wallet/seed", { id, password: "one" })).body,
    "400 Bad Request - invalid password\n",
  );
  const open = await wallets.post("wallet/decrypt", { id, password: "two" });
  assert.deepEqual(open.json(), { ...locked, meta: { ...locked.meta, encrypted: false } });
  const sealed = await wallets.make(KINDS.encrypted ?? {});
  const shown = await wallets.post("wallet/seed", { id: sealed, password: "pwd" });
  assert.deepEqual(shown.json(), { seed: SEEDS.encrypted });
});

test("new seeds have 12 or 24 words, differ, and verify", async (t) => {
  const wallets = await Wallets.open(t);
  for (const [entropy, words] of [
    ["", 12],
    ["128", 12],
    ["256", 24],
  ] as const) {
    const { seed } = (await wallets.get("wallet/newSeed", { entropy })).json();
    assert.equal(seed.split(" ").length, words);
    assert.notEqual(seed, (await wallets.get("wallet/newSeed", { entropy })).json().seed);
    assert.equal((await wallets.json("v2/wallet/seed/verify", { seed })).body, '{\n    "data": {}\n}');
  }
});

test("addresses are added, and looked ahead for, up to the last one used", async (t) => {
  const wallets = await Wallets.open(t);
  const id = await wallets.make(KINDS.deterministic ?? {});
  const none = await wallets.post("wallet/newAddress", { id });
  assert.equal(none.body, '{\n    "addresses": null\n}');
  const { addresses } = (await wallets.post("wallet/newAddress", { id, num: "2" })).json();
  assert.equal(addresses.length, 2);
  const { entries } = (await wallets.get("wallet", { id })).json();
  assert.deepEqual(
    entries.slice(1).map((entry: Json) => entry.address),
    addresses,
  );
  assert.equal((await wallets.post("wallet/scan", { id })).body, '{\n    "addresses": null\n}');
});

/** A collection of Alice's and Bob's keys, Alice's twice, on a chain where Alice owns everything in four coins. */
async function funded(t: TestContext): Promise<{ wallets: Wallets; id: string; coins: Coin[] }> {
  const wallets = await Wallets.open(t);
  const coins = await wallets.fixture.chain.fund(alice, 4);
  const keys = [alice, bob, alice].map(({ secret }) => toHex(secret)).join(",");
  return { wallets, coins, id: await wallets.make({ type: "collection", "private-keys": keys }) };
}

const HALF = { type: "auto", mode: "share", share_factor: "0.5" };
const TO_CAROL = [{ address: encodeAddress(carol.address), coins: "5" }];

test("a wallet's balance counts each address once, and what its pool transactions bring", async (t) => {
  const { wallets, id, coins } = await funded(t);
  const [coin] = coins as [Coin];
  const { coins: amount } = coin.ux.body;
  const before = (await wallets.get("wallet/balance", { id })).json();
  const both = [alice, bob].map(({ address }) => encodeAddress(address)).sort();
  assert.deepEqual(Object.keys(before.addresses), both);
  assert.equal(before.confirmed.coins, 100_000_000_000_000);
  assert.deepEqual(before.confirmed, before.addresses[encodeAddress(alice.address)].confirmed);
  const away = spend([coin], [out(carol, amount, coin.ux.body.hours / 4n)]);
  await wallets.fixture.pool.injectFromUser(away);
  const after = (await wallets.get("wallet/balance", { id })).json();
  assert.equal(after.predicted.coins, before.confirmed.coins - Number(amount));
  assert.deepEqual((await wallets.get("wallet/transactions", { id })).json(), { transactions: [] });
  const [, second] = coins as [Coin, Coin];
  await wallets.fixture.pool.injectFromUser(spend([second], [out(bob, second.ux.body.coins, 1n)]));
  for (const verbose of ["0", "1"]) {
    const { transactions } = (await wallets.get("wallet/transactions", { id, verbose })).json();
    assert.equal(transactions.length, 1);
    assert.equal(typeof transactions[0].transaction.inputs[0], verbose === "1" ? "object" : "string");
    const { transactions: all } = { transactions: (await wallets.get("pendingTxs", { verbose })).json() };
    assert.ok(all.some((item: Json) => JSON.stringify(item) === JSON.stringify(transactions[0])));
  }
});

test("a signed transaction goes into the chain; an unsigned one is signed part by part", async (t) => {
  const { wallets, id } = await funded(t);
  const { fixture } = wallets;
  const spending = { wallet_id: id, hours_selection: HALF, to: TO_CAROL };
  const made = await wallets.json("v1/wallet/transaction", spending);
  assert.equal(made.status, 200, made.body);
  const rawtx = made.json().encoded_transaction;
  const injected = await wallets.json("v1/injectTransaction", { rawtx, no_broadcast: true });
  assert.equal(injected.json(), made.json().transaction.txid);
  const busy = await wallets.json("v1/wallet/transaction", spending);
  assert.equal(busy.body, "400 Bad Request - Please spend after your pending transaction is confirmed\n");
  await fixture.chain.add(fixture.pool.all().map(({ txn }) => txn));
  await fixture.pool.removeInvalid();

  const whole = [{ address: encodeAddress(carol.address), coins: "60000000" }];
  const unsigned = await wallets.json("v1/wallet/transaction", { ...spending, to: whole, unsigned: true });
  const { transaction, encoded_transaction: encoded } = unsigned.json();
  assert.ok(transaction.inputs.length >= 2);
  assert.ok(transaction.sigs.every((sig: string) => /^0{130}$/.test(sig)));
  const sign = (encoded_transaction: string, sign_indexes: number[] = []) =>
    wallets.json("v2/wallet/transaction/sign", { wallet_id: id, encoded_transaction, sign_indexes });
  const part = (await sign(encoded, [1])).json().data;
  assert.deepEqual(
    part.transaction.sigs.map((sig: string) => /^0+$/.test(sig)),
    transaction.sigs.map((_: string, i: number) => i !== 1),
  );
  const again = await sign(part.encoded_transaction, [1]);
  assert.deepEqual(again.json().error, { message: "Transaction is already signed at index 1", code: 400 });
  const full = (await sign(part.encoded_transaction)).json().data;
  const verified = await wallets.json("v2/transaction/verify", { encoded_transaction: full.encoded_transaction });
  assert.equal(verified.status, 200, verified.body);
  const done = await sign(full.encoded_transaction);
  assert.deepEqual(done.json().error, { message: "Transaction is already fully signed", code: 500 });
});

test("key-value storage keeps, replaces and forgets texts", async (t) => {
  const wallets = await Wallets.open(t);
  const get = (key?: string): Promise<Reply> =>
    wallets.send("GET", "v2/data", { type: "txid", ...(key !== undefined && { key }) });
  assert.equal((await get()).body, '{\n    "data": {}\n}');
  for (const [key, val] of [
    ["b", "<&>"],
    ["a", ""],
    ["b", "two"],
  ] as const) {
    assert.equal((await wallets.json("v2/data", { type: "txid", key, val })).body, "{}");
  }
  assert.equal((await get()).body, '{\n    "data": {\n        "a": "",\n        "b": "two"\n    }\n}');
  assert.deepEqual([(await get("a")).json(), (await get("b")).json()], [{ data: "" }, { data: "two" }]);
  assert.equal((await wallets.send("DELETE", "v2/data", { type: "txid", key: "a" })).body, "{}");
  assert.equal((await get("a")).status, 404);
  assert.deepEqual((await wallets.send("GET", "v2/data", { type: "client" })).json(), { data: {} });
});

/** What is refused. `form`: POST of fields under v1; `query`: GET under v1; `json`: POST under the path. */
interface Refusal {
  readonly form?: string;
  readonly query?: string;
  readonly json?: string;
  readonly fields: object;
  readonly is: readonly [status: number, message?: string];
}

let shared: Wallets;
const ids: Record<string, string> = {};
before(async () => {
  shared = await Wallets.open({ after });
  for (const [kind, fields] of Object.entries(KINDS)) ids[kind] = await shared.make(fields);
});

const unknown = { id: "unknown.wlt", password: "p" };
const some = { type: "deterministic", label: "l", seed: "s" };
const REFUSALS: readonly Refusal[] = [
  { query: "wallet", fields: {}, is: [400, "missing wallet id"] },
  { query: "wallet", fields: unknown, is: [400, "wallet doesn't exist"] },
  { query: "wallet/newSeed", fields: { entropy: "x" }, is: [400, "invalid entropy"] },
  { query: "wallet/newSeed", fields: { entropy: "160" }, is: [400, "entropy length must be 128 or 256"] },
  { query: "wallet/balance", fields: {}, is: [400, "missing wallet id"] },
  { query: "wallet/balance", fields: unknown, is: [404] },
  { query: "wallet/transactions", fields: { verbose: "x" }, is: [400, "Invalid value for verbose"] },
  { query: "wallet/transactions", fields: {}, is: [400, "missing wallet id"] },
  { query: "wallet/transactions", fields: unknown, is: [404] },
  { form: "wallet/create", fields: {}, is: [400, "missing type"] },
  {
    form: "wallet/create",
    fields: { ...some, encrypt: "maybe" },
    is: [400, 'invalid encrypt value: strconv.ParseBool: parsing "maybe": invalid syntax'],
  },
  { form: "wallet/create", fields: { ...some, encrypt: "1" }, is: [400, "missing password"] },
  {
    form: "wallet/create",
    fields: { ...some, password: "p" },
    is: [400, "encrypt must be true as password is provided"],
  },
  { form: "wallet/create", fields: { ...some, scan: "-1" }, is: [400, "invalid scan value"] },
  { form: "wallet/create", fields: { ...some, scan: "20000" }, is: [400, "too many addresses requested"] },
  {
    form: "wallet/create",
    fields: { ...some, "bip44-coin": "1" },
    is: [400, "bip44-coin is only valid for bip44 type wallets"],
  },
  {
    form: "wallet/create",
    fields: { ...some, type: "bip44", "bip44-coin": "4294967296" },
    is: [400, "invalid bip44-coin value"],
  },
  {
    form: "wallet/create",
    fields: { ...some, type: "collection", "private-keys": "aa" },
    is: [400, "invalid collection private keys"],
  },
  {
    form: "wallet/create",
    fields: { ...some, type: "collection", "private-keys": "aa,".repeat(1001) },
    is: [400, "too many addresses requested"],
  },
  { form: "wallet/create", fields: { ...some, type: "nope" }, is: [400, "invalid wallet type"] },
  { form: "wallet/create", fields: { ...some, label: "" }, is: [400, "missing label"] },
  { form: "wallet/create", fields: { ...some, seed: "" }, is: [400, "missing seed"] },
  { form: "wallet/create", fields: { type: "xpub" }, is: [400, "missing xpub"] },
  {
    form: "wallet/create",
    fields: { ...some, seed: SEEDS.deterministic },
    is: [400, 'fingerprint conflict for "deterministic" wallet'],
  },
  {
    form: "wallet/create",
    fields: { ...some, type: "bip44" },
    is: [500, "Mnemonic must have 12, 15, 18, 21 or 24 words"],
  },
  { form: "wallet/createTemp", fields: {}, is: [400, "missing type"] },
  { form: "wallet/createTemp", fields: { ...some, scan: "x" }, is: [400, "invalid scan value"] },
  { form: "wallet/newAddress", fields: {}, is: [400, "missing wallet id"] },
  { form: "wallet/newAddress", fields: unknown, is: [400, "wallet doesn't exist"] },
  { form: "wallet/newAddress", fields: { id: "deterministic", num: "x" }, is: [400, "invalid num value"] },
  {
    form: "wallet/newAddress",
    fields: { id: "collection", "private-keys": "zz" },
    is: [400, "invalid private keys"],
  },
  { form: "wallet/newAddress", fields: { id: "encrypted", num: "1" }, is: [400, "missing password"] },
  {
    form: "wallet/newAddress",
    fields: { id: "encrypted", num: "1", password: "no" },
    is: [400, "invalid password"],
  },
  {
    form: "wallet/newAddress",
    fields: { id: "deterministic", num: "1", password: "no" },
    is: [400, "wallet is not encrypted"],
  },
  {
    form: "wallet/newAddress",
    fields: { id: "deterministic", num: "18446744073709551615" },
    is: [400, "too many addresses requested"],
  },
  { form: "wallet/scan", fields: { id: "deterministic", num: "0" }, is: [400, "invalid num value, must be > 0"] },
  {
    form: "wallet/scan",
    fields: { id: "bip44", password: "p" },
    is: [400, "password is not required for scanning bip44 wallet addresses"],
  },
  {
    form: "wallet/scan",
    fields: { id: "collection" },
    is: [400, "A collection wallet does not implement ScanAddresses"],
  },
  { form: "wallet/update", fields: { label: "x" }, is: [400, "missing wallet id"] },
  { form: "wallet/update", fields: { id: "deterministic" }, is: [400, "missing label"] },
  { form: "wallet/update", fields: { ...unknown, label: "x" }, is: [404] },
  { form: "wallet/unload", fields: {}, is: [400, "missing wallet id"] },
  { form: "wallet/encrypt", fields: unknown, is: [404] },
  { form: "wallet/encrypt", fields: { id: "encrypted", password: "p" }, is: [400, "wallet is encrypted"] },
  { form: "wallet/encrypt", fields: { id: "deterministic" }, is: [400, "missing password"] },
  {
    form: "wallet/encrypt",
    fields: { id: "xpub", password: "p" },
    is: [500, "xpub wallet does not support encryption"],
  },
  { form: "wallet/decrypt", fields: unknown, is: [404] },
  { form: "wallet/decrypt", fields: { id: "encrypted" }, is: [400, "missing password"] },
  { form: "wallet/decrypt", fields: { id: "encrypted", password: "no" }, is: [400, "invalid password"] },
  { form: "wallet/decrypt", fields: { id: "xpub", password: "p" }, is: [400, "wallet is not encrypted"] },
  { form: "wallet/seed", fields: unknown, is: [404] },
  { form: "wallet/seed", fields: { id: "deterministic", password: "p" }, is: [400, "wallet is not encrypted"] },
  { form: "wallet/seed", fields: { id: "encrypted", password: "no" }, is: [400, "invalid password"] },
  { json: "v2/wallet/seed/verify", fields: {}, is: [400, "seed is required"] },
  {
    json: "v2/wallet/seed/verify",
    fields: { seed: `${ABANDON} ` },
    is: [422, "Mnemonic has extra whitespace around it"],
  },
  { json: "v2/wallet/recover", fields: { seed: "s" }, is: [400, "id is required"] },
  { json: "v2/wallet/recover", fields: { id: "encrypted" }, is: [400, "seed is required"] },
  { json: "v2/wallet/recover", fields: { ...unknown, seed: "s" }, is: [404, "Not Found"] },
  { json: "v2/wallet/recover", fields: { id: "deterministic", seed: "s" }, is: [400, "wallet is not encrypted"] },
  {
    json: "v2/wallet/recover",
    fields: { id: "encrypted", seed: "s" },
    is: [400, "wallet recovery seed or seed passphrase is wrong"],
  },
  { json: "v1/wallet/transaction", fields: {}, is: [400, "missing wallet_id"] },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "collection", unsigned: true, password: "p" },
    is: [400, "password must not be used for unsigned transactions"],
  },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "collection", unsigned: 1 },
    is: [
      400,
      "json: cannot unmarshal number into Go struct field walletCreateTransactionRequest.unsigned of type bool",
    ],
  },
  { json: "v1/wallet/transaction", fields: { wallet_id: "collection" }, is: [400, "missing hours_selection.type"] },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "unknown.wlt", hours_selection: HALF, to: TO_CAROL },
    is: [404, "wallet doesn't exist"],
  },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "collection", hours_selection: HALF, to: TO_CAROL },
    is: [400, "no unspents to spend"],
  },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "collection", hours_selection: HALF, to: TO_CAROL, addresses: [TO_CAROL[0]?.address] },
    is: [400, "address not found in wallet"],
  },
  {
    json: "v1/wallet/transaction",
    fields: { wallet_id: "encrypted", hours_selection: HALF, to: TO_CAROL },
    is: [400, "missing password"],
  },
  { json: "v2/wallet/transaction/sign", fields: {}, is: [400, "wallet_id is required"] },
  {
    json: "v2/wallet/transaction/sign",
    fields: { wallet_id: "collection" },
    is: [400, "encoded_transaction is required"],
  },
  {
    json: "v2/wallet/transaction/sign",
    fields: { wallet_id: "collection", encoded_transaction: "zz" },
    is: [400, "Decode transaction failed: encoding/hex: invalid byte: U+007A 'z'"],
  },
  { json: "v2/data", fields: { key: "k" }, is: [400, "type is required"] },
  { json: "v2/data", fields: { type: "txid" }, is: [400, "key is required"] },
  { json: "v2/data", fields: { type: "nope", key: "k" }, is: [400, "unknown storage"] },
  {
    json: "v2/data",
    fields: { type: 1 },
    is: [400, "json: cannot unmarshal number into Go struct field StorageRequest.type of type kvstorage.Type"],
  },
];

const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  422: "Unprocessable Entity",
  500: "Internal Server Error",
};

/** Kinds of wallets stand for the ids they got. */
function withIds(fields: object): object {
  const named = Object.entries(fields).map(([name, value]) => [
    name,
    (name === "id" || name === "wallet_id") && typeof value === "string" ? (ids[value] ?? value) : value,
  ]);
  return Object.fromEntries(named);
}

for (const { form, query, json, fields, is } of REFUSALS) {
  const [status, message = ""] = is;
  const shown = JSON.stringify(fields).slice(0, 90);
  test(`${form ?? query ?? json} refuses ${shown} with ${status} ${message}`, async () => {
    const body = withIds(fields) as Fields;
    const before = (await shared.get("wallets")).body;
    const reply =
      form !== undefined
        ? await shared.post(form, body)
        : query !== undefined
          ? await shared.get(query, body)
          : await shared.json(json ?? "", body);
    if (json?.startsWith("v2/")) {
      assert.deepEqual(reply.json(), { error: { message, code: status } });
    } else {
      const detail = message === "" ? "" : ` - ${message}`;
      assert.equal(reply.body, `${status} ${PHRASES[status]}${detail}\n`);
    }
    assert.equal(reply.status, status);
    assert.equal((await shared.get("wallets")).body, before, "nothing changed");
  });
}

for (const { why, indexes, message } of [
  { why: "more indexes than inputs", indexes: [0, 1], message: "Too many values in sign_indexes" },
  {
    why: "a negative index",
    indexes: [-1],
    message: "Value in sign_indexes exceeds range of transaction inputs array",
  },
  { why: "an index beyond", indexes: [1], message: "Value in sign_indexes exceeds range of transaction inputs array" },
]) {
  test(`signing refuses ${why}`, async (t) => {
    const { wallets, id, coins } = await funded(t);
    const [coin] = coins as [Coin];
    const encoded_transaction = toHex(encodeTransaction(spend([coin], [out(carol, coin.ux.body.coins, 1n)])));
    const body = { wallet_id: id, encoded_transaction, sign_indexes: indexes };
    const reply = await wallets.json("v2/wallet/transaction/sign", body);
    assert.deepEqual(reply.json().error, { message, code: 400 });
  });
}

test("a transaction for a wallet must be JSON by its content type", async (t) => {
  const wallets = await Wallets.open(t);
  const reply = await wallets.post("wallet/transaction", {});
  assert.deepEqual([reply.status, reply.body], [415, "415 Unsupported Media Type\n"]);
});

test("the seed route alone finds the wallets switched off", async () => {
  const fixture = await apiFixture({ apiSets: ["INSECURE_WALLET_SEED"] });
  const wallets = new Wallets(fixture, "");
  assert.equal((await wallets.post("wallet/seed", { id: "x", password: "p" })).body, "403 Forbidden\n");
  assert.equal((await wallets.get("wallets")).body, "403 Forbidden - Endpoint is disabled\n");
});
