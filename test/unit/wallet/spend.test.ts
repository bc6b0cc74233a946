import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../../src/base/bytes.ts";
import { U64_MAX } from "../../../src/base/uint64.ts";
import { requiredFee } from "../../../src/chain/fee.ts";
import { computeInnerHash, type TxOut, transactionSize } from "../../../src/chain/transaction.ts";
import type { Hours } from "../../../src/chain/uxout.ts";
import { addressBytes25, encodeAddress, NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { NULL_HASH } from "../../../src/cipher/hash.ts";
import type { SpendCandidate } from "../../../src/wallet/choose-spends.ts";
import { parseShareFactor } from "../../../src/wallet/share-factor.ts";
import { createTransaction, type SpendParams, validateSpendParams } from "../../../src/wallet/spend.ts";
import { COIN, candidate, OWNERS, pay, RECEIVER, sumOf, uxOut } from "../../support/spending.ts";
import { vectors as readVectors } from "../../support/vectors.ts";

const BURN = 10;

interface Output {
  to: number | "receiver";
  coins: string;
  hours: string;
}
interface SpendVectors {
  outputs: Record<string, { source: number; owner: number; coins: string; hours: string }>;
  transactions: {
    why: string;
    mode: "share" | "manual";
    factor: string;
    to: Output[];
    inputs: string[];
    outputs: Output[];
    innerHash: string;
  }[];
}

const vectors = readVectors<SpendVectors>("wallet-spend.json");
const pool = new Map(
  Object.entries(vectors.outputs).map(([name, o]) => [
    name,
    candidate(uxOut(o.source, OWNERS[o.owner] as string, BigInt(o.coins) * COIN, BigInt(o.hours))),
  ]),
);
const candidates = [...pool.values()];

function asTxOut({ to, coins, hours }: Output): TxOut {
  return pay(to === "receiver" ? RECEIVER : (OWNERS[to] as string), BigInt(coins) * COIN, BigInt(hours));
}

function share(factor: string): SpendParams["hoursSelection"] {
  return { type: "auto", mode: "share", shareFactor: parseShareFactor(factor) };
}
const MANUAL = { type: "manual", mode: "" } as const;

for (const { why, mode, factor, to, inputs, outputs, innerHash } of vectors.transactions) {
  test(`makes what the reference makes: ${why}`, () => {
    const hoursSelection = mode === "manual" ? MANUAL : share(factor);
    for (const order of [candidates, [...candidates].reverse()]) {
      const made = createTransaction({ hoursSelection, to: to.map(asTxOut) }, order, BURN);
      assert.deepEqual(
        made.inputs,
        inputs.map((name) => pool.get(name)),
      );
      assert.deepEqual(made.txn.outputs, outputs.map(asTxOut));
      assert.equal(toHex(made.txn.innerHash), innerHash);
    }
  });
}

test("an extra output whose fee exceeds the change hours is not taken", () => {
  const two = [candidate(uxOut(1, OWNERS[0], 20n * COIN, 10n)), candidate(uxOut(2, OWNERS[0], COIN, 1000n))];
  const made = createTransaction({ hoursSelection: share("0.9"), to: [pay(RECEIVER, 20n * COIN)] }, two, BURN);
  assert.deepEqual(made.txn.outputs, [pay(RECEIVER, 20n * COIN, 9n)]);
});

test("change goes to the change address when one is given", () => {
  const changeAddress = pay(RECEIVER, 1n).address;
  const params = { hoursSelection: share("0.5"), to: [pay(OWNERS[1], COIN)], changeAddress };
  const made = createTransaction(params, candidates, BURN);
  assert.equal(encodeAddress((made.txn.outputs.at(-1) as TxOut).address), RECEIVER);
});

test("the output of block 0, whose source is null, is spent like any other", () => {
  const { head, body } = uxOut(0, OWNERS[0], 100n * COIN, 100n);
  const genesis = candidate({ head: { ...head, seq: 0 }, body: { ...body, srcTransaction: NULL_HASH } });
  const made = createTransaction({ hoursSelection: share("0.5"), to: [pay(RECEIVER, COIN)] }, [genesis], BURN);
  assert.deepEqual(made.inputs, [genesis]);
});

const ok: SpendParams = { hoursSelection: share("0.5"), to: [pay(RECEIVER, COIN)] };
const zeroHours = [candidate(uxOut(2, OWNERS[1], 5n * COIN, 0n))];
const huge = [1, 2].map((n) => candidate(uxOut(n, OWNERS[0], U64_MAX - 10n, 1000n)));
const create =
  (params: Partial<SpendParams>, from: readonly SpendCandidate[] = candidates) =>
  () =>
    createTransaction({ ...ok, ...params }, from, BURN);

for (const { why, run, code, message } of [
  {
    why: "a null change address",
    run: create({ changeAddress: NULL_ADDRESS }),
    code: "SPEND_NULL_CHANGE_ADDRESS",
    message: "ChangeAddress must not be the null address",
  },
  { why: "no receivers", run: create({ to: [] }), code: "SPEND_NO_RECEIVERS", message: "To is required" },
  {
    why: "no coins for a receiver",
    run: create({ to: [pay(RECEIVER, 0n)] }),
    code: "SPEND_ZERO_COINS",
    message: "To.Coins must not be zero",
  },
  {
    why: "a null receiver",
    run: create({ to: [{ ...pay(RECEIVER, COIN), address: NULL_ADDRESS }] }),
    code: "SPEND_NULL_RECEIVER",
    message: "To.Address must not be the null address",
  },
  {
    why: "the same output twice",
    run: create({ to: [pay(RECEIVER, COIN), pay(RECEIVER, COIN)] }),
    code: "SPEND_DUPLICATE_RECEIVER",
    message: "To contains duplicate values",
  },
  {
    why: "hours together with auto",
    run: create({ to: [pay(RECEIVER, COIN, 1n)] }),
    code: "SPEND_HOURS_WITH_AUTO",
    message: "To.Hours must be zero for auto type hours selection",
  },
  {
    why: "auto without a mode",
    run: create({ hoursSelection: { type: "auto", mode: "" } }),
    code: "SPEND_MODE_MISSING",
    message: "HoursSelection.Mode is required for auto type hours selection",
  },
  {
    why: "an unknown mode",
    run: create({ hoursSelection: { type: "auto", mode: "x" } }),
    code: "SPEND_MODE_INVALID",
    message: "Invalid HoursSelection.Mode",
  },
  {
    why: "a mode with manual",
    run: create({ hoursSelection: { type: "manual", mode: "share" } }),
    code: "SPEND_MODE_WITH_MANUAL",
    message: "HoursSelection.Mode cannot be used for manual type hours selection",
  },
  {
    why: "an unknown type",
    run: create({ hoursSelection: { type: "", mode: "" } }),
    code: "SPEND_TYPE_INVALID",
    message: "Invalid HoursSelection.Type",
  },
  {
    why: "share without a factor",
    run: create({ hoursSelection: { type: "auto", mode: "share" } }),
    code: "SPEND_FACTOR_MISSING",
    message: "HoursSelection.ShareFactor must be set for share mode",
  },
  {
    why: "a factor with manual",
    run: create({ hoursSelection: { ...MANUAL, shareFactor: parseShareFactor("0.5") } }),
    code: "SPEND_FACTOR_UNUSED",
    message: "HoursSelection.ShareFactor can only be used for share mode",
  },
  {
    why: "a factor above 1",
    run: create({ hoursSelection: share("1.00000001") }),
    code: "SPEND_FACTOR_RANGE",
    message: "HoursSelection.ShareFactor must be >= 0 and <= 1",
  },
  {
    why: "a factor below 0",
    run: create({ hoursSelection: share("-1e-400") }),
    code: "SPEND_FACTOR_RANGE",
    message: "HoursSelection.ShareFactor must be >= 0 and <= 1",
  },
  {
    why: "a factor that is no number",
    run: () => parseShareFactor("half"),
    code: "SPEND_FACTOR_NOT_A_NUMBER",
    message: "can't convert half to decimal",
  },
  {
    why: "coins above u64 in all",
    run: create({ to: [pay(RECEIVER, U64_MAX), pay(RECEIVER, 1n)] }),
    code: "SPEND_COINS_OVERFLOW",
    message: "total output coins error: uint64 addition overflow",
  },
  {
    why: "hours above u64 in all",
    run: create({ hoursSelection: MANUAL, to: [pay(RECEIVER, COIN, U64_MAX), pay(RECEIVER, COIN, 1n)] }),
    code: "SPEND_HOURS_OVERFLOW",
    message: "total output hours error: uint64 addition overflow",
  },
  { why: "nothing to spend", run: create({}, []), code: "SPEND_NO_UNSPENTS", message: "no unspents to spend" },
  {
    why: "no output with hours",
    run: create({}, zeroHours),
    code: "SPEND_NO_FEE",
    message: "Transaction has zero coinhour fee",
  },
  {
    why: "too few coins",
    run: create({ to: [pay(RECEIVER, 56n * COIN)] }),
    code: "SPEND_BALANCE",
    message: "balance is not sufficient",
  },
  {
    why: "too few hours",
    run: create({ hoursSelection: MANUAL, to: [pay(RECEIVER, 25n * COIN, 600n)] }),
    code: "SPEND_HOURS",
    message: "hours are not sufficient",
  },
  {
    why: "inputs above u64",
    run: create({ to: [pay(RECEIVER, U64_MAX - 5n)] }, huge),
    code: "SPEND_ARITHMETIC",
    message: "uint64 addition overflow",
  },
] as const) {
  test(`refuses: ${why}`, () => assert.throws(run, { code, message }));
}

test("the parameters are judged before anything else, in the reference's order", () => {
  assert.throws(() => validateSpendParams({ hoursSelection: { type: "", mode: "" }, to: [] }), {
    code: "SPEND_NO_RECEIVERS",
  });
});

const arbitraryCandidates = fc
  .array(
    fc.record({
      coins: fc.bigInt(1n, 1_000_000n),
      hours: fc.oneof(fc.constant(0n), fc.bigInt(0n, 5000n)),
      owner: fc.nat(2),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) => list.map((o, i) => candidate(uxOut(i + 1, OWNERS[o.owner] as string, o.coins * 1000n, o.hours))));

const arbitraryAmounts = fc.array(fc.bigInt(1n, 500_000n), { minLength: 1, maxLength: 4 });

test("coins are kept, the fee is met, no hours are made, change is right", () => {
  const arbitrary = fc.record({
    from: arbitraryCandidates,
    amounts: arbitraryAmounts,
    factor: fc.nat(100),
    manualHours: fc.option(fc.bigInt(0n, 400n)),
    burn: fc.integer({ min: 2, max: 50 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ from, amounts, factor, manualHours, burn }) => {
      // Distinct receivers: amounts differ by their place.
      const hours = manualHours ?? 0n;
      const to = amounts.map((amount, i) => pay(RECEIVER, amount * 1000n + BigInt(i), hours));
      const hoursSelection = manualHours === null ? share(String(factor / 100)) : MANUAL;
      let made: ReturnType<typeof createTransaction>;
      try {
        made = createTransaction({ hoursSelection, to }, from, burn);
      } catch (error) {
        assert.match((error as { code: string }).code, /^SPEND_(BALANCE|HOURS|NO_FEE)$/);
        return;
      }
      const { txn, inputs } = made;
      assert.equal(
        sumOf(inputs, (c) => c.coins),
        sumOf(txn.outputs, (o) => o.coins),
      );
      const spent = sumOf(inputs, (c) => c.hours);
      const kept = sumOf(txn.outputs, (o) => o.hours);
      const fee = requiredFee(spent as Hours, burn);
      assert.ok(spent - kept >= fee);
      // Hours are only ever lost in manual mode, and then only for want of a change output.
      if (txn.outputs.length > to.length || manualHours === null) assert.equal(spent - kept, fee);
      assert.deepEqual(
        txn.outputs.slice(0, to.length).map((o) => o.coins),
        to.map((o) => o.coins),
      );
      if (txn.outputs.length > to.length) {
        const change = txn.outputs.at(-1) as TxOut;
        const smallest = inputs.map((c) => toHex(addressBytes25(c.address))).sort()[0];
        assert.equal(toHex(addressBytes25(change.address)), smallest);
      }
      assert.equal(txn.length, transactionSize(txn));
      assert.deepEqual(txn.innerHash, computeInnerHash(txn));
      assert.ok(txn.sigs.every((sig) => sig.every((byte) => byte === 0)));
    }),
    { numRuns: 300 },
  );
});

test("factors are exact decimals, however written", () => {
  for (const [text, value, exponent] of [
    ["0.5", 5n, -1],
    ["0.50", 5n, -1],
    [".5", 5n, -1],
    ["5e-1", 5n, -1],
    ["+1", 1n, 0],
    ["1E2", 1n, 2],
    ["-0.25", -25n, -2],
  ] as const) {
    assert.deepEqual(parseShareFactor(text), { value, exponent });
  }
  for (const text of ["", " ", "1.2.3", "0x1", "1e", "1e1.5", "9".repeat(5000)]) {
    assert.throws(() => parseShareFactor(text), { code: "SPEND_FACTOR_NOT_A_NUMBER" });
  }
});

test("a factor with a huge exponent is judged at once", () => {
  const made = createTransaction({ ...ok, hoursSelection: share("1e-2000000000") }, candidates, BURN);
  assert.equal((made.txn.outputs[0] as TxOut).hours, 0n);
  assert.throws(create({ hoursSelection: share("1e2000000000") }), { code: "SPEND_FACTOR_RANGE" });
});
