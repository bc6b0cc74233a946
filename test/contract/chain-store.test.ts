import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import {
  type BlockChange,
  type ChainIndexes,
  type ChainStore,
  NEVER_ANNOUNCED,
  type UnconfirmedRecord,
} from "../../src/chain/store.ts";
import { encodeTransaction, newTransaction, type Transaction, txid } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import type { Address } from "../../src/cipher/address.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import { openLevelStore } from "../../src/storage/level-store.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { askStore, expectedAnswers } from "../support/chain-model.ts";
import { addressNumber, FakeChain, randomFrom } from "../support/fake-blocks.ts";
import { tempDir } from "../support/temp-dir.ts";

type Store = ChainStore & ChainIndexes;

/** Opens a store; on disk the same `dir` gives the same store again. */
type Opener = (dir: string) => Promise<Store>;

const implementations: Record<string, { readonly open: Opener; readonly keeps: boolean }> = {
  MemoryStore: { open: async () => new MemoryStore(), keeps: false },
  LevelStore: { open: (dir) => openLevelStore({ dir: `${dir}/chain`, log: silentLogger }), keeps: true },
};

async function storeAll(store: Store, changes: readonly BlockChange[]): Promise<void> {
  for (const change of changes) store.stage(change);
  await store.flush();
}

async function collect<T>(chunks: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return all;
}

function record(n: number, changes: Partial<UnconfirmedRecord> = {}): UnconfirmedRecord {
  const input = new Uint8Array(32).fill(n) as Hash;
  const output = { address: addressNumber(n), coins: BigInt(n + 1) as Droplets, hours: 1n as Hours };
  const txn = newTransaction([input], [output]);
  return { txn, received: 1n, checked: 2n, announced: NEVER_ANNOUNCED, isValid: true, ...changes };
}

function poolOf(store: Store): string[] {
  return [...store.unconfirmed()].map(({ txn, received, checked, announced, isValid }) =>
    [toHex(encodeTransaction(txn)), received, checked, announced, isValid].join(" "),
  );
}

