import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsText } from "../../../src/api/metrics-text.ts";
import { RequestMetrics } from "../../../src/api/request-metrics.ts";
import { type Logger, silentLogger } from "../../../src/base/log.ts";
import { apiFixture, FakeNetwork } from "../../support/api.ts";

const locked = {
  credentials: { username: "u", password: "p" },
  disableHeaderCheck: false,
  disableCsrf: false,
  apiSets: [],
} as const;
const password = { authorization: `Basic ${Buffer.from("u:p").toString("base64")}`, host: "127.0.0.1:6420" };

test("a probe needs neither password nor host name nor API set", async () => {
  const { app, text } = await apiFixture(locked);
  assert.deepEqual(await text("/healthz"), [200, '{"status":"ok"}\n']);
  assert.deepEqual(await text("/readyz"), [200, '{"status":"ready"}\n']);
  assert.equal((await app.inject({ method: "HEAD", url: "/healthz" })).statusCode, 200);
});

test("other methods and neighbours of the probes stay unknown, as in the reference", async () => {
  const { app } = await apiFixture();
  for (const [method, url] of [
    ["POST", "/healthz"],
    ["GET", "/healthz/"],
    ["GET", "/readyz2"],
    ["GET", "/api/v2/metrics"],
    ["DELETE", "/metrics"],
  ] as const) {
    const answer = await app.inject({ method, url });
    assert.deepEqual([answer.statusCode, answer.body], [404, "404 Not Found\n"], `${method} ${url}`);
  }
});

for (const { why, database, publisher, heights, reasons } of [
  { why: "the database refuses writes", database: true, reasons: ["database refuses writes"] },
  { why: "the publisher cannot publish", publisher: true, reasons: ["publisher cannot publish"] },
  { why: "half of the peers are far ahead", heights: [11, 11, 5], reasons: ["11 blocks behind"] },
  { why: "everything at once", database: true, publisher: true, heights: [30], reasons: 3 },
  { why: "a lone liar among peers", heights: [1e9, 2, 3], reasons: undefined },
  { why: "peers a few blocks ahead", heights: [10, 10], reasons: undefined },
]) {
  test(`readiness: ${why}: ${reasons === undefined ? "ready" : "not ready"}`, async () => {
    const network = new FakeNetwork();
    for (const height of heights ?? []) network.add({ height });
    const condition = { databaseFailing: () => database === true, publisherFailing: () => publisher === true };
    const { text } = await apiFixture({}, { network, condition });
    const [status, body] = await text("/readyz");
    assert.equal(status, reasons === undefined ? 200 : 503);
    const told = (JSON.parse(body) as { reasons?: string[] }).reasons;
    if (typeof reasons === "number") assert.equal(told?.length, reasons);
    else assert.deepEqual(told, reasons);
  });
}

test("a trusted peer counts more than strangers, and one not introduced counts nothing", async () => {
  const network = new FakeNetwork();
  for (const height of [0, 0, 0]) network.add({ height });
  network.add({ height: 900, state: "connected" });
  const { text } = await apiFixture({}, { network });
  assert.equal((await text("/readyz"))[0], 200);
  network.add({ height: 900, trusted: true });
  assert.match((await text("/readyz"))[1], /900 blocks behind/);
});

