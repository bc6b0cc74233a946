import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, suite, test } from "node:test";
import { WebSocket } from "ws";
import { concat } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { decodeMessage, encode, type Message } from "../../src/p2p/messages.ts";
import { TcpTransport } from "../../src/p2p/tcp.ts";
import type { WebSocketOptions } from "../../src/p2p/websocket.ts";
import { BlockMaker } from "../support/block-maker.ts";
import { identityFor, introductionFor, WireClient } from "../support/p2p-client.ts";
import { PeerNode, type PeerNodeOptions } from "../support/p2p-node.ts";
import { webSockets } from "../support/p2p-websocket.ts";
import { rawFrame } from "../support/p2p-wire.ts";

const TIMEOUT = { timeout: 20_000 };
const nodes: PeerNode[] = [];
after(() => Promise.all(nodes.map((node) => node.stop())));

const tcp = () => new TcpTransport({ socketsMax: 64 }, { log: silentLogger });

async function started(
  options: Partial<PeerNodeOptions> = {},
  socketOptions: Partial<WebSocketOptions> = {},
): Promise<PeerNode> {
  const limits = { ...LIMITS, ...options.limits };
  const node = await PeerNode.start({
    clock: systemClock,
    transport: tcp(),
    outgoing: false,
    webSocketListen: { ip: "127.0.0.1", port: 0 },
    ...options,
    limits,
    deps: { webSocket: webSockets({ limits, ...socketOptions }) },
  });
  nodes.push(node);
  return node;
}

/** A request that is granted. */
const UPGRADE = [
  "GET /p2p/v2 HTTP/1.1",
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol: fiber-gnet.2",
  "\r\n",
].join("\r\n");

const urlOf = (node: PeerNode) => `ws://127.0.0.1:${node.network.webSocketPort}/p2p/v2`;

/** A browser, as far as a node can tell. */
class Visitor {
  readonly ws: WebSocket;
  readonly heard: Message[] = [];
  readonly closed: Promise<number>;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("error", () => {});
    ws.on("message", (data: Buffer) => this.heard.push(decodeMessage(data)));
    this.closed = once(ws, "close").then(([code]) => code as number);
  }

  static async at(node: PeerNode, options: { readonly headers?: Record<string, string> } = {}): Promise<Visitor> {
    const visitor = new Visitor(new WebSocket(urlOf(node), "fiber-gnet.2", { ...options, perMessageDeflate: false }));
    await once(visitor.ws, "open");
    return visitor;
  }

  static async introduced(node: PeerNode): Promise<Visitor> {
    const visitor = await Visitor.at(node);
    visitor.ws.send(encode.introduction(introductionFor(node, { listenPort: 0 })));
    await visitor.hears("INTR");
    return visitor;
  }

  async hears(id: Message["id"]): Promise<void> {
    while (!this.heard.some((message) => message.id === id)) await once(this.ws, "message");
  }

  get reason(): number | undefined {
    for (const message of this.heard) if (message.id === "DISC") return message.reason;
    return undefined;
  }
}

/** What an upgrade request is answered with. */
async function answered(node: PeerNode, change: { path?: string; headers?: Record<string, string> } = {}) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol": "fiber-gnet.2",
    ...change.headers,
  };
  const request = get({ port: node.network.webSocketPort, host: "127.0.0.1", path: change.path ?? "/p2p/v2", headers });
  const response = await Promise.race([
    once(request, "response").then(([got]) => got as IncomingMessage),
    once(request, "upgrade").then(([got]) => got as IncomingMessage),
  ]);
  if (response.statusCode !== 101) response.resume();
  return { status: response.statusCode, headers: response.headers, close: () => response.socket.destroy() };
}

test("a node follows another over WebSocket, and hears of new blocks at once", TIMEOUT, async () => {
  const source = await started();
  const maker = new BlockMaker(source);
  await maker.make(25);
  const follower = await started({ outgoing: true, webSocketUrls: [urlOf(source)] });
  await follower.reaches(25);
  assert.equal(follower.seq, 25);
  const [link] = follower.network.connections();
  assert.deepEqual([link?.outgoing, link?.state, link?.trusted], [true, "introduced", true]);
  source.network.broadcastBlock(await maker.make(1));
  await follower.reaches(26);
});

test("a link that ended is dialled again", TIMEOUT, async () => {
  const limits = { ...LIMITS, backoffFirstMs: 10, sweepMs: 20 };
  const source = await started();
  const maker = new BlockMaker(source);
  await maker.make(1);
  const follower = await started({ outgoing: true, webSocketUrls: [urlOf(source)], limits });
  await follower.reaches(1);
  const [link] = source.network.connections();
  source.network.disconnect(link?.id ?? 0);
  await maker.make(2);
  await follower.reaches(3);
});

