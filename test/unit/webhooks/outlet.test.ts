import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Emitter } from "../../../src/base/emitter.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import type { ClientWebhook } from "../../../src/login/clients.ts";
import { EventFeed } from "../../../src/login/events/feed.ts";
import type { Topic } from "../../../src/login/events/topics.ts";
import { MemoryLoginStore } from "../../../src/storage/memory-login-store.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { backoffMs, RETRY } from "../../../src/webhooks/backoff.ts";
import type { deliver } from "../../../src/webhooks/delivery.ts";
import { WebhookError } from "../../../src/webhooks/errors.ts";
import { Outlet } from "../../../src/webhooks/outlet.ts";
import { alice, ManualClock, TestChain } from "../../support/chain.ts";

const HOOK: ClientWebhook = {
  id: "rewards/1",
  url: "https://rewards.example/hooks",
  secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`],
  topics: new Set<Topic>(["node.health", "address.activity"]),
  clientId: "rewards",
  addresses: undefined,
  allowPrivate: false,
};

/** A receiver that does what the test says, and what it got. */
class Receiver {
  readonly got: { id: string; data: Record<string, unknown> }[] = [];
  readonly #changes = new Emitter<void>();
  verdict: (id: string, data: Record<string, unknown>) => WebhookError | undefined = () => undefined;
  attempts = 0;

  readonly deliver: typeof deliver = async (_target, { headers, body }) => {
    const { data } = JSON.parse(body) as { data: Record<string, unknown> };
    const id = headers["webhook-id"] as string;
    const refused = this.verdict(id, data);
    this.attempts++;
    if (refused === undefined) this.got.push({ id, data });
    setImmediate(() => this.#changes.emit());
    if (refused !== undefined) throw refused;
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const off = this.#changes.on(() => {
          off();
          resolve();
        });
      });
    }
    await turns();
  }
}

/** Lets everything that can go on without time or news go on. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function setUp(t: TestContext) {
  const chain = await TestChain.open({ store: new MemoryStore() });
  const { store: view, onBlock } = chain.chain;
  const store = new MemoryLoginStore();
  const clock = new ManualClock();
  const pool = { onChange: new Emitter<{ readonly added: readonly Hash[] }>(), get: () => undefined };
  const feed = await EventFeed.open({ view, onBlock, pool, store, clock, log: silentLogger });
  const receiver = new Receiver();
  const open = async (hook: ClientWebhook = HOOK): Promise<Outlet> => {
    const deps = { feed, store, clock, log: silentLogger, random: () => 0.5 };
    const outlet = new Outlet(hook, { ...deps, deliver: receiver.deliver });
    await outlet.start();
    t.after(() => outlet.stop());
    return outlet;
  };
  const note = (key: string, i: number) => feed.note({ topic: "node.health", key, data: { key, i } });
  return { chain, feed, store, clock, receiver, open, note };
}

const DOWN = new WebhookError("WEBHOOK_UNREACHABLE", "down");
const REFUSED = new WebhookError("WEBHOOK_STATUS", "refused", { status: 422 });

test("what happens from now on is told, in order, and leaves the queue", async (t) => {
  const { receiver, open, note, store } = await setUp(t);
  note("a", 0);
  await turns();
  const outlet = await open();
  for (let i = 1; i <= 30; i++) note("a", i);
  await receiver.until(() => receiver.got.length === 30);
  assert.deepEqual(
    receiver.got.map(({ data }) => data.i),
    Array.from({ length: 30 }, (_, i) => i + 1),
  );
  assert.equal(outlet.queued, 0);
  assert.equal(outlet.delivered, 30);
  assert.deepEqual(await store.list("webhook", { prefix: "queue/" }), []);
});

test("blocks are told from the chain", async (t) => {
  const { chain, receiver, open } = await setUp(t);
  await open({ ...HOOK, topics: new Set(["block.new"]) });
  await chain.fund(alice, 2);
  await receiver.until(() => receiver.got.length === 1);
  assert.deepEqual([receiver.got[0]?.id, receiver.got[0]?.data.seq], ["block-1", 1]);
});

test("a refused message holds up its own key only, and keeps its id", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  const outlet = await open();
  let refusals = 0;
  const ids = new Set<string>();
  receiver.verdict = (id, data) => {
    if (data.key !== "a" || data.i !== 1) return undefined;
    ids.add(id);
    return ++refusals < 3 ? REFUSED : undefined;
  };
  for (const i of [1, 2, 3]) for (const key of ["a", "b"]) note(key, i);
  await receiver.until(() => receiver.attempts === 4);
  assert.deepEqual(
    receiver.got.map(({ data }) => `${data.key}${data.i}`),
    ["b1", "b2", "b3"],
  );
  clock.advance(RETRY.firstMs);
  await receiver.until(() => refusals === 2);
  clock.advance(RETRY.firstMs);
  await turns();
  assert.equal(refusals, 2, "the second wait is longer");
  clock.advance(RETRY.firstMs * RETRY.factor);
  await receiver.until(() => receiver.got.length === 6);
  assert.deepEqual(
    receiver.got.slice(3).map(({ data }) => `${data.key}${data.i}`),
    ["a1", "a2", "a3"],
  );
  assert.equal(ids.size, 1);
  assert.equal(outlet.failures, 2);
});

test("a receiver that is down is asked once per wait, not once per message", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  await open();
  receiver.verdict = () => DOWN;
  note("a", 0);
  await receiver.until(() => receiver.attempts === 1);
  for (let i = 1; i <= 20; i++) note(`key${i}`, i);
  await turns();
  assert.equal(receiver.attempts, 1);
  receiver.verdict = () => undefined;
  clock.advance(RETRY.firstMs);
  await receiver.until(() => receiver.got.length === 21);
});

test("after a restart it goes on with what was left, and with what came meanwhile", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  const first = await open();
  receiver.verdict = () => DOWN;
  for (const i of [1, 2, 3]) note("a", i);
  await receiver.until(() => receiver.attempts === 1);
  await first.stop();
  note("a", 4);
  await turns();
  receiver.verdict = () => undefined;
  await open();
  await turns();
  assert.equal(receiver.got.length, 0, "the wait of the first message holds over the restart");
  clock.advance(RETRY.firstMs);
  await receiver.until(() => receiver.got.length === 4);
  assert.deepEqual(
    receiver.got.map(({ data }) => data.i),
    [1, 2, 3, 4],
  );
});

test("after a day it is given up, and the next one gets its chance", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  const outlet = await open();
  receiver.verdict = (_id, { i }) => (i === 1 ? REFUSED : undefined);
  for (const i of [1, 2]) note("a", i);
  await receiver.until(() => receiver.attempts === 1);
  for (let attempts = 1; outlet.abandoned === 0; attempts++) {
    assert.ok(attempts < 50, "a bounded number of attempts");
    clock.advance(RETRY.capMs);
    await receiver.until(() => receiver.attempts > attempts);
  }
  await receiver.until(() => receiver.got.length === 1);
  assert.deepEqual(receiver.got[0]?.data.i, 2);
  assert.equal(outlet.queued, 0);
});

test("a queue that is full leaves the rest in the feed, and nothing is lost", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  const outlet = await open();
  receiver.verdict = () => DOWN;
  for (let i = 0; i < 2500; i++) note(`k${i % 3}`, i);
  await receiver.until(() => receiver.attempts > 0);
  await turns();
  assert.ok(outlet.queued <= 1000 + 256, `queued ${outlet.queued}`);
  receiver.verdict = () => undefined;
  clock.advance(RETRY.firstMs);
  await receiver.until(() => receiver.got.length === 2500);
  for (const key of ["k0", "k1", "k2"]) {
    const order = receiver.got.filter(({ data }) => data.key === key).map(({ data }) => data.i as number);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  }
});

test("after a restart with more than a page of messages left, all of them are told", async (t) => {
  const { receiver, open, note, clock } = await setUp(t);
  const first = await open();
  receiver.verdict = () => DOWN;
  for (let i = 0; i < 1200; i++) note(`k${i}`, i);
  await receiver.until(() => receiver.attempts > 0);
  await turns();
  assert.ok(first.queued > 1000, `queued ${first.queued}`);
  await first.stop();
  receiver.verdict = () => undefined;
  const second = await open();
  clock.advance(RETRY.firstMs);
  await receiver.until(() => second.queued === 0);
  assert.equal(new Set(receiver.got.map(({ data }) => data.i)).size, 1200);
});

test("while the store fails nothing that was queued is forgotten, and what came meanwhile is told later", async (t) => {
  const { receiver, open, note, clock, store } = await setUp(t);
  const outlet = await open({ ...HOOK, topics: new Set(["node.health"]) });
  receiver.verdict = () => DOWN;
  for (let i = 0; i < 3; i++) note(`k${i}`, i);
  await receiver.until(() => receiver.attempts === 3);
  assert.equal(outlet.queued, 3);
  const broken = async () => Promise.reject(new Error("the disk fails"));
  const write = store.write.bind(store);
  // The feed's own entries still get in; the queue's do not.
  t.mock.method(store, "write", (...[changes, options]: Parameters<typeof write>) =>
    changes.some(({ table }) => table === "webhook") ? broken() : write(changes, options),
  );
  const list = store.list.bind(store);
  t.mock.method(store, "list", (...asked: Parameters<typeof list>) =>
    asked[0] === "webhook" ? broken() : list(...asked),
  );
  note("k3", 3);
  await turns();
  assert.equal(outlet.queued, 3);
  t.mock.restoreAll();
  note("k4", 4);
  receiver.verdict = () => undefined;
  clock.advance(RETRY.firstMs);
  await receiver.until(() => receiver.got.length === 5);
});

test("waits grow threefold to two hours, each between half and one and a half of that", () => {
  const waits = (random: number) => [1, 2, 3, 20].map((failures) => backoffMs(failures, () => random));
  assert.deepEqual(waits(0.5), [5_000, 15_000, 45_000, 7_200_000]);
  assert.deepEqual(waits(0), [2_500, 7_500, 22_500, 3_600_000]);
  assert.deepEqual(waits(1), [7_500, 22_500, 67_500, 10_800_000]);
});

test("a real receiver verifies what it got", async (t) => {
  const { note, feed, store, clock } = await setUp(t);
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const outlet = new Outlet(
    { ...HOOK, url: `http://127.0.0.1:${port}/`, allowPrivate: true },
    { feed, store, clock, log: silentLogger, random: Math.random },
  );
  await outlet.start();
  t.after(() => outlet.stop());
  const request = once(server, "request");
  note("a", 1);
  const [incoming, response] = await request;
  let body = "";
  for await (const chunk of incoming) body += chunk;
  response.writeHead(204).end();
  const signed = `${incoming.headers["webhook-id"]}.${incoming.headers["webhook-timestamp"]}.${body}`;
  const expected = createHmac("sha256", Buffer.alloc(32, 7)).update(signed).digest("base64");
  assert.equal(incoming.headers["webhook-signature"], `v1,${expected}`);
  assert.deepEqual((JSON.parse(body) as { type: string }).type, "node.health");
});

test("a webhook that cannot work is refused when it is made", async (t) => {
  const { feed, store, clock } = await setUp(t);
  const deps = { feed, store, clock, log: silentLogger, random: Math.random };
  assert.throws(() => new Outlet({ ...HOOK, url: "https://10.0.0.1/" }, deps), { code: "WEBHOOK_ADDRESS_REFUSED" });
  assert.throws(() => new Outlet({ ...HOOK, secrets: ["whsec_short"] }, deps), { code: "WEBHOOK_SECRET" });
});
