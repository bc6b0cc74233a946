import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { encodeTransaction, newTransaction, type Transaction, txid } from "../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { NetworkError } from "../../../src/p2p/errors.ts";
import { type ApiFixture, apiFixture, FakeNetwork, type Json } from "../../support/api.ts";
import { alice, bob, type Coin, carol, genesisOwner, locked, out, spend, VOLUME } from "../../support/chain.ts";

const COIN = 1_000_000n;

async function post(
  { app }: ApiFixture,
  url: string,
  body: object | string,
  type = "application/json",
): Promise<{ status: number; body: string; json: () => Json }> {
  const payload = typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.inject({ method: "POST", url, headers: { "content-type": type }, payload });
  return { status: response.statusCode, body: response.body, json: () => response.json() };
}

/** Alice pays Bob 10 coins out of a coin and keeps the rest. Half of the hours are burnt. */
function pay(coin: Coin, coins = 10n * COIN): Transaction {
  const hours = coin.ux.body.hours / 4n;
  return spend([coin], [out(bob, coins, hours), out(alice, coin.ux.body.coins - coins, hours + 1n)]);
}

function hexOf(txn: Transaction): string {
  return toHex(encodeTransaction(txn));
}

/** Alice owns everything in four coins. */
async function funded(
  options?: Parameters<typeof apiFixture>[0],
  services?: Parameters<typeof apiFixture>[1],
): Promise<{ fixture: ApiFixture; coins: [Coin, Coin, Coin, Coin] }> {
  const fixture = await apiFixture(options, services);
  const coins = (await fixture.chain.fund(alice, 4)) as [Coin, Coin, Coin, Coin];
  return { fixture, coins };
}

test("blocks are the same by hash, by seq and in a range, verbose or not", async () => {
  const { fixture, coins } = await funded();
  await fixture.chain.add([pay(coins[0])]);
  for (const verbose of ["", "&verbose=1"]) {
    const { blocks } = await fixture.get(`/api/v1/blocks?start=0&end=9${verbose}`);
    assert.deepEqual(
      blocks.map((block: Json) => block.header.seq),
      [0, 1, 2],
    );
    for (const block of blocks) {
      const { seq, block_hash: hash } = block.header;
      assert.deepEqual(await fixture.get(`/api/v1/block?seq=${seq}${verbose}`), block);
      assert.deepEqual(await fixture.get(`/api/v1/block?hash=${hash.toUpperCase()}${verbose}`), block);
      assert.deepEqual(await fixture.get(`/api/v1/blocks?seqs=${seq}${verbose}`), { blocks: [block] });
    }
    assert.deepEqual(await fixture.get(`/api/v1/last_blocks?num=2${verbose}`), { blocks: blocks.slice(1) });
    assert.deepEqual(await fixture.get(`/api/v1/last_blocks?num=256${verbose}`), { blocks });
  }
});

test("a verbose block tells what its inputs were worth one block earlier", async () => {
  const { fixture, coins } = await funded();
  const txn = pay(coins[0]);
  await fixture.chain.add([txn], { time: fixture.chain.chain.head().time + 7200 });
  const { body } = await fixture.get("/api/v1/block?seq=2&verbose=1");
  const [shown] = body.txns;
  assert.equal(shown.inputs[0].calculated_hours, Number(coins[0].ux.body.hours));
  assert.equal(shown.fee, Number(coins[0].ux.body.hours - txn.outputs.reduce((sum, o) => sum + o.hours, 0n)));
});

test("an encoded block that was asked for before is served from memory", async () => {
  const { fixture } = await funded();
  const first = await fixture.text("/api/v1/block?seq=1");
  const { store } = fixture.chain.chain;
  store.uxOut = () => assert.fail("read again");
  assert.deepEqual(await fixture.text("/api/v1/block?seq=1"), first);
});

