import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { clientKey } from "../../../src/api/client-key.ts";
import type { HttpLimits } from "../../../src/api/http-limits.ts";
import { ApiListener } from "../../../src/api/listener.ts";
import { RequestMetrics } from "../../../src/api/request-metrics.ts";
import { type Logger, silentLogger } from "../../../src/base/log.ts";

async function bound(t: TestContext, limits: Partial<HttpLimits> = {}): Promise<ApiListener> {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0, limits });
  t.after(() => listener.close());
  return listener;
}

/** Everything a server sends to these bytes, until it closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  let text = "";
  socket.on("data", (data) => {
    text += data;
  });
  await once(socket, "close");
  return text;
}

test("who asks before the node is ready waits, and is then answered", async (t) => {
  const listener = await bound(t);
  const asked = request({ port: listener.address.port, host: "127.0.0.1", path: "/early", agent: false });
  asked.end();
  await once(asked, "socket").then(([socket]) => once(socket, "connect"));
  await exchange(listener.address.port, "nonsense\r\n\r\n"); // a later connection has been seen: the first request has arrived
  const answered = once(asked, "response");
  listener.open((incoming, response) => response.end(`answer to ${incoming.url}`));
  const [response] = await answered;
  assert.equal((await response.toArray()).join(""), "answer to /early");
});

test("a port in use is told in one line", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await assert.rejects(ApiListener.bind({ host: "127.0.0.1", port }), {
    code: "API_LISTEN",
    message: /^cannot listen on 127\.0\.0\.1:\d+: the port is taken\. /,
  });
  other.close();
});

test("malformed requests are refused in Go's words", async (t) => {
  const listener = await bound(t);
  listener.open((_request, response) => response.end("ok"));
  const { port } = listener.address;
  assert.match(await exchange(port, "hello\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n.*400 Bad Request$/s);
  assert.match(await exchange(port, "GET / HTTP/1.1\r\n\r\n"), /400 Bad Request: missing required Host header$/);
  const malformed = await exchange(port, "GET / HTTP/1.0\r\nHost: http://a/\r\n\r\n");
  assert.match(malformed, /^HTTP\/1\.1 400 .*400 Bad Request: malformed Host header$/s);
  const twice = await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n");
  assert.match(twice, /^HTTP\/1\.1 400 .*400 Bad Request$/s);
  for (const host of ["", "a:1", "[::1]:1", "a%b;c=~", "!$&'()*+,-._"]) {
    assert.match(await exchange(port, `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`), /ok$/, host);
  }
  const long = `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(1_100_000)}\r\n\r\n`;
  assert.match(await exchange(port, long), /^HTTP\/1\.1 431 Request Header Fields Too Large/);
  assert.match(await exchange(port, "GET / HTTP/1.0\r\n\r\n"), /ok$/);
});

/** A handler whose answers wait until the test lets them go. */
function held(listener: ApiListener): { readonly asked: Promise<unknown>; release(): void } {
  let release = (): void => {};
  const asked = new Promise<void>((arrived) => {
    listener.open((_request, response) => {
      release = () => void response.end("done");
      arrived();
    });
  });
  return { asked, release: () => release() };
}

test("closing lets a running request finish, takes no new one, and may be done twice", {
  timeout: 5_000,
}, async (t) => {
  const listener = await bound(t, { drainMs: 60_000 });
  const { port } = listener.address;
  const idle = connect(port, "127.0.0.1");
  await once(idle, "connect");
  const { asked, release } = held(listener);
  const answer = exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  const closed = listener.close();
  const again = listener.close();
  const refused = connect(port, "127.0.0.1");
  const [error] = await once(refused, "error");
  assert.equal((error as NodeJS.ErrnoException).code, "ECONNREFUSED");
  await once(idle, "close"); // who never asked is not waited for: browsers connect ahead
  release();
  assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n(?=.*connection: close)(?=.*done).*$/is);
  await Promise.all([closed, again]);
});

