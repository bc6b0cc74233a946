import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, toHex } from "../../../src/base/bytes.ts";
import { Followed } from "../../../src/chain/followed.ts";
import { coinHours } from "../../../src/chain/hours.ts";
import { HoursLog } from "../../../src/chain/hours-log.ts";
import { coinSupply, OutputHours, scannedTotals } from "../../../src/chain/queries-supply.ts";
import { RichList } from "../../../src/chain/rich-list.ts";
import type { ChainView } from "../../../src/chain/store.ts";
import type { Droplets, Hours, UxOut } from "../../../src/chain/uxout.ts";
import type { Address } from "../../../src/cipher/address.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { alice, bob, type Coin, carol, locked, type Owner, out, spend, TestChain } from "../../support/chain.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const uxOf = (coins: bigint, hours: bigint, time: number): UxOut => ({
  head: { time, seq: 1 },
  body: {
    srcTransaction: new Uint8Array(32) as Hash,
    address: alice.address,
    coins: coins as Droplets,
    hours: hours as Hours,
  },
});

test("the log of hours sums what the rule says of each output, or says that it cannot", () => {
  const output = fc.record({
    coins: fc.oneof(fc.bigInt(0n, 10n ** 8n), fc.bigInt(0n, 10n ** 16n)),
    hours: fc.oneof(fc.bigInt(0n, 10n ** 6n), fc.bigInt(0n, 10n ** 16n)),
    time: fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 4_000_000_000 })),
    isSpent: fc.boolean(),
  });
  let told = 0;
  fc.assert(
    fc.property(fc.array(output), fc.integer({ min: 0, max: 4_000_000_000 }), (outputs, at) => {
      const log = new HoursLog();
      for (const { coins, hours, time } of outputs) log.note(coins, hours, time, 1);
      for (const { coins, hours, time, isSpent } of outputs) if (isSpent) log.note(coins, hours, time, -1);
      const sum = log.at(at);
      if (sum === undefined) return;
      told++;
      const left = outputs.filter(({ isSpent }) => !isSpent);
      assert.equal(
        sum,
        left.reduce((total, { coins, hours, time }) => total + coinHours(uxOf(coins, hours, time), at), 0n),
      );
    }),
  );
  assert.ok(told > 10, String(told));
});

test("hours too large for doubles are counted all the same, those beyond 64 bits left to the rule", () => {
  const log = new HoursLog();
  const [coins, at] = [9_000_000_000_999_999n, 1_000_000_000];
  log.note(coins, 5n, 0, 1);
  assert.equal(log.at(at), coinHours(uxOf(coins, 5n, 0), at));
  assert.equal(log.at(3_000_000_000), undefined);
  log.note(coins, 5n, 0, -1);
  log.note(1n << 54n, 0n, 0, 1);
  assert.equal(log.at(at), undefined);
  log.note(1n << 54n, 0n, 0, -1);
  assert.equal(log.at(at), 0n);
});

/** Blocks in which coins are split, joined and moved among five owners, two of them of the distribution. */
async function* growing(chain: TestChain, blocks: number) {
  const random = seededRandom(7);
  const people: readonly Owner[] = [alice, bob, carol];
  const pick = <T>(list: readonly T[]): T => list[random.u32() % list.length] as T;
  let coins: Coin[] = await chain.fund(alice, 6, 1_000_000_000n);
  yield;
  for (let i = 0; i < blocks; i++) {
    const spent = coins.filter(() => random.fraction() < 0.4).slice(0, 3);
    if (spent.length === 0) spent.push(coins[0] as Coin);
    coins = coins.filter((coin) => !spent.includes(coin));
    const sum = (of: "coins" | "hours") => spent.reduce((total, { ux }) => total + ux.body[of], 0n);
    const small = sum("coins") / BigInt(3 + (random.u32() % 50));
    const outputs = [
      out(pick(people), small, 0n),
      out(pick(people), sum("coins") - 2n * small - 1n, sum("hours") / 2n),
      out(i % 9 === 0 ? locked : pick(people), small + 1n, 0n),
    ];
    const txn = spend(spent, outputs);
    const block = await chain.add([txn], { time: chain.chain.head().time + 1 + (random.u32() % 100_000) });
    coins.push(...people.flatMap((owner) => chain.coinsOf(owner, txn, block)));
    yield;
  }
}

