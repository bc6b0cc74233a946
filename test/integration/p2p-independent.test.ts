import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { hashHex } from "../../src/cipher/hash.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { LIMITS, type Limits } from "../../src/p2p/limits.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import { BlockMaker } from "../support/block-maker.ts";
import { type ChainFacts, IndependentClient } from "../support/independent-client.ts";
import { GoNode, goNodeMissing } from "../support/p2p-go.ts";
import { PeerNode } from "../support/p2p-node.ts";

async function started(t: TestContext, limits: Partial<Limits> = {}): Promise<PeerNode> {
  const transport = new TcpTransport({ socketsMax: 64 }, { log: silentLogger });
  const node = await PeerNode.start({
    clock: systemClock,
    transport,
    outgoing: false,
    limits: { ...LIMITS, ...limits },
  });
  t.after(() => node.stop());
  return node;
}

/** Blocks of one transaction and one of three: their hash is a tree's. */
async function grow(node: PeerNode): Promise<BlockMaker> {
  const maker = new BlockMaker(node);
  await maker.make(1);
  await maker.make(1, 3);
  await maker.make(30);
  return maker;
}

const factsOf = ({ test: { chain } }: PeerNode): ChainFacts => ({
  publisherKey: chain.params.publisherKey,
  genesisHash: chain.genesisHash,
});

async function syncsFrom(client: IndependentClient, node: PeerNode): Promise<void> {
  await client.syncTo(node.seq);
  assert.equal(client.blocks.at(-1)?.hash, hashHex(node.test.chain.head().hash));
  assert.equal(client.blocks[1]?.txids.length, 3);
}

test("a client that shares no code with us introduces itself, stays, and follows our chain", {
  timeout: 20_000,
}, async (t) => {
  const node = await started(t, { pingAfterMs: 50, idleMs: 1_500, silenceMs: 1_500, sweepMs: 20 });
  const maker = await grow(node);
  const client = await IndependentClient.join(node.address, factsOf(node));
  t.after(() => client.leave());
  await syncsFrom(client, node);
  const { introduction } = client;
  assert.deepEqual(
    [introduction?.version, introduction?.listenPort, introduction?.userAgent],
    [2, node.network.listenPort, "skycoin:0.27.1"],
  );
  assert.equal(introduction?.genesisHash?.toString("hex"), toHex(node.test.chain.genesisHash));
  // Longer than who says nothing may stay.
  await client.until(() => client.pingsAnswered >= 40);
  assert.equal(node.introduced(), 1);
  node.network.broadcastBlock(await maker.make(1));
  await client.until(() => client.blocks.length === node.seq);
});

test("the same client follows the same chain from a reference node", {
  skip: goNodeMissing,
  timeout: 90_000,
}, async (t) => {
  const node = await started(t);
  await grow(node);
  const { chain } = node.test;
  const go = await GoNode.start({ params: chain.params, genesisSignature: chain.genesis.sig, peers: [node.address] });
  t.after(() => go.stop());
  await go.until(async () => (await go.seq()) === node.seq, "the reference node to have the chain");
  const client = await IndependentClient.join(go.address, factsOf(node));
  t.after(() => client.leave());
  await syncsFrom(client, node);
  await client.until(() => client.pingsAnswered >= 1);
});
