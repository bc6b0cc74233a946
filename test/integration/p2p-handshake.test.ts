import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "../../src/base/bytes.ts";
import type { PublicKey } from "../../src/cipher/keys.ts";
import { DISC } from "../../src/p2p/disconnect.ts";
import { checkIntroduction, introductionOf } from "../../src/p2p/introduction.ts";
import { encode, type Introduction } from "../../src/p2p/messages.ts";
import type { Connection } from "../../src/p2p/transport.ts";
import { identityFor, introductionFor, WireClient } from "../support/p2p-client.ts";
import { MemoryWorld } from "../support/p2p-memory.ts";
import type { PeerNode } from "../support/p2p-node.ts";
import { rawFrame } from "../support/p2p-wire.ts";

type Scene = { world: MemoryWorld; node: PeerNode; client: WireClient };

async function scene(run: (scene: Scene) => Promise<void>, options = {}): Promise<void> {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, ...options });
  const client = await world.client(node);
  await run({ world, node, client });
  client.connection.destroy();
  await world.stop();
}

test("who accepts speaks second: introduction, request for blocks, nothing else", () =>
  scene(async ({ world, node, client }) => {
    await world.run(500);
    assert.deepEqual(client.heard, []);
    client.introduce(introductionFor(node));
    await world.run(50);
    assert.deepEqual(client.ids(), ["INTR", "GETB"]);
    assert.deepEqual(client.heard[1], { id: "GETB", last: 0, count: 20 });
    assert.equal(node.introduced(), 1);
    const [info] = node.network.connections();
    assert.equal(info?.userAgent, "skycoin:0.27.1");
    assert.equal(info?.listenPort, 6000);
    assert.equal(info?.outgoing, false);
  }));

test("a dialler that waits to be spoken to is spoken to after a second", () =>
  scene(async ({ world, node, client }) => {
    await world.run(1100);
    assert.deepEqual(client.ids(), ["INTR"]);
    client.introduce(introductionFor(node));
    await world.run(50);
    assert.deepEqual(client.ids(), ["INTR", "GETB"]);
  }));

test("capabilities are told only to who told its own", () =>
  scene(async ({ world, node, client }) => {
    const rules = { ...identityFor(node), legacyPeerCompat: false };
    const read = ({ heard }: WireClient) => {
      const [first] = heard;
      assert.ok(first?.id === "INTR");
      const checked = checkIntroduction(first.introduction, rules);
      assert.ok(checked.ok);
      return checked.peer.capabilities;
    };
    client.introduce(introductionFor(node));
    const ours = await world.client(node);
    ours.introduce(introductionOf(identityFor(node), { steadyDecoder: true, blocksPerAnswer: 128 }));
    await world.run(50);
    assert.equal(read(client), undefined);
    assert.equal(read(ours)?.steadyDecoder, true);
  }));

for (const { why, frame, reason } of [
  { why: "PING", frame: encode.empty("PING"), reason: DISC.NO_INTRODUCTION },
  { why: "GETP", frame: encode.empty("GETP"), reason: DISC.NO_INTRODUCTION },
  { why: "GETB", frame: encode.getBlocks(0, 5), reason: DISC.NO_INTRODUCTION },
  { why: "ANNB", frame: encode.announceBlocks(5), reason: DISC.NO_INTRODUCTION },
  { why: "ANNT", frame: encode.txids("ANNT", []), reason: DISC.NO_INTRODUCTION },
  {
    why: "the head of a GIVB",
    frame: rawFrame("GIVB", new Uint8Array(5000)).slice(0, 8),
    reason: DISC.NO_INTRODUCTION,
  },
  { why: "an unknown id", frame: rawFrame("ABCD", new Uint8Array(0)), reason: undefined },
  { why: "a bad length", frame: Uint8Array.of(3, 0, 0, 0, 1), reason: undefined },
  { why: "DISC", frame: encode.disconnect(9), reason: undefined },
]) {
  test(`${why} before introduction ends it, ${reason === undefined ? "without a word" : `with DISC ${reason}`}`, () =>
    scene(async ({ world, client }) => {
      client.say(frame);
      await world.run(100);
      assert.equal(client.reason, reason);
      assert.equal(client.closed, true);
    }));
}

test("GIVP and PONG before introduction are harmless, and the peers are not taken", () =>
  scene(async ({ world, node, client }) => {
    client.say(encode.peers([{ ip: "127.0.0.1", port: 7777 }]));
    client.say(encode.empty("PONG"));
    client.introduce(introductionFor(node));
    await world.run(50);
    assert.equal(node.introduced(), 1);
    assert.equal(client.closed, false);
  }));

const refusals: { why: string; change: (node: PeerNode) => Introduction; reason: number }[] = [
  {
    why: "another chain's key",
    change: (node) => introductionFor(node, { publisherKey: new Uint8Array(33) as PublicKey }),
    reason: DISC.PUBLIC_KEY,
  },
  { why: "version 1", change: (node) => ({ ...introductionFor(node), protocolVersion: 1 }), reason: DISC.VERSION },
  { why: "no Extra", change: (node) => ({ ...introductionFor(node), extra: new Uint8Array(0) }), reason: DISC.UNKNOWN },
  { why: "port 0", change: (node) => introductionFor(node, { listenPort: 0 }), reason: DISC.UNEXPECTED },
  { why: "port 1023", change: (node) => introductionFor(node, { listenPort: 1023 }), reason: DISC.UNEXPECTED },
];
for (const { why, change, reason } of refusals) {
  test(`an introduction with ${why} is answered with DISC ${reason} and closed`, () =>
    scene(async ({ world, node, client }) => {
      client.introduce(change(node));
      await world.run(100);
      assert.equal(client.reason, reason);
      assert.equal(client.closed, true);
      assert.equal(node.introduced(), 0);
    }));
}

