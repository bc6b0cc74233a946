import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { I64_MAX, U64_MAX } from "../../../src/base/uint64.ts";
import { checkPrecision, formatDroplets, parseDroplets, precisionDivisor } from "../../../src/chain/droplet.ts";
import {
  checkFee,
  feePriority,
  inputHours,
  outputHours,
  remainingHours,
  requiredFee,
  transactionFee,
} from "../../../src/chain/fee.ts";
import { coinHours, coinHoursOrZero } from "../../../src/chain/hours.ts";
import type { Droplets, Hours, UxOut } from "../../../src/chain/uxout.ts";
import { NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { NULL_HASH } from "../../../src/cipher/hash.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";

const T0 = 1000;

function ux(coins: bigint, hours: bigint, time = T0): UxOut {
  const body = { srcTransaction: NULL_HASH, address: NULL_ADDRESS, coins: coins as Droplets, hours: hours as Hours };
  return { head: { time, seq: 1 }, body };
}

const outputs = (...hours: bigint[]) => ({
  outputs: hours.map((h) => ({ address: NULL_ADDRESS, coins: 1n as Droplets, hours: h as Hours })),
});
const h = (n: bigint) => n as Hours;

// The examples of chain.md 17, produced by the reference, and the edges around them.
for (const { coins, hours, seconds, earns } of [
  { coins: 1_000_000n, hours: 0n, seconds: 3599, earns: 0n },
  { coins: 1_000_000n, hours: 0n, seconds: 3600, earns: 1n },
  { coins: 1_500_000n, hours: 10n, seconds: 4800, earns: 12n },
  { coins: 999_999n, hours: 0n, seconds: 3600, earns: 0n },
  { coins: 999_999n, hours: 0n, seconds: 3601, earns: 1n },
  { coins: 333_333n, hours: 0n, seconds: 10_800, earns: 0n },
  { coins: 333_333n, hours: 0n, seconds: 10_801, earns: 1n },
  { coins: 1n, hours: 7n, seconds: 0, earns: 7n },
  { coins: 0n, hours: 7n, seconds: 1_000_000, earns: 7n },
  { coins: U64_MAX, hours: U64_MAX, seconds: -1, earns: U64_MAX }, // a time before the output's own counts nothing
  { coins: 1_000_000n, hours: U64_MAX - 1n, seconds: 3600, earns: U64_MAX },
]) {
  test(`${coins} droplets with ${hours} hours hold ${earns} after ${seconds} s`, () => {
    assert.equal(coinHours(ux(coins, hours), T0 + seconds), earns);
  });
}

test("the three overflows of coin hours are told apart, with the reference's texts", () => {
  const id = "[0-9a-f]{64}";
  assert.throws(() => coinHours(ux(U64_MAX, 0n), T0 + 2_000_000), {
    code: "HOURS_SECONDS_OVERFLOW",
    message: new RegExp(
      `^UxOut.CoinHours: Calculating whole coin seconds overflows uint64 seconds=2000000 coins=18446744073709 uxid=${id}$`,
    ),
  });
  assert.throws(() => coinHours(ux(999_999n, 0n), T0 + 20_000_000_000_000), {
    code: "HOURS_DROPLETS_OVERFLOW",
    message: new RegExp(
      `^UxOut.CoinHours: Calculating droplet seconds overflows uint64 seconds=20000000000000 droplets=999999 uxid=${id}$`,
    ),
  });
  assert.throws(() => coinHours(ux(1_000_000n, U64_MAX), T0 + 3600), {
    code: "HOURS_ADDITION_OVERFLOW",
    message: "UxOut.CoinHours addition of earned coin hours overflow",
  });
});

test("the last values before each overflow still count", () => {
  // 2^64-1 = 3 * 5 * 17 * ..., so both products can hit it exactly.
  const wholeCoins = 65_537n * 257n; // times 2^64-1 / wholeCoins seconds is 2^64-1
  const seconds = U64_MAX / wholeCoins;
  assert.equal(seconds * wholeCoins, U64_MAX);
  assert.equal(coinHours(ux(wholeCoins * 1_000_000n, 0n), T0 + Number(seconds)), U64_MAX / 3600n);
  const droplets = 641n * 257n * 5n; // 823 685: below a coin
  const long = U64_MAX / droplets;
  assert.equal(long * droplets, U64_MAX);
  assert.equal(coinHours(ux(droplets, 0n), T0 + Number(long)), U64_MAX / 1_000_000n / 3600n);
});

test("counting an overflow as nothing is for the addition alone", () => {
  assert.equal(coinHoursOrZero(ux(1_000_000n, U64_MAX), T0 + 3600), 0n);
  assert.equal(coinHoursOrZero(ux(1_000_000n, 5n), T0 + 3600), 6n);
  assert.throws(() => coinHoursOrZero(ux(U64_MAX, 0n), T0 + 2_000_000), { code: "HOURS_SECONDS_OVERFLOW" });
});

test("whole seconds and droplet seconds add with wrap-around, as the reference adds them", () => {
  // whole = floor(2^64-1 / s) * s just fits, the droplets' share passes it.
  const seconds = 10_000_000n;
  const whole = U64_MAX / seconds;
  const coins = whole * 1_000_000n + 999_999n;
  assert.ok(coins <= U64_MAX);
  const expected = BigInt.asUintN(64, whole * seconds + (seconds * 999_999n) / 1_000_000n) / 3600n;
  assert.ok(expected < 100_000n); // it did wrap
  assert.equal(coinHours(ux(coins, 0n), T0 + Number(seconds)), expected);
});

test("the fee is what goes in less what goes out", () => {
  const inputs = [ux(1_000_000n, 90n), ux(2_000_000n, 10n)];
  assert.equal(transactionFee(outputs(40n, 50n), inputs, T0), 10n);
  assert.equal(transactionFee(outputs(40n, 50n), inputs, T0 + 3600), 13n);
  assert.equal(outputHours(outputs()), 0n);
  assert.equal(inputHours([], T0), 0n);
});

test("fee errors carry the reference's texts", () => {
  assert.throws(() => transactionFee(outputs(11n), [ux(1n, 10n)], T0), {
    code: "FEE_NEGATIVE",
    message: "Insufficient coinhours for transaction outputs",
  });
  assert.throws(() => transactionFee(outputs(U64_MAX, 1n), [ux(1n, 10n)], T0), {
    code: "TX_OUTPUT_HOURS_OVERFLOW",
    message: "Transaction output hours overflow",
  });
  assert.throws(() => transactionFee(outputs(0n), [ux(1n, U64_MAX), ux(1n, 1n)], T0), {
    code: "FEE_INPUT_HOURS_OVERFLOW",
    message: "UxArray.CoinHours addition overflow",
  });
  assert.throws(() => transactionFee(outputs(0n), [ux(1_000_000n, U64_MAX)], T0 + 3600), {
    code: "HOURS_ADDITION_OVERFLOW",
  });
  assert.throws(() => checkFee(h(10n), h(0n), 10), { code: "FEE_ZERO", message: "Transaction has zero coinhour fee" });
  assert.throws(() => checkFee(h(U64_MAX), h(1n), 10), { code: "FEE_OVERFLOW", message: "Hours and fee overflow" });
  assert.throws(() => checkFee(h(91n), h(9n), 10), {
    code: "FEE_TOO_LOW",
    message: "Transaction coinhour fee minimum not met",
    level: "soft",
  });
  checkFee(h(90n), h(10n), 10);
  checkFee(h(0n), h(1n), 2);
  checkFee(h(U64_MAX - (U64_MAX / 2n + 1n)), h(U64_MAX / 2n + 1n), 2);
});

test("the required fee is the share rounded up, and the rest is what remains", () => {
  for (const [total, fee] of [
    [0n, 0n],
    [1n, 1n],
    [9n, 1n],
    [10n, 1n],
    [11n, 2n],
    [101n, 11n],
  ] as const) {
    assert.equal(requiredFee(h(total), 10), fee);
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: U64_MAX }), fc.integer({ min: 2, max: 0xffff_ffff }), (total, factor) => {
      const fee = requiredFee(h(total), factor);
      assert.equal(fee, total / BigInt(factor) + (total % BigInt(factor) === 0n ? 0n : 1n));
      assert.equal(remainingHours(h(total), factor) + fee, total);
    }),
  );
});

