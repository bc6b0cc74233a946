import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../../src/p2p/limits.ts";
import { type Holdings, NOTHING_HELD, Pools } from "../../../src/p2p/pools.ts";

function held(changes: Partial<Holdings>): Holdings {
  return { ...NOTHING_HELD, ...changes };
}

test("what is held is the sum over all connections, and nothing when they are gone", () => {
  const pools = new Pools(LIMITS, () => {});
  const [one, two] = [held({ frames: 2, inputBytes: 10 }), held({ frames: 3, outputBytes: 7 })];
  pools.change(NOTHING_HELD, one);
  pools.change(NOTHING_HELD, two);
  assert.deepEqual(pools.held, { frames: 5, inputBytes: 10, outputBytes: 7 });
  pools.change(one, NOTHING_HELD);
  pools.change(two, NOTHING_HELD);
  assert.deepEqual(pools.held, NOTHING_HELD);
});

test("an overfull pool is told as it happens, and not while it shrinks", () => {
  const told: string[] = [];
  const pools = new Pools({ ...LIMITS, inputBytesMax: 100, outputBytesMax: 50 }, (pool) => told.push(pool));
  pools.change(NOTHING_HELD, held({ inputBytes: 100, outputBytes: 50 }));
  assert.deepEqual(told, []);
  pools.change(held({ inputBytes: 100 }), held({ inputBytes: 101 }));
  pools.change(held({ outputBytes: 50 }), held({ outputBytes: 60 }));
  assert.deepEqual(told, ["inputBytes", "outputBytes"]);
  assert.equal(pools.isOver("inputBytes"), true);
  pools.change(held({ outputBytes: 60 }), held({ outputBytes: 55 }));
  assert.equal(told.length, 2);
});

test("strangers are not read when four fifths are in use", () => {
  const pools = new Pools({ ...LIMITS, inputBytesMax: 100 }, () => {});
  pools.change(NOTHING_HELD, held({ inputBytes: 80 }));
  assert.equal(pools.isTight, false);
  pools.change(held({ inputBytes: 80 }), held({ inputBytes: 81 }));
  assert.equal(pools.isTight, true);
});

test("whoever takes frames while its share allows it, the bound holds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(299), { maxLength: 4000 }), (members, turns) => {
      const pools = new Pools(LIMITS, () => {});
      const frames = new Array<number>(members).fill(0);
      for (let i = 0; i < members; i++) pools.join();
      for (const turn of turns) {
        const who = turn % members;
        const before = frames[who] as number;
        const after = Math.max(before, pools.framesPerConnection);
        frames[who] = after;
        pools.change(held({ frames: before }), held({ frames: after }));
      }
      assert.ok(pools.held.frames <= LIMITS.framesWaitingMax + LIMITS.inboxFramesMax, `${pools.held.frames}`);
    }),
  );
});
