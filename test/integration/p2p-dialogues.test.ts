import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { splitPeerAddress } from "../../src/p2p/address.ts";
import { FrameSplitter } from "../../src/p2p/frame.ts";
import { decodeMessage } from "../../src/p2p/messages.ts";
import { NETWORK_DEFAULTS, Network } from "../../src/p2p/network.ts";
import { eventLoopTurn } from "../../src/p2p/system.ts";
import { conformanceLines, conformanceMissing } from "../support/conformance.ts";
import { loadRecordedChain } from "../support/conformance-chain.ts";
import { MemoryWorld } from "../support/p2p-memory.ts";
import { seededRandom } from "../support/p2p-node.ts";
import { PlainStore } from "../support/plain-store.ts";

interface Dialogue {
  readonly name: string;
  readonly chain: string;
  readonly send: readonly { readonly hex: string; readonly after_ms?: number }[];
  readonly expect: { readonly closed: boolean; readonly frames: readonly Record<string, unknown>[] };
}

/** Timing decides about these; the recording leaves them out too. */
const IGNORED = new Set(["PING", "GETP", "ANNB"]);
/** On purpose we part from the reference here: another genesis hash is refused. */
const DIFFERENT = new Set(["intro/wrong-genesis"]);

function summary(frame: Uint8Array): Record<string, unknown> {
  const message = decodeMessage(frame);
  const { id } = message;
  if (message.id === "DISC") return { id, reason_code: message.reason };
  if (message.id !== "INTR") return { id, payload_hex: toHex(frame.subarray(8)) };
  const { protocolVersion, extra } = message.introduction;
  return {
    id,
    protocol_version: protocolVersion,
    extra_pubkey: toHex(extra.subarray(0, 33)),
    genesis_hash: toHex(extra.subarray(-32)),
  };
}

test("recorded dialogues go as they went with the reference", {
  skip: conformanceMissing,
  timeout: 60_000,
}, async (t) => {
  const world = new MemoryWorld();
  const { clock } = world;
  const { chain, pool } = await loadRecordedChain({
    name: "mainnet-180",
    unconfirmed: true,
    store: new PlainStore(),
    clock,
  });
  const network = new Network(
    { ...NETWORK_DEFAULTS, listenIp: "127.0.0.1", port: 0, localhostOnly: true, outgoing: false },
    {
      chain,
      pool,
      transport: world.host("127.0.0.1"),
      clock,
      random: seededRandom(1),
      log: silentLogger,
      turn: eventLoopTurn,
    },
  );
  await network.start();
  const address = splitPeerAddress(network.listenAddress as string);
  let mirror = 1;
  for (const { name, send, expect } of conformanceLines<Dialogue>("wire/handshakes.jsonl")) {
    await t.test(name, async () => {
      const { signal } = new AbortController();
      const dialled = world.net.host("127.0.0.1").dial(address, { signal });
      await world.run(10);
      const connection = await dialled;
      const splitter = new FrameSplitter();
      const frames: Record<string, unknown>[] = [];
      let isClosed = false;
      connection.open({
        data: (bytes) => {
          for (const frame of splitter.push(bytes)) frames.push(summary(frame));
        },
        drain() {},
        closed: () => {
          isClosed = true;
        },
      });
      const ownMirror = toHex(new Uint8Array(Uint32Array.of(mirror++).buffer));
      for (const { hex, after_ms = 0 } of send) {
        await world.run(after_ms);
        connection.send(fromHex(hex.replace("{{MIRROR}}", ownMirror)));
      }
      await world.run(2_500);
      const wasClosed = isClosed;
      connection.destroy();
      await world.run(10);
      if (DIFFERENT.has(name)) {
        assert.deepEqual([wasClosed, frames.at(-1)], [true, { id: "DISC", reason_code: 11 }]);
        return;
      }
      assert.equal(wasClosed, expect.closed);
      // Before it closes, whether the reference's own first frames still get out is a race.
      const counted = (list: readonly Record<string, unknown>[]) =>
        [...new Set(list.filter(({ id }) => !IGNORED.has(id as string)).map((frame) => JSON.stringify(frame)))]
          .filter((text) => !expect.closed || !/^\{"id":"(INTR|GETB|ANNT)"/.test(text))
          .sort();
      assert.deepEqual(counted(frames), counted(expect.frames));
    });
  }
  const stopping = network.stop();
  await world.run(1_000);
  await stopping;
  await pool.close();
});