test("an introduction with bytes behind its Extra is malformed: closed without a word", () =>
  scene(async ({ world, node, client }) => {
    const frame = encode.introduction(introductionFor(node));
    client.say(rawFrame("INTR", concat(frame.subarray(8), Uint8Array.of(0, 0))));
    await world.run(100);
    assert.deepEqual([client.closed, client.reason], [true, undefined]);
  }));

test("a second introduction on the same connection is ignored", () =>
  scene(async ({ world, node, client }) => {
    client.introduce(introductionFor(node));
    await world.run(50);
    client.introduce(introductionFor(node, { publisherKey: new Uint8Array(33) as PublicKey }));
    await world.run(50);
    assert.equal(client.closed, false);
    assert.equal(node.introduced(), 1);
  }));

test("introduction, PING and a request in one write are all served", () =>
  scene(async ({ world, node, client }) => {
    client.say(concat(encode.introduction(introductionFor(node)), encode.empty("PING"), encode.empty("PING")));
    await world.run(100);
    assert.deepEqual(client.ids(), ["INTR", "GETB", "PONG", "PONG"]);
  }));

test("a peer that is not ours may sit on a chain of another genesis: it is refused when it says so", () =>
  scene(async ({ world, node, client }) => {
    const { genesisHash } = identityFor(node);
    const other = genesisHash.slice() as typeof genesisHash;
    other[0] = (other[0] as number) ^ 1;
    client.introduce(introductionFor(node, { genesisHash: other }));
    await world.run(100);
    assert.equal(client.reason, DISC.PUBLIC_KEY);
  }));

test("legacy peers enter when they are let in, and stand without a user agent", () =>
  scene(
    async ({ world, node, client }) => {
      client.introduce({ ...introductionFor(node), extra: new Uint8Array(0) });
      await world.run(50);
      assert.equal(node.network.connections()[0]?.userAgent, "");
      assert.equal(node.introduced(), 1);
    },
    { legacyPeerCompat: true },
  ));

test("deadlines: 10 s to introduce, PING after 5 s, silence ends it at 30 s", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const silent = await world.client(node);
  const quiet = await world.client(node);
  quiet.introduce(introductionFor(node));
  quiet.answersPings = false;
  await world.run(9_000);
  assert.equal(silent.closed, false);
  assert.ok(quiet.ids().includes("PING"));
  await world.run(3_000);
  assert.deepEqual([silent.reason, silent.closed], [DISC.INTRODUCTION_TIMEOUT, true]);
  await world.run(17_000);
  assert.equal(quiet.closed, false);
  await world.run(2_500);
  assert.deepEqual([quiet.reason, quiet.closed], [undefined, true]);
  await world.stop();
});

test("deadlines: bytes without a whole frame end it, the introduction's clock runs on", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const drip = await world.client(node);
  const frame = encode.introduction(introductionFor(node));
  for (let i = 0; i < 12 && !drip.closed; i++) {
    drip.say(frame.slice(i, i + 1));
    await world.run(1_000);
  }
  assert.deepEqual([drip.reason, drip.closed], [DISC.INTRODUCTION_TIMEOUT, true]);

  const partial = await world.client(node);
  partial.introduce(introductionFor(node));
  await world.run(100);
  partial.say(rawFrame("GIVT", new Uint8Array(100)).slice(0, 20));
  await world.run(9_000);
  assert.equal(partial.closed, false);
  await world.run(3_000);
  assert.equal(partial.closed, true);
  await world.stop();
});

test("deadlines: a peer that answers PING stays", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await world.client(node);
  client.introduce(introductionFor(node));
  await world.run(200_000);
  assert.equal(client.closed, false);
  assert.ok(client.ids().filter((id) => id === "PING").length >= 20);
  await world.stop();
});

test("legacy peers take at most half of the outgoing places", async () => {
  const world = new MemoryWorld();
  const links: WireClient[] = [];
  const ports = [7001, 7002, 7003, 7004];
  const customPeers = ports.map((port) => `127.0.0.1:${port}`);
  const node = await world.node({ legacyPeerCompat: true, outgoingMax: 4, connectionRateMs: 500, customPeers });
  for (const [i, port] of ports.entries()) {
    const accept = (connection: Connection) => {
      const client = new WireClient(connection);
      links.push(client);
      client.introduce({ ...introductionFor(node, { mirror: i + 1 }), extra: new Uint8Array(0) });
    };
    await world.net.host("127.0.0.1").listen({ ip: "127.0.0.1", port }, { accept, failed: assert.fail });
  }
  await world.run(10_000);
  assert.ok(links.length > 2, `${links.length} dialled`);
  assert.equal(node.introduced(), 2);
  await world.stop();
});
