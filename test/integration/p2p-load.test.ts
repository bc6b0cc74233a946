import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "../../src/base/bytes.ts";
import { txid } from "../../src/chain/transaction.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import type { PeersFile } from "../../src/p2p/deps.ts";
import { DISC } from "../../src/p2p/disconnect.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import type { Limits } from "../../src/p2p/limits.ts";
import { encode, type Message } from "../../src/p2p/messages.ts";
import { alice, type Coin, out, spend } from "../support/chain.ts";
import { identityFor, introductionFor, type WireClient } from "../support/p2p-client.ts";
import { countingLog, MemoryWorld } from "../support/p2p-memory.ts";
import { type PeerNode, seededRandom } from "../support/p2p-node.ts";
import { rawFrame } from "../support/p2p-wire.ts";

const many = { perSecond: 1e9, burst: 1e9 };
/** No rates and no pacing: what is left are the bounds. */
const UNLIMITED: Partial<Limits> = {
  frames: many,
  framesOurs: many,
  unsolicitedBytes: many,
  pings: many,
  pingFloodPerSecond: 1e9,
  getBlocks: many,
  givenBytes: many,
  givenBytesAll: many,
  isolateMs: 0,
  burstMs: 0,
};

async function introduced(world: MemoryWorld, node: PeerNode, ip?: string): Promise<WireClient> {
  const client = await world.client(node, ip);
  client.introduce(introductionFor(node));
  await world.run(50);
  return client;
}

test("10,000 PINGs in one write are all answered, with rates and pacing off", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, limits: UNLIMITED });
  const client = await introduced(world, node);
  client.say(concat(...Array.from({ length: 10_000 }, () => encode.empty("PING"))));
  await world.run(1_000);
  assert.equal(client.ids().filter((id) => id === "PONG").length, 10_000);
  assert.equal(client.closed, false);
  await world.stop();
});

test("with rates on a few are answered, and a flood ends the connection", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  for (let i = 0; i < 15; i++) client.say(encode.empty("PING"));
  await world.run(500);
  assert.equal(client.ids().filter((id) => id === "PONG").length, 10);
  assert.equal(client.closed, false);
  client.say(concat(...Array.from({ length: 10_000 }, () => encode.empty("PING"))));
  await world.run(2_000);
  assert.equal(client.closed, true);
  await world.stop();
});

test("toward strangers large frames stand alone and small ones come in no burst", async () => {
  const world = new MemoryWorld({ delayMs: () => 0 });
  const node = await world.node({ outgoing: false });
  const coins = await node.test.fund(alice, 60, 1_000_000n);
  for (const coin of coins) {
    await node.pool.injectFromPeer(spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)]));
  }
  const client = await introduced(world, node);
  const times: { atMs: number; bytes: number }[] = [];
  const before = client.heard.length;
  const begin = world.clock.monotonicMs();
  client.say(concat(encode.getBlocks(0, 20), encode.empty("PING"), encode.getBlocks(0, 20), encode.empty("PING")));
  for (let i = 0; i < 60; i++) {
    const seen = client.heard.length;
    await world.run(5);
    for (const message of client.heard.slice(seen)) {
      times.push({ atMs: world.clock.monotonicMs() - begin, bytes: message.id === "GIVB" ? 5000 : 8 });
    }
  }
  assert.equal(client.heard.length - before, 4);
  for (let i = 1; i < times.length; i++) {
    const [a, b] = [times[i - 1], times[i]] as [(typeof times)[0], (typeof times)[0]];
    if (a.bytes > 1016 || b.bytes > 1016) assert.ok(b.atMs - a.atMs >= 15, JSON.stringify(times));
  }
  await world.stop();
});

test("a slow reader holds little memory and is closed when nothing moves for 30 s", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, limits: { givenBytes: many, givenBytesAll: many } });
  const coins = await node.test.fund(alice, 120, 1_000_000n);
  for (let i = 0; i + 60 <= coins.length; i += 60) {
    const some = coins.slice(i, i + 60);
    await node.test.add(some.map((coin) => spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)])));
  }
  const client = await introduced(world, node);
  client.connection.pause();
  let most = 0;
  const started = world.clock.monotonicMs();
  while (!client.closed && world.clock.monotonicMs() - started < 60_000) {
    for (let i = 0; i < 30; i++) client.say(encode.getBlocks(0, 20));
    await world.run(100);
    most = Math.max(most, ...node.network.queuedBytes());
    if (node.network.connections().length === 0) break;
  }
  assert.ok(most <= 1_100_000, `${most} bytes`);
  assert.ok(most > 10_000, `${most} bytes`);
  const seconds = (world.clock.monotonicMs() - started) / 1000;
  assert.ok(seconds >= 25 && seconds <= 33, `${seconds} s`);
  await world.stop();
});

