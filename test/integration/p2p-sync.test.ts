import assert from "node:assert/strict";
import { after, test } from "node:test";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import { alice, out, spend } from "../support/chain.ts";
import { PeerNode } from "../support/p2p-node.ts";

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
  await grow(source, 150);
  const follower = await start({ defaultConnections: [source.address] });
  await follower.reaches(source.seq);
  assert.deepEqual(follower.test.chain.head(), source.test.chain.head());
  assert.equal(follower.introduced(), 1);
});
