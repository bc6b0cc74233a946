import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { ApiListener } from "../../../src/api/listener.ts";

async function bound(t: TestContext): Promise<ApiListener> {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0 });
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
    message: /^cannot listen on 127\.0\.0\.1:\d+: listen EADDRINUSE/,
  });
  other.close();
});

test("malformed requests are refused in Go's words", async (t) => {
  const listener = await bound(t);
  listener.open((_request, response) => response.end("ok"));
  const { port } = listener.address;
  assert.match(await exchange(port, "hello\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n.*400 Bad Request$/s);
  assert.match(await exchange(port, "GET / HTTP/1.1\r\n\r\n"), /400 Bad Request: missing required Host header$/);
  const long = `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(1_100_000)}\r\n\r\n`;
  assert.match(await exchange(port, long), /^HTTP\/1\.1 431 Request Header Fields Too Large/);
  assert.match(await exchange(port, "GET / HTTP/1.0\r\n\r\n"), /ok$/);
});

test("closing ends open connections and may be done twice", async (t) => {
  const listener = await bound(t);
  listener.open(() => {}); // never answers
  const socket = connect(listener.address.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "connect");
  const ended = new Promise((resolve) => socket.on("close", resolve));
  await listener.close();
  await listener.close();
  await ended;
});
