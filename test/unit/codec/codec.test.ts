import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { I64_MAX, U64_MAX } from "../../../src/base/uint64.ts";
import { Reader } from "../../../src/codec/reader.ts";
import { Writer } from "../../../src/codec/writer.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";

const UNDERFLOW = { code: "CODEC_UNDERFLOW", message: "Not enough buffer data to deserialize" };

type Field =
  | { readonly kind: "u8" | "u16" | "u32" | "i32"; readonly value: number }
  | { readonly kind: "u64" | "i64"; readonly value: bigint }
  | { readonly kind: "size"; readonly value: number }
  | { readonly kind: "bytes"; readonly value: Uint8Array };

const SIZES = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8, i64: 8, size: 8 };

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant("i32" as const), value: fc.integer() }),
  fc.record({ kind: fc.constant("u64" as const), value: fc.bigInt({ min: 0n, max: U64_MAX }) }),
  fc.record({ kind: fc.constant("i64" as const), value: fc.bigInt({ min: -I64_MAX - 1n, max: I64_MAX }) }),
  fc.record({ kind: fc.constant("size" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 40 }) }),
);

function sizeOf(f: Field): number {
  return f.kind === "bytes" ? f.value.length : SIZES[f.kind];
}

function encode(fields: readonly Field[]): Uint8Array {
  const w = new Writer(fields.reduce((n, f) => n + sizeOf(f), 0));
  for (const f of fields) {
    if (f.kind === "i32") w.u32(f.value >>> 0);
    else (w[f.kind] as (value: unknown) => Writer).call(w, f.value);
  }
  return w.finish();
}

function decode(bytes: Uint8Array, fields: readonly Field[]): unknown[] {
  const r = new Reader(bytes);
  const values = fields.map((f) => (f.kind === "bytes" ? r.bytes(f.value.length) : r[f.kind]()));
  r.end();
  return values;
}

test("whatever is written is read back, from any place in memory", () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), fc.nat(7), (fields, shift) => {
      const bytes = encode(fields);
      const elsewhere = new Uint8Array(bytes.length + shift);
      elsewhere.set(bytes, shift);
      assert.deepEqual(
        decode(elsewhere.subarray(shift), fields),
        fields.map((f) => f.value),
      );
    }),
  );
});

test("cut at any byte, reading underflows; with a byte more, it does not end", () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), (fields) => {
      const bytes = encode(fields);
      for (let cut = 0; cut < bytes.length; cut++)
        assert.throws(() => decode(bytes.subarray(0, cut), fields), UNDERFLOW);
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      assert.throws(() => decode(longer, fields), {
        code: "CODEC_TRAILING",
        message: "Bytes remain in buffer after deserializing object",
      });
    }),
  );
});

test("integers are little endian", () => {
  const w = new Writer(1 + 2 + 4 + 8 + 8)
    .u8(1)
    .u16(0x0203)
    .u32(0x04050607)
    .u64(0x08090a0b0c0d0e0fn)
    .size(0x1f_0000_0001);
  assert.equal(toHex(w.finish()), "010302070605040f0e0d0c0b0a0908010000001f000000");
});

test("bool takes 0 and 1 and nothing else", () => {
  assert.equal(new Reader(Uint8Array.of(0)).bool(), false);
  assert.equal(new Reader(Uint8Array.of(1)).bool(), true);
  for (const value of [2, 0x80, 0xff]) {
    assert.throws(() => new Reader(Uint8Array.of(value)).bool(), {
      code: "CODEC_BOOL",
      message: "Invalid value for bool type",
    });
  }
});

test("a size above 2^53-1 is refused, not rounded", () => {
  const ok = new Writer(8).u64(BigInt(Number.MAX_SAFE_INTEGER)).finish();
  assert.equal(new Reader(ok).size(), Number.MAX_SAFE_INTEGER);
  for (const value of [BigInt(Number.MAX_SAFE_INTEGER) + 1n, U64_MAX]) {
    assert.throws(() => new Reader(new Writer(8).u64(value).finish()).size(), { code: "CODEC_RANGE" });
  }
});

// chain.md 2: the count is held against the bytes left before it is held against the maximum.
for (const { why, count, left, max, code } of [
  { why: "a count with fewer bytes behind it", count: 5, left: 4, max: 65535, code: "CODEC_UNDERFLOW" },
  { why: "a count bomb in a short buffer", count: 0xffff_ffff, left: 100, max: 65535, code: "CODEC_UNDERFLOW" },
  { why: "65536 in a short buffer", count: 65536, left: 65535, max: 65535, code: "CODEC_UNDERFLOW" },
  { why: "65536 in a long buffer", count: 65536, left: 65536, max: 65535, code: "CODEC_MAXLEN" },
]) {
  test(`refuses ${why}`, () => {
    const bytes = new Writer(4 + left).u32(count).bytes(new Uint8Array(left)).finish();
    assert.throws(() => new Reader(bytes).count(max), { code });
  });
}

test("a count may be as large as the bytes left and the maximum", () => {
  const bytes = new Writer(4 + 65535).u32(65535).bytes(new Uint8Array(65535)).finish();
  assert.equal(new Reader(bytes).count(65535), 65535);
  assert.throws(() => new Reader(Uint8Array.of(1, 0, 0)).count(10), UNDERFLOW);
});

test("bytes and since share memory with the input", () => {
  const input = Uint8Array.of(1, 2, 3, 4);
  const r = new Reader(input);
  r.u8();
  const slice = r.bytes(2);
  assert.deepEqual(r.since(1), slice);
  assert.equal(r.offset, 3);
  assert.equal(r.remaining, 1);
  input[1] = 9;
  assert.equal(slice[0], 9);
});

test("a writer refuses to finish early and to go past its end", () => {
  assert.throws(() => new Writer(2).u8(1).finish(), RangeError);
  assert.throws(() => new Writer(1).u16(1), RangeError);
  assert.throws(() => new Writer(1).bytes(new Uint8Array(2)), RangeError);
  assert.equal(new Writer(3).u8(1).offset, 1);
});

interface Primitive {
  readonly type: string;
  readonly hex: string;
  readonly value: unknown;
}

test("the recorded primitive encodings decode to the recorded values", { skip: conformanceMissing }, () => {
  const readers: Record<string, (r: Reader) => unknown> = {
    uint8: (r) => String(r.u8()),
    uint16: (r) => String(r.u16()),
    uint32: (r) => String(r.u32()),
    int32: (r) => String(r.i32()),
    uint64: (r) => String(r.u64()),
    int64: (r) => String(r.i64()),
    bool: (r) => r.bool(),
    string: (r) => new TextDecoder().decode(r.bytes(r.count(65535))),
    bytes: (r) => toHex(r.bytes(r.count(65535))),
    "[]uint64": (r) => Array.from({ length: r.count(65535) }, () => String(r.u64())),
  };
  let seen = 0;
  for (const { type, hex, value } of conformanceJson<{ primitives: Primitive[] }>("cipher/vectors/encoder.json")
    .primitives) {
    const read = readers[type];
    if (read === undefined) continue; // types no message uses
    const r = new Reader(fromHex(hex));
    assert.deepEqual(read(r), value, type);
    r.end();
    seen++;
  }
  assert.ok(seen >= 12);
});
