import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { U64_MAX } from "../../../src/base/uint64.ts";
import { blockHash, bodySize, computeBodyHash } from "../../../src/chain/block.ts";
import type { ChainParams } from "../../../src/chain/params.ts";
import { Publisher } from "../../../src/chain/publisher.ts";
import { type Transaction, transactionSize, txid } from "../../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import type { Hours } from "../../../src/chain/uxout.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import { verifyPubKeySignedHash } from "../../../src/cipher/sign.ts";
import {
  alice,
  bob,
  type Coin,
  carol,
  ManualClock,
  out,
  publisher as publisherKeys,
  spend,
  TestChain,
  testParams,
} from "../../support/chain.ts";
import type { PlainStore } from "../../support/plain-store.ts";

async function openPublisher({ coins = 6, params = testParams() }: { coins?: number; params?: ChainParams } = {}) {
  const test = await TestChain.open({ params });
  const { chain } = test;
  const funded = await test.fund(alice, coins, 2000n);
  const store = test.store as PlainStore;
  const pool = new UnconfirmedPool({ chain, store, params, clock: new ManualClock(), log: silentLogger });
  const publisher = new Publisher({ chain, pool, params, secretKey: publisherKeys.secret });
  const when = chain.head().time + 10;
  return { test, chain, store, pool, publisher, coins: funded as [Coin, Coin, Coin, Coin, Coin, Coin], when };
}

/** Pays everything, burning exactly `fee` hours (judged at the funding block's time, nothing has accrued). */
const burning = (coin: Coin, fee: bigint, to = bob): Transaction =>
  spend([coin], [out(to, coin.ux.body.coins, coin.ux.body.hours - fee)]);
const ids = (txns: readonly Transaction[]) => txns.map((txn) => hashHex(txid(txn)));

test("only the chain's own key publishes", async () => {
  const { chain, pool } = await openPublisher();
  assert.throws(() => new Publisher({ chain, pool, params: chain.params, secretKey: alice.secret }), {
    code: "PUBLISH_WRONG_KEY",
    message: "Cannot run as block publisher: invalid seckey for pubkey",
  });
});

test("a block links to the head, carries the fees, is signed, executed and empties the pool", async () => {
  const { chain, pool, publisher, coins, when } = await openPublisher();
  const head = chain.head();
  for (const [coin, fee] of [
    [coins[0], 500n],
    [coins[1], 700n],
  ] as const) {
    await pool.injectFromPeer(burning(coin, fee));
  }
  const told: number[] = [];
  chain.onBlock.on(({ block }) => told.push(block.header.seq));
  const block = await publisher.createBlock(when);
  const { header, transactions } = block;
  assert.deepEqual(
    { ...header },
    {
      version: 0,
      time: when,
      seq: head.seq + 1,
      fee: 1200n,
      prevHash: head.hash,
      bodyHash: computeBodyHash(transactions),
      uxHash: head.setHash,
    },
  );
  verifyPubKeySignedHash(chain.params.publisherKey, block.sig, blockHash(block));
  assert.deepEqual(chain.head().hash, blockHash(block));
  assert.deepEqual(told, [header.seq]);
  assert.equal(pool.size, 0);
});

// chain.md 17: fees 500 (183 bytes), 1500 (220 bytes), 1900 (183 bytes), and one of 1500 that spends the 1900's input.
test("transactions are ordered by fee per size, and of a conflict the first stays", async () => {
  const { pool, publisher, coins, when } = await openPublisher();
  const low = burning(coins[0], 500n);
  const { coins: amount, hours } = coins[1].ux.body;
  const mid = spend([coins[1]], [out(bob, amount - 1000n, hours - 1500n), out(carol, 1000n, 0n)]);
  const high = burning(coins[2], 1900n);
  const loser = burning(coins[2], 1500n);
  assert.deepEqual([low, mid, high].map(transactionSize), [183, 220, 183]);
  for (const txn of [low, mid, loser, high]) await pool.injectFromPeer(txn);
  const block = await publisher.createBlock(when);
  assert.deepEqual(ids(block.transactions), ids([high, mid, low]));
  assert.equal(block.header.fee, 3900n);
  assert.deepEqual(ids(pool.all().map(({ txn }) => txn)), ids([loser]));
  await pool.removeInvalid();
  assert.equal(pool.size, 0);
});

