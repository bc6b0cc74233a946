import assert from "node:assert/strict";
import { after, test } from "node:test";
import { U64_MAX } from "../../../src/base/uint64.ts";
import { blockHash, type SignedBlock } from "../../../src/chain/block.ts";
import { type BlockContext, checkBlock, checkDistinct, checkTransactions } from "../../../src/chain/check-block.ts";
import {
  checkCoinsPreserved,
  checkInBlock,
  checkShape,
  checkSingle,
  checkSoft,
  checkUser,
  type SignedMode,
  type SpendState,
} from "../../../src/chain/check-transaction.ts";
import { makeGenesisBlock } from "../../../src/chain/genesis.ts";
import { RULES, type RuleCode, RuleError, type RuleLevel } from "../../../src/chain/rules.ts";
import { inlineRecovery, RecoveryBatch, Signers } from "../../../src/chain/signatures.ts";
import type { Head, IdentifiedUxOut } from "../../../src/chain/store.ts";
import {
  digestToSign,
  newTransaction,
  signTransaction,
  type Transaction,
  type TxOut,
  txid,
} from "../../../src/chain/transaction.ts";
import { createUnspents } from "../../../src/chain/unspents.ts";
import { type Droplets, type Hours, type UxOut, uxId } from "../../../src/chain/uxout.ts";
import { NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { hashHex, NULL_HASH, sha256 } from "../../../src/cipher/hash.ts";
import { NULL_SIGNATURE, type Signature } from "../../../src/cipher/sign.ts";
import {
  alice,
  blockAfter,
  bob,
  type Coin,
  carol,
  HOPELESS_SIGNATURE,
  locked,
  malleated,
  type Owner,
  out,
  publisher,
  signBlock,
  testParams,
} from "../../support/chain.ts";

// Each rule is provoked by the smallest change to something valid, and nothing may be left unprovoked.
const provoked = new Set<RuleCode>();
after(() => {
  const missing = Object.keys(RULES).filter((code) => !provoked.has(code as RuleCode));
  assert.deepEqual(missing, [], "rules without a test");
});

const params = testParams();
const HEAD: Head = { seq: 5, time: 2_000_000, hash: sha256(Uint8Array.of(5)), setHash: sha256(Uint8Array.of(55)) };
const GENESIS_HEAD: Head = { ...HEAD, seq: 0 };
let made = 0;

/** An output that exists. */
function coin(owner: Owner, coins: bigint, hours: bigint, time = HEAD.time): Coin {
  const body = {
    srcTransaction: sha256(Uint8Array.of(1, made++)),
    address: owner.address,
    coins: coins as Droplets,
    hours: hours as Hours,
  };
  return { id: uxId(body), ux: { head: { time, seq: 3 }, body }, secret: owner.secret };
}

function stateOf(existing: readonly IdentifiedUxOut[], head = HEAD): SpendState {
  const byId = new Map(existing.map(({ id, ux }) => [hashHex(id), ux]));
  return { head, unspent: (id) => byId.get(hashHex(id)) };
}

async function signersOf(txn: Transaction): Promise<Signers> {
  const batch = new RecoveryBatch(txn.sigs.length);
  txn.sigs.forEach((sig, i) => {
    batch.add(digestToSign(txn.innerHash, txn.inputs[i] ?? NULL_HASH), sig);
  });
  return batch.recover(inlineRecovery());
}

function signed(coins: readonly Coin[], outputs: readonly TxOut[]): Transaction {
  const draft = newTransaction(
    coins.map(({ id }) => id),
    outputs,
  );
  return signTransaction(
    draft,
    coins.map(({ secret }) => secret),
  );
}

function violates(code: RuleCode, level: RuleLevel, text: string, check: () => unknown): void {
  assert.throws(check, (error) => {
    assert.ok(error instanceof RuleError, String(error));
    assert.deepEqual([error.code, error.level, error.message], [code, level, text]);
    const prefix = level === "block" ? "" : `Transaction violates ${level} constraint: `;
    assert.equal(error.prefixed, prefix + text);
    return true;
  });
  provoked.add(code);
}

const plain = coin(alice, 10_000_000n, 100n);
const other = coin(alice, 5_000_000n, 100n);
const valid = signed([plain], [out(bob, 4_000_000n, 40n), out(alice, 6_000_000n, 50n)]);
const both = signed([plain, other], [out(bob, 15_000_000n, 100n)]);
const existing = [plain, other];

test("what the table below changes is valid to begin with", async () => {
  for (const txn of [valid, both]) {
    const signers = await signersOf(txn);
    const state = stateOf(existing);
    const inputs = checkSingle(txn, state, "signed", signers);
    assert.deepEqual(checkInBlock(txn, state, signers), inputs);
    checkSoft(txn, inputs, HEAD.time, params.distribution, params.unconfirmed);
    checkUser(txn);
  }
});

interface Case {
  readonly why: string;
  readonly code: RuleCode;
  readonly text: string;
  readonly txn: Transaction;
  readonly mode?: SignedMode;
  readonly existing?: readonly IdentifiedUxOut[];
  readonly head?: Head;
  /** Outside blocks only; inside, this follows. */
  readonly inBlock?: RuleCode | "accepted";
}

const withSig = (txn: Transaction, i: number, sig: Signature): Transaction => ({
  ...txn,
  sigs: txn.sigs.map((before, k) => (k === i ? sig : before)),
});
const loose = (sig: Signature): Signature => {
  const copy = sig.slice() as Signature;
  copy[64] = (copy[64] as number) | 4;
  return copy;
};
const rich = [coin(alice, 1_000_000n, U64_MAX), coin(alice, 1_000_000n, 1n)];
const heavy = [coin(alice, U64_MAX, 10n), coin(alice, 1n, 10n)];
const old = coin(alice, U64_MAX, 0n, 0);
const late: Head = { ...HEAD, time: 40_000_000_000_000 };
const ancient = coin(alice, 999_999n, 0n, 0);
const brim = coin(alice, 1_000_000n, U64_MAX, HEAD.time - 3600);
const unknown = coin(alice, 1_000_000n, 10n);
const theirs: Coin = { ...plain, secret: bob.secret };
const made1 = createUnspents(valid, { time: 1, seq: 1 })[1] as IdentifiedUxOut;
const genesisLike = coin(alice, 10_000_000n, 100n);
const copyOfGenesis = createUnspents(newTransaction([], [out(bob, 1_000_000n, 7n)]), { time: 0, seq: 0 });

const CASES: readonly Case[] = [
  { why: "no inputs", code: "TX_NO_INPUTS", text: "No inputs", txn: newTransaction([], valid.outputs) },
  { why: "no outputs", code: "TX_NO_OUTPUTS", text: "No outputs", txn: signed([plain], []) },
  {
    why: "a signature too few",
    code: "TX_SIGNATURE_COUNT",
    text: "Invalid number of signatures",
    txn: { ...both, sigs: both.sigs.slice(1) },
  },
  {
    why: "a signature too many",
    code: "TX_SIGNATURE_COUNT",
    text: "Invalid number of signatures",
    txn: { ...valid, sigs: [...valid.sigs, ...valid.sigs] },
  },
  {
    why: "the same input twice",
    code: "TX_DUPLICATE_SPEND",
    text: "Duplicate spend",
    txn: signed([plain, plain], valid.outputs),
  },
  { why: "type 1", code: "TX_TYPE", text: "transaction type invalid", txn: { ...valid, type: 1 } },
  {
    why: "an output without coins",
    code: "TX_ZERO_COINS",
    text: "Zero coin output",
    txn: signed([plain], [out(bob, 10_000_000n, 1n), out(bob, 0n, 1n)]),
  },
  {
    why: "coins beyond u64",
    code: "TX_COINS_OVERFLOW",
    text: "Output coins overflow",
    txn: signed([plain], [out(bob, U64_MAX, 1n), out(bob, 1n, 1n)]),
  },
  {
    why: "a length that is one off",
    code: "TX_LENGTH",
    text: "Incorrect transaction length",
    txn: { ...valid, length: valid.length + 1 },
  },
  {
    why: "the same output twice",
    code: "TX_DUPLICATE_OUTPUT",
    text: "Duplicate output in transaction",
    txn: signed([plain], [out(bob, 5_000_000n, 1n), out(bob, 5_000_000n, 1n)]),
  },
  {
    why: "an inner hash that is not the inner hash",
    code: "TX_INNER_HASH",
    text: "InnerHash does not match computed hash",
    txn: signTransaction({ ...newTransaction([plain.id], valid.outputs), innerHash: NULL_HASH }, [alice.secret]),
  },
  {
    why: "an input not signed",
    code: "TX_UNSIGNED_INPUT",
    text: "Unsigned input in transaction",
    txn: withSig(both, 1, NULL_SIGNATURE),
  },
  {
    why: "nothing signed at all",
    code: "TX_UNSIGNED_INPUT",
    text: "Unsigned input in transaction",
    txn: withSig(valid, 0, NULL_SIGNATURE),
  },
  {
    why: "a malleated signature behind an open input",
    code: "TX_SIGNATURE_INVALID",
    text: "Signature not valid for hash",
    txn: withSig(withSig(both, 1, malleated(both.sigs[1] as Signature)), 0, NULL_SIGNATURE),
    mode: "unsigned",
    inBlock: "TX_UNSIGNED_INPUT",
  },
  {
    why: "a signature no key can have made",
    code: "TX_SIGNATURE_UNRECOVERABLE",
    text: "Failed to recover pubkey from signature",
    txn: withSig(valid, 0, HOPELESS_SIGNATURE),
  },
  {
    why: "s above 2^255",
    code: "TX_SIGNATURE_INVALID",
    text: "Signature not valid for hash",
    txn: withSig(valid, 0, malleated(valid.sigs[0] as Signature)),
  },
  {
    why: "a recovery id above 3",
    code: "TX_SIGNATURE_INVALID",
    text: "Signature not valid for hash",
    txn: withSig(both, 1, loose(both.sigs[1] as Signature)),
  },
  {
    why: "nothing left to sign",
    code: "TX_FULLY_SIGNED",
    text: "Unsigned transaction must contain a null signature",
    txn: valid,
    mode: "unsigned",
    inBlock: "accepted",
  },
  {
    why: "an input that does not exist",
    code: "TX_INPUT_UNKNOWN",
    text: `unspent output of ${hashHex(unknown.id)} does not exist`,
    txn: signed([plain, unknown], [out(bob, 11_000_000n, 1n)]),
  },
  {
    why: "someone else's signature",
    code: "TX_SIGNER_NOT_OWNER",
    text: "Signature not valid for output being spent",
    txn: signed([theirs], valid.outputs),
  },
  {
    why: "someone else's signature, another input open",
    code: "TX_SIGNER_NOT_OWNER",
    text: "Signature not valid for output being spent",
    txn: withSig(signed([plain, { ...other, secret: bob.secret }], both.outputs), 0, NULL_SIGNATURE),
    mode: "unsigned",
    inBlock: "TX_UNSIGNED_INPUT",
  },
  {
    why: "input coins beyond u64",
    code: "TX_INPUT_COINS_OVERFLOW",
    text: "Transaction input coins overflow",
    txn: signed(heavy, [out(bob, 1n, 1n)]),
    existing: heavy,
  },
  {
    why: "coins made",
    code: "TX_COINS_INSUFFICIENT",
    text: "Insufficient coins",
    txn: signed([plain], [out(bob, 10_000_001n, 1n)]),
  },
  {
    why: "coins lost",
    code: "TX_COINS_DESTROYED",
    text: "Transactions may not destroy coins",
    txn: signed([plain], [out(bob, 9_999_999n, 1n)]),
  },
  {
    why: "input hours beyond u64",
    code: "TX_INPUT_HOURS_OVERFLOW",
    text: "Transaction input hours overflow",
    txn: signed(rich, [out(bob, 2_000_000n, 1n)]),
    existing: rich,
  },
  {
    why: "hours made",
    code: "TX_HOURS_INSUFFICIENT",
    text: "Insufficient coin hours",
    txn: signed([plain], [out(bob, 10_000_000n, 101n)]),
  },
  {
    why: "output hours beyond u64, which blocks count with wrap-around",
    code: "TX_OUTPUT_HOURS_OVERFLOW",
    text: "Transaction output hours overflow",
    txn: signed([plain], [out(bob, 5_000_000n, U64_MAX), out(carol, 5_000_000n, 90n)]),
    inBlock: "accepted",
  },
  {
    why: "an output whose hours overflow, which blocks count as nothing",
    code: "HOURS_ADDITION_OVERFLOW",
    text: "UxOut.CoinHours addition of earned coin hours overflow",
    txn: signed([brim, other], [out(bob, 6_000_000n, 100n)]),
    existing: [brim, other],
    inBlock: "accepted",
  },
  {
    why: "hours of an overflowing output spent, which blocks count as nothing",
    code: "HOURS_ADDITION_OVERFLOW",
    text: "UxOut.CoinHours addition of earned coin hours overflow",
    txn: signed([brim], [out(bob, 1_000_000n, 1n)]),
    existing: [brim],
    inBlock: "TX_HOURS_INSUFFICIENT",
  },
  {
    why: "coin seconds beyond u64",
    code: "HOURS_SECONDS_OVERFLOW",
    text: `UxOut.CoinHours: Calculating whole coin seconds overflows uint64 seconds=2000000 coins=18446744073709 uxid=${hashHex(old.id)}`,
    txn: signed([old], [out(bob, U64_MAX, 1n)]),
    existing: [old],
  },
  {
    why: "droplet seconds beyond u64",
    code: "HOURS_DROPLETS_OVERFLOW",
    text: `UxOut.CoinHours: Calculating droplet seconds overflows uint64 seconds=40000000000000 droplets=999999 uxid=${hashHex(ancient.id)}`,
    txn: signed([ancient], [out(bob, 999_999n, 1n)]),
    existing: [ancient],
    head: late,
  },
];

for (const { why, code, text, txn, mode = "signed", inBlock = code, ...c } of CASES) {
  const state = stateOf(c.existing ?? existing, c.head);
  test(`a transaction is refused with ${why}`, async () => {
    const signers = await signersOf(txn);
    violates(code, "hard", text, () => checkSingle(txn, state, mode, signers));
  });
  test(`inside a block, with ${why}: ${inBlock}`, async () => {
    const signers = await signersOf(txn);
    const check = () => checkInBlock(txn, state, signers);
    if (inBlock === "accepted") check();
    else assert.throws(check, { code: inBlock, level: "hard" });
  });
}

test("without signers everything before the first signature is judged, and nothing after", async () => {
  const before = new Set<RuleCode>();
  for (const { code, txn, mode = "signed", ...c } of CASES) {
    const state = stateOf(c.existing ?? existing, c.head);
    let early: unknown;
    try {
      checkSingle(txn, state, mode);
    } catch (error) {
      early = error;
    }
    if (early === undefined) continue;
    assert.ok(early instanceof RuleError && early.code === code, `${code} first, got ${String(early)}`);
    before.add(code);
  }
  assert.ok(before.has("TX_UNSIGNED_INPUT"));
  assert.ok(before.has("TX_INNER_HASH") && before.has("TX_INPUT_UNKNOWN") && before.has("HOURS_ADDITION_OVERFLOW"));
  assert.ok(!before.has("TX_COINS_INSUFFICIENT") && !before.has("TX_SIGNATURE_INVALID"));
});

test("of several violations the first of the reference's order is told", async () => {
  const state = stateOf(existing);
  const worst: Transaction = { ...valid, type: 9, length: 0, innerHash: NULL_HASH, outputs: [out(bob, 0n, U64_MAX)] };
  const signers = await signersOf(worst);
  const code = (txn: Transaction) => {
    try {
      checkSingle(txn, state, "signed", signers);
      return undefined;
    } catch (error) {
      return (error as RuleError).code;
    }
  };
  const steps: Transaction[] = [
    { ...worst, inputs: [unknown.id, plain.id, plain.id], outputs: [] },
    { ...worst, inputs: [plain.id, plain.id], outputs: [out(bob, 0n, U64_MAX), out(bob, 0n, U64_MAX)] },
    { ...worst, inputs: [plain.id, plain.id], outputs: [], sigs: [] },
    { ...worst, inputs: [plain.id, plain.id], sigs: [] },
    { ...worst, inputs: [plain.id, plain.id], sigs: [...valid.sigs, NULL_SIGNATURE] },
    worst,
    { ...worst, type: 0 },
    { ...worst, type: 0, outputs: [out(bob, U64_MAX, 1n), out(bob, U64_MAX, 1n)] },
    { ...worst, type: 0, outputs: [out(bob, 1n, 1n), out(bob, 1n, 1n)] },
    { ...worst, type: 0, outputs: [out(bob, 1n, 1n), out(bob, 1n, 1n)], length: 220 },
    { ...worst, type: 0, outputs: [out(bob, 1n, 1n)], length: 183 },
  ];
  assert.deepEqual(steps.map(code), [
    "TX_INPUT_UNKNOWN",
    "TX_OUTPUT_HOURS_OVERFLOW",
    "TX_NO_OUTPUTS",
    "TX_SIGNATURE_COUNT",
    "TX_DUPLICATE_SPEND",
    "TX_TYPE",
    "TX_ZERO_COINS",
    "TX_COINS_OVERFLOW",
    "TX_LENGTH",
    "TX_DUPLICATE_OUTPUT",
    "TX_INNER_HASH",
  ]);
});

test("lists beyond 65535 are refused, were one to come around the decoder", () => {
  const many = <T>(item: T): T[] => new Array<T>(65536).fill(item);
  violates("TX_TOO_MANY_INPUTS", "hard", "Too many signatures and inputs", () =>
    checkShape({ ...valid, inputs: many(plain.id), sigs: many(NULL_SIGNATURE) }),
  );
  violates("TX_TOO_MANY_OUTPUTS", "hard", "Too many ouptuts", () =>
    checkShape({ ...valid, outputs: many(out(bob, 1n, 1n)) }),
  );
  const most = <T>(item: T): T[] => many(item).slice(1);
  const largest = { ...valid, inputs: most(plain.id), sigs: most(NULL_SIGNATURE), outputs: most(out(bob, 1n, 1n)) };
  assert.throws(() => checkShape(largest), { code: "TX_DUPLICATE_SPEND" }); // what comes after the counts
});

test("twins are found in long lists as in short ones", () => {
  const outputs = Array.from({ length: 20 }, (_, i) => out(bob, 1_000_000n, BigInt(i)));
  const inputs = Array.from({ length: 20 }, (_, i) => sha256(Uint8Array.of(i)));
  const fine = newTransaction(inputs, outputs);
  checkShape(fine);
  const twinOut = newTransaction(inputs, [...outputs.slice(1), outputs[7] as TxOut]);
  assert.throws(() => checkShape(twinOut), { code: "TX_DUPLICATE_OUTPUT" });
  const twinIn = newTransaction([...inputs.slice(1), sha256(Uint8Array.of(7))], outputs);
  assert.throws(() => checkShape(twinIn), { code: "TX_DUPLICATE_SPEND" });
  for (const differing of [out(alice, 1_000_000n, 7n), out(bob, 1_000_001n, 7n), out(bob, 1_000_000n, 70n)]) {
    checkShape(newTransaction(inputs, [...outputs.slice(1), differing]));
  }
});

test("coin sums are range checked by themselves too", () => {
  violates("TX_OUTPUT_COINS_OVERFLOW", "hard", "Transaction output coins overflow", () =>
    checkCoinsPreserved([plain.ux], [out(bob, U64_MAX, 0n), out(bob, 1n, 0n)]),
  );
});

test("an output that exists already cannot be created again", async () => {
  const signers = await signersOf(valid);
  const state = stateOf([...existing, made1]);
  violates("TX_OUTPUT_COLLIDES", "hard", "New unspent collides with existing unspent", () =>
    checkSingle(valid, state, "signed", signers),
  );
});

test("while the genesis block is the head, a copy of its output is refused as the reference refuses it", async () => {
  const copying = signed([genesisLike], [out(bob, 1_000_000n, 7n), out(alice, 9_000_000n, 50n)]);
  const signers = await signersOf(copying);
  const state = (head: Head) => stateOf([genesisLike, ...copyOfGenesis], head);
  assert.throws(() => checkSingle(copying, state(GENESIS_HEAD), "signed", signers), { code: "TX_OUTPUT_COLLIDES" });
  checkSingle(copying, state(HEAD), "signed", signers);
  const inBlock = (head: Head) =>
    checkTransactions(blockOf([copying]), [signers], { head, unspent: state(head).unspent });
  assert.throws(() => inBlock(GENESIS_HEAD), { code: "TX_OUTPUT_COLLIDES" });
  inBlock(HEAD);
});

test("an unsigned transaction may be signed in part", async () => {
  const partly = withSig(both, 0, NULL_SIGNATURE);
  checkSingle(partly, stateOf(existing), "unsigned", await signersOf(partly));
  assert.throws(() => checkSingle(partly, stateOf(existing), "signed", new Signers(new Uint8Array(110))), {
    code: "TX_UNSIGNED_INPUT",
  });
});

const soft = (txn: Transaction, inputs: readonly UxOut[] = [plain.ux], policy = params.unconfirmed) =>
  checkSoft(txn, inputs, HEAD.time, params.distribution, policy);

for (const { why, code, text, check } of [
  {
    why: "a byte more than allowed",
    code: "TX_SIZE",
    text: "Transaction size bigger than max block size",
    check: () => {
      soft(valid, [plain.ux], { ...params.unconfirmed, maxTransactionSize: 220 });
      soft(valid, [plain.ux], { ...params.unconfirmed, maxTransactionSize: 219 });
    },
  },
  {
    why: "more hours out than in",
    code: "FEE_NEGATIVE",
    text: "Insufficient coinhours for transaction outputs",
    check: () => soft(signed([plain], [out(bob, 10_000_000n, 101n)])),
  },
  {
    why: "no fee",
    code: "FEE_ZERO",
    text: "Transaction has zero coinhour fee",
    check: () => soft(signed([plain], [out(bob, 10_000_000n, 100n)])),
  },
  {
    why: "too small a fee",
    code: "FEE_TOO_LOW",
    text: "Transaction coinhour fee minimum not met",
    check: () => soft(signed([plain], [out(bob, 10_000_000n, 91n)])),
  },
  {
    why: "input hours beyond u64",
    code: "FEE_INPUT_HOURS_OVERFLOW",
    text: "UxArray.CoinHours addition overflow",
    check: () =>
      soft(
        valid,
        rich.map(({ ux }) => ux),
      ),
  },
  {
    why: "an input whose hours overflow",
    code: "HOURS_ADDITION_OVERFLOW",
    text: "UxOut.CoinHours addition of earned coin hours overflow",
    check: () => soft(valid, [brim.ux]),
  },
  {
    why: "output hours beyond u64",
    code: "TX_OUTPUT_HOURS_OVERFLOW",
    text: "Transaction output hours overflow",
    check: () => soft(signed([plain], [out(bob, 5_000_000n, U64_MAX), out(carol, 5_000_000n, 1n)])),
  },
  {
    why: "a locked address's coins",
    code: "TX_LOCKED",
    text: "Transaction has locked address inputs",
    check: () => soft(valid, [coin(locked, 10_000_000n, 100n).ux]),
  },
  {
    why: "too many decimals",
    code: "TX_DECIMALS",
    text: "invalid amount, too many decimal places",
    check: () => soft(signed([plain], [out(bob, 9_999_999n, 1n), out(bob, 1n, 1n)])),
  },
] as const) {
  test(`policy refuses ${why}`, () => violates(code, "soft", text, check));
}

test("policy judges size, then fee, then locks, then decimals", () => {
  const lockedCoin = coin(locked, 10_000_000n, 100n);
  const all = signed([lockedCoin], [out(bob, 9_999_999n, 100n), out(bob, 1n, 0n)]);
  const paid = signed([lockedCoin], [out(bob, 9_999_999n, 10n), out(bob, 1n, 0n)]);
  const small = { ...params.unconfirmed, maxTransactionSize: 100 };
  assert.throws(() => soft(all, [lockedCoin.ux], small), { code: "TX_SIZE" });
  assert.throws(() => soft(all, [lockedCoin.ux]), { code: "FEE_ZERO" });
  assert.throws(() => soft(paid, [lockedCoin.ux]), { code: "TX_LOCKED" });
  assert.throws(() => soft(paid, [plain.ux]), { code: "TX_DECIMALS" });
  soft(paid, [plain.ux], { ...params.unconfirmed, maxDecimals: 6 });
});

test("users may not pay to nobody", () => {
  const nobody = { address: NULL_ADDRESS };
  violates("TX_NULL_ADDRESS", "user", "Transaction output is sent to the null address", () =>
    checkUser(signed([plain], [out(bob, 4_000_000n, 1n), out(nobody, 6_000_000n, 1n)])),
  );
});

test("fee and hours together beyond u64 are refused", async () => {
  const { checkFee } = await import("../../../src/chain/fee.ts");
  violates("FEE_OVERFLOW", "soft", "Hours and fee overflow", () => checkFee(U64_MAX as Hours, 1n as Hours, 10));
});

// Blocks

const GENESIS = makeGenesisBlock(params.genesis);

async function prepared(block: SignedBlock) {
  const batch = new RecoveryBatch(1);
  batch.add(blockHash(block), block.sig);
  return {
    block,
    hash: blockHash(block),
    publisher: await batch.recover(inlineRecovery()),
    signers: await Promise.all(block.transactions.map(signersOf)),
  };
}

function blockOf(transactions: readonly Transaction[], changes: Partial<SignedBlock["header"]> = {}): SignedBlock {
  return signBlock(blockAfter(HEAD, transactions, changes));
}

function contextOf(unspents: readonly IdentifiedUxOut[]): BlockContext {
  const { unspent } = stateOf(unspents);
  return { publisherKey: publisher.public, genesisHash: blockHash(GENESIS), head: HEAD, unspent };
}

const good = blockOf([valid]);

test("a block that obeys every rule gives its effect on the state", async () => {
  const change = checkBlock(await prepared(good), contextOf(existing));
  assert.deepEqual(change.txids, [txid(valid)]);
  assert.deepEqual(change.spent, [[{ id: plain.id, ux: plain.ux }]]);
  assert.deepEqual(change.created, [createUnspents(valid, { time: HEAD.time + 1, seq: HEAD.seq + 1 })]);
});

for (const { why, code, text, block } of [
  {
    why: "no recoverable signature",
    code: "BLOCK_SIGNATURE_UNRECOVERABLE",
    text: "Failed to recover pubkey from signature",
    block: { ...good, sig: HOPELESS_SIGNATURE },
  },
  {
    why: "someone else's signature",
    code: "BLOCK_SIGNER",
    text: "Recovered pubkey does not match pubkey",
    block: signBlock(good, alice.secret),
  },
  {
    why: "a malleated signature",
    code: "BLOCK_SIGNATURE_INVALID",
    text: "VerifySignatureRecoverPubKey, VerifySignatureValidity failed",
    block: { ...good, sig: malleated(good.sig) },
  },
  {
    why: "the genesis block again",
    code: "BLOCK_GENESIS_AGAIN",
    text: "Attempted to process genesis block after blockchain has genesis block",
    block: signBlock(GENESIS),
  },
  { why: "a gap", code: "BLOCK_SEQ", text: "BkSeq invalid", block: blockOf([valid], { seq: HEAD.seq + 2 }) },
  {
    why: "the head's own time",
    code: "BLOCK_TIME",
    text: "Block time must be > head time",
    block: blockOf([valid], { time: HEAD.time }),
  },
  {
    why: "another parent",
    code: "BLOCK_PREV_HASH",
    text: "PrevHash does not match current head",
    block: blockOf([valid], { prevHash: NULL_HASH }),
  },
  {
    why: "another body",
    code: "BLOCK_BODY_HASH",
    text: "Computed body hash does not match",
    block: blockOf([valid], { bodyHash: NULL_HASH }),
  },
  { why: "an empty body", code: "BLOCK_NO_TRANSACTIONS", text: "No transactions", block: blockOf([]) },
  {
    why: "a transaction twice",
    code: "BLOCK_DUPLICATE_OUTPUT",
    text: "Duplicate unspent output across transactions",
    block: blockOf([valid, valid]),
  },
  {
    why: "a double spend",
    code: "BLOCK_DOUBLE_SPEND",
    text: "Cannot spend output twice in the same block",
    block: blockOf([valid, both]),
  },
  {
    why: "another unspent set",
    code: "BLOCK_UX_HASH",
    text: "UxHash does not match",
    block: blockOf([valid], { uxHash: NULL_HASH }),
  },
] as const) {
  test(`a block is refused with ${why}`, async () => {
    const p = await prepared(block);
    violates(code, "block", text, () => checkBlock(p, contextOf(existing)));
  });
}

test("the same transaction twice is found by its id too", () => {
  violates("BLOCK_DUPLICATE_TRANSACTION", "block", "Unexpected duplicate transaction", () =>
    checkDistinct([valid, valid]),
  );
});

test("an output that exists is refused by its real id while the genesis block is the head", async () => {
  const real = createUnspents(valid, { time: 1, seq: 1 });
  const state = stateOf([...existing, ...real], GENESIS_HEAD);
  const signers = [await signersOf(valid)];
  violates("BLOCK_OUTPUT_EXISTS", "block", "Output hash is in the UnspentPool", () =>
    checkTransactions(good, signers, { head: GENESIS_HEAD, unspent: state.unspent }),
  );
});

test("a violation can be told in another class without losing its text", () => {
  const error = new RuleError("TX_INPUT_UNKNOWN", { uxid: "ab" }, { args: ["ab"] });
  assert.equal(error.as("hard"), error);
  const softened = error.as("soft");
  assert.equal(softened.message, "unspent output of ab does not exist");
  assert.equal(softened.prefixed, "Transaction violates soft constraint: unspent output of ab does not exist");
  assert.deepEqual(softened.data, { uxid: "ab" });
});