test("the priority is the fee per 1024 bytes, rounded down and capped", () => {
  // chain.md 17: these three order a block.
  assert.equal(feePriority(h(500n), 183), 2797n);
  assert.equal(feePriority(h(1500n), 220), 6981n);
  assert.equal(feePriority(h(1900n), 183), 10631n);
  assert.equal(feePriority(h(U64_MAX), 200), U64_MAX / 200n);
  assert.equal(feePriority(h(U64_MAX / 1024n), 1), (U64_MAX / 1024n) * 1024n);
});

for (const { text, error } of [
  { text: "", error: "can't convert  to decimal" },
  { text: ".", error: "can't convert . to decimal" },
  { text: ".0", error: "can't convert .0 to decimal" }, // trailing zeros go first, then nothing is left
  { text: "-", error: "can't convert - to decimal" },
  { text: "1.2.3", error: "can't convert 1.2.3 to decimal: too many .s" },
  { text: "1.2.3e5", error: "can't convert 1.2.3 to decimal: too many .s" }, // the exponent is gone from the text
  { text: "1e", error: "can't convert 1e to decimal: exponent is not numeric" },
  { text: "1e+", error: "can't convert 1e+ to decimal: exponent is not numeric" },
  { text: "1e1.5", error: "can't convert 1e1.5 to decimal: exponent is not numeric" },
  { text: "1e5e5", error: "can't convert 1e5e5 to decimal: exponent is not numeric" },
  { text: "1e2147483648", error: "can't convert 1e2147483648 to decimal: fractional part too long" },
  { text: "1e4294967295", error: "can't convert 1e4294967295 to decimal: fractional part too long" },
  { text: "1e-2147483648", error: "Droplet string conversion failed: Too many decimal places" },
  { text: "1e-2147483649", error: "can't convert 1e-2147483649 to decimal: fractional part too long" },
  { text: "1e99999999999x", error: "can't convert 1e99999999999x to decimal: fractional part too long" },
  { text: "1.1e-2147483648", error: "can't convert 1.1e-2147483648 to decimal: fractional part too long" },
  { text: "xe1", error: "can't convert x to decimal" },
  { text: "1-5", error: "can't convert 1-5 to decimal" },
  { text: "1_000", error: "can't convert 1_000 to decimal" },
  { text: "1é", error: "can't convert 1é to decimal" },
  { text: "-0.000001", error: "Droplet string conversion failed: Negative balance" },
  { text: "-1e-9", error: "Droplet string conversion failed: Negative balance" }, // before the decimals
  { text: ".-5", error: "Droplet string conversion failed: Negative balance" }, // digits are read without the dot
  { text: "1e-7", error: "Droplet string conversion failed: Too many decimal places" },
  { text: "0e-7", error: "Droplet string conversion failed: Too many decimal places" },
  { text: "1e2147483647", error: "Droplet string conversion failed: Too many decimal places" }, // the shift wraps
  { text: "1e2147483641", error: "Droplet string conversion failed: Value is too large" }, // and at once
  { text: "9223372036854.775808", error: "Droplet string conversion failed: Value is too large" },
  { text: "1e13", error: "Droplet string conversion failed: Value is too large" },
]) {
  test(`droplet text ${JSON.stringify(text)} is refused: ${error}`, () => {
    assert.throws(() => parseDroplets(text), { message: error });
  });
}