test("metrics are text with units, for the operator alone", async () => {
  const network = new FakeNetwork();
  network.add({ outgoing: true });
  network.add({ outgoing: false });
  network.add({ state: "pending" });
  const { app, text } = await apiFixture({ apiSets: ["READ", "PROMETHEUS"] }, { network });
  await text("/api/v1/version");
  await text("/api/v1/version");
  await text("/no/such/path");
  const answer = await app.inject("/metrics");
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  for (const line of [
    "unspent_outputs 1",
    "unconfirmed_txns 0",
    "unconfirmed_bytes 0",
    "last_block_seq 0",
    "open_connections 2",
    "outgoing_connections 1",
    "incoming_connections 1",
    "pending_connections 1",
    "node_ready 1",
    'http_requests_total{route="/api/v1/version",method="GET",status="200"} 2',
    'http_requests_total{route="other",method="GET",status="404"} 1',
    'http_request_duration_seconds_count{route="/api/v1/version",method="GET"} 2',
  ]) {
    assert.ok(answer.body.split("\n").includes(line), `${line} in\n${answer.body}`);
  }
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_heap_size_used_bytes",
    'nodejs_eventloop_delay_seconds{quantile="0.99"}',
    "time_since_last_block_seconds",
    "started_at",
  ]) {
    assert.match(answer.body, new RegExp(`^${name.replace(/[{}.]/g, "\\$&")} [0-9.e-]+$`, "m"));
  }
  assert.equal((await text("/api/v2/metrics"))[0], 200);
  const strangers = await apiFixture({ audience: "public", apiSets: ["READ", "PROMETHEUS"] });
  assert.equal((await strangers.text("/metrics"))[0], 404);
  assert.equal((await strangers.text("/api/v2/metrics"))[0], 404);
});

test("metrics stand behind password and host check", async () => {
  const { app } = await apiFixture(locked);
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await app.inject({ url: "/metrics", headers })).statusCode;
  assert.equal(await status({}), 401);
  assert.equal(await status({ ...password, host: "evil" }), 403);
  assert.equal(await status({ ...password, origin: "http://evil" }), 403);
  assert.equal(await status(password), 200);
});

test("buckets add up, labels are escaped, and series are bounded", () => {
  const requests = new RequestMetrics();
  const series = requests.series("/a", "GET", 200);
  for (const seconds of [0.0001, 0.003, 0.003, 999]) series.observe(seconds);
  for (let i = 0; i < 5000; i++) requests.series(`/p${i}`, "GET", 200).observe(0); // no node has so many routes
  const text = new MetricsText();
  requests.write(text);
  const lines = text.finish().split("\n");
  const bucket = (le: string): string | undefined =>
    lines.find((l) => l.includes(`route="/a",method="GET",le="${le}"`));
  assert.deepEqual(
    ["0.00025", "0.0025", "0.005", "60", "+Inf"].map((le) => bucket(le)?.split(" ").at(-1)),
    ["1", "1", "3", "3", "4"],
  );
  assert.ok(lines.filter((line) => line.startsWith("http_requests_total")).length <= 2100);
  const escaped = new MetricsText().gauge("x", "y", [[{ a: 'q"\\\n' }, Number.POSITIVE_INFINITY]]).finish();
  assert.equal(escaped, '# HELP x y\n# TYPE x gauge\nx{a="q\\"\\\\\\n"} +Inf\n');
});

test("a request keeps a sane id of its client, and a failure of ours always has one", async () => {
  const told: { id?: string; level: string }[] = [];
  const log: Logger = {
    ...silentLogger,
    debug: (fields) => told.push({ ...fields, level: "debug" }),
    error: (fields) => told.push({ ...fields, level: "error" }),
  };
  const { app } = await apiFixture({}, { log, network: new FakeNetwork() });
  const id = async (given?: string): Promise<unknown> => {
    const headers = given === undefined ? {} : { "x-request-id": given };
    return (await app.inject({ url: "/api/v1/version", headers })).headers["x-request-id"];
  };
  assert.equal(await id("abc-1.2_Z"), "abc-1.2_Z");
  for (const bad of [undefined, "", "a b", "x".repeat(65), 'a"b', "ü"]) assert.equal(await id(bad), undefined, bad);
  assert.equal(told[0]?.id, "abc-1.2_Z");
  assert.equal(new Set(told.map((line) => line.id)).size, told.length, "ids differ");
  const network = new FakeNetwork();
  network.connections = () => {
    throw new TypeError("a bug");
  };
  const broken = await apiFixture({}, { log, network });
  const failed = await broken.app.inject("/api/v1/network/connections");
  assert.equal(failed.statusCode, 500);
  const error = told.find(({ level }) => level === "error");
  assert.equal(failed.headers["x-request-id"], error?.id);
  assert.match(String(error?.id), /^[0-9a-f]{8}-[0-9a-z]+$/);
});