test("a long list is sent in pieces and reads like the short ones", async () => {
  const { fixture, coins } = await funded();
  const many = Array.from({ length: 800 }, (_, i) => out(bob, COIN, BigInt(i)));
  for (const coin of [coins[0], coins[1]]) {
    const rest = coin.ux.body.coins - 800n * COIN;
    await fixture.chain.add([spend([coin], [...many, out(alice, rest, 0n)])]);
  }
  const response = await fixture.app.inject({ url: "/api/v1/outputs" });
  assert.equal(response.headers["content-length"], undefined);
  assert.ok(response.body.length > 512 * 1024);
  const { head_outputs: all } = response.json();
  assert.equal(all.length, 1604);
  const gzip = await fixture.app.inject({ url: "/api/v1/outputs", headers: { "accept-encoding": "gzip" } });
  assert.ok(gzip.rawPayload.length < response.body.length / 4);
});

test("balances tell what the pool will change", async () => {
  const { fixture, coins } = await funded();
  await fixture.pool.injectFromUser(pay(coins[0]));
  const [a, b] = [encodeAddress(alice.address), encodeAddress(bob.address)];
  const answer = await fixture.get(`/api/v1/balance?addrs=${b},${a},${b}`);
  assert.deepEqual(Object.keys(answer.addresses), [a, b].sort());
  assert.equal(answer.addresses[b].confirmed.coins, 0);
  assert.equal(answer.addresses[b].predicted.coins, 10_000_000);
  assert.equal(answer.addresses[a].predicted.coins, Number(VOLUME - 10n * COIN));
  assert.equal(answer.confirmed.coins, Number(VOLUME));
  const posted = await post(fixture, "/api/v1/balance", `addrs=${a}+${b}`, "application/x-www-form-urlencoded");
  assert.deepEqual(posted.json(), answer);
});

test("the whole set is byte for byte what its owners have, at each head", async () => {
  const fixture = await apiFixture();
  const coins = await fixture.chain.fund(alice, 450);
  const whole = async (): Promise<string> => (await fixture.app.inject({ url: "/api/v1/outputs" })).body;
  const owned = async (): Promise<string> => {
    const addrs = [alice, bob].map(({ address }) => encodeAddress(address)).join(",");
    return (await fixture.app.inject({ url: `/api/v1/outputs?addrs=${addrs}` })).body;
  };
  assert.equal(await whole(), await owned());
  await fixture.chain.add([pay(coins[0] as Coin)], { time: fixture.chain.chain.head().time + 36_000 });
  const [first, second] = await Promise.all([whole(), whole()]);
  assert.equal(first, await owned());
  assert.equal(second, first);
});

test("the list of all transactions is, after each block and each change of the pool, that of all addresses", async () => {
  const { fixture, coins } = await funded();
  const addrs = [genesisOwner, alice, bob].map(({ address }) => encodeAddress(address)).join(",");
  const check = async (count: number): Promise<void> => {
    for (const query of ["", "verbose=1", "confirmed=1", "verbose=1&confirmed=1", "confirmed=0"]) {
      const [, whole] = await fixture.text(`/api/v1/transactions?${query}`);
      assert.deepEqual(await fixture.text(`/api/v1/transactions?${query}&addrs=${addrs}`), [200, whole], query);
      if (query === "") assert.equal(JSON.parse(whole).length, count);
    }
  };
  await check(2);
  const txn = pay(coins[0]);
  await fixture.pool.injectFromUser(txn);
  await check(3);
  await fixture.pool.injectFromUser(pay(coins[1]));
  await check(4);
  await fixture.chain.add([txn]);
  await check(4);
});

