import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { blockHash, decodeSignedBlock, encodeSignedBlock, type SignedBlock } from "../../../src/chain/block.ts";
import { Blockchain, STAGED_BLOCKS_MAX } from "../../../src/chain/blockchain.ts";
import { inlineRecovery, RECOVERY_RECORD_BYTES, type SignatureRecovery } from "../../../src/chain/signatures.ts";
import type { Transaction } from "../../../src/chain/transaction.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import {
  alice,
  bob,
  type Coin,
  GENESIS_TIME,
  genesisOwner,
  out,
  publisher,
  signBlock,
  spend,
  TestChain,
  testParams,
} from "../../support/chain.ts";
import { PlainStore } from "../../support/plain-store.ts";

class CountingRecovery implements SignatureRecovery {
  readonly name = "counting";
  readonly #inner = inlineRecovery();
  calls = 0;
  signatures = 0;

  async recover(records: Uint8Array): Promise<Uint8Array> {
    this.calls++;
    this.signatures += records.length / RECOVERY_RECORD_BYTES;
    return this.#inner.recover(records);
  }

  async close(): Promise<void> {}
}

const pay = (coin: Coin, hours = 100n): Transaction => spend([coin], [out(bob, coin.ux.body.coins, hours)]);

/** A funded chain, and `count` blocks of one payment each that follow it, not executed. */
async function chainAndBlocks(count: number, recovery?: SignatureRecovery) {
  const maker = await TestChain.open();
  const coins = await maker.fund(alice, count);
  const funding = maker.store.blockBySeq(1) as SignedBlock;
  const blocks: SignedBlock[] = [];
  for (const coin of coins) blocks.push(await maker.add([pay(coin)]));
  // Fresh objects, as they come from a peer.
  const fresh = blocks.map((block) => decodeSignedBlock(encodeSignedBlock(block)));
  const subject = await TestChain.open(recovery === undefined ? {} : { recovery });
  await subject.chain.execute(funding);
  return { ...subject, chain: subject.chain, store: subject.store as PlainStore, blocks: fresh, maker };
}

test("an empty store gets the genesis block, signed by the publisher or as configured", async () => {
  const store = new PlainStore();
  const { chain } = await TestChain.open({ store });
  assert.equal(chain.head().seq, 0);
  assert.equal(chain.head().time, GENESIS_TIME);
  assert.deepEqual(chain.head().hash, chain.genesisHash);
  assert.equal(store.unspentCount(), 1);

  const params = testParams();
  const configured = testParams({ genesis: { ...params.genesis, signature: chain.genesis.sig } });
  const peer = await Blockchain.open({
    params: configured,
    store: new PlainStore(),
    recovery: inlineRecovery(),
    log: silentLogger,
  });
  assert.deepEqual(peer.genesis, chain.genesis);
  assert.deepEqual(peer.head(), chain.head());
  // A publisher with a configured signature keeps to it.
  const again = await TestChain.open({ params: configured });
  assert.deepEqual(again.chain.genesis.sig, chain.genesis.sig);
});

test("a chain is not begun without a signature, with a wrong one, or with a wrong key", async () => {
  const open = (more: object) =>
    Blockchain.open({
      params: testParams(),
      store: new PlainStore(),
      recovery: inlineRecovery(),
      log: silentLogger,
      ...more,
    });
  await assert.rejects(open({}), { code: "GENESIS_UNSIGNED" });
  await assert.rejects(open({ secretKey: alice.secret }), { code: "PUBLISH_WRONG_KEY" });
  const { chain } = await TestChain.open();
  const bad = chain.genesis.sig.slice();
  bad[40] = (bad[40] as number) ^ 1;
  const params = testParams();
  await assert.rejects(
    open({ params: testParams({ genesis: { ...params.genesis, signature: bad as typeof chain.genesis.sig } }) }),
    { code: "GENESIS_SIGNATURE", message: /Recovered pubkey does not match pubkey/ },
  );
});

