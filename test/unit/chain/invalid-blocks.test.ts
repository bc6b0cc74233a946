import assert from "node:assert/strict";
import { test } from "node:test";
import { U64_MAX } from "../../../src/base/uint64.ts";
import { type Block, blockHash, computeBodyHash, type SignedBlock } from "../../../src/chain/block.ts";
import { RuleError } from "../../../src/chain/rules.ts";
import { newTransaction, signTransaction, type Transaction, txid } from "../../../src/chain/transaction.ts";
import { createUnspents } from "../../../src/chain/unspents.ts";
import type { Hours } from "../../../src/chain/uxout.ts";
import { type Hash, hashHex, NULL_HASH, sha256, xorHash } from "../../../src/cipher/hash.ts";
import { NULL_SIGNATURE, type Signature } from "../../../src/cipher/sign.ts";
import {
  alice,
  bob,
  type Coin,
  genesisOwner,
  HOPELESS_SIGNATURE,
  malleated,
  out,
  publisher,
  signBlock,
  spend,
  TestChain,
} from "../../support/chain.ts";
import type { PlainStore } from "../../support/plain-store.ts";

// Every block here is refused with its rule's code, and leaves no trace: head, unspent set and its hash stay, and
// the block that should have come is accepted afterwards.

const source = await TestChain.open();
const coins = (await source.fund(alice, 8)) as [Coin, Coin, Coin, Coin, Coin, Coin, Coin, Coin];
const [a, b, c] = coins;
const each = a.ux.body.coins;
const pay = (coin: Coin, hours = 100n) => spend([coin], [out(bob, coin.ux.body.coins, hours)]);
const good = pay(a);
const companion = pay(b);
const next = source.block([good]);

const digit = (hash: Hash, bit = 1): Hash => {
  const changed = hash.slice() as Hash;
  changed[0] = (changed[0] as number) ^ bit;
  return changed;
};
const header = (changes: Partial<Block["header"]>): SignedBlock =>
  signBlock({ ...next, header: { ...next.header, ...changes } });
const body = (transactions: readonly Transaction[]): SignedBlock => signBlock(source.block(transactions));
const sig = (from: number, to: number, change: (byte: number) => number): SignedBlock => {
  const signed = signBlock(next);
  const changed = signed.sig.slice() as Signature;
  for (let i = from; i < to; i++) changed[i] = change(changed[i] as number);
  return { ...signed, sig: changed };
};
const swapSig = (txn: Transaction, signature: Signature): Transaction => ({ ...txn, sigs: [signature] });

const HEADERS: readonly (readonly [string, string, SignedBlock])[] = [
  ["seq of the head", "BLOCK_SEQ", header({ seq: 1 })],
  ["seq 0", "BLOCK_SEQ", header({ seq: 0 })],
  ["a gap of one", "BLOCK_SEQ", header({ seq: 3 })],
  ["the largest seq", "BLOCK_SEQ", header({ seq: Number.MAX_SAFE_INTEGER })],
  ["the head's time", "BLOCK_TIME", header({ time: source.chain.head().time })],
  ["a time before the head's", "BLOCK_TIME", header({ time: source.chain.head().time - 1 })],
  ["time 0", "BLOCK_TIME", header({ time: 0 })],
  ["null prevHash", "BLOCK_PREV_HASH", header({ prevHash: NULL_HASH })],
  ["prevHash one bit off", "BLOCK_PREV_HASH", header({ prevHash: digit(next.header.prevHash) })],
  ["the grandparent as parent", "BLOCK_PREV_HASH", header({ prevHash: source.chain.genesisHash })],
  ["null bodyHash", "BLOCK_BODY_HASH", header({ bodyHash: NULL_HASH })],
  ["bodyHash one bit off", "BLOCK_BODY_HASH", header({ bodyHash: digit(next.header.bodyHash) })],
  ["bodyHash of another body", "BLOCK_BODY_HASH", header({ bodyHash: computeBodyHash([companion]) })],
  ["null uxHash", "BLOCK_UX_HASH", header({ uxHash: NULL_HASH })],
  ["uxHash one bit off", "BLOCK_UX_HASH", header({ uxHash: digit(next.header.uxHash) })],
  ["uxHash after this block instead of before", "BLOCK_UX_HASH", header({ uxHash: afterSet() })],
  ["bad seq and bad time: seq is told", "BLOCK_SEQ", header({ seq: 9, time: 0 })],
  ["bad time and bad parent: time is told", "BLOCK_TIME", header({ time: 0, prevHash: NULL_HASH })],
  ["bad parent and bad body: parent is told", "BLOCK_PREV_HASH", header({ prevHash: NULL_HASH, bodyHash: NULL_HASH })],
  ["bad body and bad set: body is told", "BLOCK_BODY_HASH", header({ bodyHash: NULL_HASH, uxHash: NULL_HASH })],
  ["genesis again", "BLOCK_GENESIS_AGAIN", source.chain.genesis],
  ["the head again", "BLOCK_SEQ", source.store.blockBySeq(1) as SignedBlock],
];

