import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "../../src/base/bytes.ts";
import { encodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
import { DISC } from "../../src/p2p/disconnect.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { encode, type Message } from "../../src/p2p/messages.ts";
import { alice, out, signBlock, spend } from "../support/chain.ts";
import { identityFor, introductionFor, type WireClient } from "../support/p2p-client.ts";
import { countingLog, MemoryWorld } from "../support/p2p-memory.ts";
import { PeerNode } from "../support/p2p-node.ts";
import { PlainStore } from "../support/plain-store.ts";

/** Blocks 1 to `count`, made once; every node of these tests has the same parameters and so can follow them. */
async function makeBlocks(count: number): Promise<SignedBlock[]> {
  const world = new MemoryWorld();
  const source = await PeerNode.make({ clock: world.clock, transport: world.host("127.0.0.1") });
  const blocks: SignedBlock[] = [];
  source.test.chain.onBlock.on(({ block }) => blocks.push(block));
  const coins = await source.test.fund(alice, count, 1_000_000n);
  for (const coin of coins.slice(1)) {
    await source.test.add([spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)])]);
  }
  return blocks;
}

const chain = await makeBlocks(70);
const givb = (...blocks: readonly SignedBlock[]) => encode.blocks(blocks.map(encodeSignedBlock));
const from = (first: number, last: number) => chain.slice(first - 1, last);

async function introduced(world: MemoryWorld, node: PeerNode, options: { ours?: boolean } = {}): Promise<WireClient> {
  const client = await world.client(node);
  const capabilities = options.ours === true ? { steadyDecoder: true, blocksPerAnswer: 128 } : undefined;
  client.introduce(introductionOf(identityFor(node), capabilities));
  await world.run(100);
  return client;
}

const asked = ({ heard }: WireClient) =>
  heard.filter((message): message is Extract<Message, { id: "GETB" }> => message.id === "GETB");

/** Answers every GETB from the chain, `perAnswer` blocks each; those of before are answered `late`, or not at all. */
function serves(client: WireClient, blocks: readonly SignedBlock[], perAnswer = 20, late = true): void {
  let answered = late ? 0 : asked(client).length;
  const look = () => {
    const requests = asked(client);
    for (; answered < requests.length; answered++) {
      const { last, count } = requests[answered] as { last: number; count: number };
      const some = blocks.slice(last, last + Math.min(count, perAnswer));
      if (some.length > 0) client.say(givb(...some));
    }
  };
  setIntervalOn(client, look);
}

const lookers = new WeakMap<WireClient, () => void>();
function setIntervalOn(client: WireClient, look: () => void): void {
  lookers.set(client, look);
}
async function runWith(world: MemoryWorld, ms: number, ...clients: WireClient[]): Promise<void> {
  for (let i = 0; i < ms; i += 10) {
    for (const client of clients) lookers.get(client)?.();
    await world.run(10);
  }
}

test("a stranger is asked 20 at a time, several answers ahead, without gaps or repeats", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  client.say(encode.getBlocks(70, 20)); // its height
  serves(client, chain);
  await runWith(world, 500, client);
  assert.equal(node.seq, 70);
  const ranges = asked(client).filter(({ count }) => count > 0);
  assert.deepEqual(
    ranges.map(({ last }) => last),
    [0, 20, 40, 60],
  );
  await world.stop();
});

test("one of ours is asked for more at a time", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node, { ours: true });
  client.say(encode.announceBlocks(70));
  serves(client, chain, 128);
  await runWith(world, 500, client);
  assert.equal(node.seq, 70);
  assert.ok(asked(client).some(({ count }) => count > 20));
  await world.stop();
});