test("outputs come in three sets, filtered alike", async () => {
  const { fixture, coins } = await funded();
  const txn = pay(coins[0]);
  await fixture.pool.injectFromUser(txn);
  const all = await fixture.get("/api/v1/outputs");
  assert.equal(all.head.seq, 1);
  assert.deepEqual([all.head_outputs.length, all.outgoing_outputs.length, all.incoming_outputs.length], [4, 1, 2]);
  assert.equal(all.outgoing_outputs[0].hash, toHex(coins[0].id));
  assert.equal(all.incoming_outputs[0].src_tx, toHex(txid(txn)));
  const hashes = all.head_outputs.map((o: Json) => o.hash);
  assert.deepEqual(hashes, [...hashes].sort());
  const bobs = await fixture.get(`/api/v1/outputs?addrs=${encodeAddress(bob.address)}`);
  assert.deepEqual([bobs.head_outputs.length, bobs.outgoing_outputs.length, bobs.incoming_outputs.length], [0, 0, 1]);
  const one = await fixture.get(`/api/v1/outputs?hashes=${toHex(coins[0].id)},${"11".repeat(32)}`);
  assert.deepEqual([one.head_outputs.length, one.outgoing_outputs.length, one.incoming_outputs.length], [1, 1, 0]);
});

test("a pool transaction whose input is gone does not disturb balances and outputs", async () => {
  const { fixture, coins } = await funded();
  await fixture.pool.injectFromUser(pay(coins[0]));
  await fixture.chain.add([pay(coins[0], 20n * COIN)]);
  const answer = await fixture.get("/api/v1/outputs");
  assert.deepEqual([answer.outgoing_outputs, answer.incoming_outputs], [[], []]);
  const balance = await fixture.get(`/api/v1/balance?addrs=${encodeAddress(bob.address)}`);
  assert.deepEqual(balance.confirmed.coins, balance.predicted.coins);
});

test("an output tells where it was spent", async () => {
  const { fixture, coins } = await funded();
  const txn = pay(coins[0]);
  await fixture.chain.add([txn]);
  const spent = await fixture.get(`/api/v1/uxout?uxid=${toHex(coins[0].id)}`);
  assert.deepEqual([spent.spent_block_seq, spent.spent_tx], [2, toHex(txid(txn))]);
  assert.equal(spent.calculated_hours, spent.hours);
  const received = await fixture.get(`/api/v1/address_uxouts?address=${encodeAddress(alice.address)}`);
  assert.equal(received.length, 5);
  assert.deepEqual(received[0], spent);
  assert.equal(received[4].spent_tx, "0".repeat(64));
});

test("while genesis is the head the pool is listed by its own ids", async () => {
  const fixture = await apiFixture();
  const coin = fixture.chain.genesisCoin();
  const half = coin.ux.body.hours / 4n;
  const txn = spend([coin], [out(alice, VOLUME / 2n, half), out(bob, VOLUME / 2n, half)]);
  await fixture.pool.injectFromUser(txn);
  const address = encodeAddress(alice.address);
  const [listed] = await fixture.get(`/api/v1/transactions?addrs=${address}`);
  assert.equal(listed.txn.txid, toHex(txid(txn)));
  const { incoming_outputs: incoming } = await fixture.get("/api/v1/outputs");
  assert.equal(incoming[0].src_tx, toHex(txid(txn)));
  assert.equal(incoming[0].block_seq, 0);
  const [genesis] = await fixture.get("/api/v1/transactions?verbose=1&confirmed=1");
  assert.deepEqual([genesis.txn.fee, genesis.txn.inputs, genesis.status.height], [0, [], 1]);
});

test("supply counts what left the unlocked addresses and stops at zero", async () => {
  const { fixture, coins } = await funded();
  const before = await fixture.get("/api/v1/coinSupply");
  assert.deepEqual([before.total_supply, before.current_supply], ["50000000.000000", "50000000.000000"]);
  assert.deepEqual(before.locked_distribution_addresses, [encodeAddress(locked.address)]);
  const all = coins.slice(0, 3);
  const sum = all.reduce((total, coin) => total + coin.ux.body.coins, 0n);
  await fixture.chain.add([spend(all, [out(carol, sum - COIN, 9n), out(locked, COIN, 5n)])]);
  const after = await fixture.get("/api/v1/coinSupply");
  assert.equal(after.current_supply, "0.000000");
  assert.notEqual(after.total_coinhour_supply, after.current_coinhour_supply);
});

