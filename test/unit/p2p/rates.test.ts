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
    { turnMs: 10, turnFrames: 4 },
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
  await clock.advance(0);
  assert.equal(order.join(""), "ababab" + "aa");
  assert.ok(turns >= 2);
});

test("a slow item ends the run", async () => {
  const clock = new VirtualClock();
  let turns = 0;
  const turnstile = new Turnstile({ turnMs: 10, turnFrames: 100 }, { clock, turn: async () => void turns++ });
  let now = 0;
  clock.monotonicMs = () => now;
  let left = 3;
  turnstile.ready({
    handleOne() {
      now += 10;
      return --left > 0;
    },
  });
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assert.equal(turns, 2);
});
