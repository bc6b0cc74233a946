import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "../../../src/base/bytes.ts";
import { blockHash, decodeSignedBlock, type SignedBlock } from "../../../src/chain/block.ts";
import { RULES, type RuleCode, RuleError } from "../../../src/chain/rules.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import { BLOCK_KINDS, blocksOf, copyOf, GROUNDS, type GroundName } from "../../support/block-zoo.ts";
import { alice, bob, type Coin, out, signBlock, spend, TestChain } from "../../support/chain.ts";
import type { PlainStore } from "../../support/plain-store.ts";
import { vectors } from "../../support/vectors.ts";

// Every block that has to be is refused with its rule's code, and leaves no trace: head, unspent set and its hash stay.

const INVALID = BLOCK_KINDS.filter(({ code }) => code !== undefined);

/** Why `chain` refuses the block, having seen that nothing came of it; undefined when it took it. */
async function refusal({ chain, store }: TestChain, block: SignedBlock): Promise<RuleError | undefined> {
  const state = () => ({ head: chain.head(), unspents: [...store.allUnspents()].map(({ id }) => hashHex(id)) });
  const before = state();
  try {
    await chain.execute(block);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof RuleError, String(error));
    assert.deepEqual(state(), before);
    assert.deepEqual(chain.stagedHead(), before.head);
    assert.equal(store.stagedCount(), 0);
    return error;
  }
}

for (const { name, code, ground, block } of INVALID) {
  test(`refuses a block with ${name}: ${code}`, async () => {
    assert.equal((await refusal(GROUNDS[ground], block))?.code, code);
  });
}

for (const { name, code, ground, block } of BLOCK_KINDS) {
  if (code !== undefined) continue;
  test(`accepts a block with ${name}`, async () => {
    const copy = await copyOf(blocksOf(GROUNDS[ground]));
    assert.equal(await refusal(copy, block), undefined);
    assert.deepEqual(copy.chain.head().hash, blockHash(block));
  });
}

test("there are enough of them", () => {
  assert.ok(INVALID.length >= 60);
  assert.equal(new Set(BLOCK_KINDS.map(({ name }) => name)).size, BLOCK_KINDS.length);
});

interface Verdicts {
  /** The chains, from genesis on. */
  readonly grounds: Readonly<Record<GroundName, readonly string[]>>;
  /** What the reference said of each block; null when it took it. docs/testing.md tells how it was asked. */
  readonly kinds: readonly {
    readonly name: string;
    readonly ground: GroundName;
    readonly block: string;
    readonly reference: string | null;
  }[];
}

const recorded = vectors<Verdicts>("block-verdicts.json");
const decode = (hex: string) => decodeSignedBlock(fromHex(hex));

test("the reference was asked about every kind", () => {
  assert.deepEqual(
    recorded.kinds.map(({ name, ground }) => ({ name, ground })),
    BLOCK_KINDS.map(({ name, ground }) => ({ name, ground })),
  );
});

/**
 * Differs: the reference writes the parent's hash into a block before it looks at it. So it takes a block with a wrong
 * one, or says what else is wrong, and does not know its genesis block again.
 */
const ELSEWHERE: Partial<Record<RuleCode, readonly (string | null)[]>> = {
  BLOCK_PREV_HASH: [null, RULES.BLOCK_BODY_HASH.text],
  BLOCK_GENESIS_AGAIN: [RULES.BLOCK_SEQ.text],
};

test("the reference's verdict on each recorded block is ours, in its words, but for the parent's hash", async () => {
  for (const [i, { name, ground, block, reference }] of recorded.kinds.entries()) {
    const copy = await copyOf(recorded.grounds[ground].map(decode));
    const error = await refusal(copy, decode(block));
    assert.equal(error?.code, BLOCK_KINDS[i]?.code, name);
    const other = error && ELSEWHERE[error.code];
    if (other === undefined) assert.equal(error?.prefixed ?? null, reference, name);
    else assert.ok(other.includes(reference), name);
  }
});

test("a good block behind a bad one is not executed, and the good ones before it stand", async () => {
  const fork = await TestChain.open();
  const [x, y] = (await fork.fund(alice, 2)) as [Coin, Coin];
  const before = fork.chain.head();
  const pay = (coin: Coin) => spend([coin], [out(bob, coin.ux.body.coins, 100n)]);
  const first = signBlock(fork.block([pay(x)]));
  const bad = signBlock(fork.block([pay(y)], { seq: 77 }));
  const { executed, error } = await fork.chain.executePrepared(await fork.chain.prepare([first, bad, first]));
  assert.equal(executed, 1);
  assert.equal(error?.code, "BLOCK_SEQ");
  assert.equal(fork.chain.head().seq, before.seq + 1);
  assert.deepEqual(fork.chain.head().hash, blockHash(first));
  await fork.add([pay(y)]);
});

// Not the business of anyone who receives a block (chain.md 7.1, G2).
test("accepts a block larger than any policy would make it", async () => {
  const fork = await TestChain.open();
  const [coin] = (await fork.fund(alice, 1)) as [Coin];
  const { coins } = coin.ux.body;
  const outputs = Array.from({ length: 1000 }, (_, i) => out(bob, i === 0 ? coins - 999n : 1n, BigInt(i)));
  await fork.add([spend([coin], outputs)]);
  assert.equal(fork.chain.head().seq, 2);
  assert.equal((fork.store as PlainStore).flushes, 3);
});