test("a store of another chain is refused", async () => {
  const store = new PlainStore();
  await TestChain.open({ store });
  const params = testParams();
  await assert.rejects(TestChain.open({ store, params: testParams({ genesis: { ...params.genesis, time: 1 } }) }), {
    code: "GENESIS_MISMATCH",
  });
  await assert.rejects(TestChain.open({ store, params: testParams({ publisherKey: alice.public }) }), {
    code: "GENESIS_SIGNATURE",
  });
  const headless = new PlainStore();
  headless.head = () => ({ seq: 3, time: 3, hash: chainHash, setHash: chainHash });
  const chainHash = blockHash((await TestChain.open()).chain.genesis);
  await assert.rejects(TestChain.open({ store: headless }), { code: "GENESIS_MISMATCH" });
  await TestChain.open({ store });
});

test("blocks execute in order and are told in order, once they are durable", async () => {
  const { chain, store, blocks } = await chainAndBlocks(5);
  const told: number[] = [];
  chain.onBlock.on(({ block, hash, change }) => {
    assert.deepEqual(chain.store.blockHashAt(block.header.seq), hash);
    assert.equal(change.txids.length, 1);
    told.push(block.header.seq);
  });
  const flushes = store.flushes;
  const { executed, error } = await chain.executePrepared(await chain.prepare(blocks));
  assert.deepEqual([executed, error], [5, undefined]);
  assert.deepEqual(told, [2, 3, 4, 5, 6]);
  assert.equal(store.flushes, flushes + 1);
  assert.equal(chain.head().seq, 6);
});

test("every signature is recovered once, in few calls", async () => {
  const recovery = new CountingRecovery();
  const { chain, blocks } = await chainAndBlocks(6, recovery);
  recovery.calls = 0;
  recovery.signatures = 0;
  await chain.executePrepared(await chain.prepare(blocks));
  assert.equal(recovery.signatures, 6 + 6);
  assert.equal(recovery.calls, 2);
});

test("a forged block costs one recovery, however much it carries", async () => {
  const recovery = new CountingRecovery();
  const { chain, blocks } = await chainAndBlocks(3, recovery);
  recovery.signatures = 0;
  const forged = { ...(blocks[0] as SignedBlock), sig: signBlock(blocks[0] as SignedBlock, alice.secret).sig };
  const prepared = await chain.prepare([forged, blocks[0] as SignedBlock]);
  assert.equal(recovery.signatures, 2 + 1);
  assert.throws(() => chain.stagePrepared(prepared[0] as (typeof prepared)[0]), { code: "BLOCK_SIGNER" });
  chain.stagePrepared(prepared[1] as (typeof prepared)[1]);
  await chain.flush();
});

test("signers learnt when a transaction was checked are not recovered again for its block", async () => {
  const recovery = new CountingRecovery();
  const { chain, blocks } = await chainAndBlocks(1, recovery);
  const [block] = blocks as [SignedBlock];
  await chain.checkSoftHard(block.transactions[0] as Transaction, chain.params.unconfirmed);
  recovery.signatures = 0;
  await chain.execute(block);
  assert.equal(recovery.signatures, 1); // the publisher's
});

test("a transaction that fails is not remembered", async () => {
  const recovery = new CountingRecovery();
  const { chain, blocks } = await chainAndBlocks(1, recovery);
  const [coin] = [...chain.store.unspentsOf(alice.address)].map((found) => ({ ...found, secret: bob.secret }));
  const theft = pay(coin as Coin);
  for (let i = 0; i < 2; i++) await assert.rejects(chain.checkHard(theft), { code: "TX_SIGNER_NOT_OWNER" });
  recovery.signatures = 0;
  await assert.rejects(chain.execute(signBlock({ ...(blocks[0] as SignedBlock), transactions: [theft] })), {
    code: "BLOCK_BODY_HASH",
  });
  assert.equal(recovery.signatures, 2);
});

