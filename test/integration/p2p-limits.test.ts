import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "../../src/base/bytes.ts";
import { encode } from "../../src/p2p/messages.ts";
import type { MetricFamily } from "../../src/p2p/statistics.ts";
import { introductionFor, type WireClient } from "../support/p2p-client.ts";
import { countingLog, MemoryWorld } from "../support/p2p-memory.ts";
import type { PeerNode } from "../support/p2p-node.ts";
import { rawFrame } from "../support/p2p-wire.ts";

const UNLIMITED = { perSecond: 1e9, burst: 1e9 };

async function introduced(world: MemoryWorld, node: PeerNode, ip?: string): Promise<WireClient> {
  const client = await world.client(node, ip);
  client.introduce(introductionFor(node));
  await world.run(50);
  return client;
}

function metric(node: PeerNode, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = node.network.statistics().find((one: MetricFamily) => one.name === name);
  assert.ok(family, `no metric ${name}`);
  const sample = family.samples.find(([these]) => Object.entries(labels).every(([key, value]) => these[key] === value));
  return sample?.[1] ?? 0;
}

test("ten thousand PINGs in one write are all answered when no rate forbids it, a few waiting at a time", async () => {
  const world = new MemoryWorld();
  const limits = { frames: UNLIMITED, unsolicitedBytes: UNLIMITED, pings: UNLIMITED, pingFloodPerSecond: 1e6 };
  const sender = { isolateAboveBytes: 1e6, burstFrames: 1e6, sendFramesMax: 1e6 };
  const node = await world.node({ outgoing: false, limits: { ...limits, ...sender } });
  const client = await introduced(world, node);
  let mostWaiting = 0;
  const watch = world.clock.after.bind(world.clock);
  world.clock.after = (ms, run) =>
    watch(ms, () => {
      mostWaiting = Math.max(mostWaiting, metric(node, "p2p_frames_waiting"));
      run();
    });
  client.say(concat(...Array.from({ length: 10_000 }, () => encode.empty("PING"))));
  await world.run(2_000);
  assert.equal(client.ids().filter((id) => id === "PONG").length, 10_000);
  assert.ok(mostWaiting > 0 && mostWaiting <= 64, `${mostWaiting} waited`);
  assert.equal(metric(node, "p2p_frames_waiting"), 0);
  assert.equal(metric(node, "p2p_input_bytes"), 0);
  await world.stop();
});

test("when frames pile up everywhere strangers are closed at once and peers keep their share", async () => {
  const world = new MemoryWorld();
  const slow = { frames: { perSecond: 1, burst: 2 } };
  const node = await world.node({ outgoing: false, limits: { ...slow, framesWaitingMax: 128 } });
  const peers = [await introduced(world, node), await introduced(world, node)];
  const pings = concat(...Array.from({ length: 500 }, () => encode.empty("PONG")));
  for (const peer of peers) peer.say(pings);
  await world.run(20);
  const stranger = await world.client(node);
  stranger.say(pings);
  await world.run(20);
  assert.equal(stranger.closed, true);
  assert.deepEqual(
    peers.map(({ closed }) => closed),
    [false, false],
  );
  assert.ok(metric(node, "p2p_frames_waiting") <= 128 + 64);
  assert.equal(metric(node, "p2p_ended_total", { reason: "crowded" }), 1);
  await world.stop();
});

test("with little memory left strangers are not read, peers are", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ outgoing: false, limits: { inputBytesMax: 100_000 } });
  const peer = await introduced(world, node);
  const hoarder = await introduced(world, node);
  hoarder.say(rawFrame("GIVT", new Uint8Array(200_000)).slice(0, 85_000));
  await world.run(50);
  assert.ok(metric(node, "p2p_input_bytes") >= 85_000);
  const stranger = await world.client(node);
  stranger.introduce(introductionFor(node));
  peer.say(encode.empty("PING"));
  await world.run(1_500);
  assert.equal(metric(node, "p2p_sockets", { transport: "memory", state: "connected" }), 1);
  assert.deepEqual(stranger.ids(), ["INTR"], "ours, after a second of its silence");
  assert.ok(peer.ids().includes("PONG"));
  hoarder.connection.destroy();
  await world.run(1_500);
  assert.equal(metric(node, "p2p_sockets", { transport: "memory", state: "connected" }), 0);
  assert.equal(metric(node, "p2p_input_bytes"), 0);
  await world.stop();
});

test("refusals, offences and ends are counted by their reason, and every limit in force is shown", async () => {
  const world = new MemoryWorld();
  const { log, counts } = countingLog();
  const node = await world.node({ ip: "10.0.0.1", outgoing: false, log, limits: { pointsBan: 40, perIpMax: 7 } });
  for (let i = 0; i < 4; i++) await world.client(node, "10.0.0.2");
  await world.run(50);
  assert.equal(metric(node, "p2p_refused_total", { limit: "strangers of address" }), 2);
  const bad = await introduced(world, node, "10.0.0.3");
  bad.say(rawFrame("XXXX", new Uint8Array(0)));
  await world.run(600);
  const worse = await introduced(world, node, "10.0.0.3");
  worse.say(rawFrame("XXXX", new Uint8Array(0)));
  await world.run(600);
  await world.client(node, "10.0.0.3");
  await world.run(50);
  assert.equal(metric(node, "p2p_offences_total", { offence: "unknownId" }), 2);
  assert.equal(metric(node, "p2p_bans_total"), 1);
  assert.equal(metric(node, "p2p_banned"), 1);
  assert.equal(metric(node, "p2p_refused_total", { limit: "banned" }), 1);
  assert.equal(metric(node, "p2p_limit", { limit: "perIpMax" }), 7);
  assert.equal(metric(node, "p2p_limit", { limit: "frames.burst" }), 400);
  assert.ok(metric(node, "p2p_frames_received_total", { id: "INTR" }) >= 2);
  assert.ok((counts.get("peer introduced") ?? 0) >= 2);
  await world.stop();
});

test("a thousand visitors fill no log", async () => {
  const world = new MemoryWorld();
  const { log, counts } = countingLog();
  const node = await world.node({ outgoing: false, log });
  for (let i = 0; i < 200; i++) {
    const client = await world.client(node);
    client.introduce(introductionFor(node));
    await world.clock.advance(10);
    client.connection.destroy();
  }
  await world.run(1_000);
  assert.ok((counts.get("peer introduced") ?? 0) <= 6, `${counts.get("peer introduced")} lines`);
  await world.stop();
});

test("an IPv6 network of 64 bits is one address, to limits and to bans: its owner has all of them", async () => {
  const world = new MemoryWorld();
  const node = await world.node({ ip: "10.0.0.1", outgoing: false });
  const clients = [];
  for (const ip of ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3", "2001:db8:0:2::1"]) {
    clients.push(await world.client(node, ip));
  }
  await world.run(50);
  assert.deepEqual(
    clients.map(({ closed }) => closed),
    [false, false, true, false],
  );
  assert.equal(metric(node, "p2p_refused_total", { limit: "strangers of address" }), 1);
  for (let i = 0; i < 5; i++) {
    const client = await world.client(node, `2001:db8:7:7::${i}`);
    client.say(rawFrame("XXXX", new Uint8Array(0)));
    await world.run(600);
  }
  assert.equal(metric(node, "p2p_bans_total"), 1);
  const [banned, neighbour] = [
    await world.client(node, "2001:db8:7:7:1::9"),
    await world.client(node, "2001:db8:7:8::9"),
  ];
  await world.run(50);
  assert.deepEqual([banned.closed, neighbour.closed], [true, false]);
  await world.stop();
});