suite("what a visitor may not do, and the code it is closed with", () => {
  const limits = { ...LIMITS, introductionMs: 150, sweepMs: 20 };
  const intr = (node: PeerNode) => encode.introduction(introductionFor(node, { listenPort: 0 }));
  const cases: { why: string; code: number; reason?: number; act: (ws: WebSocket, node: PeerNode) => void }[] = [
    { why: "text", code: 1003, act: (ws) => ws.send("PING") },
    { why: "text that is none", code: 1003, act: (ws) => ws.send(Buffer.of(0xff), { binary: false }) },
    {
      why: "a prefix that is too small",
      code: 4102,
      act: (ws) => ws.send(Buffer.concat([encode.empty("PING"), Buffer.of(0)])),
    },
    { why: "a prefix that is too large", code: 4102, act: (ws) => ws.send(encode.announceBlocks(5).subarray(0, 12)) },
    {
      why: "two frames in one message",
      code: 4102,
      act: (ws, node) => ws.send(concat(intr(node), encode.empty("PING"))),
    },
    { why: "an empty message", code: 4102, act: (ws) => ws.send(Buffer.alloc(0)) },
    { why: "1 MiB and 5 bytes", code: 1009, act: (ws) => ws.send(rawFrame("GIVB", new Uint8Array(1_048_573))) },
    {
      why: "more than its type has, known from its head",
      code: 1009,
      act: (ws) => ws.send(rawFrame("INTR", new Uint8Array(200_000))),
    },
    {
      why: "blocks before introduction, known from their head",
      code: 4007,
      reason: 7,
      act: (ws) => ws.send(rawFrame("GIVB", new Uint8Array(200_000))),
    },
    { why: "an unknown type", code: 4104, act: (ws) => ws.send(rawFrame("RJCT", new Uint8Array(0))) },
    {
      why: "bytes left over",
      code: 4106,
      act: (ws) =>
        ws.send(rawFrame("INTR", concat(intr(nodes[0] as PeerNode).subarray(8), Uint8Array.of(0, 0))).fill(0, 10, 14)),
    },
    { why: "no introduction", code: 4002, reason: 2, act: () => {} },
    { why: "a PING before introduction", code: 4007, reason: 7, act: (ws) => ws.send(encode.empty("PING")) },
    {
      why: "65 fragments",
      code: 1009,
      act: (ws, node) => {
        for (let i = 0; i < 65; i++) ws.send(intr(node).subarray(i, i < 64 ? i + 1 : undefined), { fin: i === 64 });
      },
    },
    {
      why: "a flood of WebSocket pings",
      code: 1008,
      act: (ws) => {
        for (let i = 0; i < 201; i++) ws.ping();
      },
    },
    {
      why: "another publisher's chain",
      code: 4011,
      reason: 11,
      act: (ws, node) => {
        const other = { publisherKey: new Uint8Array(33).fill(2) as never, listenPort: 0 };
        ws.send(encode.introduction(introductionOf(identityFor(node, other))));
      },
    },
    {
      why: "a port below 1024",
      code: 4009,
      reason: 9,
      act: (ws, node) => ws.send(encode.introduction(introductionFor(node, { listenPort: 80 }))),
    },
    { why: "nothing: it says goodbye", code: 1000, act: (ws) => ws.send(encode.disconnect(15)) },
  ];
  for (const { why, code, reason, act } of cases) {
    test(why, TIMEOUT, async () => {
      const node = await started({ limits });
      const visitor = await Visitor.at(node);
      act(visitor.ws, node);
      assert.equal(await visitor.closed, code);
      assert.equal(visitor.reason, reason);
    });
  }
});

test("a message in 64 fragments is one frame", TIMEOUT, async () => {
  const node = await started();
  const visitor = await Visitor.at(node);
  const frame = encode.introduction(introductionFor(node, { listenPort: 0 }));
  for (let i = 0; i < 64; i++) {
    visitor.ws.send(i < 63 ? frame.subarray(i, i + 1) : frame.subarray(63), { fin: i === 63 });
  }
  await visitor.hears("INTR");
});

test("who does not listen takes part, is in no peer list, and hears what is broadcast", TIMEOUT, async () => {
  const node = await started();
  const visitor = await Visitor.introduced(node);
  assert.deepEqual(
    node.network.connections().map(({ state, listenPort }) => [state, listenPort]),
    [["introduced", 0]],
  );
  assert.equal(node.network.knownPeers(), 0);
  visitor.ws.send(encode.empty("PING"));
  await visitor.hears("PONG");
  node.network.broadcastBlock(await new BlockMaker(node).make(1));
  await visitor.hears("GIVB");
});

