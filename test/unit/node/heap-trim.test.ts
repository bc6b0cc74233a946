import assert from "node:assert/strict";
import { test } from "node:test";
import { HeapTrim, processHeap } from "../../../src/node/heap-trim.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const MB = 1024 * 1024;

function rig(live: number) {
  const clock = new VirtualClock();
  const heap = { used: live, live, collections: 0 };
  const trim = new HeapTrim({
    clock,
    heapUsed: () => heap.used,
    collect: () => {
      heap.collections += 1;
      heap.used = heap.live;
    },
  });
  trim.start();
  return { clock, heap, trim };
}

test("a heap below the limit is left alone, one above is collected", async () => {
  const { clock, heap } = rig(30 * MB);
  heap.used = 48 * MB;
  await clock.advance(1000);
  assert.equal(heap.collections, 0);
  heap.used = 49 * MB;
  await clock.advance(100);
  assert.equal(heap.collections, 1);
});

test("much live data does not mean collecting all the time", async () => {
  const { clock, heap } = rig(100 * MB);
  await clock.advance(10_000);
  assert.equal(heap.collections, 1);
  heap.used = 151 * MB;
  await clock.advance(100);
  assert.equal(heap.collections, 2);
});

test("nothing is left running after stop", async () => {
  const { clock, heap, trim } = rig(30 * MB);
  trim.stop();
  heap.used = 500 * MB;
  await clock.advance(1000);
  assert.equal(heap.collections, 0);
  assert.equal(clock.waiting, 0);
});

test("the real collector frees what nobody holds", () => {
  const { heapUsed, collect } = processHeap();
  let held: unknown[] | undefined = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  collect();
  const full = heapUsed();
  assert.ok(held.length > 0);
  held = undefined;
  collect();
  assert.ok(heapUsed() < full - 20 * MB, `${full} then ${heapUsed()}`);
});