const SIGNATURES: readonly (readonly [string, string, SignedBlock])[] = [
  ["null signature", "BLOCK_SIGNATURE_UNRECOVERABLE", { ...next, sig: NULL_SIGNATURE }],
  ["r = 0", "BLOCK_SIGNATURE_UNRECOVERABLE", { ...next, sig: HOPELESS_SIGNATURE }],
  ["r beyond the order", "BLOCK_SIGNATURE_UNRECOVERABLE", sig(0, 32, () => 0xff)],
  ["s = 0", "BLOCK_SIGNATURE_UNRECOVERABLE", sig(32, 64, () => 0)],
  ["the owner's instead of the publisher's", "BLOCK_SIGNER", signBlock(next, alice.secret)],
  ["the genesis owner's", "BLOCK_SIGNER", signBlock(next, genesisOwner.secret)],
  ["the other recovery id", "BLOCK_SIGNER", sig(64, 65, (byte) => byte ^ 1)],
  ["one bit of s flipped", "BLOCK_SIGNER", sig(63, 64, (byte) => byte ^ 1)],
  ["malleated", "BLOCK_SIGNATURE_INVALID", { ...next, sig: malleated(signBlock(next).sig) }],
  ["recovery id + 4", "BLOCK_SIGNATURE_INVALID", sig(64, 65, (byte) => byte + 4)],
  ["recovery id + 252", "BLOCK_SIGNATURE_INVALID", sig(64, 65, (byte) => byte + 252)],
  [
    "the signature of the same block at another time",
    "BLOCK_SIGNER",
    { ...next, sig: header({ time: next.header.time + 1 }).sig },
  ],
  [
    "bad signature and everything else bad: the signature is told",
    "BLOCK_SIGNATURE_UNRECOVERABLE",
    { ...header({ seq: 9, time: 0, prevHash: NULL_HASH }), sig: NULL_SIGNATURE },
  ],
];

const drained = { ...a, id: sha256(Uint8Array.of(9)) };
const BODIES: readonly (readonly [string, string, readonly Transaction[]])[] = [
  ["no transactions", "BLOCK_NO_TRANSACTIONS", []],
  ["the same transaction twice", "BLOCK_DUPLICATE_OUTPUT", [good, good]],
  ["two transactions spending one output", "BLOCK_DOUBLE_SPEND", [good, pay(a, 99n)]],
  ["a double spend across a third", "BLOCK_DOUBLE_SPEND", [good, companion, spend([c, a], [out(bob, each * 2n, 1n)])]],
  [
    "spending what the block itself creates",
    "TX_INPUT_UNKNOWN",
    [
      good,
      spend(
        [{ ...(createUnspents(good, { time: 1, seq: 2 })[0] as Coin), secret: bob.secret }],
        [out(alice, each, 1n)],
      ),
    ],
  ],
];