test("answers cut short are completed", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  client.say(encode.getBlocks(70, 20));
  serves(client, chain, 7);
  await runWith(world, 2_000, client);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("a full answer of a peer that never says its height is followed up", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  serves(client, chain);
  await runWith(world, 1_000, client);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("after a batch everybody hears of the new head, strangers by a request for nothing too", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const giver = await introduced(world, node);
  const other = await introduced(world, node);
  giver.say(givb(...from(1, 3)));
  await world.run(300);
  assert.equal(node.seq, 3);
  for (const client of [giver, other]) {
    assert.ok(client.heard.some((message) => message.id === "ANNB" && message.head === 3));
    assert.ok(asked(client).some(({ last, count }) => last === 3 && count === 0));
  }
  await world.stop();
});

test("a pushed block is executed and announced at once; a second copy does nothing", async () => {
  const world = new MemoryWorld({ delayMs: () => 0 });
  const node = await world.node({ outgoing: false });
  const giver = await introduced(world, node);
  const other = await introduced(world, node);
  const before = world.clock.monotonicMs();
  giver.say(givb(chain[0] as SignedBlock));
  other.say(givb(chain[0] as SignedBlock));
  await world.run(30);
  assert.equal(node.seq, 1);
  assert.ok(world.clock.monotonicMs() - before <= 30);
  assert.equal(other.ids().filter((id) => id === "ANNB").length, 1);
  await world.stop();
});

test("blocks that come before their turn wait for it, up to 64 ahead", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  client.say(givb(...from(2, 10)));
  client.say(givb(...from(66, 70))); // 65 and more ahead of block 0: forgotten
  await world.run(200);
  assert.equal(node.seq, 0);
  client.say(givb(...from(1, 1)));
  await world.run(200);
  assert.equal(node.seq, 10);
  client.say(givb(...from(11, 65)));
  await world.run(500);
  assert.equal(node.seq, 65);
  await world.stop();
});

test("a forged block ends nothing, a second one ends the connection", async () => {
  const world = new MemoryWorld();
  const { log, counts } = countingLog();
  const node = await world.node({ outgoing: false, log });
  const client = await introduced(world, node);
  const forged = signBlock(chain[0] as SignedBlock, alice.secret);
  client.say(givb(forged));
  await world.run(100);
  assert.deepEqual([node.seq, client.closed, counts.get("block refused")], [0, false, 1]);
  client.say(givb(forged));
  await world.run(1000);
  assert.deepEqual([node.seq, client.reason, client.closed], [0, DISC.BLACKLISTED, true]);
  await world.stop();
});

test("who poisons a block in advance does not keep it out", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const poisoner = await introduced(world, node);
  poisoner.say(givb(signBlock(chain[4] as SignedBlock, alice.secret)));
  await world.run(50);
  const honest = await introduced(world, node);
  honest.say(encode.getBlocks(70, 20));
  serves(honest, chain);
  await runWith(world, 1_000, honest);
  assert.equal(node.seq, 70);
  await world.stop();
});

/** One who will forge, one who will not, and nothing that they were asked at first is waited for any more. */
async function poisonedWorld() {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const poisoner = await introduced(world, node);
  const honest = await introduced(world, node);
  await world.run(12_000);
  return { world, node, poisoner, honest };
}

test("a forged block held in advance does not hide the true one that is pushed meanwhile", async () => {
  const { world, node, poisoner, honest } = await poisonedWorld();
  poisoner.say(givb(signBlock(chain[1] as SignedBlock, alice.secret)));
  await world.run(50);
  honest.say(concat(...from(1, 2).map((block) => givb(block)))); // the publisher pushes, and says no more
  serves(honest, chain, 20, false);
  await runWith(world, 1_000, honest);
  assert.ok(node.seq >= 2, `at ${node.seq}`);
  await world.stop();
});

test("true blocks that were judged behind a forged one are asked for again", async () => {
  const { world, node, poisoner, honest } = await poisonedWorld();
  honest.say(givb(...from(2, 3))); // they wait for the one before, and then follow the forged one
  await world.run(50);
  serves(honest, chain, 20, false);
  poisoner.say(givb(signBlock(chain[0] as SignedBlock, alice.secret)));
  await world.run(50);
  assert.equal(node.seq, 0);
  await runWith(world, 4_000, honest);
  assert.ok(node.seq >= 3, `at ${node.seq}`);
  await world.stop();
});