test("what needs no curve work is refused without any", async () => {
  const recovery = new CountingRecovery();
  const { chain, blocks } = await chainAndBlocks(1, recovery);
  recovery.calls = 0;
  const txn = (blocks[0] as SignedBlock).transactions[0] as Transaction;
  await assert.rejects(chain.checkHard({ ...txn, type: 1 }), { code: "TX_TYPE" });
  await assert.rejects(chain.checkHard({ ...txn, sigs: [] }), { code: "TX_SIGNATURE_COUNT" });
  assert.equal(recovery.calls, 0);
});

test("staged blocks show only at the staged head until they are flushed", async () => {
  const { chain, store, blocks } = await chainAndBlocks(2);
  const [first, second] = await chain.prepare(blocks);
  chain.stagePrepared(first as NonNullable<typeof first>);
  assert.equal(chain.head().seq, 1);
  assert.equal(chain.stagedHead().seq, 2);
  assert.equal(chain.store.blockBySeq(2), undefined);
  chain.stagePrepared(second as NonNullable<typeof second>);
  await chain.flush();
  assert.equal(chain.head().seq, 3);
  assert.equal(store.stagedCount(), 0);
});

test("a block failing its rules leaves those staged before it", async () => {
  const { chain, blocks } = await chainAndBlocks(3);
  const [first, second, third] = await chain.prepare(blocks);
  chain.stagePrepared(first as NonNullable<typeof first>);
  assert.throws(() => chain.stagePrepared(third as NonNullable<typeof third>), { code: "BLOCK_SEQ" });
  assert.equal(chain.stagedHead().seq, 2);
  chain.stagePrepared(second as NonNullable<typeof second>);
  await chain.flush();
  assert.equal(chain.head().seq, 3);
});

test("when the disk fails nothing is told, everything staged is forgotten, and the chain goes on afterwards", async () => {
  const { chain, store, blocks } = await chainAndBlocks(3);
  const told: number[] = [];
  chain.onBlock.on(({ block }) => told.push(block.header.seq));
  const before = chain.head();
  store.failNext = new Error("disk full");
  await assert.rejects(chain.executePrepared(await chain.prepare(blocks)), /disk full/);
  assert.deepEqual([told, store.stagedCount()], [[], 0]);
  assert.deepEqual(chain.head(), before);
  assert.deepEqual(chain.stagedHead(), before);
  const { executed } = await chain.executePrepared(await chain.prepare(blocks));
  assert.equal(executed, 3);
  assert.deepEqual(told, [2, 3, 4]); // each once, although the first attempt had them too
});

test("blocks of a failed write that were stored after all are told, once, before what follows them", async () => {
  const { chain, store, blocks } = await chainAndBlocks(4);
  const told: number[] = [];
  chain.onBlock.on(({ block }) => told.push(block.header.seq));
  store.failNext = new Error("disk in doubt");
  await assert.rejects(chain.executePrepared(await chain.prepare(blocks.slice(0, 2))), /disk in doubt/);
  store.failNext = new Error("disk in doubt");
  store.storesWhatFails = true;
  await assert.rejects(chain.executePrepared(await chain.prepare(blocks.slice(0, 2))), /disk in doubt/);
  assert.deepEqual([told, chain.head().seq], [[], 3]);
  await chain.exclusive(async () => {});
  assert.deepEqual(told, [2, 3]);
  store.failNext = new Error("disk in doubt");
  const [third] = await chain.prepare(blocks.slice(2, 3));
  chain.stagePrepared(third as NonNullable<typeof third>);
  await assert.rejects(chain.flush(), /disk in doubt/);
  const [fourth] = await chain.prepare(blocks.slice(3));
  chain.stagePrepared(fourth as NonNullable<typeof fourth>);
  await chain.flush();
  assert.deepEqual(told, [2, 3, 4, 5]);
});