test("the rich list ranks by coins and leaves out the distribution unless asked", async () => {
  const { fixture, coins } = await funded();
  const kept = coins[0].ux.body.coins - 7n * COIN;
  const txn = spend(
    [coins[0]],
    [out(carol, 3n * COIN, 1n), out(locked, 3n * COIN, 1n), out(bob, COIN, 1n), out(alice, kept, 1n)],
  );
  await fixture.chain.add([txn]);
  const list = async (query: string): Promise<string[]> => {
    const { richlist } = await fixture.get(`/api/v1/richlist?${query}`);
    return richlist.map(({ address, locked: is }: Json) => `${address}${is ? "*" : ""}`);
  };
  const [a, b, c, l] = [alice, bob, carol, locked].map(({ address }) => encodeAddress(address));
  assert.deepEqual(await list(""), [a, b]);
  assert.deepEqual(await list("include-distribution=1"), [a, `${l}*`, c, b]);
  assert.deepEqual(await list("include-distribution=1&n=2"), [a, `${l}*`]);
  for (const everything of ["0", "-1", "99"]) assert.equal((await list(`n=${everything}`)).length, 2);
  assert.deepEqual(await fixture.get("/api/v1/addresscount"), { count: 4 });
});

test("pages hold every transaction once, in order, forwards and backwards", async () => {
  const { fixture, coins } = await funded();
  for (const coin of coins.slice(0, 2)) await fixture.chain.add([pay(coin)]);
  await fixture.pool.injectFromUser(pay(coins[2]));
  await fixture.pool.injectFromUser(pay(coins[3]));
  for (const filter of [
    "",
    "confirmed=1",
    "confirmed=0",
    `addrs=${encodeAddress(bob.address)}`,
    `addrs=${encodeAddress(alice.address)},${encodeAddress(genesisOwner.address)}`,
  ]) {
    const page = async (n: number, size: number, sort: string): Promise<Json> =>
      (await fixture.get(`/api/v2/transactions?${filter}&page=${n}&limit=${size}&sort=${sort}`)).data;
    const { txns, page_info: info } = await page(1, 100, "asc");
    assert.equal(info.total_pages, 1);
    const ids = txns.map((t: Json) => t.txn.txid);
    assert.equal(new Set(ids).size, ids.length);
    const walked: string[] = [];
    for (let n = 1; n <= ids.length; n++) walked.push(...(await page(n, 1, "DESC")).txns.map((t: Json) => t.txn.txid));
    assert.deepEqual(walked, ids.reverse(), filter);
    assert.deepEqual((await page(99, 1, "asc")).txns, []);
    const whole = await fixture.get(`/api/v1/transactions?${filter}`);
    assert.deepEqual(new Set(whole.map((t: Json) => t.txn.txid)), new Set(ids));
    const times = whole.map((t: Json) => t.time);
    assert.deepEqual(
      times,
      [...times].sort((x, y) => x - y),
    );
  }
});

test("the height of a transaction grows, its cached body does not change", async () => {
  const { fixture, coins } = await funded();
  const txn = pay(coins[0]);
  await fixture.chain.add([txn]);
  const url = `/api/v1/transaction?txid=${toHex(txid(txn))}&verbose=1`;
  const before = await fixture.get(url);
  await fixture.chain.add([pay(coins[1])]);
  const after = await fixture.get(url);
  assert.deepEqual([before.status.height, after.status.height], [1, 2]);
  assert.deepEqual(before.txn, after.txn);
  const raw = await fixture.get(`/api/v1/rawtx?txid=${toHex(txid(txn))}`);
  assert.equal(raw, hexOf(txn));
});

