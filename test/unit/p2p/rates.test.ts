import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownIds } from "../../../src/p2p/known-ids.ts";
import { TokenBucket } from "../../../src/p2p/token-bucket.ts";
import { Turnstile } from "../../../src/p2p/turnstile.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

test("a bucket gives its burst at once and its rate after", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, clock);
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [true, true, true, false]);
  await clock.advance(500);
  assert.deepEqual([bucket.take(), bucket.take()], [true, false]);
  await clock.advance(60_000);
  assert.equal(bucket.take(4), false); // never more than the burst
  assert.equal(bucket.take(3), true);
});

test("what was spent beyond the bucket is waited for", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket({ perSecond: 10, burst: 10 }, clock);
  assert.equal(bucket.waitMs, 0);
  bucket.spend(30);
  assert.equal(bucket.waitMs, 2_100);
  await clock.advance(2_100);
  assert.equal(bucket.waitMs, 0);
});

test("known ids are the last so many, those seen again counted as new", () => {
  const ids = new KnownIds(2);
  for (const id of ["a", "b", "a", "c"]) ids.add(id);
  assert.deepEqual([ids.has("a"), ids.has("b"), ids.has("c")], [true, false, true]);
});

test("sources take turns, and long work is cut into runs", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  let turns = 0;
  const turnstile = new Turnstile(
    { roundMs: 10, turnFrames: 4 },
    {
      clock,
      turn: async () => {
        turns++;
      },
    },
  );
  const source = (name: string, items: number) => {
    let left = items;
    return {
      handleOne() {
        order.push(name);
        return --left > 0;
      },
    };
  };
  const [a, b] = [source("a", 5), source("b", 3)];
  turnstile.ready({
    handleOne() {
      turnstile.ready(a);
      turnstile.ready(b);
      return false;
    },
  });
  await clock.advance(50);
  assert.equal(order.join(""), "ababab" + "aa");
  assert.ok(turns >= 2);
});

test("what many sources do in one round of the event loop is bounded, and other work passes in between", async () => {
  let now = 0;
  const due: (() => void)[] = [];
  const clock = {
    monotonicMs: () => now,
    nowMs: () => now,
    after(_ms: number, run: () => void) {
      due.push(run);
      return () => {};
    },
  };
  const turn = () => new Promise<void>((resolve) => due.push(resolve));
  const turnstile = new Turnstile({ roundMs: 10, turnFrames: 100 }, { clock, turn });
  const settle = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  let handled = 0;
  for (let i = 0; i < 20; i++) {
    turnstile.ready({
      handleOne() {
        now += 4;
        handled++;
        return false;
      },
    });
  }
  assert.deepEqual([handled, due.length], [3, 1], "a round has 10 ms");
  let passed = false;
  void turnstile.pass().then(() => {
    passed = true;
  });
  for (let round = 2; handled < 20; round++) {
    due.shift()?.();
    await settle();
    assert.equal(handled, 3 * (round - 1), "the loop went round, and rests");
    due.shift()?.();
    await settle();
    assert.equal(handled, Math.min(20, 3 * round));
  }
  assert.equal(passed, true);
});
