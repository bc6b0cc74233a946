import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, suite, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { silentLogger } from "../../src/base/log.ts";
import { blockHash, decodeSignedBlock, encodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
import { signHash } from "../../src/cipher/sign.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { decodeMessage, encode } from "../../src/p2p/messages.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import { ChainFollower, type ChainFollowerOptions, type FollowerState } from "../../src/wire/follower.ts";
import type { WireSocket } from "../../src/wire/socket.ts";
import { BlockMaker } from "../support/block-maker.ts";
import { alice, publisher } from "../support/chain.ts";
import { identityFor } from "../support/p2p-client.ts";
import { PeerNode } from "../support/p2p-node.ts";
import { webSockets } from "../support/p2p-websocket.ts";

const TIMEOUT = { timeout: 20_000 };
const open = (url: string, protocol: string) => new WebSocket(url, protocol) as unknown as WireSocket;

let node: PeerNode;
let maker: BlockMaker;
const ready = (async () => {
  node = await PeerNode.start({
    clock: systemClock,
    transport: new TcpTransport({ socketsMax: 64 }, { log: silentLogger }),
    outgoing: false,
    webSocketListen: { ip: "127.0.0.1", port: 0 },
    deps: { webSocket: webSockets() },
  });
  maker = new BlockMaker(node);
  await maker.make(35);
})();
const followers: ChainFollower[] = [];
after(async () => {
  for (const made of followers) made.stop();
  await node.stop();
});

function follower(changes: Partial<ChainFollowerOptions> = {}) {
  const { chain } = node.test;
  const url = `ws://127.0.0.1:${node.network.webSocketPort}/p2p/v2`;
  const made = new ChainFollower(
    { url, publisherKey: chain.params.publisherKey, genesisHash: chain.genesisHash, ...changes },
    { open },
  );
  followers.push(made);
  const seqs: number[] = [];
  made.onBlock.on(({ block }) => seqs.push(block.header.seq));
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (holds()) resolve();
      };
      made.onBlock.on(look);
      made.onState.on(look);
      look();
    });
  const state = (name: FollowerState["name"]) => until(() => made.state.name === name);
  return { made, seqs, until, state };
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("from the genesis block to the head, and on as blocks are made", TIMEOUT, async () => {
  await ready;
  const { made, seqs, until } = follower();
  made.start();
  await until(() => made.position?.seq === node.seq);
  node.network.broadcastBlock(await maker.make(1));
  await until(() => made.position?.seq === node.seq);
  assert.deepEqual(seqs, upTo(1, node.seq));
  assert.deepEqual(made.position?.hash, node.test.chain.head().hash);
  made.stop();
});

test("from a few blocks below the head, and after the node has gone from where it was", TIMEOUT, async () => {
  await ready;
  const { made, seqs, until, state } = follower({ from: { blocksBeforeHead: 3 } });
  const first = node.seq - 2;
  made.start();
  await until(() => made.position?.seq === node.seq);
  const [link] = node.network.connections();
  node.network.disconnect(link?.id ?? 0);
  await state("waiting");
  assert.equal((made.state as { reason: string }).reason, "operator");
  await maker.make(2);
  await until(() => made.position?.seq === node.seq);
  assert.deepEqual(seqs, upTo(first, node.seq));
  made.stop();
});

test("another chain's node is no node to follow", TIMEOUT, async () => {
  await ready;
  const { made, state } = follower({ publisherKey: alice.public });
  made.start();
  await state("waiting");
  assert.equal((made.state as { reason: string }).reason, "public key");
  made.stop();
});

suite("what a lying node gives is believed by nobody", () => {
  const stored = (seq: number) => decodeSignedBlock(node.test.chain.store.signedBlockBytes(seq) as Uint8Array);
  const resigned = (block: SignedBlock, changes: object, key = publisher): SignedBlock => {
    const header = { ...block.header, ...changes };
    return { ...block, header, sig: signHash(blockHash({ header }), key.secret) };
  };
  for (const { why, reason, lie } of [
    { why: "a block somebody else signed", reason: /pubkey does not match/, lie: () => resigned(stored(2), {}, alice) },
    {
      why: "a block that follows another",
      reason: /PrevHash/,
      lie: () => resigned(stored(2), { prevHash: stored(2).header.bodyHash }),
    },
    { why: "a block that skips one", reason: /^unknown$/, lie: () => stored(3) },
    {
      why: "another block's transactions",
      reason: /body hash/i,
      lie: () => ({ ...stored(2), transactions: stored(3).transactions }),
    },
    {
      why: "a block that is too early",
      reason: /Block time/,
      lie: () => resigned(stored(2), { time: stored(1).header.time }),
    },
  ] as const) {
    test(why, TIMEOUT, async (t) => {
      await ready;
      const liar = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      t.after(() => liar.close());
      await once(liar, "listening");
      liar.on("connection", (socket) => {
        socket.on("message", (data: Buffer) => {
          const message = decodeMessage(data);
          if (message.id === "INTR") {
            socket.send(encode.introduction(introductionOf(identityFor(node))));
            socket.send(encode.announceBlocks(3));
          } else if (message.id === "GETB" && message.last === 0) {
            socket.send(encode.blocks([stored(1), lie()].map(encodeSignedBlock)));
          } else if (message.id === "GETB") socket.send(encode.disconnect(0));
        });
      });
      const { made, seqs, state } = follower({ url: `ws://127.0.0.1:${(liar.address() as AddressInfo).port}/` });
      made.start();
      await state("waiting");
      assert.match((made.state as { reason: string }).reason, reason);
      made.stop();
      assert.deepEqual(seqs, [1]);
    });
  }
});
