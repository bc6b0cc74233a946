import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import type { ChainParams } from "../../../src/chain/params.ts";
import type { PoolLimits } from "../../../src/chain/pool-limits.ts";
import { NEVER_ANNOUNCED } from "../../../src/chain/store.ts";
import { decodeTransaction, encodeTransaction, type Transaction, txid } from "../../../src/chain/transaction.ts";
import { type PoolChange, UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import { predictUnspents } from "../../../src/chain/unspents.ts";
import { NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { type Hash, hashHex } from "../../../src/cipher/hash.ts";
import {
  alice,
  bob,
  type Coin,
  carol,
  genesisOwner,
  ManualClock,
  out,
  spend,
  TestChain,
  testParams,
} from "../../support/chain.ts";
import type { PlainStore } from "../../support/plain-store.ts";

interface Options {
  readonly coins?: number;
  readonly params?: ChainParams;
  readonly limits?: PoolLimits;
}

async function openPool({ coins = 4, params = testParams(), limits }: Options = {}) {
  const test = await TestChain.open({ params });
  const { chain } = test;
  const store = test.store as PlainStore;
  const funded = coins === 0 ? [] : await test.fund(alice, coins);
  const clock = new ManualClock();
  const deps = { chain, store, params, clock, log: silentLogger };
  const pool = new UnconfirmedPool(limits === undefined ? deps : { ...deps, limits });
  const changes: PoolChange[] = [];
  pool.onChange.on((change) => changes.push(change));
  return { test, chain, store, pool, clock, coins: funded as [Coin, Coin, Coin, Coin], changes, deps };
}

/** A payment of all coins; the hours not sent are burnt. */
const pay = (coin: Coin, hours = 0n, to = bob): Transaction => spend([coin], [out(to, coin.ux.body.coins, hours)]);
const free = (coin: Coin): Transaction => pay(coin, coin.ux.body.hours); // no fee: a soft violation
const hexes = (ids: readonly Hash[]) => ids.map(hashHex);
const idOf = (txn: Transaction) => hashHex(txid(txn));
const ns = (clock: ManualClock) => BigInt(clock.ms) * 1_000_000n;

test("a valid transaction from a peer is stored, told and predicted", async () => {
  const { pool, store, coins, changes, clock, chain } = await openPool();
  const txn = pay(coins[0]);
  assert.deepEqual(await pool.injectFromPeer(txn), { known: false });
  assert.ok(pool.has(txid(txn)));
  const record = pool.get(txid(txn));
  assert.deepEqual(record, { txn, received: ns(clock), checked: ns(clock), announced: NEVER_ANNOUNCED, isValid: true });
  assert.deepEqual([...store.records.keys()], [idOf(txn)]);
  assert.deepEqual(
    changes.map(({ added, removed }) => [hexes(added), hexes(removed)]),
    [[[idOf(txn)], []]],
  );
  assert.deepEqual(hexes(pool.validIds()), [idOf(txn)]);
  assert.deepEqual(pool.outgoing(), [{ id: coins[0].id, ux: coins[0].ux }]);
  const { time, seq } = chain.head();
  assert.deepEqual(pool.incoming(), predictUnspents(txn, { time, seq }));
});

test("a soft violation is stored as not valid and handed back; a hard one is refused", async () => {
  const { pool, coins, changes } = await openPool();
  const soft = await pool.injectFromPeer(free(coins[0]));
  assert.equal(soft.softError?.code, "FEE_ZERO");
  assert.equal(pool.get(txid(free(coins[0])))?.isValid, undefined); // another signature is another transaction
  assert.equal(pool.all()[0]?.isValid, false);
  assert.deepEqual(pool.validIds(), []);
  await assert.rejects(pool.injectFromPeer({ ...pay(coins[1]), type: 1 }), { code: "TX_TYPE", level: "hard" });
  await assert.rejects(pool.injectFromPeer(pay({ ...coins[1], secret: bob.secret })), { code: "TX_SIGNER_NOT_OWNER" });
  assert.equal(pool.size, 1);
  assert.equal(changes.length, 1);
});

test("a known transaction gets new times and validity, keeps its announcement, and is no change", async () => {
  const { pool, clock, coins, changes, store } = await openPool();
  const txn = pay(coins[0]);
  await pool.injectFromPeer(txn);
  await pool.markAnnounced([txid(txn)], 5n);
  clock.advance(1000);
  assert.deepEqual(await pool.injectFromPeer(decodeTransaction(encodeTransaction(txn).slice())), { known: true });
  const record = pool.get(txid(txn));
  assert.deepEqual([record?.received, record?.checked, record?.announced], [ns(clock), ns(clock), 5n]);
  assert.equal(changes.length, 1);
  await pool.injectFromPeer(pay(coins[1])); // times alone wait for a write that comes anyway
  assert.deepEqual(store.records.get(hashHex(txid(txn))), record);
});

test("conflicting transactions coexist until a block decides", async () => {
  const { pool, test: chainOf, coins, changes } = await openPool();
  const [a, b] = [pay(coins[0], 1n), pay(coins[0], 2n)];
  await pool.injectFromPeer(a);
  await pool.injectFromPeer(b);
  assert.equal(pool.size, 2);
  assert.equal(pool.outgoing().length, 2);
  await chainOf.add([a]);
  assert.equal(pool.size, 1);
  // The loser counts for nothing (G6), and goes when asked.
  assert.deepEqual([pool.incoming(), pool.outgoing()], [[], []]);
  assert.deepEqual(hexes(await pool.removeInvalid()), [idOf(b)]);
  assert.deepEqual(hexes(changes.at(-1)?.removed ?? []), [idOf(b)]);
  assert.equal(pool.size, 0);
});

test("a transaction without a future hides none behind it", async () => {
  const { pool, test: chainOf, coins } = await openPool();
  const pending = coins.slice(1).map((coin) => pay(coin as Coin));
  for (const txn of [pay(coins[0], 1n), pay(coins[0], 2n), ...pending]) await pool.injectFromPeer(txn);
  await chainOf.add([pay(coins[0], 3n)]);
  assert.deepEqual([pool.incoming().length, pool.outgoing().length], [3, 3]);
});

test("a block takes out all of its transactions, known or not", async () => {
  const { pool, test: chainOf, coins, changes } = await openPool();
  const [a, b, unknown] = [pay(coins[0]), pay(coins[1]), pay(coins[2])];
  await pool.injectFromPeer(a);
  await pool.injectFromPeer(b);
  await chainOf.add([unknown, a, b]);
  assert.equal(pool.size, 0);
  assert.deepEqual(changes.at(-1)?.removed.length, 2);
  const quiet = changes.length;
  await chainOf.add([pay(coins[3])]);
  assert.equal(changes.length, quiet); // a block of strangers is no change
});

test("what a block confirms leaves the pool and its store", async () => {
  const { pool, store, test: chainOf, coins, changes } = await openPool();
  const [a, b] = [pay(coins[0]), pay(coins[1])];
  await pool.injectFromPeer(a);
  await pool.injectFromPeer(b);
  await chainOf.add([a]);
  assert.deepEqual(
    pool.all().map(({ txn }) => idOf(txn)),
    [idOf(b)],
  );
  assert.deepEqual(changes.at(-1)?.removed.map(hashHex), [idOf(a)]);
  await pool.close();
  assert.deepEqual([...store.records.keys()], [idOf(b)]);
  await assert.rejects(pool.injectFromPeer(a), { code: "TX_INPUT_UNKNOWN" });
});

test("all records come in txid order", async () => {
  const { pool, coins } = await openPool();
  for (const coin of coins) await pool.injectFromPeer(pay(coin));
  const ids = pool.all().map(({ txn }) => idOf(txn));
  assert.deepEqual(ids, [...ids].sort());
  assert.deepEqual(hexes(pool.validIds()), ids);
});

test("users are held to their own rules, all of them", async () => {
  const { pool, coins, chain } = await openPool();
  const nobody = { address: NULL_ADDRESS };
  const toNobody = spend([coins[0]], [out(nobody, coins[0].ux.body.coins, 1n)]);
  await assert.rejects(pool.injectFromUser(toNobody), { code: "TX_NULL_ADDRESS", level: "user" });
  await assert.rejects(pool.injectFromUser({ ...toNobody, type: 1 }), { level: "user" }); // user rules come first
  await assert.rejects(pool.injectFromUser(free(coins[0])), { code: "FEE_ZERO", level: "soft" });
  await assert.rejects(pool.injectFromUser({ ...pay(coins[0]), length: 1 }), { code: "TX_LENGTH", level: "hard" });
  assert.equal(pool.size, 0);
  const txn = pay(coins[0]);
  const first = await pool.injectFromUser(txn);
  assert.deepEqual(first, { known: false, head: chain.head(), inputs: [coins[0].ux] });
  assert.equal((await pool.injectFromUser(txn)).known, true);
});

test("a user's transaction nobody takes is not kept", async () => {
  const { pool, store, coins } = await openPool();
  const txn = pay(coins[0]);
  const nobodyThere = () => Promise.reject(new Error("no peers"));
  await assert.rejects(pool.injectFromUser(txn, { broadcast: nobodyThere }), /no peers/);
  assert.deepEqual([pool.size, store.records.size], [0, 0]);
  const told: Transaction[] = [];
  await pool.injectFromUser(txn, { broadcast: (sent) => void told.push(sent) });
  assert.deepEqual(told, [txn]);
  assert.equal(pool.size, 1);
});

test("a bad transaction of the user's is never sent out", async () => {
  const { pool, coins } = await openPool();
  await assert.rejects(pool.injectFromUser(free(coins[0]), { broadcast: () => assert.fail("sent") }), {
    code: "FEE_ZERO",
  });
});

test("a block that takes a user's transaction while peers are told leaves it confirmed, not pending", async () => {
  const { pool, coins, test: chainOf } = await openPool();
  const txn = pay(coins[0]);
  const result = await pool.injectFromUser(txn, {
    broadcast: async () => {
      await chainOf.add([txn]);
    },
  });
  assert.equal(result.known, false);
  assert.equal(pool.size, 0);
});

test("refreshing re-judges everything and tells what became valid", async () => {
  const { pool, coins, test: chainOf, clock, store } = await openPool();
  const hour = coins[0].ux.body.hours;
  const tooSoon = pay(coins[0], hour); // a fee accrues with the next block's time
  const lost = pay(coins[1]);
  await pool.injectFromPeer(tooSoon);
  await pool.injectFromPeer(lost);
  assert.deepEqual(hexes(pool.validIds()), [idOf(lost)]);
  assert.deepEqual(await pool.refresh(), []);
  await chainOf.add([pay(coins[1], 5n)], { time: chainOf.chain.head().time + 40_000 * 3600 });
  clock.advance(60_000);
  assert.deepEqual(hexes(await pool.refresh()), [idOf(tooSoon)]);
  assert.deepEqual(hexes(pool.validIds()), [idOf(tooSoon)]);
  for (const record of pool.all()) assert.equal(record.checked, ns(clock));
  assert.deepEqual(store.records.get(hashHex(txid(lost)))?.isValid, false); // hard, but refreshing does not drop
  assert.equal(pool.size, 2);
});

test("announcements are noted, only forward, for those that are there", async () => {
  const { pool, coins, store } = await openPool();
  const txn = pay(coins[0]);
  await pool.injectFromPeer(txn);
  await pool.markAnnounced([txid(pay(coins[1])), txid(txn)], 10n);
  await pool.markAnnounced([txid(txn)], 9n);
  assert.equal(pool.get(txid(txn))?.announced, 10n);
  assert.equal(store.records.get(hashHex(txid(txn)))?.announced, 10n);
  assert.equal(pool.size, 1);
});

test("a pool comes back from its store without what became invalid", async () => {
  const { pool, deps, coins, test: chainOf, store } = await openPool();
  const [kept, soft, lost] = [pay(coins[0]), free(coins[1]), pay(coins[2])];
  for (const txn of [kept, soft, lost]) await pool.injectFromPeer(txn);
  await pool.close();
  await chainOf.add([pay(coins[2], 7n)]); // while the pool was not looking
  const again = new UnconfirmedPool(deps);
  await again.load();
  assert.deepEqual(
    again.all().map(({ txn }) => idOf(txn)),
    [idOf(kept), idOf(soft)].sort(),
  );
  assert.deepEqual(hexes(again.validIds()), [idOf(kept)]);
  assert.equal(store.records.size, 2);
});

test("a stored pool beyond the limits is cut down, in the store too", async () => {
  const { pool, deps, coins, store } = await openPool();
  for (const coin of coins) await pool.injectFromPeer(pay(coin));
  await pool.close();
  const again = new UnconfirmedPool({ ...deps, limits: { ...LIMITS, transactionsMax: 3 } });
  await again.load();
  assert.deepEqual([again.size, store.records.size], [3, 3]);
});

test("loading read-only changes nothing", async () => {
  const { pool, deps, coins, test: chainOf, store } = await openPool();
  await pool.injectFromPeer(pay(coins[0]));
  await pool.close();
  await chainOf.add([pay(coins[0], 7n)]);
  const again = new UnconfirmedPool(deps);
  await again.load({ readOnly: true });
  assert.deepEqual([again.size, store.records.size], [1, 1]);
});

test("while the genesis block is the head, predicted outputs have their txid as source (G7)", async () => {
  const { pool, test: chainOf } = await openPool({ coins: 0 });
  const coin = chainOf.genesisCoin();
  const txn = spend([coin], [out(alice, coin.ux.body.coins, 0n)]);
  await pool.injectFromPeer(txn);
  assert.deepEqual(
    pool.incoming().map(({ ux }) => hashHex(ux.body.srcTransaction)),
    [idOf(txn)],
  );
  assert.equal(genesisOwner.address.length, 21);
});

test("predictions follow pool and head", async () => {
  const { pool, coins, test: chainOf } = await openPool();
  await pool.injectFromPeer(pay(coins[0]));
  const before = pool.incoming();
  assert.equal(pool.incoming(), before); // not computed anew for every question
  await chainOf.add([pay(coins[1])]);
  assert.equal(pool.incoming()[0]?.ux.head.seq, 2);
  await pool.injectFromPeer(pay(coins[2]));
  assert.equal(pool.outgoing().length, 2);
});

const LIMITS: PoolLimits = { transactionsMax: 2, bytesMax: 1000, softInvalidMax: 1 };

test("a full pool lets the lowest fee per byte go, of equals the oldest", async () => {
  const { pool, coins, clock, changes, store } = await openPool({ limits: LIMITS });
  const hours = coins[0].ux.body.hours;
  const [cheap, mid, rich] = [pay(coins[0], hours / 2n), pay(coins[1], hours / 4n), pay(coins[2], 0n)];
  for (const txn of [mid, cheap, rich]) {
    clock.advance(1);
    await pool.injectFromPeer(txn);
  }
  assert.deepEqual(new Set(pool.all().map(({ txn }) => idOf(txn))), new Set([idOf(mid), idOf(rich)]));
  assert.deepEqual(hexes(changes.at(-1)?.removed ?? []), [idOf(cheap)]);
  assert.deepEqual(new Set(store.records.keys()), new Set([idOf(mid), idOf(rich)]));
  await assert.rejects(pool.injectFromPeer(cheap), { code: "POOL_FULL" });
  assert.equal(pool.size, 2);
  const same = pay({ ...coins[3], ux: coins[1].ux }, hours / 4n);
  clock.advance(1);
  await pool.injectFromPeer(same); // pays what `mid` pays; the older one goes
  assert.deepEqual(new Set(pool.all().map(({ txn }) => idOf(txn))), new Set([idOf(same), idOf(rich)]));
});

test("a newcomer that has to go itself takes nobody with it", async () => {
  const { pool, coins, clock } = await openPool({ limits: { ...LIMITS, transactionsMax: 9, bytesMax: 183 * 3 } });
  const hours = coins[0].ux.body.hours;
  const [poor, rich, richest] = [pay(coins[0], hours - hours / 9n), pay(coins[1]), pay(coins[2])];
  for (const txn of [poor, rich, richest]) await pool.injectFromPeer(txn);
  clock.advance(1);
  // Pays more than `poor`, but is too large even without it.
  const large = spend(
    [coins[3]],
    [
      ...Array.from({ length: 8 }, (_, i) => out(bob, 1_000_000n, BigInt(i))),
      out(bob, coins[3].ux.body.coins - 8_000_000n, 0n),
    ],
  );
  await assert.rejects(pool.injectFromPeer(large), { code: "POOL_FULL" });
  assert.deepEqual(new Set(pool.all().map(({ txn }) => idOf(txn))), new Set([poor, rich, richest].map(idOf)));
});

test("validity that changes is counted: a transaction turned valid makes room for a soft-invalid one", async () => {
  const { pool, coins, test: chainOf } = await openPool({ limits: { ...LIMITS, transactionsMax: 9 } });
  const early = pay(coins[0], coins[0].ux.body.hours);
  await pool.injectFromPeer(early);
  await chainOf.add([pay(coins[3])], { time: chainOf.chain.head().time + 40_000 * 3600 });
  assert.deepEqual(hexes(await pool.refresh()), [idOf(early)]);
  const { time } = chainOf.chain.head();
  const hours = (coin: Coin) =>
    coin.ux.body.hours + ((coin.ux.body.coins / 1_000_000n) * BigInt(time - coin.ux.head.time)) / 3600n;
  const late = pay(coins[1], hours(coins[1]));
  assert.equal((await pool.injectFromPeer(late)).softError?.code, "FEE_ZERO");
  assert.equal(pool.size, 2);
  assert.equal((await pool.injectFromPeer(late)).known, true);
  const later = pay(coins[2], hours(coins[2]));
  await pool.injectFromPeer(later); // the one place for soft-invalid ones is taken; the older goes
  assert.deepEqual(new Set(pool.all().map(({ txn }) => idOf(txn))), new Set([idOf(early), idOf(later)]));
});

test("the limits themselves may be reached", async () => {
  const { pool, coins } = await openPool({ limits: { transactionsMax: 2, bytesMax: 2 * 183, softInvalidMax: 2 } });
  await pool.injectFromPeer(free(coins[0]));
  await pool.injectFromPeer(free(coins[1]));
  assert.equal(pool.size, 2);
});

test("a closed pool follows the chain no longer", async () => {
  const { pool, coins, test: chainOf } = await openPool();
  const txn = pay(coins[0]);
  await pool.injectFromPeer(txn);
  await pool.close();
  await chainOf.add([txn]);
  assert.equal(pool.size, 1);
});

test("closing waits for what is being written", async () => {
  const { pool, coins, store } = await openPool();
  let open = () => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  const injecting = pool.injectFromPeer(pay(coins[0]));
  while (pool.size === 0) await new Promise((resolve) => setImmediate(resolve));
  let closed = false;
  const closing = pool.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, false);
  open();
  await Promise.all([closing, injecting]);
  assert.equal(store.records.size, 1);
});

test("bytes are bounded like numbers", async () => {
  const { pool, coins } = await openPool({ limits: { ...LIMITS, transactionsMax: 10, bytesMax: 183 * 2 + 10 } });
  for (const coin of coins.slice(0, 3)) await pool.injectFromPeer(pay(coin as Coin)).catch(() => {});
  assert.equal(pool.size, 2);
});

test("soft-invalid ones have a smaller place of their own, which valid ones do not pay for", async () => {
  const { pool, coins, clock } = await openPool({ limits: { ...LIMITS, transactionsMax: 3 } });
  const good = pay(coins[0]);
  await pool.injectFromPeer(good);
  const [first, second] = [free(coins[1]), free(coins[2])];
  await pool.injectFromPeer(first);
  clock.advance(1);
  await pool.injectFromPeer(second);
  assert.deepEqual(new Set(pool.all().map(({ txn }) => idOf(txn))), new Set([idOf(good), idOf(second)]));
});

test("when the disk fails a transaction is not accepted, and confirmed ones still leave", async () => {
  const { pool, coins, store, test: chainOf, changes } = await openPool();
  store.failNext = new Error("disk full");
  await assert.rejects(pool.injectFromPeer(pay(coins[0])), /disk full/);
  assert.equal(pool.size, 0);
  assert.equal(changes.at(-1)?.removed.length, 1);
  const txn = pay(coins[1]);
  await pool.injectFromPeer(txn);
  const block = chainOf.block([txn]);
  await chainOf.add(block.transactions);
  assert.equal(pool.size, 0);
  await pool.injectFromPeer(pay(coins[2])); // what the failed write left behind goes out with the next
  await pool.close();
  assert.equal(store.records.size, 1);
});

test("many injections at once share their writes", async () => {
  const { pool, coins, store } = await openPool();
  let writes = 0;
  const put = store.putUnconfirmed.bind(store);
  store.putUnconfirmed = async (records) => {
    writes++;
    return put(records);
  };
  await Promise.all(coins.map((coin) => pool.injectFromPeer(pay(coin, 1n, carol))));
  assert.equal(store.records.size, 4);
  assert.ok(writes <= 3, `${writes} writes`);
});

test("a pooled transaction does not keep the message it came in", async () => {
  const { pool, coins } = await openPool();
  const message = new Uint8Array(100_000);
  const bytes = encodeTransaction(pay(coins[0]));
  message.set(bytes, 500);
  const txn = decodeTransaction(message.subarray(500, 500 + bytes.length));
  await pool.injectFromPeer(txn);
  const kept = pool.get(txid(txn))?.txn as Transaction;
  for (const part of [
    kept.innerHash,
    kept.sigs[0],
    kept.inputs[0],
    kept.outputs[0]?.address,
    encodeTransaction(kept),
  ]) {
    assert.equal(part?.buffer.byteLength, bytes.length);
  }
});

test("large pools are gone through in slices", async () => {
  const { pool, deps, store, test: chainOf } = await openPool({ coins: 300 });
  const coins = (chainOf.store as PlainStore).unspentsOf(alice.address).map((c) => ({ ...c, secret: alice.secret }));
  for (const coin of coins) await pool.injectFromPeer(pay(coin));
  assert.equal(pool.size, 300);
  assert.deepEqual(await pool.refresh(), []);
  await pool.close();
  const again = new UnconfirmedPool(deps);
  await again.load();
  assert.equal(again.size, store.records.size);
});
