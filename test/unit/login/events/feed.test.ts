import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Emitter } from "../../../../src/base/emitter.ts";
import { silentLogger } from "../../../../src/base/log.ts";
import { type Transaction, txid } from "../../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../../src/cipher/address.ts";
import { type Hash, hashHex } from "../../../../src/cipher/hash.ts";
import { EventFeed } from "../../../../src/login/events/feed.ts";
import type { Cursor, TopicEvent } from "../../../../src/login/events/topics.ts";
import type { LoginStore } from "../../../../src/login/store.ts";
import { MemoryLoginStore } from "../../../../src/storage/memory-login-store.ts";
import { MemoryStore } from "../../../../src/storage/memory-store.ts";
import { alice, bob, genesisOwner, ManualClock, out, spend, TestChain } from "../../../support/chain.ts";

/** As much of a pool as the feed sees. */
class FakePool {
  readonly onChange = new Emitter<{ readonly added: readonly Hash[] }>();
  readonly #held = new Map<string, Transaction>();

  add(txn: Transaction): void {
    this.#held.set(hashHex(txid(txn)), txn);
    this.onChange.emit({ added: [txid(txn)] });
  }

  get(id: Hash) {
    const txn = this.#held.get(hashHex(id));
    return txn === undefined ? undefined : { txn };
  }
}

async function setUp(t: TestContext, store: LoginStore = new MemoryLoginStore()) {
  const chain = await TestChain.open({ store: new MemoryStore() });
  const pool = new FakePool();
  const { store: view, onBlock } = chain.chain;
  const open = () => EventFeed.open({ view, onBlock, pool, store, clock: new ManualClock(), log: silentLogger });
  const feed = await open();
  t.after(() => feed.close());
  return { chain, pool, feed, open };
}

/** Everything from a cursor on, and where it ends. */
async function readAll(feed: EventFeed, from: Cursor): Promise<{ events: TopicEvent[]; end: Cursor }> {
  const events: TopicEvent[] = [];
  for (let cursor = from; ; ) {
    const page = await feed.read(cursor);
    events.push(...page.events);
    cursor = page.next;
    if (!page.more) return { events, end: cursor };
  }
}

const START: Cursor = { seq: 0, entry: 0 };
const names = (events: readonly TopicEvent[]) => events.map(({ topic }) => topic);

async function stored(feed: EventFeed, act: () => void): Promise<void> {
  const news = new Promise<void>((resolve) => {
    const off = feed.onNews.on(() => {
      off();
      resolve();
    });
  });
  act();
  await news;
}

test("a block tells its transactions, whom they touch, and itself", async (t) => {
  const { chain, feed } = await setUp(t);
  const from = feed.end();
  const coin = chain.genesisCoin();
  const txn = spend([coin], [out(alice, 5_000_000n, 1n), out(bob, coin.ux.body.coins - 5_000_000n, 2n)]);
  const block = await chain.add([txn]);
  const { events, end } = await readAll(feed, from);
  assert.deepEqual(names(events), [
    "txn.confirmed",
    "address.activity",
    "address.activity",
    "address.activity",
    "block.new",
  ]);
  const id = hashHex(txid(txn));
  const [confirmed, sender, toAlice] = events as [TopicEvent, TopicEvent, TopicEvent];
  assert.deepEqual(confirmed.data, {
    txid: id,
    status: "confirmed",
    block_seq: 1,
    addresses: [genesisOwner, alice, bob].map(({ address }) => encodeAddress(address)),
  });
  assert.deepEqual(sender.data, {
    address: encodeAddress(genesisOwner.address),
    txid: id,
    status: "confirmed",
    block_seq: 1,
    sent: "100000000.000000",
    received: "0.000000",
  });
  assert.deepEqual([toAlice.data.sent, toAlice.data.received], ["0.000000", "5.000000"]);
  assert.deepEqual(events.at(-1)?.data, {
    seq: 1,
    hash: hashHex(chain.chain.head().hash),
    time: block.header.time,
    transactions: 1,
    txids: [id],
  });
  assert.equal(new Set(events.map((event) => event.id)).size, events.length);
  assert.deepEqual(end, feed.end());
});

