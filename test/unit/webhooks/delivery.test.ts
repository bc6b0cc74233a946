import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { deliver, parseTarget } from "../../../src/webhooks/delivery.ts";

async function receiver(t: TestContext, answer: RequestListener): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const message = { headers: { "webhook-id": "m1" }, body: '{"a":"ü"}' };

test("a message arrives whole, and a 2xx is success", async (t) => {
  let body = "";
  const { port, seen } = await receiver(t, (request, response) => {
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => response.writeHead(204).end());
  });
  await deliver(parseTarget(`http://127.0.0.1:${port}/hook?x=1`, { allowPrivate: true }), message);
  assert.equal(body, message.body);
  assert.equal(seen[0]?.method, "POST");
  assert.equal(seen[0]?.url, "/hook?x=1");
  assert.equal(seen[0]?.headers["webhook-id"], "m1");
});

test("the name is resolved once, and the connection goes to that address", async (t) => {
  const { port, seen } = await receiver(t, (_request, response) => response.end());
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return ["127.0.0.1"];
  };
  await deliver(parseTarget(`http://hooks.example:${port}/`, { allowPrivate: true }), message, { resolve });
  assert.deepEqual(asked, ["hooks.example"]);
  assert.equal(seen[0]?.headers.host, `hooks.example:${port}`);
});

test("a name that leads inside is refused before any connection, whatever else it leads to", async (t) => {
  const { port, seen } = await receiver(t, (_request, response) => response.end());
  for (const addresses of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]) {
    const target = parseTarget(`https://hooks.example:${port}/`, { allowPrivate: false });
    await assert.rejects(deliver(target, message, { resolve: async () => addresses }), {
      code: "WEBHOOK_ADDRESS_REFUSED",
    });
  }
  assert.equal(seen.length, 0);
});

test("redirects are not followed, other answers are failures", async (t) => {
  for (const status of [301, 302, 307, 400, 404, 410, 429, 500, 503]) {
    const { port, seen } = await receiver(t, (_request, response) =>
      response.writeHead(status, { location: "/other" }).end(),
    );
    const target = parseTarget(`http://127.0.0.1:${port}/`, { allowPrivate: true });
    await assert.rejects(deliver(target, message), { code: "WEBHOOK_STATUS", data: { status } });
    assert.equal(seen.length, 1);
  }
});

test("a receiver that never answers costs the time limit, not more", async (t) => {
  const { port } = await receiver(t, () => {});
  const target = parseTarget(`http://127.0.0.1:${port}/`, { allowPrivate: true });
  await assert.rejects(deliver(target, message, { timeoutMs: 50 }), { code: "WEBHOOK_TIMEOUT" });
  const silent = () => new Promise<never>(() => {});
  const byName = parseTarget("https://hooks.example/", { allowPrivate: false });
  await assert.rejects(deliver(byName, message, { timeoutMs: 20, resolve: silent }), { code: "WEBHOOK_TIMEOUT" });
});

test("an endless answer is cut off; its status counts", async (t) => {
  const { port } = await receiver(t, (_request, response) => {
    response.writeHead(200);
    const pump = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384)));
    };
    response.on("drain", pump);
    pump();
  });
  await deliver(parseTarget(`http://127.0.0.1:${port}/`, { allowPrivate: true }), message);
});

test("whoever stops the node stops the delivery", async (t) => {
  const stop = new AbortController();
  const { port } = await receiver(t, () => stop.abort(new Error("stopping")));
  const target = parseTarget(`http://127.0.0.1:${port}/`, { allowPrivate: true });
  await assert.rejects(deliver(target, message, { signal: stop.signal }), { message: "stopping" });
});

test("a receiver that is not there", async () => {
  const refused = parseTarget("http://127.0.0.1:1/", { allowPrivate: true });
  await assert.rejects(deliver(refused, message), { code: "WEBHOOK_UNREACHABLE" });
  const nobody = parseTarget("https://hooks.example/", { allowPrivate: false });
  await assert.rejects(deliver(nobody, message, { resolve: async () => [] }), { code: "WEBHOOK_UNREACHABLE" });
});

test("a URL that is refused is not repeated: it may hold secrets", () => {
  const refused = () => parseTarget("https://user:pw@example.com/T0KEN", { allowPrivate: false });
  assert.throws(refused, ({ message }: Error) => !/pw|T0KEN/.test(message));
});

for (const [url, code] of [
  ["nonsense", "WEBHOOK_URL"],
  ["http://example.com/", "WEBHOOK_URL"],
  ["ftp://example.com/", "WEBHOOK_URL"],
  ["https://user:pw@example.com/", "WEBHOOK_URL"],
  ["https://example.com/#x", "WEBHOOK_URL"],
  ["https://127.0.0.1/", "WEBHOOK_ADDRESS_REFUSED"],
  ["https://2130706433/", "WEBHOOK_ADDRESS_REFUSED"],
  ["https://0x7f.1/", "WEBHOOK_ADDRESS_REFUSED"],
  ["https://[::1]/", "WEBHOOK_ADDRESS_REFUSED"],
  ["https://[::ffff:10.0.0.1]/", "WEBHOOK_ADDRESS_REFUSED"],
  ["https://169.254.169.254/latest/meta-data/", "WEBHOOK_ADDRESS_REFUSED"],
] as const) {
  test(`refused when configured: ${url}`, () =>
    assert.throws(() => parseTarget(url, { allowPrivate: false }), { code }));
}
