import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/storage/crc32c.ts";

// RFC 3720 (iSCSI), section B.4, and the check value every catalogue of CRCs gives.
for (const { what, bytes, crc } of [
  { what: "the digits 1 to 9", bytes: new TextEncoder().encode("123456789"), crc: 0xe3069283 },
  { what: "32 zeros", bytes: new Uint8Array(32), crc: 0x8a9136aa },
  { what: "32 times ff", bytes: new Uint8Array(32).fill(0xff), crc: 0x62a8ab43 },
  { what: "0 to 31", bytes: Uint8Array.from({ length: 32 }, (_, i) => i), crc: 0x46dd794e },
  { what: "nothing", bytes: new Uint8Array(0), crc: 0 },
]) {
  test(`CRC-32C of ${what}`, () => assert.equal(crc32c(bytes), crc));
}

test("parts give the same sum as the whole, wherever it is cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
      const cut = Math.min(at, bytes.length);
      assert.equal(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut)), crc32c(bytes));
    }),
  );
});