for (const [name, { open, keeps }] of Object.entries(implementations)) {
  test(`${name}: an empty store knows nothing and says so`, async (t) => {
    const store = await open(tempDir(t));
    const changes = new FakeChain().chain(1);
    const questions = { changes, addresses: [addressNumber(1)] };
    assert.deepEqual(askStore(store, questions), expectedAnswers(0, questions));
    assert.equal(store.stagedHead(), undefined);
    assert.equal(store.stagedCount(), 0);
    assert.deepEqual(await collect(store.scanUnspents()), []);
    assert.deepEqual(await collect(store.holdings()), []);
    await store.flush(); // nothing to do
    await store.close();
  });

  test(`${name}: answers every question as the changes say, after every flush`, async (t) => {
    const dir = tempDir(t);
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.boolean()), {
        minLength: 1,
        maxLength: 25,
      }),
      async (seed, plan) => {
        const store = await open(`${dir}/${seed}-${plan.length}-${Math.random()}`);
        const chain = new FakeChain({ seed, addresses: 6 });
        const changes = plan.map(([txns, outputs]) => chain.next(txns, outputs));
        const questions = { changes, addresses: [...chain.addresses, addressNumber(77)] };
        for (const [i, change] of changes.entries()) {
          store.stage(change);
          if (plan[i]?.[2] !== true) continue;
          await store.flush();
          assert.deepEqual(askStore(store, questions), expectedAnswers(i + 1, questions));
        }
        await store.close();
      },
    );
    await fc.assert(property, { numRuns: keeps ? 25 : 60 });
  });

  test(`${name}: one address with hundreds of outputs keeps their order`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 5, addresses: 2 });
    const [alice] = chain.addresses as [Address];
    const random = randomFrom(99);
    let most = 0;
    const changes = [chain.genesis()];
    for (let i = 0; i < 60; i++) {
      const coins = [...chain.unspents];
      // Now one output is split into many, now many are spent: pages come, get holes and go.
      const some = coins.filter(() => random() < (i < 40 ? 0.03 : 0.3));
      const spend = some.length > 0 ? some : coins.slice(-1);
      const txn = chain.pay(spend, new Array(1 + (i % 40)).fill(alice));
      changes.push(chain.blockOf([txn], [spend]));
      most = Math.max(most, chain.unspents.length);
    }
    const questions = { changes, addresses: [alice] };
    for (let at = 0; at < changes.length; at += 7) {
      const upTo = Math.min(at + 7, changes.length);
      await storeAll(store, changes.slice(at, upTo));
      assert.deepEqual(askStore(store, questions).addresses, expectedAnswers(upTo, questions).addresses);
    }
    assert.ok(most > 300, `pages were in use (${most})`);
    assert.ok(store.unspentsOf(alice).length < most / 2, "pages went again");
    await store.close();
  });

  test(`${name}: staged blocks show in staged reads only, until they are flushed`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 2 });
    const [genesis, first, second] = chain.chain(3) as [BlockChange, BlockChange, BlockChange];
    await storeAll(store, [genesis]);
    store.stage(first);
    const spent = first.spent[0]?.[0];
    const created = first.created[0]?.[0];
    assert.ok(spent !== undefined && created !== undefined);
    assert.equal(store.stagedHead()?.seq, 1);
    assert.equal(store.head()?.seq, 0);
    assert.equal(store.stagedUnspent(spent.id), undefined);
    assert.deepEqual(store.stagedUnspent(created.id), created.ux);
    assert.notEqual(store.unspent(spent.id), undefined);
    assert.equal(store.unspent(created.id), undefined);
    const flushing = store.flush();
    store.stage(second); // belongs to the next flush
    assert.equal(store.stagedHead()?.seq, 2);
    assert.equal(store.stagedUnspent(spent.id), undefined);
    await flushing;
    assert.equal(store.head()?.seq, 1);
    assert.equal(store.stagedCount(), 1);
    assert.equal(store.stagedUnspent(spent.id), undefined);
    await store.flush();
    assert.equal(store.head()?.seq, 2);
    assert.equal(store.stagedCount(), 0);
    await store.close();
  });

  test(`${name}: discarding forgets what is staged and nothing else`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 3 });
    const changes = chain.chain(6);
    await storeAll(store, changes.slice(0, 3));
    store.stage(changes[3] as BlockChange);
    store.stage(changes[4] as BlockChange);
    store.discardStaged();
    assert.equal(store.stagedCount(), 0);
    assert.equal(store.stagedHead()?.seq, 2);
    await storeAll(store, changes.slice(3));
    const questions = { changes, addresses: chain.addresses };
    assert.deepEqual(askStore(store, questions), expectedAnswers(6, questions));
    await store.close();
  });

  test(`${name}: readers see one head at a time while flushes are under way`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 4, addresses: 5 });
    const changes = chain.chain(40, 4, 2);
    const questions = { changes, addresses: chain.addresses };
    await storeAll(store, changes.slice(0, 1));
    let flushing = true;
    const seen = new Set<number>();
    const reader = (async () => {
      while (flushing) {
        const head = store.head()?.seq ?? -1;
        seen.add(head);
        assert.deepEqual(askStore(store, questions), expectedAnswers(head + 1, questions), `at head ${head}`);
        await new Promise(setImmediate);
      }
    })();
    for (let at = 1; at < changes.length; at += 3) {
      await storeAll(store, changes.slice(at, at + 3));
      await new Promise(setImmediate);
    }
    flushing = false;
    await reader;
    assert.ok(seen.size > 5, `the reader ran beside the flushes (${seen.size} heads)`);
    await store.close();
  });

  test(`${name}: a scan stays at the head where it began`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 6, addresses: 2000 });
    const changes = chain.chain(5, 1, 1500);
    await storeAll(store, changes.slice(0, 3));
    const unspents = [...store.allUnspents()].map(({ id }) => toHex(id));
    const outputs = store.scanUnspents()[Symbol.asyncIterator]();
    const holders = store.holdings()[Symbol.asyncIterator]();
    const count = store.addressCount();
    const [first, firstHolders] = await Promise.all([outputs.next(), holders.next()]);
    await storeAll(store, changes.slice(3));
    const scanned = [...(first.value ?? [])];
    for (let next = await outputs.next(); next.done !== true; next = await outputs.next()) scanned.push(...next.value);
    assert.deepEqual(
      scanned.map(({ id }) => toHex(id)),
      unspents,
    );
    const held = [...(firstHolders.value ?? [])];
    for (let next = await holders.next(); next.done !== true; next = await holders.next()) held.push(...next.value);
    assert.equal(held.length, count);
    assert.ok(store.unspentCount() > unspents.length);
    await store.close();
  });

  test(`${name}: a scan that begins while a block is written goes on when it is stored`, async (t) => {
    const store = await open(tempDir(t));
    const changes = new FakeChain({ seed: 8, addresses: 20 }).chain(40, 2, 30);
    await storeAll(store, changes.slice(0, 1));
    for (const [i, change] of changes.slice(1).entries()) {
      store.stage(change);
      const written = store.flush();
      for (let turn = 0; turn < i % 10; turn++) await new Promise(setImmediate);
      const count = store.unspentCount();
      const scan = store.scanUnspents()[Symbol.asyncIterator]();
      let next = await scan.next();
      await written;
      let scanned = 0;
      for (; next.done !== true; next = await scan.next()) scanned += next.value.length;
      assert.equal(scanned, count, `block ${i}`);
    }
    await store.close();
  });

  test(`${name}: holdings list every holder once with all its coins`, async (t) => {
    const store = await open(tempDir(t));
    const chain = new FakeChain({ seed: 7, addresses: 30 });
    await storeAll(store, chain.chain(30, 5, 3));
    const expected = new Map<string, bigint>();
    for (const { ux } of chain.unspents) {
      const key = toHex(ux.body.address);
      expected.set(key, (expected.get(key) ?? 0n) + ux.body.coins);
    }
    const held = await collect(store.holdings());
    assert.deepEqual(new Map(held.map(({ address, coins }) => [toHex(address), coins])), expected);
    assert.equal(held.length, expected.size);
    await store.close();
  });

  test(`${name}: the pool keeps, replaces and removes records, in txid order`, async (t) => {
    const store = await open(tempDir(t));
    const records = Array.from({ length: 20 }, (_, i) => record(i));
    await store.putUnconfirmed(records);
    const sorted = [...records].sort((a, b) => Buffer.compare(txid(a.txn), txid(b.txn)));
    assert.deepEqual(
      [...store.unconfirmed()].map(({ txn }) => toHex(txid(txn))),
      sorted.map(({ txn }) => toHex(txid(txn))),
    );
    await store.putUnconfirmed([record(3, { checked: 9n, announced: -5n, isValid: false })]);
    await store.removeUnconfirmed([txid(record(4).txn), txid(record(400).txn)]);
    const pool = poolOf(store);
    assert.equal(pool.length, 19);
    assert.ok(pool.includes([toHex(encodeTransaction(record(3).txn)), 1n, 9n, -5n, false].join(" ")));
    await store.putUnconfirmed([]);
    await store.removeUnconfirmed([]);
    await store.close();
  });

  test(`${name}: a block takes its transactions out of the pool`, async (t) => {
    const dir = tempDir(t);
    let store = await open(dir);
    const chain = new FakeChain({ seed: 8 });
    const [genesis, block] = chain.chain(2, 1) as [BlockChange, BlockChange];
    const pooled = { ...record(1), txn: block.block.transactions[0] as Transaction };
    await storeAll(store, [genesis]);
    await store.putUnconfirmed([pooled, record(2)]);
    await storeAll(store, [block]);
    assert.deepEqual(poolOf(store), [
      [toHex(encodeTransaction(record(2).txn)), 1n, 2n, NEVER_ANNOUNCED, true].join(" "),
    ]);
    await store.close();
    if (!keeps) return;
    store = await open(dir);
    assert.equal(poolOf(store).length, 1);
    await store.close();
  });

  test(`${name}: nothing can be written after close`, async (t) => {
    const store = await open(tempDir(t));
    const [genesis] = new FakeChain().chain(1) as [BlockChange];
    await store.close();
    await store.close();
    assert.throws(() => store.stage(genesis), { code: "STORE_CLOSED" });
    await assert.rejects(store.flush(), { code: "STORE_CLOSED" });
    await assert.rejects(store.putUnconfirmed([record(1)]), { code: "STORE_CLOSED" });
  });

  test(`${name}: writes asked for before close are done`, async (t) => {
    const store = await open(tempDir(t));
    const [genesis] = new FakeChain().chain(1) as [BlockChange];
    store.stage(genesis);
    const flushed = store.flush();
    await Promise.all([store.close(), flushed]);
    assert.equal(store.head()?.seq, 0);
  });

  if (keeps) {
    test(`${name}: everything is there again after closing and opening`, async (t) => {
      const dir = tempDir(t);
      const chain = new FakeChain({ seed: 9, addresses: 12 });
      const changes = chain.chain(60, 3, 2);
      const questions = { changes, addresses: chain.addresses };
      for (let at = 0; at < changes.length; at += 20) {
        const store = await open(dir);
        await storeAll(store, changes.slice(at, at + 20));
        await store.putUnconfirmed([record(at)]);
        await store.close();
      }
      const store = await open(dir);
      assert.deepEqual(askStore(store, questions), expectedAnswers(60, questions));
      assert.equal(poolOf(store).length, 3);
      await store.close();
    });
  }
}
