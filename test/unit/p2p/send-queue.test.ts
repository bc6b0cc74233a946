import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../../src/p2p/limits.ts";
import { SendQueue } from "../../../src/p2p/send-queue.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** A queue over a connection that takes what it is given, or nothing. */
function rig(limits: Partial<typeof LIMITS> = {}) {
  const clock = new VirtualClock();
  const sent: { atMs: number; bytes: number }[] = [];
  const line = { buffered: 0, isOpen: true };
  const queue: SendQueue = new SendQueue(
    { ...LIMITS, ...limits },
    {
      clock,
      send: (frame) => {
        sent.push({ atMs: clock.monotonicMs(), bytes: frame.length });
        line.buffered += frame.length;
        if (line.isOpen) clock.after(0, drain);
      },
      bufferedBytes: () => line.buffered,
    },
  );
  const drain = () => {
    line.buffered = 0;
    queue.drained();
  };
  const times = () => sent.map(({ atMs }) => atMs);
  return { clock, queue, sent, line, drain, times };
}

const small = () => new Uint8Array(24);
const large = () => new Uint8Array(5000);

test("a lone frame leaves at once, large or small", async () => {
  for (const frame of [small(), large()]) {
    const { clock, queue, times } = rig();
    queue.push(frame, "data");
    await clock.advance(1);
    assert.deepEqual(times(), [0]);
  }
});

test("at most 16 small frames leave in 50 ms", async () => {
  const { clock, queue, times } = rig();
  for (let i = 0; i < 40; i++) queue.push(small(), "data");
  await clock.advance(200);
  assert.deepEqual(times(), [...Array(16).fill(0), ...Array(16).fill(50), ...Array(8).fill(100)]);
});

test("20 ms of silence surround a large frame, counted from when it has left", async () => {
  const { clock, queue, line, drain, times } = rig();
  queue.push(small(), "data");
  queue.push(large(), "data");
  queue.push(small(), "data");
  queue.push(large(), "data");
  await clock.advance(19);
  assert.deepEqual(times(), [0]);
  line.isOpen = false;
  await clock.advance(30);
  assert.deepEqual(times(), [0, 20]);
  line.isOpen = true;
  drain(); // at 49 ms the peer has read it
  await clock.advance(100);
  assert.deepEqual(times(), [0, 20, 69, 89]);
});

test("to a steady reader all goes at once, as far ahead as 256 KiB", async () => {
  const { clock, queue, line, drain, sent } = rig();
  queue.paced = false;
  line.isOpen = false;
  for (let i = 0; i < 100; i++) queue.push(large(), "data");
  assert.equal(sent.length, Math.ceil((256 * 1024) / 5000));
  line.isOpen = true;
  drain();
  await clock.advance(0);
  assert.equal(sent.length, 100);
});

test("over 128 frames or 1 MiB data is dropped, control never", () => {
  const byCount = rig();
  byCount.line.isOpen = false;
  byCount.queue.push(large(), "data"); // occupies the line
  for (let i = 0; i < 128; i++) assert.equal(byCount.queue.push(small(), "data"), true);
  assert.equal(byCount.queue.push(small(), "data"), false);
  assert.equal(byCount.queue.push(small(), "control"), true);
  const byBytes = rig();
  byBytes.line.isOpen = false;
  for (let i = 0; i < 4; i++) assert.equal(byBytes.queue.push(new Uint8Array(262_144), "data"), true);
  assert.equal(byBytes.queue.push(small(), "data"), false);
  assert.equal(byBytes.queue.bytes, 4 * 262_144);
});

test("a single frame above the bound still goes when nothing else waits", () => {
  const { queue, sent } = rig({ sendBytesMax: 100 });
  assert.equal(queue.push(large(), "data"), true);
  assert.equal(sent.length, 1);
});

test("a closed queue forgets and refuses", async () => {
  const { clock, queue, times } = rig();
  queue.push(small(), "data");
  queue.push(large(), "data");
  queue.close();
  assert.equal(queue.push(small(), "control"), false);
  await clock.advance(100);
  assert.deepEqual(times(), [0]);
  assert.equal(queue.frames, 0);
});