test("equal priorities are ordered by txid", async () => {
  const { pool, publisher, coins, when } = await openPublisher();
  const txns = coins.map((coin) => burning(coin, 1000n));
  for (const txn of txns) await pool.injectFromPeer(txn);
  const block = await publisher.buildBlock(when);
  assert.deepEqual(ids(block.transactions), ids(txns).sort());
});

test("one that loses a conflict still blocks what comes after it", async () => {
  const { pool, publisher, coins, when } = await openPublisher();
  const [a, b, c] = coins;
  const total = (...spent: Coin[]) => spent.reduce((sum, { ux }) => sum + ux.body.coins, 0n);
  const first = burning(a, 1900n);
  const loser = spend([a, b], [out(bob, total(a, b), a.ux.body.hours + b.ux.body.hours - 2500n)]);
  const blocked = spend([b, c], [out(bob, total(b, c), b.ux.body.hours + c.ux.body.hours - 1000n)]);
  for (const txn of [blocked, loser, first]) await pool.injectFromPeer(txn);
  const block = await publisher.buildBlock(when);
  assert.deepEqual(ids(block.transactions), ids([first]));
});

test("a block stops at the first transaction that does not fit, skipping none", async () => {
  const { pool, publisher, coins, test: chainOf, when } = await openPublisher();
  const rest = coins[5].ux.body.coins - 1_000_000n;
  const split = spend([coins[5]], [out(carol, 1_000_000n, 20n), out(alice, rest, 0n)]);
  const [poor] = chainOf.coinsOf(carol, split, await chainOf.add([split])) as [Coin];
  const parts = Array.from({ length: 874 }, (_, i) => BigInt(i + 1) * 1000n);
  const first = coins[0].ux.body.coins - parts.reduce((sum, part) => sum + part);
  const many = spend(
    [coins[0]],
    [first, ...parts].map((amount) => out(bob, amount, 0n)),
  );
  const [one, two] = [burning(coins[1], 1900n), burning(coins[2], 1800n)];
  const last = burning(poor, 5n);
  assert.ok(transactionSize(many) <= 32768 && transactionSize(many) + bodySize([one, two]) > 32768);
  for (const txn of [many, one, two, last]) {
    assert.deepEqual(await pool.injectFromPeer(txn), { known: false });
  }
  const block = await publisher.buildBlock(when + 100);
  assert.deepEqual(ids(block.transactions), ids([one, two])); // `last` would fit, but comes after `many`
});

test("a block may be exactly as large as allowed", async () => {
  const small = { burnFactor: 10, maxTransactionSize: 1024, maxDecimals: 3 };
  const sizes = { unconfirmed: small, createBlock: small, user: small, maxBlockTransactionsSize: 6 * 183 };
  const { pool, publisher, coins, when } = await openPublisher({ params: testParams(sizes) });
  for (const coin of coins) await pool.injectFromPeer(burning(coin, 500n));
  assert.equal((await publisher.buildBlock(when)).transactions.length, 6);
});

test("one that breaks the policy for blocks keeps none behind it out", async () => {
  const lenient = { burnFactor: 10, maxTransactionSize: 32768, maxDecimals: 6 };
  const { pool, publisher, coins, when } = await openPublisher({ params: testParams({ unconfirmed: lenient }) });
  const { coins: amount, hours } = coins[0].ux.body;
  await pool.injectFromPeer(spend([coins[0]], [out(bob, amount - 1n, hours - 1900n), out(bob, 1n, 0n)]));
  const plain = burning(coins[1], 500n);
  await pool.injectFromPeer(plain);
  assert.deepEqual(ids((await publisher.buildBlock(when)).transactions), ids([plain]));
});

test("policy for blocks decides, not the validity noted in the pool", async () => {
  const lenient = { burnFactor: 20, maxTransactionSize: 32768, maxDecimals: 3 };
  const { pool, publisher, coins, when } = await openPublisher({ params: testParams({ unconfirmed: lenient }) });
  await pool.injectFromPeer(burning(coins[0], 110n)); // enough for the pool, too little for a block
  assert.equal(pool.validIds().length, 1);
  await assert.rejects(publisher.createBlock(when), {
    code: "PUBLISH_NOTHING_VALID",
    message: "No transactions after filtering for constraint violations",
  });
  const enough = burning(coins[1], 1500n);
  await pool.injectFromPeer(enough);
  assert.deepEqual(ids((await publisher.createBlock(when)).transactions), ids([enough]));
});