test("a guess under way keeps nobody from asking for the next block", async () => {
  const world = new MemoryWorld();
  const limits = { ...LIMITS, blockRequestsOutstanding: 1, blocksPerAnswer: 1 };
  const node = await world.node({ outgoing: false, limits });
  const poisoner = await introduced(world, node);
  const honest = await introduced(world, node); // asked for the first block, on a guess
  serves(honest, from(1, 1), 1, false);
  let release = (): void => {};
  const busy = new Promise<void>((resolve) => {
    release = resolve;
  });
  void node.test.chain.exclusive(() => busy);
  poisoner.say(givb(signBlock(chain[0] as SignedBlock, alice.secret)));
  honest.say(givb(...from(1, 1))); // comes while the forged one is judged: asked for the second one, on a guess
  await world.run(50);
  release();
  await world.run(50);
  assert.equal(node.seq, 0);
  await runWith(world, 1_500, honest);
  assert.equal(node.seq, 1);
  await world.stop();
});

test("blocks of those who left take no room from the next one", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, limits: { ...LIMITS, syncBlocksMax: 4 } });
  const gone = await introduced(world, node);
  gone.say(givb(...from(2, 5).map((block) => signBlock(block, alice.secret))));
  await world.run(50);
  gone.connection.destroy();
  await world.run(12_000);
  const honest = await introduced(world, node);
  honest.say(encode.announceBlocks(70));
  serves(honest, chain);
  await runWith(world, 1_000, honest);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("who left is not waited for: others that pushed a block ahead are asked for those before", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const gone = await introduced(world, node);
  const honest = await introduced(world, node);
  await world.run(12_000);
  gone.say(givb(...from(6, 6)));
  await world.run(50);
  gone.connection.destroy();
  await world.run(12_000);
  honest.say(givb(...from(5, 5)));
  serves(honest, chain, 20, false);
  await runWith(world, 1_000, honest);
  assert.ok(node.seq >= 5, `at ${node.seq}`);
  await world.stop();
});

test("a peer whose answers leave out the first block is left for another", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const liar = await introduced(world, node);
  const honest = await introduced(world, node);
  await world.run(12_000);
  serves(liar, from(2, 70), 20, false); // always one further than asked for
  serves(honest, chain, 20, false);
  liar.say(encode.announceBlocks(70));
  await runWith(world, 300, liar);
  honest.say(encode.announceBlocks(70));
  await runWith(world, 5_000, liar, honest);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("a peer that had no blocks when it was asked, and says so of its new ones at once, is asked again soon", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const peer = await introduced(world, node);
  assert.equal(asked(peer).length, 1);
  peer.say(encode.getBlocks(3, 20));
  serves(peer, from(1, 3), 20, false);
  await runWith(world, 4_000, peer);
  assert.equal(node.seq, 3);
  await world.stop();
});

test("a peer that says nothing is left after 2 s for another that has the blocks", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const liar = await introduced(world, node);
  liar.say(encode.announceBlocks(1_000_000));
  await world.run(100);
  const honest = await introduced(world, node);
  honest.say(encode.getBlocks(70, 20));
  serves(honest, chain);
  await runWith(world, 1_500, honest);
  assert.equal(node.seq, 0);
  await runWith(world, 2_500, honest);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("a block that comes while a newcomer's first question is under way is asked for at once", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const peer = await introduced(world, node);
  // It had nothing when it was asked, so it gave no answer; a moment later it has blocks.
  peer.say(encode.announceBlocks(70));
  serves(peer, chain);
  await runWith(world, 1_000, peer);
  assert.equal(node.seq, 70);
  await world.stop();
});

