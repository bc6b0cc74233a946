import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../../src/base/bytes.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import { AddressRecord, PLACES_PER_PAGE, TAIL_UNSPENTS_MAX } from "../../../src/storage/address-record.ts";

/** Pages in maps, and how many there ever were. */
function memoryPages() {
  const unspents = new Map<number, Uint8Array>();
  const places: Uint8Array[] = [];
  return {
    places,
    stored: unspents,
    unspents: (seq: number) => unspents.get(seq),
    putUnspents(seq: number, ids: Uint8Array | undefined) {
      if (ids === undefined) unspents.delete(seq);
      else unspents.set(seq, ids);
    },
    putPlaces(page: number, bytes: Uint8Array) {
      assert.equal(page, places.length, "pages are numbered without gaps and never rewritten");
      places.push(bytes);
    },
  };
}

function id(n: number): Hash {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, Math.imul(n + 1, 0x9e3779b1));
  new DataView(bytes.buffer).setUint32(28, n);
  return bytes as Hash;
}

function recode(record: AddressRecord): AddressRecord {
  return AddressRecord.decode(Buffer.concat([Buffer.alloc(5, 0xee), record.bytes()]).subarray(5));
}

test("holds what was added and not removed, in order, whatever is stored and read in between", () => {
  const step = fc.record({ add: fc.nat(70), remove: fc.array(fc.nat(1000), { maxLength: 60 }), recode: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let record = new AddressRecord();
      const pages = memoryPages();
      const model: { n: number; seq: number }[] = [];
      let next = 0;
      steps.forEach(({ add, remove, recode: stored }, seq) => {
        for (const at of remove) {
          const [gone] = model.splice(model.length === 0 ? 0 : at % model.length, 1);
          if (gone !== undefined) assert.ok(record.remove(id(gone.n), BigInt(gone.n), gone.seq, pages));
        }
        for (let i = 0; i < add; i++, next++) {
          record.add(id(next), BigInt(next), seq, pages);
          model.push({ n: next, seq });
        }
        if (stored) record = recode(record);
        assert.equal(record.unspents, model.length);
        assert.equal(
          record.coins,
          model.reduce((sum, { n }) => sum + BigInt(n), 0n),
        );
        const ids = record.unspentIds((firstSeq) => pages.unspents(firstSeq) as Uint8Array);
        assert.deepEqual(
          ids.map(toHex),
          model.map(({ n }) => toHex(id(n))),
        );
        assert.equal(pages.stored.size, record.pages.length);
      });
    }),
    { numRuns: 150 },
  );
});

test("an output that is not listed is not removed", () => {
  const record = new AddressRecord();
  const pages = memoryPages();
  assert.equal(record.remove(id(1), 5n, 3, pages), false);
  for (let n = 0; n < 3 * TAIL_UNSPENTS_MAX; n++) record.add(id(n), 1n, n, pages);
  assert.ok(record.pages.length >= 2);
  assert.equal(record.remove(id(999), 1n, 2, pages), false);
  assert.equal(record.remove(id(999), 1n, 3 * TAIL_UNSPENTS_MAX, pages), false);
  assert.equal(record.unspents, 3 * TAIL_UNSPENTS_MAX);
});

test("the outputs of one block stay together, however many they are", () => {
  const record = new AddressRecord();
  const pages = memoryPages();
  for (let n = 0; n < 500; n++) record.add(id(n), 1n, 7, pages);
  assert.equal(record.pages.length, 0);
  record.add(id(500), 1n, 8, pages);
  assert.deepEqual(record.pages, [7]);
  assert.ok(record.remove(id(250), 1n, 7, pages));
  assert.equal(record.unspents, 500);
});

test("history is kept in order, over many pages", () => {
  let record = new AddressRecord();
  const pages = memoryPages();
  const noted = Array.from({ length: 100 }, (_, n) => ({ seq: 5 * n + 2 ** 33, offset: 1000 + n }));
  noted.forEach((place, n) => {
    record.notePlace(place, pages);
    if (n % 7 === 0) record = recode(record);
  });
  const page = (number: number) => pages.places[number] as Uint8Array;
  assert.equal(record.placeCount, noted.length);
  assert.deepEqual(
    noted.map((_, i) => record.placeAt(i, page)),
    noted,
  );
  assert.equal(pages.places.length, Math.floor(noted.length / PLACES_PER_PAGE));
});

test("outputs and history do not get into each other's way, whichever grows", () => {
  const record = new AddressRecord();
  const pages = memoryPages();
  const noted: number[] = [];
  for (let n = 0; n < 5 * TAIL_UNSPENTS_MAX; n++) {
    record.add(id(n), 1n, n, pages);
    if (n % 2 === 0) {
      record.notePlace({ seq: n, offset: n }, pages);
      noted.push(n);
    }
    if (n % 3 === 0) assert.ok(record.remove(id(n), 1n, n, pages));
  }
  const ids = record.unspentIds((firstSeq) => pages.unspents(firstSeq) as Uint8Array);
  const kept = Array.from({ length: 5 * TAIL_UNSPENTS_MAX }, (_, n) => n).filter((n) => n % 3 !== 0);
  assert.deepEqual(
    ids.map(toHex),
    kept.map((n) => toHex(id(n))),
  );
  const page = (number: number) => pages.places[number] as Uint8Array;
  assert.deepEqual(
    noted.map((_, i) => record.placeAt(i, page).offset),
    noted,
  );
});

test("a record cut short does not decode", () => {
  const record = new AddressRecord();
  record.add(id(1), 1n, 1, memoryPages());
  const bytes = Buffer.from(record.bytes());
  for (let size = 0; size < bytes.length; size += 3) {
    assert.throws(() => AddressRecord.decode(bytes.subarray(0, size)), { code: "CODEC_UNDERFLOW" });
  }
  assert.throws(() => AddressRecord.decode(Buffer.concat([bytes, Buffer.of(0)])), { code: "CODEC_TRAILING" });
});
