import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { concat, toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { MemoryNet } from "../../src/p2p/memory.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import type { Connection, Listener, Transport } from "../../src/p2p/transport.ts";
import { webSockets } from "../support/p2p-websocket.ts";

const keepAlive = setInterval(() => {}, 1000);
after(() => clearInterval(keepAlive));

const transports: { name: string; make: () => Transport }[] = [
  { name: "tcp", make: () => new TcpTransport({ socketsMax: 8 }, { log: silentLogger }) },
  { name: "websocket", make: () => webSockets() },
  { name: "memory", make: () => new MemoryNet(systemClock).host("127.0.0.1") },
  {
    name: "memory that cuts chunks",
    make: () => {
      const cut = (bytes: Uint8Array) => [bytes.subarray(0, 1), bytes.subarray(1)];
      return new MemoryNet(systemClock, { delayMs: () => 1, cut }).host("127.0.0.1");
    },
  },
  { name: "memory of messages", make: () => new MemoryNet(systemClock, { framing: "message" }).host("127.0.0.1") },
];

/** One end, with what it saw. */
class End {
  readonly connection: Connection;
  readonly chunks: Uint8Array[] = [];
  drains = 0;
  closes = 0;
  #wake: (() => void) | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    const seen = () => this.#wake?.();
    connection.open({
      data: (bytes) => {
        this.chunks.push(bytes);
        seen();
      },
      drain: () => {
        this.drains++;
        seen();
      },
      closed: () => {
        this.closes++;
        seen();
      },
    });
  }

  get received(): Uint8Array {
    return concat(...this.chunks);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

for (const { name, make } of transports) {
  suite(`transport: ${name}`, () => {
    const listeners: Listener[] = [];
    after(() => Promise.all(listeners.map((listener) => listener.close())));

    async function pair(): Promise<[End, End]> {
      const transport = make();
      let accepted: (end: End) => void = () => {};
      const far = new Promise<End>((resolve) => {
        accepted = resolve;
      });
      const listener = await transport.listen(
        { ip: "127.0.0.1", port: 0 },
        { accept: (connection) => accepted(new End(connection)), failed: assert.fail },
      );
      listeners.push(listener);
      assert.ok(listener.local.port > 0);
      const near = await transport.dial(listener.local, { signal: new AbortController().signal });
      assert.deepEqual(near.remote, listener.local);
      return [new End(near), await far];
    }

    test("bytes arrive in order and unchanged, both ways", { timeout: 10_000 }, async () => {
      const [near, far] = await pair();
      const sent = Array.from({ length: 50 }, (_, i) => new Uint8Array(i * 37 + 1).fill(i));
      for (const frame of sent) near.connection.send(frame);
      far.connection.send(Uint8Array.of(1, 2, 3));
      await far.until(() => far.received.length === concat(...sent).length);
      await near.until(() => near.received.length === 3);
      assert.equal(toHex(far.received), toHex(concat(...sent)));
      if (near.connection.framing === "message") assert.deepEqual(far.chunks.map(toHex), sent.map(toHex));
      near.connection.destroy();
      await far.until(() => far.closes === 1);
    });

    test("after every send comes a drain, and nothing is buffered then", { timeout: 10_000 }, async () => {
      const [near, far] = await pair();
      near.connection.send(new Uint8Array(10));
      await near.until(() => near.drains > 0);
      assert.equal(near.connection.bufferedBytes, 0);
      far.connection.destroy();
      await near.until(() => near.closes === 1);
    });

    test("a paused reader makes the sender's bytes wait, and loses none", { timeout: 10_000 }, async () => {
      const [near, far] = await pair();
      far.connection.pause();
      const frame = new Uint8Array(1_000_000).fill(5);
      for (let i = 0; i < 40; i++) near.connection.send(frame);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok(near.connection.bufferedBytes > 10_000_000, `${near.connection.bufferedBytes} wait`);
      const before = far.received.length;
      far.connection.resume();
      await near.until(() => near.connection.bufferedBytes === 0);
      await far.until(() => far.chunks.reduce((n, chunk) => n + chunk.length, 0) === 40_000_000);
      assert.ok(before < 40_000_000);
      near.connection.destroy();
    });

    test("end lets what was sent leave first", { timeout: 10_000 }, async () => {
      const [near, far] = await pair();
      near.connection.send(new Uint8Array(200_000).fill(1));
      near.connection.end(15);
      near.connection.end(15);
      await far.until(() => far.closes === 1);
      assert.equal(far.received.length, 200_000);
      await near.until(() => near.closes === 1);
      near.connection.send(Uint8Array.of(1)); // no more than lost
      near.connection.destroy();
    });

    test("both ends hear of a destroyed connection, once", { timeout: 10_000 }, async () => {
      const [near, far] = await pair();
      near.connection.destroy();
      near.connection.destroy();
      await near.until(() => near.closes > 0);
      await far.until(() => far.closes > 0);
      far.connection.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([near.closes, far.closes], [1, 1]);
    });

    test("a dial that is refused, and one that is given up, say so", { timeout: 10_000 }, async () => {
      const transport = make();
      const listener = await transport.listen({ ip: "127.0.0.1", port: 0 }, { accept() {}, failed: assert.fail });
      await listener.close();
      await listener.close();
      const { signal } = new AbortController();
      await assert.rejects(transport.dial(listener.local, { signal }), {
        code: "P2P_DIAL_FAILED",
        data: { ...listener.local, cause: "ECONNREFUSED" },
      });
      const reason = new Error("given up");
      await assert.rejects(transport.dial(listener.local, { signal: AbortSignal.abort(reason) }), reason);
    });

    test("a port that is taken is named", { timeout: 10_000 }, async () => {
      const transport = make();
      const listener = await transport.listen({ ip: "127.0.0.1", port: 0 }, { accept() {}, failed: assert.fail });
      listeners.push(listener);
      await assert.rejects(transport.listen(listener.local, { accept() {}, failed: assert.fail }), {
        code: "P2P_LISTEN_FAILED",
        data: { ...listener.local, cause: "EADDRINUSE" },
      });
    });
  });
}

test("tcp: sockets over the maximum are closed at once", { timeout: 10_000 }, async () => {
  const transport = new TcpTransport({ socketsMax: 2 }, { log: silentLogger });
  const accepted: End[] = [];
  const listener = await transport.listen(
    { ip: "127.0.0.1", port: 0 },
    { accept: (connection) => accepted.push(new End(connection)), failed: assert.fail },
  );
  const { signal } = new AbortController();
  const ends: End[] = [];
  for (let i = 0; i < 3; i++) ends.push(new End(await transport.dial(listener.local, { signal })));
  await (ends[2] as End).until(() => (ends[2] as End).closes === 1);
  assert.equal(accepted.length, 2);
  assert.deepEqual(
    ends.map(({ closes }) => closes),
    [0, 0, 1],
  );
  for (const { connection } of ends) connection.destroy();
  await listener.close();
});