test("when the time to drain is over clients are not waited for, work is", async (t) => {
  const listener = await bound(t, { drainMs: 20 });
  const { port } = listener.address;
  const asked = new Promise<void>((arrived) => {
    let count = 0;
    listener.open((request, response) => {
      if (request.url === "/begun") response.write("some");
      else setTimeout(() => response.end("done"), 100);
      if (++count === 3) arrived();
    });
  });
  const half = exchange(port, "POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  const unread = exchange(port, "GET /begun HTTP/1.1\r\nHost: x\r\n\r\n");
  const worked = exchange(port, "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  await listener.close();
  assert.match(await worked, /done/);
  assert.doesNotMatch(await half, /done/);
  assert.match(await unread, /some/);
});

test("a client that resets its connection meanwhile does not fail the closing", async (t) => {
  const listener = await bound(t);
  const { asked } = held(listener);
  const socket = connect(listener.address.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  const closed = listener.close();
  socket.resetAndDestroy();
  await closed;
});

test("a request that does not finish is cut off at last", async (t) => {
  const listener = await bound(t, { drainMs: 20, drainWorkMs: 50 });
  const { asked } = held(listener);
  const answer = exchange(listener.address.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await asked;
  await listener.close();
  assert.equal(await answer, "");
});

test("requests beyond the limit are refused at once, and served again afterwards", async (t) => {
  const listener = await bound(t, { inFlightMax: 1 });
  const { port } = listener.address;
  const { asked, release } = held(listener);
  const ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const first = exchange(port, ask);
  await asked;
  assert.match(await exchange(port, ask), /^HTTP\/1\.1 503 .*retry-after: 1\r\nconnection: close/is);
  release();
  assert.match(await first, /done$/);
  listener.open((_request, response) => response.end("again"));
  assert.match(await exchange(port, ask), /again$/);
});

test("one client has a share of requests and sockets; loopback only when told so", async (t) => {
  const ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  for (const [loopbackCounts, second] of [
    [true, /^HTTP\/1\.1 429 Too Many Requests\r\n.*retry-after: 1/is],
    [false, /done$/],
  ] as const) {
    const listener = await bound(t, { inFlightPerClientMax: 1, connectionsPerClientMax: 2, loopbackCounts });
    const { port } = listener.address;
    const { asked, release } = held(listener);
    const first = exchange(port, ask);
    await asked;
    const firstRelease = release;
    if (loopbackCounts) {
      assert.match(await exchange(port, ask), second);
      firstRelease();
    } else {
      firstRelease();
      const next = held(listener);
      const both = [exchange(port, ask), next.asked.then(() => next.release())];
      assert.match(String(await both[0]), second);
    }
    assert.match(await first, /done$/);
    const sockets = [1, 2].map(() => connect(port, "127.0.0.1"));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    const third = connect(port, "127.0.0.1");
    third.on("error", () => {});
    if (loopbackCounts) await once(third, "close");
    else {
      third.end(ask);
      await once(third, "connect");
    }
    for (const socket of [...sockets, third]) socket.destroy();
  }
});

test("bodies under way are bounded by what they announce", async (t) => {
  const listener = await bound(t, { bodyBytesInFlightMax: 100, bodyBytesFree: 10 });
  listener.open((request, response) => request.resume().on("end", () => response.end("read")));
  const { port } = listener.address;
  const post = (length: number): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
  assert.match(await exchange(port, `${post(100)}${"a".repeat(100)}`), /read$/);
  assert.match(await exchange(port, post(101)), /^HTTP\/1\.1 503/);
  const slow = connect(port, "127.0.0.1");
  slow.resume();
  slow.write(post(60));
  await once(slow, "connect");
  assert.match(await exchange(port, "nonsense\r\n\r\n"), /400/); // a later connection was seen, so the slow one too
  assert.match(await exchange(port, `${post(60)}${"a".repeat(60)}`), /^HTTP\/1\.1 503/);
  assert.match(await exchange(port, `${post(10)}${"a".repeat(10)}`), /read$/, "a small one is always taken");
  slow.write("a".repeat(60));
  await once(slow, "close");
  assert.match(await exchange(port, `${post(60)}${"a".repeat(60)}`), /read$/);
});

test("when every place is taken, who asks nothing for longest makes room; who is being answered stays", async (t) => {
  const listener = await bound(t, { connectionsMax: 3 });
  const { port } = listener.address;
  const { asked, release } = held(listener);
  const ask = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const first = exchange(port, ask);
  await asked;
  const silent = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  for (const socket of silent) await once(socket.resume(), "connect");
  const gone = silent.map((socket) => once(socket, "close"));
  listener.open((_request, response) => response.end("late"));
  assert.match(await exchange(port, ask), /late$/);
  await gone[0];
  assert.equal(silent[1]?.closed, false);
  release();
  assert.match(await first, /done$/);
  silent[1]?.destroy();
});

test("requests behind one that is not answered are bounded, and forgotten with their connection", async (t) => {
  const metrics = new RequestMetrics();
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0, limits: { pipelinedMax: 3 }, metrics });
  t.after(() => listener.close());
  const { port } = listener.address;
  for (const asked of [3, 4]) {
    const client = connect(port, "127.0.0.1");
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(asked));
    let answers = 0;
    await new Promise<void>((resolve) => {
      listener.open(() => {
        if (++answers === 3) resolve();
      });
    });
    assert.equal(metrics.inFlight, 3);
    if (asked === 3) client.destroy();
    else await once(client, "close");
    while (metrics.inFlight > 0) await new Promise(setImmediate);
  }
});

test("answers nobody reads are held up to a limit: then who holds most is cut off, and others are not", async (t) => {
  const listener = await bound(t, { outputBytesMax: 1_000_000 });
  const { port } = listener.address;
  const cut = new Promise<void>((resolve) => {
    listener.open((_request, response) => response.once("close", resolve).end(Buffer.alloc(20_000_000)));
  });
  const other = connect(port, "127.0.0.1");
  await once(other, "connect");
  const deaf = connect(port, "127.0.0.1").pause();
  deaf.on("error", () => {});
  deaf.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await cut;
  deaf.destroy();
  listener.open((_request, response) => response.end("done"));
  other.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(String((await once(other, "data"))[0]), /done$/);
});

test("who is slow with header or body is told so, soon", async (t) => {
  const listener = await bound(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
  listener.open((request, response) => request.resume().on("end", () => response.end("read")));
  const { port } = listener.address;
  for (const begun of ["GET / HTTP/1.1\r\nHost: x\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"]) {
    assert.match(await exchange(port, begun), /^HTTP\/1\.1 408 Request Timeout/);
  }
});

test("clients are addresses, IPv6 ones by their /64", () => {
  for (const [address, key] of [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["::1", undefined],
    ["127.0.0.9", undefined],
    ["::ffff:127.0.0.1", undefined],
    [undefined, ""],
  ] as const) {
    assert.equal(clientKey(address, false), key, address);
  }
  assert.equal(clientKey("::1", true), clientKey("127.0.0.1", true));
});

test("connections of one path leave HTTP, and a stop does not wait for them", async () => {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0 });
  const { port } = listener.address;
  listener.upgrades = { path: "/out", take: (_request, socket) => socket.write("HTTP/1.1 101 Switching\r\n\r\n") };
  listener.open((_request, response) => response.end("ok"));
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /out?a=b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
  await once(socket, "data");
  await listener.close();
  assert.equal(socket.closed, false);
  socket.destroy();
});

