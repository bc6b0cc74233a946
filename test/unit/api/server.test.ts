import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { type Logger, silentLogger } from "../../../src/base/log.ts";
import { type ApiFixture, apiFixture, FakeNetwork } from "../../support/api.ts";

type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH";

async function ask(
  app: FastifyInstance,
  method: Method,
  url: string,
  headers: Record<string, string> = {},
  payload?: string,
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const response = await app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  return { status: response.statusCode, body: response.body, headers: response.headers };
}

const guarded = {
  disableCsrf: false,
  disableHeaderCheck: false,
  credentials: { username: "u", password: "p" },
  apiSets: ["READ"],
} as const;

test("the checks come in the reference's order", async () => {
  const { app } = await apiFixture(guarded);
  const headers: Record<string, string> = { host: "evil", origin: "http://evil" };
  const step = async (url: string, body: string): Promise<void> => {
    const answer = await ask(app, "POST", url, headers, "{}");
    assert.equal(answer.body, body);
  };
  const v1 = "/api/v1/block";
  const v2 = "/api/v2/transaction";
  const failure = (message: string, code: number): string =>
    `{\n    "error": {\n        "message": "${message}",\n        "code": ${code}\n    }\n}`;

  await step(v1, "401 Unauthorized\n");
  await step(v2, failure("Unauthorized", 401));
  headers.authorization = `Basic ${Buffer.from("u:p").toString("base64")}`;
  await step(v2, failure("Unsupported Media Type", 415));
  headers["content-type"] = "application/json";
  await step(v1, "403 Forbidden - Invalid Host\n");
  await step(v2, failure("Invalid Host", 403));
  headers.host = "127.0.0.1:6420";
  await step(v2, failure("Invalid Origin or Referer", 403));
  headers.origin = "http://localhost:6420";
  await step(v1, "403 Forbidden - invalid CSRF token\n");
  await step(v2, failure("invalid CSRF token", 403));
  const csrf = await ask(app, "GET", "/api/v1/csrf", headers);
  headers["x-csrf-token"] = (JSON.parse(csrf.body) as { csrf_token: string }).csrf_token;
  await step(v1, "405 Method Not Allowed\n");
  await step(v2, failure("Endpoint is disabled", 403));
});

test("answers before CORS carry no Vary, those after it do", async () => {
  const { app } = await apiFixture(guarded);
  const refused = await ask(app, "GET", "/api/v1/version");
  assert.equal(refused.headers.vary, undefined);
  assert.equal(refused.headers["www-authenticate"], 'Basic realm="skycoin daemon"');
  const open = await apiFixture();
  assert.equal((await ask(open.app, "GET", "/api/v1/block")).headers.vary, "Origin");
  assert.equal((await ask(open.app, "OPTIONS", "/api/v1/block")).headers.vary, undefined);
});

test("a preflight ends with 200 and no body", async () => {
  const { app } = await apiFixture({ disableHeaderCheck: false });
  const headers = { host: "localhost:6420", origin: "http://127.0.0.1:6420", "access-control-request-method": "POST" };
  const answer = await ask(app, "OPTIONS", "/api/v2/transaction", headers);
  assert.deepEqual([answer.status, answer.body], [200, ""]);
  assert.equal(answer.headers["access-control-allow-methods"], "POST");
});

test("HEAD and unknown methods are 405 on the API, without Allow", async () => {
  const { app } = await apiFixture();
  for (const method of ["HEAD", "PUT", "PATCH", "OPTIONS", "PROPFIND", "LINK"]) {
    const answer = await ask(app, method as Method, "/api/v1/version");
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, undefined);
    assert.equal(answer.body, method === "HEAD" ? "" : "405 Method Not Allowed\n");
  }
});

