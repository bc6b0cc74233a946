import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { I64_MAX, U64_MAX } from "../../../src/base/uint64.ts";
import { remainingHours } from "../../../src/chain/fee.ts";
import type { Hours } from "../../../src/chain/uxout.ts";
import { distributeProportional, distributeSpendHours } from "../../../src/wallet/distribute-hours.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";
import { sumOf } from "../../support/spending.ts";

for (const { coins, hours, shares } of [
  { coins: [1n, 1n, 1n], hours: 10n, shares: [4n, 3n, 3n] },
  { coins: [1n, 2n, 3n], hours: 10n, shares: [2n, 3n, 5n] },
  { coins: [1n, 1000n, 1n], hours: 3n, shares: [1n, 2n, 0n] },
  { coins: [5n, 1n, 1n], hours: 5n, shares: [3n, 1n, 1n] },
]) {
  test(`${hours} hours over ${coins.join(", ")} coins are ${shares.join(", ")}`, () => {
    assert.deepEqual(distributeProportional(coins, hours), shares);
  });
}

for (const { why, coins, hours, message } of [
  { why: "no coins", coins: [], hours: 1n, message: /must not be empty/ },
  { why: "a zero among the coins", coins: [1n, 0n], hours: 1n, message: /has a zero value/ },
  { why: "coins above u64 in all", coins: [U64_MAX, 1n], hours: 1n, message: /uint64 overflows int64/ },
  { why: "a sum above u64", coins: [I64_MAX, I64_MAX, 2n], hours: 1n, message: /uint64 addition overflow/ },
  { why: "a sum above i64", coins: [I64_MAX, 1n], hours: 1n, message: /uint64 overflows int64/ },
  { why: "hours above i64", coins: [1n], hours: I64_MAX + 1n, message: /uint64 overflows int64/ },
]) {
  test(`refuses ${why}`, () => {
    assert.throws(() => distributeProportional(coins, hours), { code: "SPEND_ARITHMETIC", message });
  });
}

test("all hours are given, none twice, whatever the coins", () => {
  const coins = fc.array(fc.bigInt(1n, 1n << 40n), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(coins, fc.bigInt(0n, 1n << 50n), (list, hours) => {
      assert.equal(
        sumOf(distributeProportional(list, hours), (h) => h),
        hours,
      );
    }),
  );
});

test("a spend's hours are exactly what the fee leaves, and change gets half of them, rounded up", () => {
  const arbitrary = [
    fc.bigInt(0n, U64_MAX),
    fc.integer({ min: 1, max: 9 }),
    fc.boolean(),
    fc.integer({ min: 2, max: 99 }),
  ];
  fc.assert(
    fc.property(
      ...(arbitrary as [fc.Arbitrary<bigint>, fc.Arbitrary<number>, fc.Arbitrary<boolean>, fc.Arbitrary<number>]),
      (hours, count, change, burn) => {
        const given = distributeSpendHours(hours as Hours, count, change, burn);
        const left = remainingHours(hours as Hours, burn);
        assert.equal(given.total, left);
        assert.equal(given.change + sumOf(given.receivers, (h) => h), left);
        assert.equal(given.change, change ? (left + 1n) / 2n : 0n);
      },
    ),
  );
});

interface Amounts {
  distribute_coin_hours_proportional: {
    coins: string[] | null;
    hours: string;
    assigned: string[] | null;
    error: string | null;
  }[];
  distribute_spend_hours: {
    input_hours: string;
    n_addresses: number;
    have_change: boolean;
    change_hours: string;
    address_hours: string[];
    total_spent: string;
  }[];
}

test("every recorded distribution of the reference comes out", { skip: conformanceMissing }, () => {
  const recorded = conformanceJson<Amounts>("cipher/vectors/amounts.json");
  for (const { coins, hours, assigned, error } of recorded.distribute_coin_hours_proportional) {
    const run = () => distributeProportional((coins ?? []).map(BigInt), BigInt(hours));
    if (error === null) assert.deepEqual(run(), (assigned ?? []).map(BigInt));
    else assert.throws(run, { message: error });
  }
  for (const want of recorded.distribute_spend_hours) {
    const given = distributeSpendHours(BigInt(want.input_hours) as Hours, want.n_addresses, want.have_change, 10);
    assert.deepEqual(given, {
      change: BigInt(want.change_hours),
      receivers: want.address_hours.map(BigInt),
      total: BigInt(want.total_spent),
    });
  }
});
