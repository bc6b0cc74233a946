import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import type { Transaction } from "../../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../../src/chain/uxout.ts";
import type { Address } from "../../../src/cipher/address.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import type { Signature } from "../../../src/cipher/sign.ts";
import { endpointText } from "../../../src/p2p/address.ts";
import { decodeMessage, encode, fitting, LENGTH_MAX, type Message } from "../../../src/p2p/messages.ts";
import { conformanceLines, conformanceMissing } from "../../support/conformance.ts";
import { encodeMessage, rawFrame } from "../../support/p2p-wire.ts";
import { vectors } from "../../support/vectors.ts";

interface WireVector {
  readonly id: string;
  readonly why: string;
  readonly hex: string;
  readonly fields: Record<string, unknown>;
}

const { frames } = vectors<{ frames: WireVector[] }>("wire.json");

function fieldsOf(message: Message): Record<string, unknown> {
  switch (message.id) {
    case "INTR": {
      const { extra, ...rest } = message.introduction;
      return { ...rest, extraBytes: extra.length };
    }
    case "GIVP":
      return { peers: message.peers.map(endpointText) };
    case "GETB":
      return { last: message.last, count: message.count };
    case "ANNB":
      return { head: message.head };
    case "ANNT":
    case "GETT":
      return { count: message.txids.length };
    case "GIVT":
      return { count: message.transactions.length };
    case "GIVB":
      return { seqs: message.blocks.map((block) => block.header.seq) };
    case "DISC":
      return { reason: message.reason };
    default:
      return {};
  }
}

for (const { id, why, hex, fields } of frames) {
  test(`${id} (${why}) decodes to its fields and encodes to the same bytes`, () => {
    const message = decodeMessage(fromHex(hex));
    assert.equal(message.id, id);
    assert.deepEqual(fieldsOf(message), fields);
    assert.equal(toHex(encodeMessage(message)), hex);
  });

  test(`${id} (${why}) is refused when cut anywhere or longer by a byte`, () => {
    const body = fromHex(hex).subarray(8);
    // An introduction may end before its Extra: that is one cut which leaves a whole message.
    for (let size = 0; size < body.length; size++) {
      if (id === "INTR" && size === 10) continue;
      assert.throws(
        () => decodeMessage(rawFrame(id, body.slice(0, size))),
        { code: "P2P_MALFORMED" },
        `cut at ${size}`,
      );
    }
    const isExtraBegun = id === "INTR" && body.length === 10;
    const code = isExtraBegun ? "P2P_MALFORMED" : "P2P_TRAILING_BYTES";
    assert.throws(() => decodeMessage(rawFrame(id, concat(body, Uint8Array.of(0)))), { code });
  });
}

test("recorded traffic decodes and encodes to the same bytes", { skip: conformanceMissing }, () => {
  const lines = conformanceLines<{ id: string; hex: string }>("wire/messages.jsonl");
  assert.ok(lines.length > 100);
  for (const { id, hex } of lines) {
    const message = decodeMessage(fromHex(hex));
    assert.equal(message.id, id);
    assert.equal(toHex(encodeMessage(message)), hex);
  }
});

test("an unknown id, the obsolete RJCT too, is told apart from a malformed body", () => {
  for (const id of ["ABCD", "RJCT", "intr", "\0\0\0\0"]) {
    assert.throws(() => decodeMessage(rawFrame(id, new Uint8Array(0))), { code: "P2P_UNKNOWN_ID" });
  }
});

const u32 = (n: number) => Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24);

for (const { id, max, elementBytes } of [
  { id: "GIVP", max: 512, elementBytes: 6 },
  { id: "GETT", max: 256, elementBytes: 32 },
  { id: "ANNT", max: 256, elementBytes: 32 },
  { id: "GIVT", max: 256, elementBytes: 49 },
  { id: "GIVB", max: 128, elementBytes: 193 },
]) {
  test(`${id} takes no more than ${max} elements, whatever it has bytes for`, () => {
    const over = concat(u32(max + 1), new Uint8Array((max + 1) * elementBytes));
    assert.throws(() => decodeMessage(rawFrame(id, over)), { code: "P2P_MALFORMED", message: /Maximum length/ });
    const claims = concat(u32(max), new Uint8Array(elementBytes * max - 1));
    assert.throws(() => decodeMessage(rawFrame(id, claims)), { code: "P2P_MALFORMED", message: /Not enough/ });
  });
}

test("DISC may carry reserved bytes, which say nothing", () => {
  const message = decodeMessage(rawFrame("DISC", Uint8Array.of(4, 0, 3, 0, 0, 0, 1, 2, 3)));
  assert.deepEqual(message, { id: "DISC", reason: 4 });
});