test("who offers another protocol is answered as if it had not, with its body, and may go on", async (t) => {
  const listener = await bound(t);
  listener.upgrades = { path: "/out", take: (_request, socket) => socket.destroy() };
  listener.open((incoming, response) => {
    void incoming.toArray().then((parts) => {
      response.end(`${incoming.method} ${incoming.url} ${parts.join("")} ${incoming.headers.upgrade}\n`);
    });
  });
  // What some clients send with every request over plain HTTP.
  const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n";
  const text = await exchange(
    listener.address.port,
    `POST /a HTTP/1.1\r\nHost: x\r\n${offer}Content-Length: 4\r\n\r\nbody` +
      `GET /b HTTP/1.1\r\nHost: x\r\n${offer}\r\n` +
      `GET /out HTTP/1.1\r\nHost: x\r\n${offer}\r\n` +
      "GET /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
  );
  const answers = [...text.matchAll(/^(?:POST|GET) .*$/gm)].map(([line]) => line);
  assert.deepEqual(answers, [
    "POST /a body undefined",
    "GET /b  undefined",
    "GET /out  undefined",
    "GET /c  undefined",
  ]);
});

test("in a rush several are accepted in one round of the event loop, and a stop ends them all", async (t) => {
  const lines: string[] = [];
  const widened = new EventEmitter();
  const info = (_fields: object, message: string): void => {
    lines.push(message);
    widened.emit("line");
  };
  const log: Logger = { ...silentLogger, info };
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0, log });
  t.after(() => listener.close());
  listener.open((_request, response) => response.end("ok"));
  const { port } = listener.address;
  const ask = () => exchange(port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const line = once(widened, "line");
  await Promise.all(Array.from({ length: 256 }, ask));
  while (lines.length === 0) assert.match(await ask(), /ok$/, "nobody is lost meanwhile");
  await line;
  assert.deepEqual(lines, ["the listener takes several connections at once"]);

  // All 80 stand in the system's queue before this thread accepts any.
  const sockets = Array.from({ length: 80 }, () => connect(port, "127.0.0.1"));
  for (const until = performance.now() + 50; performance.now() < until; );
  let rounds = 0;
  let answered = 0;
  for (const socket of sockets) {
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    socket.once("data", () => answered++);
  }
  for (; answered < sockets.length; rounds++) await new Promise(setImmediate);
  assert.ok(rounds < 60, `80 newcomers took ${rounds} rounds`);
  const ends = sockets.map((socket) => once(socket, "close"));
  await listener.close();
  await Promise.all(ends);
  await assert.rejects(once(connect(port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
});
