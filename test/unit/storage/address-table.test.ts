import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { equalBytes, toHex } from "../../../src/base/bytes.ts";
import type { Address } from "../../../src/cipher/address.ts";
import { sha256 } from "../../../src/cipher/hash.ts";
import { AddressRecord } from "../../../src/storage/address-record.ts";
import { AddressTable } from "../../../src/storage/address-table.ts";
import type { Batch } from "../../../src/storage/database.ts";
import { KIND, unseal } from "../../../src/storage/layout.ts";

const NO_PAGES = { unspents: () => undefined, putUnspents: () => {}, putPlaces: () => {} };

const idOf = (n: number) => sha256(Buffer.from(String(n)));
/** Many share their first bytes, as those of somebody who wants them to meet would. */
const addressOf = (n: number) => Uint8Array.of(0, ...new Uint8Array(12), ...idOf(n).subarray(0, 8)) as Address;

/** What batches leave behind, every record with its checksum looked at. */
function stored() {
  const records = new Map<string, Uint8Array>();
  const batch = {
    put(key: Buffer, value: Buffer) {
      assert.equal(key[0], KIND.address);
      const content = unseal(key, value);
      assert.ok(content, "the checksum fits");
      records.set(toHex(key.subarray(1)), new Uint8Array(content));
    },
  } as unknown as Batch;
  return { records, batch, load: (address: Address) => records.get(toHex(address)) };
}

test("what is written and what is read is what the visits did, however little the table keeps", () => {
  const visit = fc.record({ address: fc.nat(60), outputs: fc.nat(6) });
  const batches = fc.array(fc.array(visit, { maxLength: 80 }), { maxLength: 12 });
  fc.assert(
    fc.property(batches, fc.constantFrom(1, 8_000, 60_000, 1 << 20), (all, max) => {
      const table = new AddressTable(max);
      const { records, batch, load } = stored();
      const model = new Map<string, { coins: bigint; visits: number }>();
      let n = 0;
      all.forEach((visits, seq) => {
        table.begin(load);
        for (const { address, outputs } of visits) {
          n++;
          const record = table.visit(addressOf(address));
          assert.ok(table.isFirstVisitBy(n));
          record.notePlace({ seq, offset: n }, NO_PAGES);
          for (let i = 0; i < outputs; i++) {
            assert.equal(table.visit(addressOf(address)), record);
            assert.ok(!table.isFirstVisitBy(n));
            record.add(idOf(100 * n + i), BigInt(n), seq, NO_PAGES);
          }
          const known = model.get(toHex(addressOf(address))) ?? { coins: 0n, visits: 0 };
          known.coins += BigInt(n * outputs);
          known.visits++;
          model.set(toHex(addressOf(address)), known);
        }
        table.write(batch);
        assert.deepEqual([...records.keys()].sort(), [...model.keys()].sort());
        for (const [address, { coins }] of model) {
          const bytes = records.get(address) as Uint8Array;
          assert.equal(AddressRecord.summary(bytes).coins, coins);
          const kept = table.read(Buffer.from(address, "hex") as unknown as Address);
          assert.ok(kept === undefined || equalBytes(kept, bytes), "what is kept is what is stored");
        }
      });
    }),
    { numRuns: 60 },
  );
});

test("only what a batch touched is written, and nothing is forgotten between batches that fit", () => {
  const table = new AddressTable(4 << 20);
  const { records, batch, load } = stored();
  let loads = 0;
  const counted = (address: Address) => {
    loads++;
    return load(address);
  };
  for (let round = 0; round < 3; round++) {
    table.begin(counted);
    for (let n = 0; n < 3000; n++) {
      table.visit(addressOf(n)).notePlace({ seq: round, offset: n }, NO_PAGES);
      table.isFirstVisitBy(round * 3000 + n + 1);
    }
    table.write(batch);
  }
  assert.equal(loads, 3000);
  const record = AddressRecord.decode(records.get(toHex(addressOf(7))) as Uint8Array);
  const place = record.placeAt(2, () => assert.fail("no pages"));
  assert.deepEqual([record.placeCount, place], [3, { seq: 2, offset: 7 }]);
  records.clear();
  table.begin(counted);
  table.visit(addressOf(5)).notePlace({ seq: 9, offset: 0 }, NO_PAGES);
  table.isFirstVisitBy(100_000);
  table.write(batch);
  assert.deepEqual([...records.keys()], [toHex(addressOf(5))]);
});

test("after a failure nothing is left of what was changed", () => {
  const table = new AddressTable(1 << 20);
  table.begin(() => undefined);
  table.visit(addressOf(1)).add(idOf(1), 5n, 1, NO_PAGES);
  table.isFirstVisitBy(1);
  table.clear();
  assert.equal(table.read(addressOf(1)), undefined);
  table.begin(() => undefined);
  assert.equal(table.visit(addressOf(1)).coins, 0n);
});