for (const [text, droplets] of [
  ["0", 0n],
  ["-0", 0n],
  ["-0.0", 0n],
  ["0e2147483641", 0n],
  [".5", 500_000n],
  ["5.", 5_000_000n],
  ["+1", 1_000_000n],
  [".+5", 50_000n], // the reference counts the sign as a decimal
  ["1e3", 1_000_000_000n],
  ["1E-6", 1n],
  ["1e+0", 1_000_000n],
  ["0.1e1", 1_000_000n],
  ["1.1000000", 1_100_000n],
  ["0.0000010", 1n],
  ["9223372036854.775807", I64_MAX],
  ["000123.456", 123_456_000n],
] as const) {
  test(`droplet text ${text} is ${droplets}`, () => {
    assert.equal(parseDroplets(text), droplets);
  });
}

test("an exponent below the sixth place is refused even when the value would be whole", () => {
  assert.throws(() => parseDroplets("1000000000e-9"), { code: "DROPLETS_DECIMALS" });
});

test("absurdly long text is refused without being computed", () => {
  assert.throws(() => parseDroplets("1".repeat(5000)), { code: "DROPLETS_NOT_A_NUMBER" });
  assert.throws(() => parseDroplets("1".repeat(4096)), { code: "DROPLETS_TOO_LARGE" });
  assert.throws(() => parseDroplets("1".repeat(4097)), { code: "DROPLETS_NOT_A_NUMBER" });
});