test("unsolicited blocks far ahead and peers by the thousand are not kept", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ ip: "10.0.0.1", outgoing: false });
  const client = await introduced(world, node, "10.0.0.2");
  const flood = Array.from({ length: 512 }, (_, i) => ({ ip: `11.${i >> 8}.${i & 255}.7`, port: 6000 }));
  client.say(encode.peers(flood));
  await world.run(100);
  client.say(encode.peers(flood.map(({ ip }) => ({ ip, port: 6001 }))));
  await world.run(100);
  assert.ok(node.network.knownPeers() <= 65, `${node.network.knownPeers()}`);
  await world.stop();
});

test("an address may connect three times, two of them unintroduced; loopback in its own mode as often as it likes", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ ip: "10.0.0.1", outgoing: false });
  const strangers = [await world.client(node, "10.0.0.2"), await world.client(node, "10.0.0.2")];
  const third = await world.client(node, "10.0.0.2");
  await world.run(50);
  assert.deepEqual([third.closed, third.ids()], [true, []]);
  for (const client of strangers) client.introduce(introductionFor(node, { listenPort: 6001 }));
  await world.run(50);
  assert.equal((await world.client(node, "10.0.0.2")).closed, false);
  const over = await world.client(node, "10.0.0.2");
  await world.run(50);
  assert.equal(over.closed, true);
  const local = await world.node({ outgoing: false });
  for (let i = 0; i < 10; i++) assert.equal((await introduced(world, local)).closed, false);
  assert.equal(local.introduced(), 10);
  await world.stop();
});

test("when every place is taken the oldest stranger makes room; introduced peers stay", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, incomingMax: 3 });
  const peers = [await introduced(world, node), await introduced(world, node)];
  const stranger = await world.client(node);
  const early = await world.client(node);
  await world.run(500);
  assert.deepEqual([stranger.closed, early.closed], [false, true], "half a second is its own");
  const newcomer = await introduced(world, node);
  await world.run(50);
  assert.deepEqual([stranger.closed, newcomer.closed], [true, false]);
  const late = await world.client(node);
  await world.run(50);
  assert.equal(late.closed, true);
  for (const peer of peers) assert.equal(peer.closed, false);
  await world.stop();
});

test("misbehaviour adds up and shuts an address out for an hour; loopback is only disconnected", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ ip: "10.0.0.1", outgoing: false });
  for (let i = 0; i < 2; i++) {
    const client = await introduced(world, node, "10.0.0.2");
    client.say(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    await world.run(600);
    assert.equal(client.closed, true);
  }
  const banned = await world.client(node, "10.0.0.2");
  await world.run(50);
  assert.equal(banned.closed, true);
  assert.equal((await introduced(world, node, "10.0.0.3")).closed, false);
  await world.run(3_600_000);
  assert.equal((await introduced(world, node, "10.0.0.2")).closed, false);
  await world.stop();
});

test("peers are handed out, without the asker and without us, at most 3 times at once", async () => {
  const world = new MemoryWorld();
  const hub = await world.node({ ip: "10.0.0.1", port: 6000 });
  const other = await world.node({ ip: "10.0.0.2", port: 6000, outgoing: false });
  const asker = await world.node({ ip: "10.0.0.3", port: 6000, outgoing: false });
  const dialler = await world.node({
    ip: "10.0.0.4",
    port: 6000,
    customPeers: ["10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000"],
  });
  await world.run(20_000);
  assert.equal(dialler.introduced(), 3);
  assert.deepEqual(dialler.network.exchangeablePeers().sort(), ["10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000"]);
  const client = await introduced(world, dialler, "10.0.0.9");
  for (let i = 0; i < 5; i++) client.say(encode.empty("GETP"));
  await world.run(200);
  const told = client.heard.filter((m): m is Extract<Message, { id: "GIVP" }> => m.id === "GIVP");
  assert.equal(told.length, 3);
  assert.deepEqual(told[0]?.peers.map(({ ip }) => ip).sort(), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  // The minute's exchange lets the others learn of each other.
  await world.run(61_000);
  assert.ok(hub.network.knownPeers() >= 2 && other.network.knownPeers() >= 2 && asker.network.knownPeers() >= 2);
  await world.stop();
});

test("with peer exchange off nothing is asked, told, or taken", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, peerExchange: false });
  const client = await introduced(world, node);
  const before = node.network.knownPeers();
  client.say(encode.peers([{ ip: "127.0.0.1", port: 7777 }]));
  client.say(encode.empty("GETP"));
  await world.run(70_000);
  assert.equal(node.network.knownPeers(), before);
  assert.ok(!client.ids().includes("GETP") && !client.ids().includes("GIVP"));
  await world.stop();
});

