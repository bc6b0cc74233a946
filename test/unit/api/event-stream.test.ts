import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { STREAM_LIMITS, StreamSlots } from "../../../src/api/login/event-stream.ts";
import type { LoginRequest } from "../../../src/api/login/route.ts";

/** A client's request that has come in, and how the client leaves. */
async function asking(t: TestContext): Promise<{ response: ServerResponse; leave: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  request.on("error", () => {});
  const [, response] = (await once(server, "request")) as [unknown, ServerResponse];
  const leave = async (): Promise<void> => {
    const gone = once(response, "close");
    request.destroy();
    await gone;
  };
  t.after(() => request.destroy());
  return { response, leave };
}

const asked = (raw: ServerResponse) =>
  ({
    caller: { key: "192.0.2.1", ip: "192.0.2.1" },
    reply: { raw, hijack() {}, getHeaders: () => ({}) },
  }) as unknown as LoginRequest;

test("a stream takes a place until its client leaves", async (t) => {
  const slots = new StreamSlots();
  const { response, leave } = await asking(t);
  slots.start(asked(response));
  assert.equal(slots.open, 1);
  await leave();
  assert.equal(slots.open, 0);
});

test("a client that has left before its stream begins takes no place", async (t) => {
  const slots = new StreamSlots();
  const { response, leave } = await asking(t);
  await leave();
  assert.throws(() => slots.start(asked(response)), { code: "bad_request" });
  assert.equal(slots.open, 0);
});

test("one client has so many streams and no more, nor have all together", async (t) => {
  const slots = new StreamSlots({ ...STREAM_LIMITS, perClientMax: 1 });
  const [first, second] = [await asking(t), await asking(t)];
  slots.start(asked(first.response));
  assert.throws(() => slots.start(asked(second.response)), { code: "rate_limited" });
  await first.leave();
  slots.start(asked(second.response));
  const full = new StreamSlots({ ...STREAM_LIMITS, streamsMax: 0 });
  assert.throws(() => full.start(asked(second.response)), { code: "busy" });
});
