import { U64_MAX } from "../../src/base/uint64.ts";
import { type Block, computeBodyHash, type SignedBlock } from "../../src/chain/block.ts";
import type { RuleCode } from "../../src/chain/rules.ts";
import { newTransaction, signTransaction, type Transaction, txid } from "../../src/chain/transaction.ts";
import { createUnspents } from "../../src/chain/unspents.ts";
import type { Hours } from "../../src/chain/uxout.ts";
import { NULL_ADDRESS } from "../../src/cipher/address.ts";
import { type Hash, hashHex, NULL_HASH, sha256, xorHash } from "../../src/cipher/hash.ts";
import { NULL_SIGNATURE, type Signature } from "../../src/cipher/sign.ts";
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
  VOLUME,
} from "./chain.ts";

// Blocks of every kind that must be refused, and some odd ones that must not.

/** One kind of block. Without a code it is valid, however odd. */
export interface BlockKind {
  readonly name: string;
  readonly code: RuleCode | undefined;
  /** The chain it is made for. */
  readonly ground: GroundName;
  readonly block: SignedBlock;
}

/**
 * The chains the blocks are made for. `genesis`: nothing but block 0. `funded`: the volume in equal parts. `wrapped`:
 * outputs whose hours make 2^64 and more, as a block may have. `late`: the same, and a head so late that hours overflow.
 */
export type GroundName = "genesis" | "funded" | "wrapped" | "late";

const start = await TestChain.open();
const source = await TestChain.open();
const coins = (await source.fund(alice, 8)) as [Coin, Coin, Coin, Coin];
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

function afterSet(): Hash {
  return xorHash(next.header.uxHash, sha256(Uint8Array.of(1)));
}

const HEADERS: readonly (readonly [string, RuleCode, SignedBlock])[] = [
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

const SIGNATURES: readonly (readonly [string, RuleCode, SignedBlock])[] = [
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
const BODIES: readonly (readonly [string, RuleCode, readonly Transaction[]])[] = [
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

const TRANSACTIONS: readonly (readonly [string, RuleCode, Transaction])[] = [
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

const { chain: wrapped, coins: held } = await wrappedChain();
const late = await wrappedChain();
await late.chain.add([spend([late.coins[2]], [out(alice, 2_000_000n, 0n)])], { time: 100_000_000_000_000 });
const [plenty, full, , fraction, eleven] = late.coins;

const OVERFLOWS: readonly (readonly [string, RuleCode | undefined, GroundName, SignedBlock])[] = [
  [
    "a copy of the genesis output right after it",
    "TX_OUTPUT_COLLIDES",
    "genesis",
    signBlock(start.block([spend([start.genesisCoin()], [out(genesisOwner, VOLUME, VOLUME)])])),
  ],
  [
    "inputs with 2^64 hours and more",
    "TX_INPUT_HOURS_OVERFLOW",
    "wrapped",
    signBlock(wrapped.block([spend([held[1], held[2]], [out(bob, 3_000_000n, 1n)])])),
  ],
  ["seconds times coins beyond 2^64", "HOURS_SECONDS_OVERFLOW", "late", tooLate(plenty, 0n)],
  ["seconds times droplets beyond 2^64", "HOURS_DROPLETS_OVERFLOW", "late", tooLate(fraction, 0n)],
  ["an hour out of an input whose hours overflow", "TX_HOURS_INSUFFICIENT", "late", tooLate(full, 1n)],
  ["nothing out of an input whose hours overflow", undefined, "late", tooLate(full, 0n)],
  ["many hours of a long time", undefined, "late", tooLate(eleven, 300_000_000_000n)],
  [
    "outputs whose hours make 2^64",
    undefined,
    "funded",
    body([spend([a], [out(bob, each - 1n, U64_MAX), out(alice, 1n, 1n)])]),
  ],
];

/** Not the business of anyone who receives a block (chain.md 7.1, G2). */
const ODD: readonly (readonly [string, SignedBlock])[] = [
  ["a strange version", header({ version: 77 })],
  ["a fee that nobody paid", header({ fee: 12345n as Hours })],
  ["a time far ahead", header({ time: 9_000_000_000 })],
  ["the largest time", header({ time: Number.MAX_SAFE_INTEGER })],
  [
    "transactions in falling order",
    body([good, companion].sort((l, r) => (hashHex(txid(l)) > hashHex(txid(r)) ? -1 : 1))),
  ],
  ["no hours burned", body([pay(a, a.ux.body.hours)])],
  ["more decimals than policy allows", body([spend([a], [out(bob, each - 1n, 1n), out(alice, 1n, 1n)])])],
  ["coins for the null address", body([spend([a], [{ ...out(bob, each, 1n), address: NULL_ADDRESS }])])],
];

/** Outputs as a block may have made them: hours of 2^64 and more in sum, which wraps to 1. */
async function wrappedChain() {
  const chain = await TestChain.open();
  const txn = spend(
    [chain.genesisCoin()],
    [
      out(alice, VOLUME - 14_999_999n, 0n),
      out(alice, 1_000_000n, U64_MAX),
      out(alice, 2_000_000n, U64_MAX),
      out(alice, 999_999n, 1n),
      out(alice, 11_000_000n, 2n),
    ],
  );
  const coins = chain.coinsOf(alice, txn, await chain.add([txn])) as [Coin, Coin, Coin, Coin, Coin];
  return { chain, coins };
}

function tooLate(coin: Coin, hours: bigint): SignedBlock {
  return signBlock(late.chain.block([spend([coin], [out(bob, coin.ux.body.coins, hours)])]));
}

export const GROUNDS: Readonly<Record<GroundName, TestChain>> = {
  genesis: start,
  funded: source,
  wrapped,
  late: late.chain,
};

const funded = (name: string, code: RuleCode | undefined, block: SignedBlock): BlockKind => ({
  name,
  code,
  ground: "funded",
  block,
});

export const BLOCK_KINDS: readonly BlockKind[] = [
  ...[...HEADERS, ...SIGNATURES].map(([name, code, block]) => funded(name, code, block)),
  ...BODIES.map(([name, code, transactions]) => funded(name, code, body(transactions))),
  ...TRANSACTIONS.flatMap(([name, code, txn]) => [
    funded(`a transaction with ${name}`, code, body([txn])),
    funded(`a good transaction, then one with ${name}`, code, body([companion, txn])),
  ]),
  ...OVERFLOWS.map(([name, code, ground, block]) => ({ name, code, ground, block })),
  ...ODD.map(([name, block]) => funded(name, undefined, block)),
];

/** The blocks of a ground, from genesis on. */
export function blocksOf({ store, chain }: TestChain): SignedBlock[] {
  return Array.from({ length: chain.head().seq + 1 }, (_, seq) => store.blockBySeq(seq) as SignedBlock);
}

/** A chain of its own with the same blocks. */
export async function copyOf(blocks: readonly SignedBlock[]): Promise<TestChain> {
  const copy = await TestChain.open();
  for (const block of blocks.slice(1)) await copy.chain.execute(block);
  return copy;
}