test("a full peer list sends the newcomer away with peers to try", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ ip: "10.0.0.1", port: 6000, peerListSize: 1, customPeers: ["10.0.0.2:6000"] });
  await world.node({ ip: "10.0.0.2", port: 6000, outgoing: false });
  await world.run(6_000);
  assert.equal(node.introduced(), 1);
  const client = await world.client(node, "10.0.0.9");
  client.introduce(introductionFor(node));
  await world.run(600);
  assert.deepEqual(client.ids(), ["GIVP", "DISC"]);
  assert.equal(client.reason, DISC.PEER_LIST_FULL);
  await world.stop();
});

test("stop says goodbye to everybody, saves the peers, and takes half a second at most", async () => {
  const world = new MemoryWorld();
  const written: string[] = [];
  const peersFile: PeersFile = {
    read: async () => undefined,
    write: async (text) => {
      written.push(text);
    },
  };
  const { log } = countingLog();
  const node = await world.node({ outgoing: false, log, deps: { peersFile } });
  assert.equal(written.at(-1), "{}\n");
  const client = await introduced(world, node);
  const deaf = await introduced(world, node);
  deaf.connection.pause();
  const before = world.clock.monotonicMs();
  const stopping = node.network.stop();
  let isStopped = false;
  void stopping.then(() => {
    isStopped = true;
  });
  while (!isStopped) await world.run(20);
  assert.ok(world.clock.monotonicMs() - before <= 600);
  assert.equal(client.reason, DISC.OPERATOR);
  assert.equal(client.closed, true);
  assert.ok((written.at(-1) as string).includes('"127.0.0.1:6000"'));
  await node.network.stop();
  const { signal } = new AbortController();
  const again = world.net.host("127.0.0.1").dial({ ip: "127.0.0.1", port: 49152 }, { signal });
  again.catch(() => {});
  await world.run(50);
  await assert.rejects(again, { code: "P2P_DIAL_FAILED" });
});

test("an operator's disconnect is said, once, to who is there", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await introduced(world, node);
  const [info] = node.network.connections();
  assert.equal(node.network.disconnect(999), false);
  assert.equal(node.network.disconnect(info?.id ?? 0), true);
  await world.run(100);
  assert.equal(client.reason, DISC.OPERATOR);
  assert.equal(node.network.disconnect(info?.id ?? 0), false);
  await world.stop();
});

test("connections show what the API shows", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ port: 20001, defaultConnections: ["127.0.0.1:20002"] });
  await world.node({ port: 20002, outgoing: false });
  world.net.partition("127.0.0.1", "127.0.0.9");
  await world.run(3_000);
  const [info] = node.network.connections();
  const { mirror, ...rest } = info as NonNullable<typeof info>;
  assert.ok(mirror > 0);
  const seconds = Math.floor(world.clock.nowMs() / 1000);
  assert.ok(rest.connectedAt <= seconds && rest.connectedAt > seconds - 5);
  assert.deepEqual(
    { ...rest, connectedAt: 0, lastSent: 0, lastReceived: 0 },
    {
      id: 1,
      address: "127.0.0.1:20002",
      lastSent: 0,
      lastReceived: 0,
      connectedAt: 0,
      outgoing: true,
      state: "introduced",
      listenPort: 20002,
      height: 0,
      userAgent: "skycoin:0.27.1",
      trusted: true,
      unconfirmedVerify: { burnFactor: 10, maxTransactionSize: 32768, maxDecimals: 3 },
    },
  );
  assert.deepEqual(node.network.connection("127.0.0.1:20002"), info);
  assert.equal(node.network.connection("127.0.0.1:1"), undefined);
  assert.deepEqual(node.network.trustedConnections(), ["127.0.0.1:20002"]);
  assert.deepEqual(node.network.defaultConnections(), ["127.0.0.1:20002"]);
  await world.stop();
});

