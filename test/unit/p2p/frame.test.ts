import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, toHex } from "../../../src/base/bytes.ts";
import { FrameSplitter, OPEN_LIMITS } from "../../../src/p2p/frame.ts";
import { encode } from "../../../src/p2p/messages.ts";
import { rawFrame } from "../../support/p2p-wire.ts";

const three = [encode.empty("PING"), rawFrame("GIVB", new Uint8Array(700).fill(7)), encode.getBlocks(20, 20)];

function split(chunks: Iterable<Uint8Array>): string[] {
  const splitter = new FrameSplitter();
  const frames: string[] = [];
  for (const chunk of chunks) for (const frame of splitter.push(chunk)) frames.push(toHex(frame));
  assert.equal(splitter.heldBytes, 0);
  return frames;
}

test("a stream of three frames gives three frames, wherever it is cut", () => {
  const stream = concat(...three);
  const expected = three.map(toHex);
  for (let at = 0; at <= stream.length; at++) {
    assert.deepEqual(split([stream.slice(0, at), stream.slice(at)]), expected, `cut at ${at}`);
  }
  assert.deepEqual(split(Array.from(stream, (byte) => Uint8Array.of(byte))), expected);
});

test("frames come out as they went in, whatever the chunks", () => {
  const frame = fc
    .tuple(fc.constantFrom("PING", "GIVB", "GIVT", "INTR"), fc.uint8Array({ maxLength: 300 }))
    .map(([id, body]) => (id === "PING" ? encode.empty("PING") : rawFrame(id, body)));
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 400 })), (frames, sizes) => {
      const stream = concat(...frames);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of [...sizes, stream.length]) {
        chunks.push(stream.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(split(chunks), frames.map(toHex));
    }),
  );
});

for (const { why, bytes, code } of [
  { why: "a length of 3", bytes: [3, 0, 0, 0, 1], code: "P2P_FRAME_LENGTH" },
  { why: "a length of 0", bytes: [0, 0, 0, 0, 1], code: "P2P_FRAME_LENGTH" },
  { why: "a length above the maximum", bytes: [1, 0, 16, 0, 1], code: "P2P_FRAME_LENGTH" },
  { why: "a length that is negative as an int", bytes: [255, 255, 255, 128, 1], code: "P2P_FRAME_LENGTH" },
  { why: "an unknown id", bytes: [4, 0, 0, 0, 65, 66, 67, 68], code: "P2P_UNKNOWN_ID" },
  { why: "a GETB of 21 bytes", bytes: [21, 0, 0, 0, 71, 69, 84, 66], code: "P2P_FRAME_LENGTH" },
  { why: "a PING with a body", bytes: [5, 0, 0, 0, 80, 73, 78, 71], code: "P2P_FRAME_LENGTH" },
]) {
  test(`${why} is refused as soon as it can be known, in one piece or byte by byte`, () => {
    assert.throws(() => [...new FrameSplitter().push(Uint8Array.from(bytes))], { code });
    const splitter = new FrameSplitter();
    for (const byte of bytes.slice(0, -1)) assert.deepEqual([...splitter.push(Uint8Array.of(byte))], []);
    assert.throws(() => [...splitter.push(Uint8Array.of(bytes.at(-1) as number))], { code });
  });
}

test("four bytes alone are not judged, as the reference needs more", () => {
  assert.deepEqual([...new FrameSplitter().push(new Uint8Array(4))], []);
});

test("frames before a broken one are given", () => {
  const splitter = new FrameSplitter();
  const seen: number[] = [];
  assert.throws(
    () => {
      for (const frame of splitter.push(concat(encode.empty("PING"), new Uint8Array(8)))) seen.push(frame.length);
    },
    { code: "P2P_FRAME_LENGTH" },
  );
  assert.deepEqual(seen, [8]);
});

test("a type that is not allowed at present is refused before its body is kept", () => {
  const allowed: typeof OPEN_LIMITS.allowed = (id) => (id === "GIVB" ? undefined : OPEN_LIMITS.allowed(id));
  const splitter = new FrameSplitter({ ...OPEN_LIMITS, allowed });
  const [head] = [rawFrame("GIVB", new Uint8Array(1000)).slice(0, 8)];
  assert.throws(() => [...splitter.push(head as Uint8Array)], { code: "P2P_FRAME_NOT_ALLOWED" });
});

test("what is claimed costs no memory before it comes", () => {
  const splitter = new FrameSplitter();
  const frame = rawFrame("GIVB", new Uint8Array(1_000_000));
  for (const size of [8, 100]) [...splitter.push(frame.slice(0, size))];
  assert.equal(splitter.heldBytes, 108);
  assert.equal(splitter.wantedBytes, 1_000_008);
});