test("pending comes before confirmed, at any later reading too", async (t) => {
  const { chain, pool, feed } = await setUp(t);
  const [first, second] = (await chain.fund(alice, 2)).map((coin) => spend([coin], [out(bob, coin.ux.body.coins, 1n)]));
  const from = feed.end();
  for (const txn of [first, second] as Transaction[]) {
    await stored(feed, () => pool.add(txn));
    await chain.add([txn]);
  }
  const { events } = await readAll(feed, from);
  const told = events.filter(({ topic }) => topic.startsWith("txn.")).map(({ topic, key }) => [topic, key]);
  const ids = [first, second].map((txn) => hashHex(txid(txn as Transaction)));
  assert.deepEqual(told, [
    ["txn.pending", ids[0]],
    ["txn.confirmed", ids[0]],
    ["txn.pending", ids[1]],
    ["txn.confirmed", ids[1]],
  ]);
});

test("a reader that comes back goes on where it was, after a restart too", async (t) => {
  const { chain, feed, open } = await setUp(t);
  for (let i = 0; i < 3; i++) await stored(feed, () => feed.note({ topic: "node.health", key: "node", data: { i } }));
  await chain.fund(alice, 1);
  const whole = (await readAll(feed, START)).events;
  await feed.close();
  const again = await open();
  t.after(() => again.close());
  assert.deepEqual((await readAll(again, START)).events, whole);

  let cursor = START;
  const pieces: TopicEvent[] = [];
  for (;;) {
    const page = await again.read(cursor);
    pieces.push(...page.events);
    cursor = page.next;
    if (!page.more) break;
  }
  assert.deepEqual(pieces, whole);
  assert.deepEqual((await readAll(again, cursor)).events, []);
  await stored(again, () => again.note({ topic: "node.health", key: "node", data: { i: 3 } }));
  const [news] = (await readAll(again, cursor)).events;
  assert.deepEqual(news?.data, { i: 3 });
  assert.equal(
    whole.some(({ id }) => id === news?.id),
    false,
  );
});

test("entries noted together are all there, in order, over several pages", async (t) => {
  const { feed } = await setUp(t);
  for (let i = 0; i < 700; i++) feed.note({ topic: "node.health", key: "node", data: { i } });
  await feed.close();
  const { events } = await readAll(feed, START);
  assert.deepEqual(
    events.map(({ data }) => data.i),
    Array.from({ length: 700 }, (_, i) => i),
  );
});

test("what the store refuses is counted, and later entries still arrive", async (t) => {
  const store = new MemoryLoginStore();
  const { feed } = await setUp(t, store);
  const write = store.write.bind(store);
  let failed: () => void = () => {};
  const failure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  store.write = async () => {
    failed();
    throw new Error("disk full");
  };
  feed.note({ topic: "node.health", key: "node", data: { lost: true } });
  await failure;
  store.write = write;
  await stored(feed, () => feed.note({ topic: "node.health", key: "node", data: { lost: false } }));
  assert.equal(feed.dropped, 1);
  assert.deepEqual(
    (await readAll(feed, START)).events.map(({ data }) => data),
    [{ lost: false }],
  );
});

test("how far back a reader may start is bounded, and one from another chain starts at the end", async (t) => {
  const { chain, feed } = await setUp(t);
  for (let i = 0, [coin] = await chain.fund(alice, 1); i < 4 && coin !== undefined; i++) {
    const txn = spend([coin], [out(alice, coin.ux.body.coins, 500_000n - BigInt(i))]);
    const block = await chain.add([txn]);
    [coin] = chain.coinsOf(alice, txn, block);
  }
  const nothing = { blocks: 0, entries: 0 };
  const two = { blocksMax: 2 };
  assert.deepEqual(feed.within(START, two), { cursor: { seq: 3, entry: 0 }, skipped: { blocks: 3, entries: 0 } });
  assert.deepEqual(feed.within(START, { blocksMax: 100 }), { cursor: START, skipped: nothing });
  assert.deepEqual(feed.within({ seq: 6, entry: 0 }, two), { cursor: feed.end(), skipped: nothing });
  assert.deepEqual(feed.within({ seq: 0, entry: 1 }, two), { cursor: feed.end(), skipped: nothing });
});