test("amounts survive the trip through text", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: I64_MAX }), (droplets) => {
      const text = formatDroplets(droplets);
      assert.match(text, /^\d+\.\d{6}$/);
      assert.equal(parseDroplets(text), droplets);
    }),
  );
  assert.equal(formatDroplets(123_456_789n), "123.456789");
  assert.equal(formatDroplets(1n), "0.000001");
  assert.equal(formatDroplets(I64_MAX), "9223372036854.775807");
  assert.throws(() => formatDroplets(I64_MAX + 1n), {
    code: "DROPLETS_TOO_LARGE",
    message: "Droplet string conversion failed: Value is too large",
  });
});

test("allowed decimals make a divisor", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(precisionDivisor), [1_000_000n, 100_000n, 10_000n, 1000n, 100n, 10n, 1n]);
  checkPrecision(3, 1000n);
  checkPrecision(6, 1n);
  assert.throws(() => checkPrecision(3, 1001n), {
    code: "TX_DECIMALS",
    level: "soft",
    message: "invalid amount, too many decimal places",
  });
});

interface Recorded {
  readonly droplets: string;
  readonly text: string;
  readonly error: string | null;
}

interface RecordedFee {
  readonly burn_factor: number;
  readonly hours: string;
  readonly required_fee: string;
  readonly remaining_hours: string;
}

test("the recorded amounts and fees come out as recorded", { skip: conformanceMissing }, () => {
  const recorded = conformanceJson<{ droplet_parse: Recorded[]; droplet_format: Recorded[]; fees: RecordedFee[] }>(
    "cipher/vectors/amounts.json",
  );
  for (const { droplets, text, error } of recorded.droplet_parse) {
    if (error === null) assert.equal(String(parseDroplets(text)), droplets, text);
    else assert.throws(() => parseDroplets(text), { message: error }, text);
  }
  for (const { droplets, text, error } of recorded.droplet_format) {
    if (error === null) assert.equal(formatDroplets(BigInt(droplets)), text);
    else assert.throws(() => formatDroplets(BigInt(droplets)), { message: error });
  }
  for (const fee of recorded.fees) {
    const hours = h(BigInt(fee.hours));
    assert.equal(String(requiredFee(hours, fee.burn_factor)), fee.required_fee);
    assert.equal(String(remainingHours(hours, fee.burn_factor)), fee.remaining_hours);
  }
});