test("a dial under way is shown as pending", async () => {
  const world = new MemoryWorld({ delayMs: () => 1_000 });
  const node = await world.node({ defaultConnections: ["127.0.0.1:20002"] });
  await world.run(500);
  const [info] = node.network.connections();
  assert.deepEqual(
    [info?.id, info?.state, info?.address, info?.outgoing, info?.listenPort, info?.connectedAt],
    [0, "pending", "127.0.0.1:20002", true, 20002, 0],
  );
  assert.deepEqual(node.network.peerHeights(), []);
  await world.run(5_000);
  await world.stop();
});

test("an introduction that claims to be ours relaxes what we send, and nothing of what we take", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const client = await world.client(node);
  client.introduce(introductionOf(identityFor(node), { steadyDecoder: true, blocksPerAnswer: 65_535 }));
  await world.run(50);
  client.say(Uint8Array.of(255, 255, 255, 0, 71, 73, 86, 66));
  await world.run(50);
  assert.equal(client.closed, true);
  await world.stop();
});

for (const ours of [true, false]) {
  const title = ours
    ? "one of our own nodes hands on the transactions of its users as they come, hundreds at once"
    : "the same of a stranger is a flood";
  test(title, async () => {
    const world = new MemoryWorld();
    const node = await world.node({ outgoing: false });
    const [coin] = (await node.test.fund(alice, 1, 1_000_000n)) as [Coin];
    const txn = spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)]);
    const client = await world.client(node);
    const capabilities = ours ? { steadyDecoder: true, blocksPerAnswer: 128 } : undefined;
    client.introduce(introductionOf(identityFor(node), capabilities));
    await world.run(50);
    for (let i = 0; i < 500 && !client.closed; i++) {
      const other = Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? i >> (8 * at) : 7)) as Hash;
      client.say(encode.transactions([txn]));
      client.say(encode.txids("GETT", [txid(txn)]));
      client.say(encode.txids("ANNT", [other]));
      if (i % 10 === 9) await world.run(10);
    }
    await world.run(500);
    const heard = (id: string) => client.ids().filter((one) => one === id).length;
    if (ours) assert.deepEqual([client.closed, heard("GIVT"), heard("GETT")], [false, 500, 500]);
    else assert.deepEqual([client.closed, heard("GIVT") < 50, heard("GETT") < 300], [true, true, true]);
    await world.stop();
  });
}

test("whatever strangers say, the node lives and serves others", async () => {
  const world = new MemoryWorld();
  const { log, counts } = countingLog();
  const node = await world.node({ outgoing: false, log });
  const random = seededRandom(4711);
  const ids = ["INTR", "GETP", "GIVP", "PING", "PONG", "GETB", "GIVB", "ANNB", "GETT", "GIVT", "ANNT", "DISC", "XXXX"];
  const bytes = (n: number) => Uint8Array.from({ length: n }, () => random.u32() & 255);
  for (let round = 0; round < 150; round++) {
    const client = await world.client(node);
    if (round % 3 > 0) client.introduce(introductionFor(node));
    for (let i = 0; i < 10; i++) {
      const id = ids[random.u32() % ids.length] as string;
      const body = bytes(random.u32() % 300);
      // Small counts let decoding go on into the elements.
      if (body.length > 4 && round % 2 === 0) body.fill(0, 1, 4);
      client.say(rawFrame(id, body));
    }
    client.say(bytes(random.u32() % 40));
    await world.run(20);
    client.connection.destroy();
  }
  assert.equal(counts.get("handling a message failed"), undefined);
  assert.equal((await introduced(world, node)).closed, false);
  await world.run(2_000);
  assert.equal(node.introduced(), 1);
  await world.stop();
});

test("memory for all peers together is bounded: who holds most goes", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, limits: { inputBytesMax: 300_000 } });
  const clients: WireClient[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await introduced(world, node);
    client.say(rawFrame("GIVT", new Uint8Array(500_000)).slice(0, 60_000 * (i + 1)));
    clients.push(client);
  }
  await world.run(1_500);
  assert.deepEqual(
    clients.map(({ closed }) => closed),
    [false, false, true],
  );
  await world.stop();
});

test("a stranger that asks no further after an answer is reminded once", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  await node.test.fund(alice, 2, 1_000_000n);
  const client = await introduced(world, node);
  client.say(encode.getBlocks(0, 20));
  await world.run(9_000);
  assert.deepEqual(
    client.ids().filter((id) => id === "ANNB"),
    [],
  );
  await world.run(20_000);
  assert.deepEqual(
    client.ids().filter((id) => id === "ANNB"),
    ["ANNB"],
  );
  await world.stop();
});
