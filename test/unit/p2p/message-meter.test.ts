import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, toHex } from "../../../src/base/bytes.ts";
import { MessageMeter } from "../../../src/p2p/message-meter.ts";

const LIMITS = { fragmentsMax: 3, bytesMax: 70_000, controlPerSecond: 2 };

interface Part {
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly bytes: Uint8Array;
  readonly mask?: boolean;
}

/** RFC 6455 5.2. */
function part({ opcode = 2, fin = true, bytes, mask = true }: Part): Uint8Array {
  const { length } = bytes;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const head = new Uint8Array(size);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = (mask ? 0x80 : 0) | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) new DataView(head.buffer).setUint16(2, length);
  if (size === 10) new DataView(head.buffer).setBigUint64(2, BigInt(length));
  const key = mask ? Uint8Array.of(1, 2, 3, 4) : new Uint8Array(0);
  return concat(head, key, mask ? bytes.map((byte, i) => byte ^ (key[i % 4] as number)) : bytes);
}

function meter() {
  const heads: string[] = [];
  const ends: string[] = [];
  const clock = { ms: 0 };
  const made = new MessageMeter(
    LIMITS,
    { partial: (head) => heads.push(toHex(head)), tooBig: () => ends.push("too big"), flood: () => ends.push("flood") },
    () => clock.ms,
  );
  return { made, heads, ends, clock };
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i);

test("however it is cut, the head is known when eight bytes are in, and whole messages leave nothing", () => {
  for (const mask of [true, false]) {
    for (const step of [1, 2, 3, 7, 100, 1_000]) {
      const { made, heads, ends } = meter();
      const stream = concat(
        part({ bytes: bytes(300), mask }),
        part({ bytes: bytes(2), fin: false, mask }),
        part({ opcode: 9, bytes: bytes(5), mask }),
        part({ opcode: 0, bytes: new Uint8Array(0), fin: false, mask }),
        part({ opcode: 0, bytes: bytes(60_000), mask }),
        part({ bytes: new Uint8Array(0), mask }),
      );
      for (let at = 0; at < stream.length; at += step) made.push(stream.subarray(at, at + step));
      assert.equal(made.heldBytes, 0);
      assert.deepEqual(ends, []);
      if (step < 300)
        assert.equal(
          heads.find((head) => head.length === 16),
          "0001020304050607",
        );
      assert.equal(heads.at(-1), "0001000102030405", "fragments are one message");
    }
  }
});

test("what has come of a message is counted, not what is announced", () => {
  const { made } = meter();
  made.push(part({ bytes: bytes(60_000) }).subarray(0, 1_008));
  assert.equal(made.heldBytes, 1_000);
});

test("too long is known from the announced length, of all fragments together", () => {
  const one = meter();
  one.made.push(part({ bytes: bytes(70_001) }).subarray(0, 14));
  assert.deepEqual(one.ends, ["too big"]);
  const two = meter();
  two.made.push(part({ bytes: bytes(70_000), fin: false }));
  assert.deepEqual(two.ends, []);
  two.made.push(part({ opcode: 0, bytes: bytes(1) }));
  assert.deepEqual(two.ends, ["too big"]);
  const absurd = meter();
  absurd.made.push(Uint8Array.of(0x82, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255));
  assert.deepEqual(absurd.ends, ["too big"]);
});

test("fragments beyond the maximum, and control frames beyond theirs in a second", () => {
  const { made, ends } = meter();
  for (let i = 0; i < 3; i++) made.push(part({ opcode: i === 0 ? 2 : 0, bytes: bytes(1), fin: false }));
  assert.deepEqual(ends, []);
  made.push(part({ opcode: 0, bytes: bytes(1) }));
  assert.deepEqual(ends, ["too big"]);
  const pings = meter();
  for (const ms of [0, 10, 1_000, 1_010]) {
    pings.clock.ms = ms;
    pings.made.push(part({ opcode: 9, bytes: new Uint8Array(0) }));
  }
  assert.deepEqual(pings.ends, []);
  pings.made.push(part({ opcode: 10, bytes: new Uint8Array(0) }));
  assert.deepEqual(pings.ends, ["flood"]);
});