const TRANSACTIONS: readonly (readonly [string, string, Transaction])[] = [
  ["no inputs", "TX_NO_INPUTS", newTransaction([], good.outputs)],
  ["no outputs", "TX_NO_OUTPUTS", spend([a], [])],
  ["no signatures", "TX_SIGNATURE_COUNT", { ...good, sigs: [] }],
  ["a spare signature", "TX_SIGNATURE_COUNT", { ...good, sigs: [...good.sigs, ...good.sigs] }],
  ["an input twice", "TX_DUPLICATE_SPEND", spend([a, a], [out(bob, each * 2n, 1n)])],
  ["type 255", "TX_TYPE", { ...good, type: 255 }],
  ["zero coins", "TX_ZERO_COINS", spend([a], [out(bob, each, 1n), out(alice, 0n, 1n)])],
  ["coin overflow", "TX_COINS_OVERFLOW", spend([a], [out(bob, U64_MAX, 1n), out(alice, U64_MAX, 1n)])],
  ["length 0", "TX_LENGTH", { ...good, length: 0 }],
  ["length one short", "TX_LENGTH", { ...good, length: good.length - 1 }],
  ["an output twice", "TX_DUPLICATE_OUTPUT", spend([a], [out(bob, each / 2n, 1n), out(bob, each / 2n, 1n)])],
  ["a foreign inner hash", "TX_INNER_HASH", signTransaction({ ...good, innerHash: companion.innerHash }, [a.secret])],
  ["an unsigned input", "TX_UNSIGNED_INPUT", swapSig(good, NULL_SIGNATURE)],
  ["an impossible signature", "TX_SIGNATURE_UNRECOVERABLE", swapSig(good, HOPELESS_SIGNATURE)],
  ["a malleated signature", "TX_SIGNATURE_INVALID", swapSig(good, malleated(good.sigs[0] as Signature))],
  ["another transaction's signature", "TX_SIGNER_NOT_OWNER", swapSig(good, companion.sigs[0] as Signature)],
  ["a thief's signature", "TX_SIGNER_NOT_OWNER", pay({ ...a, secret: bob.secret })],
  ["the publisher's signature", "TX_SIGNER_NOT_OWNER", pay({ ...a, secret: publisher.secret })],
  ["an output that never was", "TX_INPUT_UNKNOWN", pay(drained)],
  ["the spent genesis output", "TX_INPUT_UNKNOWN", pay(source.genesisCoin())],
  ["a droplet made", "TX_COINS_INSUFFICIENT", spend([a], [out(bob, each + 1n, 1n)])],
  ["a droplet lost", "TX_COINS_DESTROYED", spend([a], [out(bob, each - 1n, 1n)])],
  ["an hour made", "TX_HOURS_INSUFFICIENT", pay(a, a.ux.body.hours + 1n)],
  ["all hours made", "TX_HOURS_INSUFFICIENT", pay(a, U64_MAX)],
];

function afterSet(): Hash {
  return xorHash(next.header.uxHash, sha256(Uint8Array.of(1)));
}

async function refused(block: SignedBlock, code: string): Promise<void> {
  const { chain, store } = source;
  const before = { head: chain.head(), unspents: [...store.allUnspents()].map(({ id }) => hashHex(id)) };
  await assert.rejects(chain.execute(block), (error) => {
    assert.ok(error instanceof RuleError, String(error));
    assert.equal(error.code, code);
    return true;
  });
  assert.deepEqual(chain.head(), before.head);
  assert.deepEqual(chain.stagedHead(), before.head);
  assert.equal(store.stagedCount(), 0);
  assert.deepEqual(
    [...store.allUnspents()].map(({ id }) => hashHex(id)),
    before.unspents,
  );
}

for (const [why, code, block] of [...HEADERS, ...SIGNATURES]) {
  test(`refuses a block with ${why}: ${code}`, () => refused(block, code));
}
for (const [why, code, transactions] of BODIES) {
  test(`refuses a block with ${why}: ${code}`, () => refused(body(transactions), code));
}
for (const [why, code, txn] of TRANSACTIONS) {
  test(`refuses a block with a transaction with ${why}: ${code}`, () => refused(body([txn]), code));
  test(`refuses it behind a good one, too: ${why}`, () => refused(body([companion, txn]), code));
}

test("there are enough of them", () => {
  assert.ok(HEADERS.length + SIGNATURES.length + BODIES.length + 2 * TRANSACTIONS.length >= 60);
});

test("a good block behind a bad one is not executed, and the good ones before it stand", async () => {
  const fork = await TestChain.open();
  const [x, y] = (await fork.fund(alice, 2)) as [Coin, Coin];
  const before = fork.chain.head();
  const first = signBlock(fork.block([pay(x)]));
  const bad = header({ seq: 77 });
  const { executed, error } = await fork.chain.executePrepared(await fork.chain.prepare([first, bad, first]));
  assert.equal(executed, 1);
  assert.equal(error?.code, "BLOCK_SEQ");
  assert.equal(fork.chain.head().seq, before.seq + 1);
  assert.deepEqual(fork.chain.head().hash, blockHash(first));
  await fork.add([pay(y)]);
});

// Not the business of anyone who receives a block (chain.md 7.1, G2).
test("accepts odd versions, fees, sizes and order, and the time far ahead", async () => {
  const { chain } = source;
  const big = spend(
    [c],
    Array.from({ length: 1000 }, (_, i) => out(bob, i === 0 ? each - 999n : 1n, BigInt(i))),
  );
  const [low, high] = [pay(coins[3], 1n), pay(coins[4], 0n)].sort((l, r) =>
    hashHex(txid(l)) < hashHex(txid(r)) ? 1 : -1,
  );
  const odd = source.block([good, big, low as Transaction, high as Transaction], {
    version: 77,
    fee: 12345n as Hours,
    time: 9_000_000_000,
  });
  await chain.execute(signBlock(odd));
  assert.equal(chain.head().time, 9_000_000_000);
  assert.equal((source.store as PlainStore).flushes, 3);
});
