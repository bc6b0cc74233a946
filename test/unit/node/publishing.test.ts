import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../../../src/base/emitter.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { SignedBlock } from "../../../src/chain/block.ts";
import { ChainError } from "../../../src/chain/errors.ts";
import { PublisherGuard } from "../../../src/chain/publisher-guard.ts";
import type { Head } from "../../../src/chain/store.ts";
import { Publishing, type PublishOptions } from "../../../src/node/publishing.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const ON_DEMAND: PublishOptions = { mode: "on-demand", companyWindowMs: 20, leadSecondsMax: 5 };

/** A chain of times only: each block takes at most `perBlock` of the pool. */
function rig(options: PublishOptions, perBlock = 1000) {
  const clock = new VirtualClock(1_000_000_000);
  const startMs = clock.nowMs();
  const onChange = new Emitter<undefined>();
  const pool = { size: 0, onChange };
  const head = { time: 0 };
  const blocks: { atMs: number; time: number; txns: number }[] = [];
  const sent: SignedBlock[] = [];
  const recorded: SignedBlock[] = [];
  const fault: { error?: Error | undefined; record?: Error | undefined } = {};
  const guard = new PublisherGuard(
    { mark: undefined, knowsPeers: false, knowsTrusted: false, waitMs: 0, takeoverMs: 15_000, accepted: true },
    { chain: { head: () => ({ seq: 0 }) as Head, store: { blockHashAt: () => undefined } }, genesisTime: 0, clock },
  );
  const publishing = new Publishing(options, {
    publisher: {
      async createBlock(time) {
        if (fault.error !== undefined) throw fault.error;
        if (pool.size === 0) throw new ChainError("PUBLISH_NO_TRANSACTIONS", "No transactions");
        assert.ok(time > head.time, "block times increase");
        const txns = Math.min(pool.size, perBlock);
        pool.size -= txns;
        head.time = time;
        blocks.push({ atMs: clock.nowMs() - startMs, time, txns });
        return { header: { seq: blocks.length }, transactions: new Array(txns) } as unknown as SignedBlock;
      },
      async buildBlock() {
        if (pool.size === 0) throw new ChainError("PUBLISH_NO_TRANSACTIONS", "No transactions");
        return {} as SignedBlock;
      },
    },
    guard,
    record: async (block) => {
      if (fault.record !== undefined) throw fault.record;
      recorded.push(block);
    },
    chain: { head: () => head },
    pool,
    broadcast: (block) => sent.push(block),
    clock,
    log: silentLogger,
  });
  const add = (count = 1): void => {
    pool.size += count;
    onChange.emit(undefined);
  };
  return { clock, pool, head, blocks, sent, recorded, fault, guard, publishing, add };
}

