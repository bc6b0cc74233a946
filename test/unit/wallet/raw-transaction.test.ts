import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { U64_MAX } from "../../../src/base/uint64.ts";
import { requiredFee } from "../../../src/chain/fee.ts";
import { DEFAULT_VERIFY } from "../../../src/chain/params.ts";
import { signTransaction } from "../../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../../src/chain/uxout.ts";
import { decodeAddress } from "../../../src/cipher/address.ts";
import { deterministicKeys } from "../../../src/cipher/keys.ts";
import type { SpendCandidate } from "../../../src/wallet/choose-spends.ts";
import { checkRawTransaction, createRawTransaction, type RawSpend } from "../../../src/wallet/raw-transaction.ts";
import type { CreatedTransaction } from "../../../src/wallet/spend.ts";
import { COIN, candidate, HEAD_TIME, OWNERS, pay, RECEIVER, sumOf, uxOut } from "../../support/spending.ts";

const [ownerKey] = deterministicKeys(new TextEncoder().encode("spec example seed"), 1).keys;
const coins = [
  candidate(uxOut(1, OWNERS[0], 10n * COIN, 100n)),
  candidate(uxOut(2, OWNERS[0], 30n * COIN, 40n)),
  candidate(uxOut(3, OWNERS[0], 50n * COIN, 0n)),
];

function raw(amounts: readonly bigint[], changes: Partial<RawSpend> = {}): CreatedTransaction {
  return createRawTransaction({
    spendable: coins,
    incoming: [],
    to: amounts.map((amount) => ({ address: decodeAddress(RECEIVER), coins: amount as Droplets })),
    changeAddress: decodeAddress(OWNERS[1]),
    burnFactor: 10,
    ...changes,
  });
}

test("one coin brings its receiver one hour, the rest of the hours goes with the change", () => {
  const { txn, inputs } = raw([COIN]);
  assert.deepEqual(inputs, [coins[1]]);
  assert.deepEqual(txn.outputs, [pay(RECEIVER, COIN, 1n), pay(OWNERS[1], 29n * COIN, 35n)]);
});

test("without change the receivers get all hours, above their coins too", () => {
  assert.deepEqual(raw([30n * COIN]).txn.outputs, [pay(RECEIVER, 30n * COIN, 36n)]);
});

test("less than a coin still brings one hour", () => {
  assert.deepEqual(raw([1000n]).txn.outputs[0], pay(RECEIVER, 1000n, 1n));
});

test("the output of block 0 is spent like any other", () => {
  const { head, body } = uxOut(0, OWNERS[0], 100n * COIN, 100n);
  const genesis = candidate({ head: { ...head, seq: 0 }, body });
  assert.deepEqual(raw([COIN], { spendable: [genesis] }).inputs, [genesis]);
});

for (const { why, run, code } of [
  { why: "nothing spendable", run: () => raw([COIN], { spendable: [] }), code: "SPEND_NO_UNSPENTS" },
  { why: "too little", run: () => raw([91n * COIN]), code: "SPEND_BALANCE" },
  {
    why: "too little for now",
    run: () => raw([91n * COIN], { incoming: [candidate(uxOut(9, OWNERS[0], COIN, 0n))] }),
    code: "SPEND_BALANCE_FOR_NOW",
  },
  {
    why: "too little even later",
    run: () => raw([93n * COIN], { incoming: [candidate(uxOut(9, OWNERS[0], COIN, 0n))] }),
    code: "SPEND_BALANCE",
  },
  { why: "no hours", run: () => raw([COIN], { spendable: coins.slice(2) }), code: "SPEND_NO_FEE" },
  { why: "amounts above u64", run: () => raw([U64_MAX, 1n]), code: "SPEND_ARITHMETIC" },
] as const) {
  test(`refuses: ${why}`, () => assert.throws(run, { code }));
}

test("coins are kept, the fee is exactly what is required, receivers come in order", () => {
  const outputs = fc.array(fc.tuple(fc.bigInt(1n, 90n), fc.bigInt(0n, 900n)), { minLength: 1, maxLength: 8 });
  const amounts = fc.array(fc.bigInt(1n, 200n), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(outputs, amounts, (list, wanted) => {
      const spendable = list.map(([c, h], i): SpendCandidate => candidate(uxOut(i + 1, OWNERS[0], c * COIN, h)));
      const asked = wanted.map((amount) => amount * 100_000n);
      let made: CreatedTransaction;
      try {
        made = raw(asked, { spendable });
      } catch (error) {
        assert.match((error as { code: string }).code, /^SPEND_(BALANCE|NO_FEE)$/);
        return;
      }
      const spent = sumOf(made.inputs, (c) => c.hours);
      assert.equal(
        sumOf(made.inputs, (c) => c.coins),
        sumOf(made.txn.outputs, (o) => o.coins),
      );
      assert.equal(spent - sumOf(made.txn.outputs, (o) => o.hours), requiredFee(spent as Hours, 10));
      assert.deepEqual(
        made.txn.outputs.slice(0, asked.length).map((o) => o.coins),
        asked,
      );
    }),
    { numRuns: 200 },
  );
});

const checks = {
  head: { seq: 9, time: HEAD_TIME },
  distribution: {
    maxCoinSupply: 100n,
    initialUnlockedCount: 0,
    unlockAddressRate: 1,
    unlockTimeInterval: 1,
    addresses: [decodeAddress(OWNERS[1])],
  },
  policy: DEFAULT_VERIFY,
};

function signed(created: CreatedTransaction): CreatedTransaction {
  assert.ok(ownerKey);
  return {
    ...created,
    txn: signTransaction(
      created.txn,
      created.inputs.map(() => ownerKey.secret),
    ),
  };
}

test("what it makes, signed, obeys every rule", () => {
  checkRawTransaction(signed(raw([35n * COIN, COIN])), checks);
});

for (const { why, run, code } of [
  { why: "a missing signature", run: () => checkRawTransaction(raw([COIN]), checks), code: "TX_UNSIGNED_INPUT" },
  { why: "four decimals", run: () => checkRawTransaction(signed(raw([COIN + 100n])), checks), code: "TX_DECIMALS" },
  {
    why: "a locked owner",
    run: () => checkRawTransaction(raw([COIN], { spendable: [candidate(uxOut(1, OWNERS[1], 9n * COIN, 9n))] }), checks),
    code: "TX_LOCKED",
  },
  {
    why: "an output whose id is not its own",
    run: () => {
      const created = signed(raw([COIN]));
      const [first] = created.inputs;
      checkRawTransaction({ ...created, inputs: [{ ...first, coins: COIN } as SpendCandidate] }, checks);
    },
    code: "TX_INPUT_UNKNOWN",
  },
] as const) {
  test(`checking refuses: ${why}`, () => assert.throws(run, { code }));
}