test("supply and rich list kept up with the chain are those read from the whole set", async () => {
  const store = new MemoryStore();
  const chain = await TestChain.open({ store });
  const { distribution } = chain.chain.params;
  const pause = async () => {};
  const kept = {
    hours: new Followed(store, new OutputHours(distribution), pause),
    list: new Followed(store, new RichList(distribution), pause),
  };
  const shown = async (list: Followed<RichList>, withDistribution: boolean) => {
    const holders = await list.ask((ranked, view) => ranked.first(undefined, withDistribution, view));
    return holders.map(({ address, coins, locked: is }) => `${toHex(address)} ${coins} ${is}`);
  };
  let block = 0;
  for await (const _ of growing(chain, 30)) {
    if (block++ % 3 === 1) continue; // several blocks at once, too
    const totals = await kept.hours.ask((hours, view) => hours.totals(view));
    assert.deepEqual(totals, await scannedTotals(store, distribution));
    const anew = new Followed(store, new RichList(distribution), pause);
    for (const withDistribution of [true, false]) {
      assert.deepEqual(await shown(kept.list, withDistribution), await shown(anew, withDistribution));
    }
  }
  const supply = await coinSupply(store, distribution, kept.hours);
  assert.ok(supply.currentHours > 0n && supply.totalHours > supply.currentHours);
});

test("of those who hold as much, the locked one leads, then the one of the smaller key", async () => {
  const [first, second, third] = [alice, bob, carol].map(({ address }) => address).sort(compareBytes);
  const addresses = [third as Address];
  const list = new RichList({
    ...{ maxCoinSupply: 1n, initialUnlockedCount: 0, unlockAddressRate: 0, unlockTimeInterval: 0, addresses },
  });
  const holders = [second, first, third].map((address) => ({ address, coins: 5n }));
  const view = { holdings: () => [holders] } as unknown as ChainView;
  await list.read(view);
  const ranked = list.first(undefined, true, view).map(({ address }) => address);
  assert.deepEqual(ranked, [third, first, second]);
});

test("the set is read once, then the blocks alone; by many at once too, and again after a failure", async () => {
  const store = new MemoryStore();
  const chain = await TestChain.open({ store });
  let scans = 0;
  const scan = store.scanUnspents.bind(store);
  store.scanUnspents = () => {
    scans++;
    if (scans === 1) throw new Error("disk");
    return scan();
  };
  const { distribution } = chain.chain.params;
  const hours = new Followed(store, new OutputHours(distribution), async () => {});
  const ask = () => hours.ask((one, view) => one.totals(view));
  await assert.rejects(ask(), /disk/);
  for await (const _ of growing(chain, 5)) {
    const [one, other] = await Promise.all([ask(), ask()]);
    assert.deepEqual(one, other);
  }
  assert.equal(scans, 2);
});

test("what is worn by many changes is read anew", () => {
  const hours = new OutputHours({
    ...{ maxCoinSupply: 1n, initialUnlockedCount: 0, unlockAddressRate: 0, unlockTimeInterval: 0, addresses: [] },
  });
  const worth = { address: alice.address, coins: 1n, hours: 0n, time: 1 };
  for (let i = 0; i < 2000; i++) hours.apply({ created: [worth], spent: [worth] });
  assert.equal(hours.isWorn(), false);
  for (let i = 0; i < 100; i++) hours.apply({ created: [worth], spent: [worth] });
  assert.equal(hours.isWorn(), true);
});