test("an idle publisher answers after the company window, and a burst shares the block", async () => {
  const { clock, blocks, sent, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  await clock.advance(5000);
  add();
  await clock.advance(10);
  add();
  add();
  await clock.advance(9);
  assert.equal(blocks.length, 0);
  await clock.advance(1);
  assert.deepEqual(blocks, [{ atMs: 5020, time: 1_000_005, txns: 3 }]);
  assert.equal(sent.length, 1);
});

test("block times lead the clock by no more than allowed, then wait for it", async () => {
  const { clock, blocks, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  for (let i = 0; i < 12; i++) {
    add();
    await clock.advance(50);
  }
  await clock.advance(3000);
  for (const { atMs, time } of blocks) {
    assert.ok(time - Math.floor((1_000_000_000 + atMs) / 1000) <= 5, `time ${time} at ${atMs} ms`);
  }
  assert.equal(
    blocks.reduce((sum, { txns }) => sum + txns, 0),
    12,
  );
  assert.ok(blocks.length < 10, "what waited shared blocks");
});

test("the more of the lead is used, the longer a block waits; a load that lasts gets a block a second", async () => {
  const { clock, blocks, publishing, pool, add } = rig({ ...ON_DEMAND, leadSecondsMax: 60 }, 1);
  publishing.start();
  add(1000);
  await clock.advance(300_000);
  pool.size = 0;
  const within = (fromMs: number, toMs: number): readonly number[] =>
    blocks
      .map(({ atMs }, i) => atMs - (blocks[i - 1]?.atMs ?? 0))
      .filter((_, i) => {
        const { atMs } = blocks[i] as (typeof blocks)[number];
        return fromMs < atMs && atMs <= toMs;
      });
  assert.equal(within(0, 1000).length, 11, "a burst");
  assert.ok(Math.max(...within(0, 30_000)) < 730, "half a minute of load");
  assert.ok(Math.max(...within(0, 300_000)) <= 1020);
  assert.ok(within(240_000, 300_000).length <= 62, "in the long run as many as seconds");
  assert.ok(blocks.length <= 300 + 60);
  await clock.advance(60_000);
  add();
  await clock.advance(20);
  const last = blocks.at(-1) as (typeof blocks)[number];
  assert.deepEqual([last.atMs, last.txns], [clock.nowMs() - 1_000_000_000, 1], "and rest makes it quick again");
});

test("what did not fit into a block goes into the next without a new event", async () => {
  const { clock, blocks, publishing, add } = rig(ON_DEMAND, 2);
  publishing.start();
  add(5);
  await clock.advance(1000);
  assert.deepEqual(
    blocks.map(({ txns }) => txns),
    [2, 2, 1],
  );
});

test("transactions present at the start are published", async () => {
  const { clock, blocks, publishing, pool } = rig(ON_DEMAND);
  pool.size = 1;
  publishing.start();
  await clock.advance(20);
  assert.equal(blocks.length, 1);
});

test("a failure is tried again after a pause, not in a tight loop", async () => {
  const { clock, blocks, publishing, add, fault } = rig(ON_DEMAND);
  fault.error = new Error("disk full");
  publishing.start();
  add();
  await clock.advance(1500);
  assert.equal(blocks.length, 0);
  fault.error = undefined;
  await clock.advance(1000);
  assert.equal(blocks.length, 1);
});

test("a pool with nothing publishable is looked at again later", async () => {
  const { clock, blocks, publishing, add, fault } = rig(ON_DEMAND);
  fault.error = new ChainError("PUBLISH_NOTHING_VALID", "No transactions after filtering for constraint violations");
  publishing.start();
  add();
  await clock.advance(9000);
  fault.error = undefined;
  assert.equal(blocks.length, 0);
  await clock.advance(2000);
  assert.equal(blocks.length, 1);
});

test("by interval: one try per interval, whatever the pool says", async () => {
  const { clock, blocks, publishing, add } = rig({ mode: "interval", intervalMs: 10_000 });
  publishing.start();
  add(3);
  await clock.advance(9999);
  assert.equal(blocks.length, 0);
  await clock.advance(1);
  assert.equal(blocks.length, 1);
  add();
  await clock.advance(10_000);
  assert.deepEqual(
    blocks.map(({ atMs }) => atMs),
    [10_000, 20_000],
  );
});

test("no block is begun after stop, and no timer is left", async () => {
  for (const options of [ON_DEMAND, { mode: "interval", intervalMs: 1000 } as const]) {
    const { clock, blocks, publishing, add } = rig(options);
    publishing.start();
    add();
    await publishing.stop();
    add();
    await clock.advance(60_000);
    assert.equal(blocks.length, 0);
    assert.equal(clock.waiting, 0);
  }
});

test("a wall clock set back does not stop the chain for good", async () => {
  const { clock, blocks, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  add();
  await clock.advance(20);
  clock.jump(-10_000);
  add();
  await clock.advance(1000);
  assert.equal(blocks.length, 1, "beyond the lead it waits");
  await clock.advance(10_000);
  assert.equal(blocks.length, 2);
});

test("a block that cannot be remembered is sent to nobody until it is", async () => {
  const { clock, blocks, sent, recorded, fault, publishing, add } = rig(ON_DEMAND);
  fault.record = new Error("disk full");
  publishing.start();
  add();
  await clock.advance(500);
  assert.deepEqual([blocks.length, sent.length, publishing.failing], [1, 0, true]);
  fault.record = undefined;
  await clock.advance(1000);
  assert.deepEqual([blocks.length, sent.length, recorded.length], [1, 1, 1]);
});

test("after another made the head, a transaction is left to that other for a while; then this node takes over", async () => {
  const { clock, blocks, guard, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  guard.foreignBlock({ seq: 1, time: 5 });
  assert.equal(guard.state, "takeover");
  add();
  await clock.advance(14_000);
  assert.equal(blocks.length, 0);
  await clock.advance(2_000);
  assert.equal(blocks.length, 1);
  add();
  await clock.advance(30);
  assert.deepEqual([blocks.length, guard.state], [2, "publishing"]);
});

test("a halted publisher makes nothing, whatever is asked", async () => {
  const { clock, blocks, guard, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  guard.halt("two publishers");
  add();
  await clock.advance(60_000);
  assert.equal(blocks.length, 0);
});

test("a wall clock set back and set right again is noticed without a new event", async () => {
  const { clock, blocks, publishing, add } = rig(ON_DEMAND);
  publishing.start();
  add();
  await clock.advance(20);
  clock.jump(-3_600_000);
  add();
  await clock.advance(5000);
  assert.equal(blocks.length, 1);
  clock.jump(3_600_000);
  await clock.advance(1000);
  assert.equal(blocks.length, 2);
});
