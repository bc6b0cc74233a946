import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, concat, equalBytes, fromHex, isZero, toHex } from "../../../src/base/bytes.ts";

const bytes = () => fc.uint8Array({ maxLength: 80 });

test("hex and back is the identity, in either case", () => {
  fc.assert(
    fc.property(bytes(), (b) => {
      const text = toHex(b);
      assert.equal(text, Buffer.from(b).toString("hex"));
      assert.deepEqual(fromHex(text), b);
      assert.deepEqual(fromHex(text.toUpperCase()), b);
    }),
  );
});

test("hex of much is that of its parts", () => {
  const much = Uint8Array.from({ length: 5_001 }, (_, i) => (i * 7) & 255);
  assert.equal(toHex(much), Buffer.from(much).toString("hex"));
});

// The texts of Go's encoding/hex, which the API passes through.
for (const { text, message } of [
  { text: "0", message: "encoding/hex: odd length hex string" },
  { text: "abc", message: "encoding/hex: odd length hex string" },
  { text: "zz", message: "encoding/hex: invalid byte: U+007A 'z'" },
  { text: "0g", message: "encoding/hex: invalid byte: U+0067 'g'" },
  { text: "00x", message: "encoding/hex: invalid byte: U+0078 'x'" }, // before the odd length
  { text: "  ", message: "encoding/hex: invalid byte: U+0020 ' '" },
  { text: "\n0", message: "encoding/hex: invalid byte: U+000A" },
  { text: "é0", message: "encoding/hex: invalid byte: U+00C3 'Ã'" }, // first byte of its UTF-8 form
]) {
  test(`hex ${JSON.stringify(text)} is refused with Go's text`, () => {
    assert.throws(() => fromHex(text), { code: "HEX_INVALID", message });
  });
}

test("concat is the parts one after the other, in new memory", () => {
  fc.assert(
    fc.property(fc.array(bytes(), { maxLength: 5 }), (parts) => {
      const whole = concat(...parts);
      assert.deepEqual(whole, new Uint8Array(Buffer.concat(parts)));
    }),
  );
  const part = Uint8Array.of(1);
  const whole = concat(part);
  whole[0] = 2;
  assert.equal(part[0], 1);
});

test("compareBytes orders as Go's bytes.Compare, and agrees with equalBytes", () => {
  fc.assert(
    fc.property(bytes(), bytes(), (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
      assert.ok(equalBytes(a, a.slice()));
    }),
  );
});

test("isZero holds for nothing but zeros", () => {
  assert.ok(isZero(new Uint8Array(0)));
  assert.ok(isZero(new Uint8Array(65)));
  for (let i = 0; i < 65; i++) {
    const b = new Uint8Array(65);
    b[i] = 1;
    assert.ok(!isZero(b), `byte ${i}`);
  }
});