test("nothing pending, no block; nothing valid, no block; time must go forward", async () => {
  const { chain, pool, publisher, coins, when } = await openPublisher();
  const head = chain.head();
  await assert.rejects(publisher.createBlock(when), { code: "PUBLISH_NO_TRANSACTIONS", message: "No transactions" });
  await pool.injectFromPeer(burning(coins[0], 0n));
  await assert.rejects(publisher.createBlock(when), { code: "PUBLISH_NOTHING_VALID" });
  await pool.injectFromPeer(burning(coins[1], 500n));
  for (const time of [head.time, head.time - 1]) {
    await assert.rejects(publisher.createBlock(time), {
      code: "PUBLISH_TIME_NOT_FORWARD",
      message: "Time can only move forward",
    });
  }
  assert.deepEqual(chain.head(), head);
  await publisher.createBlock(when);
});

test("a transaction whose input a block has spent makes no block", async () => {
  const { pool, publisher, coins, test: chainOf, when } = await openPublisher();
  await pool.injectFromPeer(burning(coins[0], 500n));
  await chainOf.add([burning(coins[0], 600n)]);
  assert.equal(pool.size, 1);
  await assert.rejects(publisher.createBlock(when + 100), { code: "PUBLISH_NOTHING_VALID" });
});

test("the version is that of the block before", async () => {
  const { pool, publisher, coins, test: chainOf, when } = await openPublisher();
  await chainOf.add([burning(coins[0], 500n)], { version: 7 });
  await pool.injectFromPeer(burning(coins[1], 500n));
  assert.equal((await publisher.createBlock(when + 100)).header.version, 7);
});

test("fees beyond u64 make no block", async () => {
  const { pool, publisher, coins, test: chainOf, when } = await openPublisher();
  // Blocks count output hours with wrap-around, so a publisher can bring absurd hours about.
  const big = spend(
    [coins[0]],
    [out(carol, 1_000_000n, U64_MAX - 1n), out(carol, coins[0].ux.body.coins - 1_000_000n, U64_MAX - 2n)],
  );
  const fair = { ...big, outputs: big.outputs };
  await assert.rejects(chainOf.add([fair]), { code: "TX_HOURS_INSUFFICIENT" });
  const { coins: amount } = coins[0].ux.body;
  const wrapping = spend(
    [coins[0]],
    [out(carol, 1_000_000n, U64_MAX), out(carol, amount - 2_000_000n, U64_MAX), out(carol, 1_000_000n, 3n as Hours)],
  );
  const block = await chainOf.add([wrapping]);
  const absurd = chainOf.coinsOf(carol, wrapping, block);
  for (const coin of absurd.slice(0, 2)) await pool.injectFromPeer(spend([coin], [out(bob, coin.ux.body.coins, 0n)]));
  await assert.rejects(publisher.createBlock(when + 100), {
    code: "PUBLISH_FEES",
    message: "Invalid transaction fees: Transactions fee totals overflow",
  });
});

test("a publisher whose disk fails holds no block, and can make it later", async () => {
  const { chain, pool, publisher, coins, store, when } = await openPublisher();
  await pool.injectFromPeer(burning(coins[0], 500n));
  const head = chain.head();
  store.failNext = new Error("disk full");
  await assert.rejects(publisher.createBlock(when), /disk full/);
  assert.deepEqual(chain.head(), head);
  assert.equal(pool.size, 1);
  assert.equal((await publisher.createBlock(when)).header.seq, head.seq + 1);
});

test("two requests at once make two blocks, one after the other", async () => {
  const { chain, pool, publisher, coins, when } = await openPublisher();
  await pool.injectFromPeer(burning(coins[0], 500n));
  const [first, second] = await Promise.allSettled([publisher.createBlock(when), publisher.createBlock(when + 1)]);
  assert.equal(first.status, "fulfilled");
  assert.equal(second.status === "rejected" && second.reason.code, "PUBLISH_NO_TRANSACTIONS");
  assert.equal(chain.head().seq, 2);
});
