import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { DISC } from "../../src/p2p/disconnect.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { encode } from "../../src/p2p/messages.ts";
import type { Connection } from "../../src/p2p/transport.ts";
import { identityFor, introductionFor, WireClient } from "../support/p2p-client.ts";
import { countingLog, MemoryWorld } from "../support/p2p-memory.ts";
import { repositoryRoot } from "../support/repository.ts";

const A = "127.0.0.1:20001";
const B = "127.0.0.1:20002";

test("two nodes that name each other keep one link, and dial no more", async () => {
  const world = new MemoryWorld();
  const a = await world.node({ port: 20001, defaultConnections: [B] });
  const b = await world.node({ port: 20002, defaultConnections: [A] });
  await world.run(5_000);
  const dials = world.dials.length;
  assert.deepEqual([a.introduced(), b.introduced()], [1, 1]);
  await world.run(300_000);
  assert.equal(world.dials.length, dials, JSON.stringify(world.dials));
  assert.deepEqual([a.introduced(), b.introduced()], [1, 1]);
  await world.stop();
});

test("two nodes that name each other keep their one link for 24 hours", async () => {
  const program = join(repositoryRoot(), "build", "test", "support", "linked-day.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, "24"]);
  const { before, after, hours } = JSON.parse(stdout);
  assert.ok(hours > 24);
  assert.deepEqual(
    before.ids.map((ids: number[]) => ids.length),
    [1, 1],
  );
  assert.deepEqual(after, before, "after the first five seconds nobody dials and nothing ends");
});

for (const delayMs of [0, 1, 20, 200, 900]) {
  test(`links dialled at the same moment, ${delayMs} ms apart from each other, come down to one`, async () => {
    const world = new MemoryWorld({ delayMs: () => delayMs });
    const { log, counts } = countingLog();
    // Both are up before either dials: the first try is refused, the second crosses.
    const [a, b] = await Promise.all([
      world.node({ port: 20001, defaultConnections: [B], log }),
      world.node({ port: 20002, defaultConnections: [A], log }),
    ]);
    await world.run(12_000);
    const dials = world.dials.length;
    assert.deepEqual([a.introduced(), b.introduced()], [1, 1]);
    const [left] = a.network.connections();
    const [right] = b.network.connections();
    assert.notEqual(left?.outgoing, right?.outgoing);
    await world.run(120_000);
    assert.equal(world.dials.length, dials);
    assert.deepEqual([a.network.connections()[0]?.id, b.network.connections()[0]?.id], [left?.id, right?.id]);
    assert.ok((counts.get("leaves: connected twice") ?? 0) <= 2, JSON.stringify([...counts]));
    await world.stop();
  });
}

test("a node that knows itself under another address dials it once", async () => {
  const world = new MemoryWorld();
  // It listens on every interface and is told its own address by others.
  const node = await world.node({ ip: "10.0.0.1", port: 6000, customPeers: ["10.0.0.1:6000", "10.0.0.9:6000"] });
  const alias = world.net.host("10.0.0.9");
  // 10.0.0.9 is a port forward that leads back.
  const { signal } = new AbortController();
  const forward = await alias.listen(
    { ip: "10.0.0.9", port: 6000 },
    {
      accept: (connection) => {
        void alias.dial({ ip: "10.0.0.1", port: 6000 }, { signal }).then((onward) => {
          onward.open({ data: (b) => connection.send(b), drain() {}, closed: () => connection.destroy() });
          connection.open({ data: (b) => onward.send(b), drain() {}, closed: () => onward.destroy() });
        });
      },
      failed: assert.fail,
    },
  );
  await world.run(200_000);
  assert.equal(node.introduced(), 0);
  const tries = world.dials.filter(({ to }) => to === "10.0.0.9:6000");
  assert.equal(tries.length, 1);
  assert.equal(world.dials.filter(({ to }) => to === "10.0.0.1:6000").length, 0);
  assert.deepEqual(node.network.exchangeablePeers(), []);
  await forward.close();
  await world.stop();
});

test("a duplicate found before we spoke is closed without a word", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const introduction = introductionFor(node, { mirror: 77 });
  const first = await world.client(node);
  first.introduce(introduction);
  await world.run(50);
  const second = await world.client(node);
  second.introduce(introduction);
  await world.run(50);
  assert.deepEqual([second.closed, second.ids()], [true, []]);
  assert.equal(first.closed, false);
  // The pair is free again once the first is gone.
  first.connection.destroy();
  await world.run(50);
  const third = await world.client(node);
  third.introduce(introduction);
  await world.run(50);
  assert.deepEqual(third.ids(), ["INTR", "GETB"]);
  await world.stop();
});