test("injection broadcasts what passed the checks, and stores what was broadcast", async () => {
  const network = new FakeNetwork();
  const { fixture, coins } = await funded({}, { network });
  const txn = pay(coins[0]);
  const rawtx = hexOf(txn);
  network.broken = new NetworkError("NETWORK_NO_ADDRESSES");
  const failed = await post(fixture, "/api/v1/injectTransaction", { rawtx });
  assert.equal(failed.body, "503 Service Unavailable - No addresses provided\n");
  network.broken = new NetworkError("NETWORK_NO_PEER_ACCEPTS");
  const unwanted = await post(fixture, "/api/v1/injectTransaction", { rawtx });
  assert.equal(unwanted.body, "500 Internal Server Error - No peer will propagate this transaction\n");
  assert.equal(fixture.pool.size, 0);
  network.broken = undefined;
  const bad = await post(fixture, "/api/v1/injectTransaction", { rawtx: hexOf({ ...txn, type: 1 }) });
  assert.equal(bad.status, 400);
  assert.match(bad.body, /Transaction violates hard constraint: transaction type invalid/);
  assert.equal(network.sent.length, 0);
  const done = await post(fixture, "/api/v1/injectTransaction", { rawtx });
  assert.deepEqual([done.status, done.json()], [200, toHex(txid(txn))]);
  assert.deepEqual([network.sent.length, fixture.pool.size], [1, 1]);
  const quiet = await post(fixture, "/api/v1/injectTransaction", { rawtx, no_broadcast: true });
  assert.deepEqual([quiet.status, network.sent.length], [200, 1]);
  const again = await post(fixture, "/api/v1/resendUnconfirmedTxns", "");
  assert.deepEqual(again.json(), { txids: [toHex(txid(txn))] });
  network.broken = new NetworkError("NETWORK_UNREACHABLE");
  assert.deepEqual((await post(fixture, "/api/v1/resendUnconfirmedTxns", "")).json(), { txids: [] });
  network.broken = new NetworkError("NETWORK_NO_PEER_ACCEPTS");
  assert.equal((await post(fixture, "/api/v1/resendUnconfirmedTxns", "")).json().txids.length, 1);
});

test("without networking only a quiet injection works, read-only none", async () => {
  const { fixture, coins } = await funded();
  const rawtx = hexOf(pay(coins[0]));
  const loud = await post(fixture, "/api/v1/injectTransaction", { rawtx });
  assert.equal(loud.body, "503 Service Unavailable - Networking is disabled\n");
  assert.equal(fixture.pool.size, 0);
  assert.equal((await post(fixture, "/api/v1/injectTransaction", { rawtx, no_broadcast: true })).status, 200);
  const { fixture: frozen, coins: others } = await funded({ readOnly: true });
  const refused = await post(frozen, "/api/v1/injectTransaction", { rawtx: hexOf(pay(others[0])), no_broadcast: true });
  assert.equal(refused.body, "500 Internal Server Error - database is in read-only mode\n");
});

async function verify(
  fixture: ApiFixture,
  txn: Transaction,
  unsigned = false,
): Promise<{ status: number; json: Json }> {
  const answer = await post(fixture, "/api/v2/transaction/verify", { encoded_transaction: hexOf(txn), unsigned });
  return { status: answer.status, json: answer.json() };
}

test("verification tells a spent input from a spent transaction", async () => {
  const { fixture, coins } = await funded();
  const [winner, loser] = [pay(coins[0]), pay(coins[0], 20n * COIN)];
  assert.deepEqual((await verify(fixture, winner)).json.error, undefined);
  await fixture.chain.add([winner]);
  const confirmed = await verify(fixture, winner);
  assert.deepEqual([confirmed.status, confirmed.json.error.message], [422, "transaction has been spent"]);
  assert.equal(confirmed.json.data.confirmed, true);
  const late = await verify(fixture, loser);
  const text = `Transaction violates hard constraint: unspent output of ${toHex(coins[0].id)} does not exist`;
  assert.deepEqual([late.status, late.json.error.message], [422, text]);
  assert.equal(late.json.data.confirmed, false);
  assert.equal(late.json.data.transaction.inputs[0].address, encodeAddress(alice.address));
});

test("verification of the spending of the genesis output shows it whole", async () => {
  const fixture = await apiFixture();
  const coin = fixture.chain.genesisCoin();
  const { status, json } = await verify(fixture, spend([coin], [out(alice, VOLUME, 5n)]));
  assert.equal(status, 200);
  const [input] = json.data.transaction.inputs;
  assert.deepEqual([input.uxid, input.txid, "block" in input], [toHex(coin.id), "0".repeat(64), false]);
});

