import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { blockHash, encodeBlockHeader } from "../../../src/chain/block.ts";
import { Blockchain } from "../../../src/chain/blockchain.ts";
import { transactionFee } from "../../../src/chain/fee.ts";
import { Publisher } from "../../../src/chain/publisher.ts";
import { inlineRecovery, RecoveryBatch } from "../../../src/chain/signatures.ts";
import { computeInnerHash, decodeTransaction, digestToSign, txid } from "../../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import { createUnspents } from "../../../src/chain/unspents.ts";
import { type Droplets, encodeUxOut, snapshotHash, type UxOut } from "../../../src/chain/uxout.ts";
import { addressOf, encodeAddress } from "../../../src/cipher/address.ts";
import { type Hash, hashHex, merkleRoot, sha256 } from "../../../src/cipher/hash.ts";
import { deterministicKeys, type KeyPair } from "../../../src/cipher/keys.ts";
import { ManualClock, testParams } from "../../support/chain.ts";
import { PlainStore } from "../../support/plain-store.ts";
import { vectors } from "../../support/vectors.ts";

// A chain of two blocks from nothing but a seed, every value as the reference computed it (chain.md 17).

interface Example {
  readonly seed: string;
  readonly addresses: readonly string[];
  readonly publisherKey: string;
  readonly genesis: { time: number; volume: string; hash: string; uxid: string; ux: string; setHash: string };
  readonly t1: { hex: string; innerHash: string; signedHash: string; txid: string; uxids: string[]; fee: string };
  readonly block1: { time: number; header: string; hash: string; snapshots: string[]; setHash: string };
  readonly merkle: { readonly ab: string; readonly abc: string };
  readonly highS: { readonly digest: string; readonly signature: string; readonly publicKey: string };
}

const example = vectors<Example>("chain-worked-example.json");
const { keys } = deterministicKeys(new TextEncoder().encode(example.seed), 4);
const [key0, , , key3] = keys as [KeyPair, KeyPair, KeyPair, KeyPair];
const t1 = decodeTransaction(fromHex(example.t1.hex));

async function openExample() {
  const params = testParams({
    publisherKey: key3.public,
    genesis: {
      address: addressOf(key0.public),
      time: example.genesis.time,
      volume: BigInt(example.genesis.volume) as Droplets,
    },
  });
  const store = new PlainStore();
  const recovery = inlineRecovery();
  const chain = await Blockchain.open({ params, store, recovery, log: silentLogger, secretKey: key3.secret });
  const pool = new UnconfirmedPool({ chain, store, params, clock: new ManualClock(), log: silentLogger });
  return { chain, pool, publisher: new Publisher({ chain, pool, params, secretKey: key3.secret }) };
}

test("the seed gives the addresses and the chain's key", () => {
  assert.deepEqual(
    keys.slice(0, 3).map((key) => encodeAddress(addressOf(key.public))),
    example.addresses,
  );
  assert.equal(toHex(key3.public), example.publisherKey);
});

test("the genesis block has the reference's hash, output and set hash", async () => {
  const { chain } = await openExample();
  assert.equal(hashHex(chain.genesisHash), example.genesis.hash);
  const [first] = [...chain.store.allUnspents()];
  assert.equal(hashHex(first?.id as Hash), example.genesis.uxid);
  assert.equal(toHex(encodeUxOut(first?.ux as UxOut)), example.genesis.ux);
  assert.equal(hashHex(chain.head().setHash), example.genesis.setHash);
});

test("the transaction has the reference's hashes and fee", async () => {
  assert.equal(hashHex(txid(t1)), example.t1.txid);
  assert.equal(hashHex(computeInnerHash(t1)), example.t1.innerHash);
  assert.equal(hashHex(digestToSign(t1.innerHash, t1.inputs[0] as Hash)), example.t1.signedHash);
  const { chain } = await openExample();
  const { inputs, head } = await chain.checkHard(t1);
  assert.equal(String(transactionFee(t1, inputs, head.time)), example.t1.fee);
  const created = createUnspents(t1, { time: example.block1.time, seq: 1 });
  assert.deepEqual(
    created.map(({ id }) => hashHex(id)),
    example.t1.uxids,
  );
  assert.deepEqual(
    created.map(({ ux }) => hashHex(snapshotHash(ux))),
    example.block1.snapshots,
  );
});

test("the publisher makes the reference's block of it", async () => {
  const { chain, pool, publisher } = await openExample();
  await pool.injectFromPeer(t1);
  const block = await publisher.createBlock(example.block1.time);
  assert.equal(toHex(encodeBlockHeader(block.header)), example.block1.header);
  assert.equal(hashHex(blockHash(block)), example.block1.hash);
  assert.equal(hashHex(chain.head().setHash), example.block1.setHash);
  assert.equal(pool.size, 0);
});

test("merkle roots pad with null hashes", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => sha256(new TextEncoder().encode(text))) as [Hash, Hash, Hash];
  assert.equal(hashHex(merkleRoot([a, b])), example.merkle.ab);
  assert.equal(hashHex(merkleRoot([a, b, c])), example.merkle.abc);
});

test("s above half the order but below 2^255 is accepted, as the reference accepts it (G11)", async () => {
  const batch = new RecoveryBatch(1);
  batch.add(fromHex(example.highS.digest), fromHex(example.highS.signature));
  const signers = await batch.recover(inlineRecovery());
  assert.ok(signers.ok(0) && signers.strict(0));
  assert.equal(toHex(signers.publicKey(0)), example.highS.publicKey);
});