test("a block pushed ahead of its turn is a reason to ask its sender for those before", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const peer = await introduced(world, node);
  await world.run(12_000); // nothing it was asked at first is waited for any more
  peer.say(givb(...from(5, 5)));
  serves(peer, chain);
  await runWith(world, 3_000, peer);
  assert.ok(node.seq >= 5, `at ${node.seq}`);
  await world.stop();
});

test("a peer that leaves in the middle is replaced at once", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const first = await introduced(world, node);
  first.say(encode.getBlocks(70, 20));
  await world.run(20);
  first.say(givb(...from(1, 20)));
  const second = await introduced(world, node);
  second.say(encode.getBlocks(69, 20));
  serves(second, chain);
  await world.run(20);
  first.connection.destroy();
  await runWith(world, 500, second);
  assert.ok(node.seq >= 69, `${node.seq}`);
  await world.stop();
});

test("a disk that fails is tried again, and nothing is lost", async () => {
  const world = new MemoryWorld();
  const store = new PlainStore();
  const { log, counts } = countingLog();
  const node = await world.node({ outgoing: false, store, log });
  const client = await introduced(world, node);
  store.failNext = new Error("disk full");
  client.say(encode.getBlocks(70, 20));
  serves(client, chain);
  await runWith(world, 300, client);
  assert.equal(counts.get("blocks could not be executed, trying again later"), 1);
  await runWith(world, 5_000, client);
  assert.equal(node.seq, 70);
  assert.equal(client.closed, false);
  await world.stop();
});

test("GETB is answered with at most 20 blocks to strangers, 128 to ours, nothing where there is nothing", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const source = await introduced(world, node);
  source.say(encode.getBlocks(70, 20));
  serves(source, chain);
  await runWith(world, 500, source);
  const stranger = await introduced(world, node);
  const ours = await introduced(world, node, { ours: true });
  const given = ({ heard }: WireClient) =>
    heard.flatMap((m) => (m.id === "GIVB" ? [m.blocks.map((b) => b.header.seq)] : []));
  for (const client of [stranger, ours]) {
    client.say(encode.getBlocks(0, 1000));
    client.say(encode.getBlocks(68, 5));
    client.say(encode.getBlocks(70, 20));
    client.say(encode.getBlocks(Number.MAX_SAFE_INTEGER, 20));
    client.say(encode.getBlocks(0, 0));
  }
  await world.run(1_000);
  assert.deepEqual(
    given(stranger).map((seqs) => [seqs[0], seqs.length]),
    [
      [1, 20],
      [69, 2],
    ],
  );
  assert.deepEqual(
    given(ours).map((seqs) => [seqs[0], seqs.length]),
    [
      [1, 70],
      [69, 2],
    ],
  );
  await world.stop();
});

test("heights are what peers ask from, announce, or prove", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  const height = () => node.network.connections()[0]?.height;
  assert.equal(height(), 0);
  client.say(givb(...from(1, 3)));
  await world.run(100);
  assert.equal(height(), 3);
  client.say(encode.getBlocks(2, 0));
  client.say(encode.announceBlocks(5));
  await world.run(100);
  assert.equal(height(), 5);
  assert.equal(node.network.highestKnown(), 5);
  await world.stop();
});

test("introductions of a node that follows others ask for nothing", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const busy = await introduced(world, node);
  busy.say(encode.announceBlocks(70));
  await world.run(500);
  const client = await world.client(node);
  client.introduce(introductionFor(node));
  await world.run(100);
  assert.deepEqual(asked(client), [{ id: "GETB", last: 0, count: 0 }]);
  await world.stop();
});

test("the first forged block of a legacy peer says that it is on another chain", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, legacyPeerCompat: true });
  const client = await world.client(node);
  client.introduce({ ...introductionFor(node), extra: new Uint8Array(0) });
  await world.run(100);
  client.say(givb(signBlock(chain[0] as SignedBlock, alice.secret)));
  await world.run(1000);
  assert.deepEqual([client.reason, client.closed], [DISC.PUBLIC_KEY, true]);
  await world.stop();
});