test("verification judges soft rules by the user's limits, then hard ones", async () => {
  const { fixture, coins } = await funded();
  const [coin] = coins;
  const greedy = spend([coin], [out(bob, coin.ux.body.coins, coin.ux.body.hours)]);
  assert.match(
    (await verify(fixture, greedy)).json.error.message,
    /soft constraint: Transaction has zero coinhour fee/,
  );
  const bare = newTransaction([coin.id], pay(coin).outputs);
  assert.match((await verify(fixture, bare)).json.error.message, /hard constraint: Unsigned input in transaction/);
  const { status, json } = await verify(fixture, bare, true);
  assert.deepEqual([status, json.data.unsigned], [200, true]);
  const unknown = newTransaction([txid(greedy)], greedy.outputs);
  const { json: failure } = await verify(fixture, unknown);
  assert.deepEqual(failure.error, { message: `uxout of ${toHex(txid(greedy))} does not exist`, code: 500 });
});

test("verification shows an output of more coins than there is text for as an empty one", async () => {
  const { fixture, coins } = await funded();
  const [coin] = coins;
  const { status, json } = await verify(fixture, spend([coin], [out(alice, 1n << 63n, 5n), out(bob, COIN, 6n)]));
  assert.equal(status, 422);
  const [first, second] = json.data.transaction.outputs;
  assert.deepEqual(first, { uxid: "", address: "", coins: "", hours: "" });
  assert.equal(second.coins, "1.000000");
});

function spending(changes: object): object {
  return {
    hours_selection: { type: "auto", mode: "share", share_factor: "0.5" },
    addresses: [encodeAddress(alice.address)],
    to: [{ address: encodeAddress(bob.address), coins: "12.5" }],
    ...changes,
  };
}

test("a transaction made for addresses verifies as unsigned", async () => {
  const { fixture } = await funded();
  const made = await post(fixture, "/api/v2/transaction", spending({}));
  assert.equal(made.status, 200);
  const { encoded_transaction, transaction } = made.json().data;
  assert.equal(transaction.outputs[0].coins, "12.500000");
  const answer = await post(fixture, "/api/v2/transaction/verify", { encoded_transaction, unsigned: true });
  assert.deepEqual(answer.json().data.transaction, transaction);
});

test("outputs in the pool are not spent again", async () => {
  const { fixture, coins } = await funded();
  await fixture.pool.injectFromUser(pay(coins[0]));
  const unspents = [toHex(coins[0].id)];
  const busy = await post(fixture, "/api/v2/transaction", spending({ addresses: [], unspents }));
  assert.deepEqual(busy.json().error, {
    message: "Please spend after your pending transaction is confirmed",
    code: 400,
  });
  const none = await post(
    fixture,
    "/api/v2/transaction",
    spending({ addresses: [], unspents, ignore_unconfirmed: true }),
  );
  assert.equal(none.json().error.message, "All selected outputs are unavailable for spending");
  const others = await post(fixture, "/api/v2/transaction", spending({ ignore_unconfirmed: true }));
  assert.equal(others.status, 200);
});

for (const { why, changes, message } of [
  { why: "no source", changes: { addresses: [] }, message: "one of addresses or unspents must not be empty" },
  { why: "a locked address", changes: { addresses: [encodeAddress(locked.address)] }, message: "no unspents to spend" },
  {
    why: "an unknown output",
    changes: { addresses: [], unspents: ["11".repeat(32)] },
    message: `unspent output of ${"11".repeat(32)} does not exist`,
  },
  { why: "no hours selection", changes: { hours_selection: {} }, message: "missing hours_selection.type" },
  {
    why: "a share above one",
    changes: { hours_selection: { type: "auto", mode: "share", share_factor: 1.01 } },
    message: "hours_selection.share_factor cannot be more than 1",
  },
  {
    why: "coins as a number",
    changes: { to: [{ address: encodeAddress(bob.address), coins: 1 }] },
    message: "json: cannot unmarshal number into Go struct field receiver.to.coins of type string",
  },
]) {
  test(`creating a transaction refuses: ${why}`, async () => {
    const { fixture } = await funded();
    const answer = await post(fixture, "/api/v2/transaction", spending(changes));
    assert.deepEqual(answer.json().error, { message, code: 400 });
  });
}

