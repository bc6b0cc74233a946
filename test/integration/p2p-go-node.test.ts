import assert from "node:assert/strict";
import { after, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { encodeTransaction, txid } from "../../src/chain/transaction.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import { alice, bob, type Coin, out, spend } from "../support/chain.ts";
import { GoNode, goNodeMissing } from "../support/p2p-go.ts";
import { PeerNode } from "../support/p2p-node.ts";
import { freePorts } from "../support/processes.ts";

const transport = new TcpTransport({ socketsMax: 192 }, { log: silentLogger });
const stops: (() => Promise<void>)[] = [];
const keepAlive = setInterval(() => {}, 1000);
after(async () => {
  for (const stop of stops.reverse()) await stop();
  clearInterval(keepAlive);
});

async function ours(options: Partial<Parameters<typeof PeerNode.start>[0]> = {}): Promise<PeerNode> {
  const node = await PeerNode.start({ clock: systemClock, transport, ...options });
  stops.push(() => node.stop());
  return node;
}

/** Counts what our side says about links it refused or closed. */
function counting(counts: Map<string, number>): Logger {
  const log: Logger = {
    ...silentLogger,
    debug: (fields, message) => {
      const key = message === "peer leaves" ? `${message}: ${(fields as { reason: string }).reason}` : message;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    child: () => log,
  };
  return log;
}

async function grow(node: PeerNode, count: number): Promise<Coin[]> {
  const coins = await node.test.fund(alice, count + 10, 1_000_000n);
  for (const coin of coins.splice(0, count - 1)) {
    const { coins: amount, hours } = coin.ux.body;
    await node.test.add([spend([coin], [out(alice, amount, hours / 2n)])]);
  }
  return coins;
}

test("blocks and transactions flow between a reference node and ours, both ways", {
  skip: goNodeMissing,
  timeout: 120_000,
}, async () => {
  const source = await ours();
  const coins = await grow(source, 130);
  const genesisSignature = source.test.chain.genesis.sig;
  const { params } = source.test.chain;

  const go = await GoNode.start({ params, genesisSignature, peers: [source.address] });
  stops.push(() => go.stop());
  await go.until(async () => (await go.seq()) === source.seq, "the reference node to catch up with ours");
  const { connections } = await go.get<{ connections: { height: number; user_agent: string; state: string }[] }>(
    "/api/v1/network/connections",
  );
  assert.deepEqual(
    connections.map(({ state, user_agent }) => [state, user_agent]),
    [["introduced", "skycoin:0.27.1"]],
  );

  // A new block reaches it as a push, and it tells us that it has it.
  const [coin, second, third] = coins as [Coin, Coin, Coin];
  const block = await source.test.add([spend([coin], [out(bob, coin.ux.body.coins, 1000n)])]);
  source.network.broadcastBlock(block);
  await go.until(async () => (await go.seq()) === source.seq, "the pushed block");
  await go.until(async () => source.network.connections()[0]?.height === source.seq, "its height to be known here");

  // A transaction injected there comes here; one of ours goes there.
  const theirs = spend([second], [out(bob, second.ux.body.coins, 10n)]);
  await go.post("/api/v1/injectTransaction", { rawtx: toHex(encodeTransaction(theirs)) });
  await go.until(async () => source.pool.has(txid(theirs)), "its transaction to reach our pool");
  const mine = spend([third], [out(bob, third.ux.body.coins, 10n)]);
  await source.pool.injectFromUser(mine, { broadcast: (txn) => source.network.broadcastTransaction(txn) });
  const pending = async () => {
    const list = await go.get<{ transaction: { txid: string } }[]>("/api/v1/pendingTxs");
    return list.some(({ transaction }) => transaction.txid === toHex(txid(mine)));
  };
  await go.until(pending, "our transaction to reach its pool");

  // A fresh node of ours follows the reference node.
  await go.stop({ keep: true });
  const server = await GoNode.start({ params, genesisSignature, directory: go.directory });
  stops.push(() => server.stop());
  const follower = await ours({ customPeers: [server.address], outgoing: true });
  await follower.reaches(source.seq);
  assert.deepEqual(follower.test.chain.head(), source.test.chain.head());
  await server.until(async () => follower.pool.has(txid(mine)), "its pool to reach the follower");
});

test("a reference node and ours that name each other keep one link and refuse none on our side", {
  skip: goNodeMissing,
  timeout: 120_000,
}, async () => {
  const counts = new Map<string, number>();
  const log = counting(counts);
  const [port] = (await freePorts(1)) as [number];
  // Made once for the genesis signature, which the reference node must be given before ours is up.
  const { params, genesis } = (await PeerNode.make({ clock: systemClock, transport })).test.chain;
  const go = await GoNode.start({ params, genesisSignature: genesis.sig, peers: [`127.0.0.1:${port}`] });
  stops.push(() => go.stop());
  const node = await ours({ port, log, connectionRateMs: 1000, customPeers: [go.address] });
  await go.until(async () => node.introduced() === 1, "an introduction");
  await new Promise((resolve) => setTimeout(resolve, 5_000)); // links that crossed have been sorted out
  const [first] = node.network.connections();
  counts.clear();
  await new Promise((resolve) => setTimeout(resolve, Number(process.env.LOGINCHAIN_GO_WATCH_MS ?? 10_000)));
  assert.equal(node.introduced(), 1);
  assert.equal(node.network.connections()[0]?.id, first?.id);
  assert.deepEqual(
    [...counts.keys()].filter((key) => key !== "peers received"),
    [],
  );
});