test("what has come of a message counts, and goes with its sender", TIMEOUT, async () => {
  const node = await started();
  const visitor = await Visitor.introduced(node);
  const frame = rawFrame("GIVT", new Uint8Array(500_000));
  visitor.ws.send(frame.subarray(0, 300_000), { fin: false });
  const held = () => node.network.statistics().find(({ name }) => name === "p2p_input_bytes")?.samples[0]?.[1];
  while (held() !== 300_000) await new Promise(setImmediate);
  visitor.ws.terminate();
  while (node.network.connections().length > 0) await new Promise(setImmediate);
  assert.equal(held(), 0);
});

test("a node that stops says so", TIMEOUT, async () => {
  const node = await started();
  const visitor = await Visitor.introduced(node);
  await node.stop();
  assert.equal(await visitor.closed, 1001);
  assert.equal(visitor.reason, 15);
});

test("a peer that is connected over TCP is a duplicate over WebSocket", TIMEOUT, async () => {
  const node = await started();
  const identity = { mirror: 77, listenPort: 0 };
  const { listenPort: port } = node.network;
  const connection = await tcp().dial({ ip: "127.0.0.1", port: port ?? 0 }, { signal: new AbortController().signal });
  const first = new WireClient(connection);
  first.introduce(introductionFor(node, { ...identity, listenPort: 6_000 }));
  await first.until(() => first.ids().includes("INTR"));
  const visitor = await Visitor.at(node);
  visitor.ws.send(encode.introduction(introductionFor(node, identity)));
  assert.equal(await visitor.closed, 4005);
  assert.deepEqual([visitor.heard, first.closed], [[], false]);
  connection.destroy();
});

test("who comes by a proxy and names the port of our peer is not taken for that peer", TIMEOUT, async () => {
  // Nobody listens there yet: the node tries again and again.
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  const node = await started({ outgoing: true, defaultConnections: [`127.0.0.1:${port}`] });
  const visitor = await Visitor.at(node);
  visitor.ws.send(encode.introduction(introductionFor(node, { listenPort: port })));
  await visitor.hears("INTR");
  assert.equal(node.introduced(), 1);
  assert.equal(node.network.connections().find(({ state }) => state === "introduced")?.trusted, false);
  server.listen(port, "127.0.0.1");
  const [dialled] = (await once(server, "connection")) as [Socket];
  dialled.destroy();
  server.close();
  visitor.ws.terminate();
});

test("WebSocket peers have places of their own", TIMEOUT, async () => {
  const node = await started({ incomingMax: 1, webSocketMax: 2 });
  const visitors = [await Visitor.introduced(node), await Visitor.introduced(node)];
  assert.deepEqual((({ status, headers }) => [status, headers["retry-after"]])(await answered(node)), [503, "5"]);
  const { listenPort: port } = node.network;
  const connection = await tcp().dial({ ip: "127.0.0.1", port: port ?? 0 }, { signal: new AbortController().signal });
  const peer = new WireClient(connection);
  peer.introduce(introductionFor(node));
  await peer.until(() => peer.ids().includes("INTR"));
  assert.equal(node.introduced(), 3);
  for (const { ws } of visitors) ws.terminate();
  connection.destroy();
});