test("heights above 2^53-1 are read as 2^53-1", () => {
  const message = decodeMessage(rawFrame("GETB", new Uint8Array(16).fill(0xff)));
  assert.deepEqual(message, { id: "GETB", last: Number.MAX_SAFE_INTEGER, count: Number.MAX_SAFE_INTEGER });
});

test("peers that IPv4 cannot express are left out of GIVP", () => {
  const frame = encode.peers([
    { ip: "::1", port: 6000 },
    { ip: "139.162.121.185", port: 6000 },
  ]);
  const message = decodeMessage(frame);
  assert.deepEqual(message, { id: "GIVP", peers: [{ ip: "139.162.121.185", port: 6000 }] });
});

test("what fits is counted over the whole frame, in order, up to both maxima", () => {
  assert.equal(fitting([10, 10, 10], 128, 12 + 30), 3);
  assert.equal(fitting([10, 10, 10], 128, 12 + 29), 2);
  assert.equal(fitting([10, 10, 10], 2, 1000), 2);
  assert.equal(fitting([500, 1], 10, 100), 0); // never out of order
});

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const hash = bytes(32) as fc.Arbitrary<Hash>;
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const height = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const transaction: fc.Arbitrary<Transaction> = fc.record({
  length: fc.nat({ max: 0xffff_ffff }),
  type: fc.nat({ max: 255 }),
  innerHash: hash,
  sigs: fc.array(bytes(65) as fc.Arbitrary<Signature>, { maxLength: 3 }),
  inputs: fc.array(hash, { maxLength: 3 }),
  outputs: fc.array(
    fc.record({
      address: bytes(21) as fc.Arbitrary<Address>,
      coins: u64 as fc.Arbitrary<Droplets>,
      hours: u64 as fc.Arbitrary<Hours>,
    }),
    { maxLength: 3 },
  ),
});
const block = fc.record({
  header: fc.record({
    version: fc.nat({ max: 0xffff_ffff }),
    time: height,
    seq: height,
    fee: u64 as fc.Arbitrary<Hours>,
    prevHash: hash,
    bodyHash: hash,
    uxHash: hash,
  }),
  transactions: fc.array(transaction, { maxLength: 3 }),
  sig: bytes(65) as fc.Arbitrary<Signature>,
});
const peer = fc.record({ ip: fc.ipV4(), port: fc.nat({ max: 65535 }) });
const introduction = fc.record({
  mirror: fc.nat({ max: 0xffff_ffff }),
  listenPort: fc.nat({ max: 65535 }),
  protocolVersion: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  extra: fc.uint8Array({ maxLength: 200 }),
});
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  introduction.map((value) => ({ id: "INTR" as const, introduction: value })),
  fc.constantFrom<Message>({ id: "GETP" }, { id: "PING" }, { id: "PONG" }),
  fc.array(peer, { maxLength: 20 }).map((peers) => ({ id: "GIVP" as const, peers })),
  fc.record({ id: fc.constant("GETB" as const), last: height, count: height }),
  fc.record({ id: fc.constant("ANNB" as const), head: height }),
  fc.record({ id: fc.constantFrom("GETT" as const, "ANNT" as const), txids: fc.array(hash, { maxLength: 20 }) }),
  fc.record({ id: fc.constant("GIVT" as const), transactions: fc.array(transaction, { maxLength: 4 }) }),
  fc.record({ id: fc.constant("GIVB" as const), blocks: fc.array(block, { maxLength: 4 }) }),
  fc.record({ id: fc.constant("DISC" as const), reason: fc.nat({ max: 65535 }) }),
);

test("every message survives the wire", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const frame = encodeMessage(message);
      assert.equal(new DataView(frame.buffer).getUint32(0, true), frame.length - 4);
      const decoded = decodeMessage(frame);
      assert.deepEqual(plain(decoded), plain(message));
      assert.deepEqual(encodeMessage(decoded), frame);
    }),
  );
});

test("any bytes either decode to something that encodes to them, or are refused by name", () => {
  const ids = Object.keys(LENGTH_MAX);
  fc.assert(
    fc.property(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 600 }), (id, body) => {
      const frame = rawFrame(id, body);
      let message: Message;
      try {
        message = decodeMessage(frame);
      } catch (error) {
        assert.match((error as { code: string }).code, /^P2P_(MALFORMED|TRAILING_BYTES)$/);
        return;
      }
      // Reserved bytes of DISC, an empty Extra with its count, and numbers kept as 2^53-1 have another form.
      if (id !== "DISC" && id !== "INTR" && id !== "GETB" && id !== "ANNB")
        assert.deepEqual(encodeMessage(message), frame);
    }),
    { numRuns: 2000 },
  );
});

/** Bytes as hex: decoded values share memory with their frame and so differ in offset. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item) => {
      if (item instanceof Uint8Array) return toHex(item);
      return typeof item === "bigint" ? `${item}n` : item;
    }),
  );
}