test("a created transaction that breaks a rule is our failure", async () => {
  const { fixture, coins } = await funded();
  await fixture.chain.add([
    spend([coins[0]], [out(locked, COIN, 1000n), out(alice, coins[0].ux.body.coins - COIN, 1n)]),
  ]);
  const answer = await post(
    fixture,
    "/api/v2/transaction",
    spending({
      addresses: [encodeAddress(locked.address)],
      to: [{ address: encodeAddress(bob.address), coins: "0.5" }],
    }),
  );
  assert.equal(answer.status, 500);
  assert.match(answer.json().error.message, /soft constraint: Transaction has locked address inputs/);
});

test("health counts connections that are not pending", async () => {
  const network = new FakeNetwork();
  network.add({ outgoing: true, height: 12 });
  network.add({ outgoing: false, state: "connected" });
  network.add({ state: "pending", height: 99 });
  const { fixture } = await funded({}, { network });
  fixture.clock.advance(90_061_001);
  const health = await fixture.get("/api/v1/health");
  assert.deepEqual([health.open_connections, health.outgoing_connections, health.incoming_connections], [2, 1, 1]);
  assert.equal(health.uptime, "25h1m1.001s");
  assert.equal(health.coin, health.fiber.name);
  const progress = await fixture.get("/api/v1/blockchain/progress");
  assert.deepEqual([progress.current, progress.highest, progress.peers.length], [1, 12, 2]);
});

test("connections are filtered by state and direction, and sorted by address", async () => {
  const network = new FakeNetwork();
  for (const [address, state, outgoing] of [
    ["10.0.0.2:1", "introduced", true],
    ["10.0.0.10:1", "connected", false],
    ["10.0.0.1:1", "pending", true],
  ] as const) {
    network.add({ address, state, outgoing });
  }
  const { fixture } = await funded({}, { network });
  const list = async (query: string): Promise<string[]> =>
    (await fixture.get(`/api/v1/network/connections?${query}`)).connections.map((c: Json) => c.address);
  assert.deepEqual(await list(""), ["10.0.0.10:1", "10.0.0.2:1"]);
  assert.deepEqual(await list("states=pending,introduced"), ["10.0.0.1:1", "10.0.0.2:1"]);
  assert.deepEqual(await list("direction=incoming"), ["10.0.0.10:1"]);
  assert.equal((await fixture.get("/api/v1/network/connection?addr=10.0.0.2:1")).id, 1);
  assert.deepEqual(await fixture.get("/api/v1/network/connections/trust"), ["10.0.0.8:6000", "10.0.0.9:6000"]);
  assert.deepEqual(await fixture.get("/api/v1/network/connections/exchange"), ["10.0.0.7:6000"]);
  assert.deepEqual(await fixture.get("/api/v1/network/defaultConnections"), ["10.0.0.1:6000", "10.0.0.2:6000"]);
});

test("the operator can end a connection", async () => {
  const network = new FakeNetwork();
  network.add({});
  const { fixture } = await funded({}, { network });
  const form = "application/x-www-form-urlencoded";
  const path = "/api/v1/network/connection/disconnect";
  const done = await post(fixture, path, "id=1", form);
  assert.deepEqual([done.status, done.body, network.dropped], [200, "{}", [1]]);
  assert.equal((await post(fixture, path, "id=2", form)).status, 404);
  assert.equal((await post(fixture, path, "id=18446744073709551615", form)).status, 404);
  assert.equal((await post(fixture, path, "id=0", form)).body, "400 Bad Request - invalid id\n");
});