test("a reference node that dials us although we dialled it gets its way, once", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ defaultConnections: ["127.0.0.1:20009"] });
  const introduction = introductionFor(node, { mirror: 77, listenPort: 20009 });
  const accepted: WireClient[] = [];
  const accept = (c: Connection) => accepted.push(new WireClient(c));
  await world.net.host("127.0.0.1").listen({ ip: "127.0.0.1", port: 20009 }, { accept, failed: assert.fail });
  await world.run(3_000);
  const [dialledByUs] = accepted as [WireClient];
  dialledByUs.introduce(introduction);
  await world.run(50);
  assert.equal(node.introduced(), 1);

  const dialledByIt = await world.client(node);
  dialledByIt.introduce(introduction);
  await world.run(50);
  assert.deepEqual([dialledByUs.closed, dialledByUs.reason], [true, undefined], "the old link ends without a word");
  assert.deepEqual(dialledByIt.ids(), [], "and it has time to see that");
  await world.run(200);
  assert.deepEqual(dialledByIt.ids(), ["INTR", "GETB"]);
  assert.equal(node.introduced(), 1);

  const again = await world.client(node);
  again.introduce(introduction);
  await world.run(120_000);
  assert.deepEqual([again.closed, again.ids()], [true, []]);
  assert.equal(dialledByIt.closed, false);
  assert.equal(world.dials.filter(({ to }) => to === "127.0.0.1:20009").length, 1);
  await world.stop();
});

test("nobody takes over a link by announcing another port", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ defaultConnections: ["127.0.0.1:20009"] });
  const accepted: WireClient[] = [];
  const accept = (c: Connection) => accepted.push(new WireClient(c));
  await world.net.host("127.0.0.1").listen({ ip: "127.0.0.1", port: 20009 }, { accept, failed: assert.fail });
  await world.run(3_000);
  const [link] = accepted as [WireClient];
  link.introduce(introductionFor(node, { mirror: 77, listenPort: 20009 }));
  await world.run(50);
  const other = await world.client(node);
  other.introduce(introductionFor(node, { mirror: 77, listenPort: 20010 }));
  await world.run(1_000);
  assert.deepEqual([other.closed, other.ids(), link.closed], [true, [], false]);
  await world.stop();
});

for (const { how, peers } of [
  { how: "trusted", peers: { defaultConnections: ["10.0.0.2:6000"] } },
  { how: "untrusted", peers: { customPeers: ["10.0.0.2:6000"] } },
]) {
  test(`who copies the mirror of a peer (${how}) does not keep us from dialling that peer again`, async () => {
    const world = new MemoryWorld();
    const other = await world.node({ ip: "10.0.0.2", port: 6000, outgoing: false });
    const node = await world.node({ ip: "10.0.0.1", port: 6000, ...peers });
    await world.run(8_000);
    const [link] = node.network.connections();
    assert.equal(link?.address, "10.0.0.2:6000");
    const thief = await world.client(node, "10.0.0.66");
    thief.introduce(introductionFor(node, { mirror: link?.mirror ?? 0 }));
    await world.run(50);
    assert.equal(node.introduced(), 2);
    other.network.disconnect(other.network.connections()[0]?.id ?? 0);
    await world.run(10);
    assert.equal(other.introduced(), 0);
    for (let i = 0; i < 36; i++) {
      thief.say(encode.empty("PONG"));
      await world.run(20_000);
    }
    assert.equal(thief.closed, false);
    assert.equal(other.introduced(), 1);
    await world.stop();
  });
}

test("the same node from another address is another link", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  for (const ip of ["127.0.0.1", "127.0.0.2"]) {
    const client = await world.client(node, ip);
    client.introduce(introductionFor(node, { mirror: 77 }));
  }
  await world.run(3000);
  assert.equal(node.introduced(), 2);
  await world.stop();
});