suite("upgrade requests", () => {
  const proxied = (ip: string) => ({ headers: { "x-forwarded-for": ip } });

  test("are answered with the protocol and without compression", TIMEOUT, async () => {
    const node = await started();
    const offer = { "sec-websocket-extensions": "permessage-deflate", "sec-websocket-protocol": "x, fiber-gnet.2" };
    const { status, headers, close } = await answered(node, { headers: offer });
    assert.equal(status, 101);
    assert.equal(headers["sec-websocket-protocol"], "fiber-gnet.2");
    assert.equal(headers["sec-websocket-extensions"], undefined);
    close();
  });

  for (const { why, status, change, options } of [
    { why: "another path", status: 404, change: { path: "/p2p/v3" } },
    { why: "no protocol of ours", status: 400, change: { headers: { "sec-websocket-protocol": "mqtt" } } },
    { why: "a foreign name for this machine", status: 403, change: { headers: { host: "evil.example" } } },
    {
      why: "a name that is ours",
      status: 101,
      change: { headers: { host: "a.example" } },
      options: { hosts: ["a.example"] },
    },
    {
      why: "a page that is not listed",
      status: 403,
      change: { headers: { origin: "https://b.example" } },
      options: { origins: ["https://a.example"] },
    },
    {
      why: "a page that is listed",
      status: 101,
      change: { headers: { origin: "https://a.example" } },
      options: { origins: ["https://a.example"] },
    },
    { why: "any page when none is listed", status: 101, change: { headers: { origin: "https://b.example" } } },
    { why: "another version of WebSocket", status: 400, change: { headers: { "sec-websocket-version": "1" } } },
  ]) {
    test(`${why}: ${status}`, TIMEOUT, async () => {
      const answer = await answered(await started({}, options), change);
      assert.equal(answer.status, status);
      answer.close();
    });
  }

  test("over the number of sockets are refused at once, and the place is free again", TIMEOUT, async () => {
    const node = await started({ limits: { ...LIMITS, wsSocketsMax: 2 } });
    const open = [await Visitor.at(node), await Visitor.at(node)];
    const { status, headers } = await answered(node);
    assert.deepEqual([status, headers["retry-after"], headers.connection], [503, "5", "close"]);
    const family = node.network.statistics().find(({ name }) => name === "p2p_refused_total");
    assert.deepEqual(family?.samples, [[{ limit: "websocket sockets" }, 1]]);
    open[0]?.ws.terminate();
    while (node.network.connections().length > 1) await new Promise(setImmediate);
    const again = await answered(node);
    assert.equal(again.status, 101);
    again.close();
    open[1]?.ws.terminate();
  });

  test("after 2,048 the next is refused and closed at once, and nobody who stands loses their link", {
    timeout: 60_000,
  }, async () => {
    // So many take a while to come on a busy machine, and none of them introduces itself.
    const node = await started({ limits: { ...LIMITS, introductionMs: 60_000, silenceMs: 60_000 } });
    const peer = await Visitor.introduced(node);
    const port = node.network.webSocketPort ?? 0;
    const crowd: Socket[] = [];
    let gone = 0;
    for (let left = LIMITS.wsSocketsMax - 1; left > 0; left -= 100) {
      const some = Array.from({ length: Math.min(100, left) }, () => connect(port, "127.0.0.1"));
      for (const socket of some)
        socket
          .on("error", () => {})
          .on("close", () => gone++)
          .write(UPGRADE);
      await Promise.all(some.map((socket) => once(socket, "data")));
      crowd.push(...some);
    }
    assert.deepEqual([node.network.connections().length, gone], [LIMITS.wsSocketsMax, 0]);

    const over = connect(port, "127.0.0.1");
    over.write(UPGRADE);
    const closed = once(over, "close");
    const from = performance.now();
    const [answer] = await once(over, "data");
    await closed;
    assert.match(
      String(answer),
      /^HTTP\/1\.1 503 Service Unavailable\r\n.*\r\nRetry-After: 5\r\n.*Connection: close\r\n/s,
    );
    assert.ok(performance.now() - from < 1_000, "it was not kept waiting");
    assert.deepEqual([node.network.connections().length, gone], [LIMITS.wsSocketsMax, 0]);
    peer.ws.send(encode.empty("PING"));
    await peer.hears("PONG");

    for (const socket of crowd) socket.destroy();
    while (node.network.connections().length > 1) await new Promise(setImmediate);
    const { status, close } = await answered(node);
    assert.equal(status, 101);
    close();
    peer.ws.terminate();
  });

  test(
    "are counted by the client a trusted proxy names, and by the proxy when it is not trusted",
    TIMEOUT,
    async () => {
      const limits = { ...LIMITS, wsPerIpMax: 2 };
      const trusting = await started({ limits }, { trustedProxies: ["127.0.0.0/8"] });
      const statuses = [];
      for (const ip of ["9.9.9.9", "1.2.3.4, 9.9.9.9", "9.9.9.9", "8.8.8.8"]) {
        statuses.push((await answered(trusting, proxied(ip))).status);
      }
      assert.deepEqual(statuses, [101, 101, 429, 101]);
      const addresses = trusting.network.connections().map(({ address }) => address.split(":")[0]);
      assert.deepEqual(addresses, ["9.9.9.9", "9.9.9.9", "8.8.8.8"]);
      const strict = await started({ limits: { ...limits, loopbackCounts: true } });
      const others = [];
      for (const ip of ["9.9.9.9", "8.8.8.8", "7.7.7.7"]) others.push((await answered(strict, proxied(ip))).status);
      assert.deepEqual(others, [101, 101, 429]);
      const networks = [];
      for (const ip of ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:9::3", "2001:db8:0:1::1"]) {
        networks.push((await answered(trusting, proxied(ip))).status);
      }
      assert.deepEqual(networks, [101, 101, 429, 101]);
    },
  );

  test("that do not come are not waited for", TIMEOUT, async () => {
    const node = await started({ limits: { ...LIMITS, wsHeadersMs: 100 } });
    const socket = connect(node.network.webSocketPort ?? 0, "127.0.0.1");
    await once(socket, "connect");
    socket.write("GET /p2p/v2 HTTP/1.1\r\n");
    socket.resume();
    await once(socket, "close");
  });
});
