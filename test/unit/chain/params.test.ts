import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressInitialBalance,
  type Distribution,
  isLocked,
  lockedAddresses,
  unlockedAddresses,
  validateDistribution,
} from "../../../src/chain/distribution.ts";
import { type ChainParams, DEFAULT_VERIFY, validateParams, validateVerifyParams } from "../../../src/chain/params.ts";
import { alice, bob, carol, locked, testParams } from "../../support/chain.ts";

const distribution: Distribution = {
  maxCoinSupply: 300n,
  initialUnlockedCount: 2,
  unlockAddressRate: 5,
  unlockTimeInterval: 60,
  addresses: [alice.address, bob.address, locked.address],
};

test("the first addresses are unlocked, the rest locked, and each begins with its share", () => {
  validateDistribution(distribution);
  assert.deepEqual(unlockedAddresses(distribution), [alice.address, bob.address]);
  assert.deepEqual(lockedAddresses(distribution), [locked.address]);
  assert.equal(addressInitialBalance(distribution), 100n);
  assert.deepEqual(
    [alice, bob, locked, carol].map(({ address }) => isLocked(distribution, address)),
    [false, false, true, false],
  );
});

for (const { why, change, message } of [
  {
    why: "more unlocked addresses than there are",
    change: { initialUnlockedCount: 4 },
    message: "unlocked addresses > total distribution addresses",
  },
  {
    why: "a supply that does not divide",
    change: { maxCoinSupply: 301n },
    message: "MaxCoinSupply should be perfectly divisible by len(addresses)",
  },
  {
    why: "no addresses, where the reference divides by zero (G16)",
    change: { addresses: [], initialUnlockedCount: 0 },
    message: "distribution addresses must not be empty",
  },
]) {
  test(`a distribution is refused with ${why}`, () => {
    assert.throws(() => validateDistribution({ ...distribution, ...change }), {
      code: "DISTRIBUTION_INVALID",
      message,
    });
  });
}

for (const { why, change, message } of [
  { why: "burn factor 1", change: { burnFactor: 1 }, message: "BurnFactor value is out of range" },
  { why: "burn factor above u32", change: { burnFactor: 2 ** 32 }, message: "BurnFactor value is out of range" },
  { why: "burn factor 2.5", change: { burnFactor: 2.5 }, message: "BurnFactor value is out of range" },
  { why: "size 1023", change: { maxTransactionSize: 1023 }, message: "MaxTransactionSize value is out of range" },
  { why: "7 decimals", change: { maxDecimals: 7 }, message: "MaxDropletPrecision value is out of range" },
  { why: "-1 decimals", change: { maxDecimals: -1 }, message: "MaxDropletPrecision value is out of range" },
]) {
  test(`limits with ${why} are out of range`, () => {
    assert.throws(() => validateVerifyParams({ ...DEFAULT_VERIFY, ...change }), { code: "PARAMS_INVALID", message });
  });
}

test("the least limits are in range", () => {
  validateVerifyParams({ burnFactor: 2, maxTransactionSize: 1024, maxDecimals: 0 });
  validateVerifyParams({ burnFactor: 2 ** 32 - 1, maxTransactionSize: 2 ** 32 - 1, maxDecimals: 6 });
});

const STRICT = { burnFactor: 11, maxTransactionSize: 32769, maxDecimals: 4 };
const crossChecks: { why: string; change: Partial<ChainParams>; message: string }[] = [];
for (const [key, name] of [
  ["unconfirmed", "UnconfirmedVerifyTxn"],
  ["createBlock", "CreateBlockVerifyTxn"],
] as const) {
  for (const [field, shown, least] of [
    ["burnFactor", "BurnFactor", 11],
    ["maxTransactionSize", "MaxTransactionSize", 32769],
    ["maxDecimals", "MaxDropletPrecision", 4],
  ] as const) {
    const all = { user: STRICT, unconfirmed: STRICT, createBlock: STRICT, maxBlockTransactionsSize: 40_000 };
    crossChecks.push({
      why: `${key}.${field} below the user's`,
      change: { ...all, [key]: { ...STRICT, [field]: least - 1 } },
      message: `${name}.${shown} must be >= params.UserVerifyTxn.${shown} (${least})`,
    });
  }
}
crossChecks.push({
  why: "blocks smaller than a transaction",
  change: { maxBlockTransactionsSize: 32767 },
  message: "MaxBlockTransactionsSize must be >= CreateBlockVerifyTxn.MaxTransactionSize",
});
for (const { why, change, message } of crossChecks) {
  test(`parameters are refused: ${why}`, () => {
    assert.throws(() => testParams(change), { code: "PARAMS_INVALID", message });
  });
}

test("checked parameters cannot be changed, nor through what they were made of", () => {
  const genesis = { ...testParams().genesis };
  const addresses = [alice.address, bob.address];
  const params = validateParams({
    ...testParams(),
    genesis,
    distribution: { ...distribution, addresses, maxCoinSupply: 2n },
  });
  genesis.time = 1;
  addresses.pop();
  assert.notEqual(params.genesis.time, 1);
  assert.equal(params.distribution.addresses.length, 2);
  for (const part of [params, params.genesis, params.distribution, params.distribution.addresses, params.user]) {
    assert.ok(Object.isFrozen(part));
  }
});