test("a duplicate after both spoke is parked: it is served, not counted, and takes over when the first dies", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false });
  const introduction = introductionFor(node, { mirror: 0 });
  const first = await world.client(node);
  const second = await world.client(node);
  await world.run(1_500); // we spoke first on both, tired of waiting
  first.introduce(introduction);
  await world.run(10);
  second.introduce(introduction);
  await world.run(100);
  assert.deepEqual([first.closed, second.closed], [false, false]);
  assert.equal(node.introduced(), 1);
  assert.deepEqual(second.ids(), ["INTR"]);
  second.say(encode.empty("PING"));
  await world.run(100);
  assert.deepEqual(second.ids(), ["INTR", "PONG"]);
  first.connection.destroy();
  await world.run(100);
  assert.equal(node.introduced(), 1);
  assert.deepEqual(second.ids(), ["INTR", "PONG", "GETB"]);
  await world.stop();
});

for (const { mirror, kept } of [
  { mirror: 0, kept: "first" },
  { mirror: 0xffff_ffff, kept: "first" },
] as const) {
  test(`two links dialled by one side: the older stays (mirror ${mirror})`, async () => {
    const world = new MemoryWorld();
    const node = await world.node({ outgoing: false });
    const introduction = introductionFor(node, { mirror });
    const first = await world.client(node);
    const second = await world.client(node);
    await world.run(1_500);
    first.introduce(introduction);
    await world.run(10);
    second.introduce(introduction);
    await world.run(3_000);
    assert.equal(kept, "first");
    assert.deepEqual([first.closed, second.closed], [false, true]);
    assert.equal(second.reason, DISC.CONNECTED_TWICE);
    await world.stop();
  });
}

for (const { mirror, survivor } of [
  { mirror: 0, survivor: "ours" },
  { mirror: 0xffff_ffff, survivor: "theirs" },
]) {
  test(`crossing links: the one dialled by the larger mirror stays (${survivor})`, async () => {
    const world = new MemoryWorld();
    const node = await world.node({ customPeers: ["127.0.0.1:20009"] });
    const introduction = introductionOf(identityFor(node, { mirror, listenPort: 20009 }));
    const accepted: WireClient[] = [];
    await world.net
      .host("127.0.0.1")
      .listen(
        { ip: "127.0.0.1", port: 20009 },
        { accept: (c) => accepted.push(new WireClient(c)), failed: assert.fail },
      );
    await world.run(8_000); // it dialled us not; we dial it after the first refusal
    const [theirs] = accepted;
    assert.ok(theirs !== undefined);
    const dialled = await world.client(node);
    await world.run(1_500);
    theirs.introduce(introduction);
    await world.run(10);
    dialled.introduce(introduction);
    await world.run(3_000);
    const [gone, kept] = survivor === "ours" ? [dialled, theirs] : [theirs, dialled];
    assert.deepEqual([kept.closed, gone.closed, gone.reason], [false, true, DISC.CONNECTED_TWICE]);
    assert.equal(node.introduced(), 1);
    await world.stop();
  });
}

test("a dead target is dialled after 2, 4, 8, ... 60 seconds", async () => {
  const world = new MemoryWorld();
  const node = await world.node({
    defaultConnections: ["127.0.0.1:20009"],
    random: { u32: () => 5, fraction: () => 0 },
  });
  await world.run(200_000);
  const times = world.dials.map(({ atMs }) => atMs);
  const gaps = times.slice(1).map((at, i) => Math.round((at - (times[i] as number)) / 1000));
  assert.deepEqual(gaps.slice(0, 5), [2, 4, 8, 16, 32]);
  assert.ok(
    gaps.slice(5).every((gap) => gap >= 60 && gap < 66),
    `${gaps}`,
  );
  assert.equal(node.introduced(), 0);
  await world.stop();
});

test("a peer that was stopped and started again is found again within seconds", async () => {
  const world = new MemoryWorld();
  const publisher = await world.node({ port: 20001, outgoing: false });
  const peer = await world.node({ defaultConnections: [A] });
  await world.run(1_000);
  assert.equal(peer.introduced(), 1);
  const stopping = publisher.stop();
  await world.run(1_000);
  await stopping;
  assert.equal(peer.introduced(), 0);
  const again = await world.node({ port: 20001, outgoing: false });
  await world.run(6_000);
  assert.deepEqual([peer.introduced(), again.introduced()], [1, 1]);
  await world.stop();
});
