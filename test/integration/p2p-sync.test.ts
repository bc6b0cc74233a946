import assert from "node:assert/strict";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import { alice, out, spend } from "../support/chain.ts";
import { PeerNode } from "../support/p2p-node.ts";
import { freePorts } from "../support/processes.ts";

const transport = new TcpTransport({ socketsMax: 192 }, { log: silentLogger });
const nodes: PeerNode[] = [];
const keepAlive = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(keepAlive);
  await Promise.all(nodes.map((node) => node.stop()));
});

async function start(options: Partial<Parameters<typeof PeerNode.start>[0]> = {}): Promise<PeerNode> {
  const node = await PeerNode.start({ clock: systemClock, transport, ...options });
  nodes.push(node);
  return node;
}

/** Blocks 1 to `count`, each spending one coin of the first. */
async function grow(node: PeerNode, count: number): Promise<void> {
  const coins = await node.test.fund(alice, count, 1_000_000n);
  for (const coin of coins.slice(1)) {
    const { coins: amount, hours } = coin.ux.body;
    await node.test.add([spend([coin], [out(alice, amount, hours / 2n)])]);
  }
}

test("a node catches up over TCP with blocks made before and after it connected", { timeout: 20_000 }, async () => {
  const source = await start();
  await grow(source, 60);
  const follower = await start({ defaultConnections: [source.address] });
  await follower.reaches(source.seq);
  assert.deepEqual(follower.test.chain.head(), source.test.chain.head());
  assert.equal(follower.introduced(), 1);
});

test("two nodes on loopback that name each other keep one link", { timeout: 20_000 }, async () => {
  const [portA, portB] = await freePorts(2);
  const a = await start({ port: portA as number, defaultConnections: [`127.0.0.1:${portB}`] });
  const b = await start({ port: portB as number, defaultConnections: [`127.0.0.1:${portA}`] });
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  assert.deepEqual([a.introduced(), b.introduced()], [1, 1]);
  assert.equal(a.network.connections().length, 1);
});

test("a pushed block is durable at the follower, and known to be, within moments", { timeout: 20_000 }, async () => {
  const source = await start();
  const coins = await source.test.fund(alice, 12, 1_000_000n);
  const follower = await start({ defaultConnections: [source.address] });
  await follower.reaches(1);
  const times: number[] = [];
  for (const coin of coins.slice(0, 10)) {
    const block = await source.test.add([spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)])]);
    const arrived = follower.reaches(block.header.seq);
    const began = performance.now();
    source.network.broadcastBlock(block);
    await arrived;
    times.push(performance.now() - began);
  }
  times.sort((x, y) => x - y);
  // Typically 2 to 5 ms; the bound leaves room for a busy machine.
  assert.ok((times[5] as number) < 100, `${times.map((t) => t.toFixed(1))}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(source.network.highestKnown(), source.seq);
  assert.equal(source.network.connections()[0]?.height, source.seq);
});