test("errors of v1 are text nobody sniffs, those of v2 are JSON", async () => {
  const { app } = await apiFixture();
  const v1 = await ask(app, "GET", "/api/v1/block?seq=<x>");
  assert.equal(v1.body, '400 Bad Request - Invalid seq value "<x>"\n');
  assert.equal(v1.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(v1.headers["x-content-type-options"], "nosniff");
  const v2 = await ask(app, "GET", "/api/v2/transactions?limit=<");
  assert.equal(v2.headers["content-type"], "application/json");
  assert.equal(v2.headers["x-content-type-options"], undefined);
  assert.match(v2.body, /parsing \\"\\u003c\\": invalid syntax/);
});

test("unknown paths are 404 in the form of v1, with the policy unless switched off", async () => {
  const { app } = await apiFixture();
  for (const path of ["/", "/nope", "/api/v2/nope", "/api/v1/version/", "/api/v1/Version", "/csrf"]) {
    const answer = await ask(app, "GET", path);
    assert.deepEqual([answer.status, answer.body], [404, "404 Not Found\n"], path);
    assert.match(String(answer.headers["content-security-policy"]), /object-src\t'none'/);
  }
  const { app: plain } = await apiFixture({ disableCsp: true });
  assert.equal((await ask(plain, "GET", "/")).headers["content-security-policy"], undefined);
  assert.equal((await ask(app, "GET", "/api/v1/version")).headers["content-security-policy"], undefined);
});

test("paths that are not clean are redirected before any check", async () => {
  const { app } = await apiFixture(guarded);
  const answer = await ask(app, "GET", "/api//v1/../v1/version?x=1");
  assert.equal(answer.status, 301);
  assert.equal(answer.headers.location, "/api/v1/version?x=1");
  assert.equal(answer.body, '<a href="/api/v1/version?x=1">Moved Permanently</a>.\n\n');
  assert.equal((await ask(app, "POST", "//x")).body, "");
});

test("escaped and proxied targets reach their route", async () => {
  const { app } = await apiFixture({ disableHeaderCheck: false });
  const version = await ask(app, "GET", "/api/v1/version", { host: "localhost:6420" });
  const escaped = await ask(app, "GET", "/api%2fv1/%76ersion", { host: "localhost:6420" });
  assert.equal(escaped.body, version.body);
  assert.equal((await ask(app, "GET", "/api/v1/%zz", { host: "localhost:6420" })).body, "400 Bad Request");
});

test("gzip covers errors too, and is the same text", async () => {
  const { app } = await apiFixture();
  for (const url of ["/api/v1/version", "/api/v1/block", "/nope", "/api/v1/outputs"]) {
    const plain = await app.inject({ url });
    const packed = await app.inject({ url, headers: { "accept-encoding": "deflate, gzip;q=0" } });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(packed.rawPayload).toString(), plain.body);
    assert.equal(plain.headers["content-encoding"], undefined);
  }
});

test("a body above the limit is 413 in the form of the version", async () => {
  const { app } = await apiFixture();
  const json = { "content-type": "application/json" };
  const big = "x".repeat(10 * 1024 * 1024 + 1);
  const v1 = await ask(app, "POST", "/api/v1/injectTransaction", json, big);
  assert.equal(v1.body, "413 Payload Too Large\n");
  const v2 = await ask(app, "POST", "/api/v2/address/verify", json, big);
  assert.deepEqual(JSON.parse(v2.body), { error: { message: "Payload Too Large", code: 413 } });
});

test("a content type nobody can parse is left to the route", async () => {
  const { app } = await apiFixture();
  const body = '{"rawtx":"00"}';
  for (const type of ["garbage", ";", "a/b/c", ""]) {
    const answer = await ask(app, "POST", "/api/v1/injectTransaction", { "content-type": type }, body);
    assert.equal(answer.body, "400 Bad Request - Invalid transaction: Not enough buffer data to deserialize\n");
  }
});

test("our own bug is 500 without its text, and is logged", async () => {
  const logged: object[] = [];
  const log: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
  const network = new FakeNetwork();
  network.connections = () => {
    throw new TypeError("secret detail");
  };
  const { app } = await apiFixture({}, { log, network });
  const answer = await ask(app, "GET", "/api/v1/network/connections");
  assert.deepEqual([answer.status, answer.body], [500, "500 Internal Server Error\n"]);
  assert.equal(logged.length, 1);
});

test("requests are logged at debug, without query", async () => {
  const lines: { elapsedMs?: number }[] = [];
  const log: Logger = { ...silentLogger, debug: (fields) => void lines.push(fields), info: () => assert.fail() };
  const { app } = await apiFixture({}, { log });
  await ask(app, "GET", "/api/v1/version?password=x", { "x-request-id": "mine-7" });
  assert.equal(lines.length, 1);
  const { elapsedMs, ...line } = lines[0] as { elapsedMs?: number };
  assert.ok(Number.isInteger(elapsedMs), `elapsedMs: ${elapsedMs}`);
  assert.deepEqual(line, { id: "mine-7", status: 200, method: "GET", path: "/api/v1/version" });
});

const closed: [string, Method, string][] = [
  ["READ", "GET", "/api/v1/block"],
  ["STATUS", "GET", "/api/v1/health"],
  ["TXN", "POST", "/api/v2/transaction"],
  ["WALLET", "POST", "/api/v1/injectTransaction"],
  ["NET_CTRL", "POST", "/api/v1/network/connection/disconnect"],
];

test("a route is open when any of its sets is enabled", async () => {
  for (const [set, method, path] of closed) {
    const headers = { "content-type": "application/json" };
    const off = await apiFixture({ apiSets: [] });
    assert.match((await ask(off.app, method, path, headers, "{}")).body, /Endpoint is disabled/, path);
    const on = await apiFixture({ apiSets: [set] });
    assert.doesNotMatch((await ask(on.app, method, path, headers, "{}")).body, /Endpoint is disabled/, path);
  }
});

test("version and csrf are open whatever the sets are", async () => {
  const { app } = await apiFixture({ apiSets: [], disableCsrf: false });
  assert.equal((await ask(app, "GET", "/api/v1/version")).status, 200);
  assert.equal((await ask(app, "GET", "/api/v1/csrf")).status, 200);
  assert.equal((await ask(app, "POST", "/api/v1/csrf")).status, 405);
  const off: ApiFixture = await apiFixture({ apiSets: [] });
  assert.equal((await ask(off.app, "GET", "/api/v1/csrf")).status, 404);
});