test("blocks staged while others are written go out with the next flush", async () => {
  const { chain, store, blocks } = await chainAndBlocks(3);
  const prepared = await chain.prepare(blocks);
  let open = () => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  chain.stagePrepared(prepared[0] as (typeof prepared)[0]);
  const first = chain.flush();
  chain.stagePrepared(prepared[1] as (typeof prepared)[1]);
  const second = chain.flush();
  chain.stagePrepared(prepared[2] as (typeof prepared)[2]);
  assert.equal(chain.stagedHead().seq, 4);
  open();
  await first;
  assert.equal(chain.head().seq, 2);
  await second;
  assert.equal(chain.head().seq, 4); // the second flush took what had been staged until it began
});

test("a flush that fails takes later staged blocks with it, and says so to whoever waits for them", async () => {
  const { chain, store, blocks } = await chainAndBlocks(2);
  const prepared = await chain.prepare(blocks);
  let open = () => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  store.failNext = new Error("disk full");
  chain.stagePrepared(prepared[0] as (typeof prepared)[0]);
  const first = chain.flush();
  chain.stagePrepared(prepared[1] as (typeof prepared)[1]);
  const second = chain.flush();
  open();
  await assert.rejects(first, /disk full/);
  await assert.rejects(second, /disk full/);
  assert.equal(chain.stagedHead().seq, 1);
  await chain.flush(); // an old failure is not told twice
});

test("writers wait for each other, and a failing one lets the next go on", async () => {
  const { chain } = await chainAndBlocks(1);
  const steps: string[] = [];
  const writer = (name: string) => async () => {
    steps.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(`${name} out`);
    if (name === "a") throw new Error("a failed");
    return name;
  };
  const [a, b] = await Promise.allSettled([chain.exclusive(writer("a")), chain.exclusive(writer("b"))]);
  assert.equal(a.status, "rejected");
  assert.deepEqual(b, { status: "fulfilled", value: "b" });
  assert.deepEqual(steps, ["a in", "a out", "b in", "b out"]);
});

test("the same block from two peers at once executes once", async () => {
  const { chain, blocks } = await chainAndBlocks(1);
  const [block] = blocks as [SignedBlock];
  const copies = [block, decodeSignedBlock(encodeSignedBlock(block))];
  const results = await Promise.allSettled(copies.map((copy) => chain.execute(copy)));
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(chain.head().seq, 2);
});

test("preparing stops when told to", async () => {
  const { chain, blocks } = await chainAndBlocks(1);
  await assert.rejects(chain.prepare(blocks, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  const controller = new AbortController();
  const preparing = chain.prepare(blocks, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(preparing, /enough/);
});

test("staging without end is refused, not collected", async () => {
  const { chain, store, blocks } = await chainAndBlocks(1);
  const [prepared] = await chain.prepare(blocks);
  store.stagedCount = () => STAGED_BLOCKS_MAX;
  assert.throws(() => chain.stagePrepared(prepared as NonNullable<typeof prepared>), { code: "CHAIN_TOO_MANY_STAGED" });
});

test("two chains that execute the same blocks agree on everything", async () => {
  const { chain, blocks, maker } = await chainAndBlocks(4);
  for (const block of blocks) await chain.execute(block);
  assert.deepEqual(chain.head(), maker.chain.head());
  const ids = (c: Blockchain) => [...c.store.allUnspents()].map(({ id }) => hashHex(id));
  assert.deepEqual(ids(chain), ids(maker.chain));
});

test("soft rules are told as soft, hard ones before them", async () => {
  const { chain } = await chainAndBlocks(1);
  const [coin] = [...chain.store.unspentsOf(alice.address)].map((found) => ({ ...found, secret: alice.secret }));
  const free = pay(coin as Coin, (coin as Coin).ux.body.hours);
  await chain.checkHard(free);
  await assert.rejects(chain.checkSoftHard(free, chain.params.user), { code: "FEE_ZERO", level: "soft" });
  await assert.rejects(chain.checkSoftHard({ ...free, type: 1 }, chain.params.user), {
    code: "TX_TYPE",
    level: "hard",
  });
  assert.equal(genesisOwner.address.length, publisher.address.length);
});
