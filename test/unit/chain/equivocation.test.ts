import assert from "node:assert/strict";
import { test } from "node:test";
import { blockHash } from "../../../src/chain/block.ts";
import { EQUIVOCATIONS_MAX, type Equivocation, EquivocationWatch } from "../../../src/chain/equivocation.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import { alice, bob, out, signBlock, spend, TestChain } from "../../support/chain.ts";

/** A chain with two blocks after the genesis block, and siblings of the second. */
async function rig() {
  const made = await TestChain.open();
  const [coin] = await made.fund(alice, 4);
  assert.ok(coin !== undefined);
  const txn = spend([coin], [out(bob, coin.ux.body.coins, 1n)]);
  const sibling = (time: number) => made.block([txn], { time: made.chain.head().time + time });
  const siblings = Array.from({ length: EQUIVOCATIONS_MAX + 2 }, (_, i) => sibling(20 + i));
  await made.add([txn]);
  const watch = new EquivocationWatch(made.chain);
  const found: Equivocation[] = [];
  watch.onFound.on((proof) => found.push(proof));
  return { made, siblings, watch, found };
}

test("a second signed block on the same parent is proof, told once", async () => {
  const { made, siblings, watch, found } = await rig();
  const theirs = signBlock(siblings[0] as (typeof siblings)[0]);
  assert.equal(watch.relation(theirs), "sibling");
  assert.deepEqual([await watch.examine(theirs), await watch.examine(theirs)], ["equivocation", "equivocation"]);
  assert.equal(found.length, 1);
  assert.deepEqual(found[0]?.ours, made.chain.store.blockBySeq(2));
  assert.deepEqual(found[0]?.theirs, theirs);
});

test("a sibling by another key is a forgery and no proof", async () => {
  const { siblings, watch, found } = await rig();
  assert.equal(await watch.examine(signBlock(siblings[0] as (typeof siblings)[0], alice.secret)), "forged");
  assert.equal(found.length, 0);
});

test("our own block signed again, a coming one, and one on a foreign parent prove nothing", async () => {
  const { made, siblings, watch, found } = await rig();
  const own = made.chain.store.blockBySeq(2);
  assert.ok(own !== undefined);
  const { header, transactions } = siblings[0] as (typeof siblings)[0];
  const foreign = { header: { ...header, prevHash: made.chain.head().hash }, transactions };
  const coming = { header: { ...header, seq: 3 }, transactions };
  for (const [block, relation] of [
    [own, "held"],
    [foreign, "unlinked"],
    [coming, "ahead"],
  ] as const) {
    assert.equal(watch.relation(signBlock(block)), relation);
    assert.equal(await watch.examine(signBlock(block)), "harmless");
  }
  assert.equal(found.length, 0);
});

test("what is kept already is not told again, and no more than so many are", async () => {
  const { made, siblings } = await rig();
  const first = signBlock(siblings[0] as (typeof siblings)[0]);
  const watch = new EquivocationWatch(made.chain, [hashHex(blockHash(first))]);
  const found: Equivocation[] = [];
  watch.onFound.on((proof) => found.push(proof));
  for (const block of siblings) assert.equal(await watch.examine(signBlock(block)), "equivocation");
  assert.equal(found.length, EQUIVOCATIONS_MAX - 1);
});

test("what the operator has settled is not told again, and takes no place of what is new", async () => {
  const { made, siblings } = await rig();
  const [first, ...others] = siblings.map((block) => signBlock(block));
  const old = Array.from({ length: EQUIVOCATIONS_MAX }, (_, i) => String(i).padStart(64, "0"));
  const watch = new EquivocationWatch(made.chain, [], [...old, hashHex(blockHash(first as (typeof others)[0]))]);
  const found: Equivocation[] = [];
  watch.onFound.on((proof) => found.push(proof));
  assert.equal(await watch.examine(first as (typeof others)[0]), "equivocation");
  assert.equal(found.length, 0);
  assert.equal(await watch.examine(others[0] as (typeof others)[0]), "equivocation");
  assert.equal(found.length, 1);
});
