import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { API_SETS } from "../../../src/api/route.ts";
import { apiFixture, FakeNetwork, type Json } from "../../support/api.ts";
import { AnswerCheck } from "../../support/openapi.ts";

const all = { apiSets: API_SETS };

/** Paths of the router's own listing: a tree of prefixes, four columns a level. */
function routesOf(listing: string): string[] {
  const above: string[] = [];
  return [...listing.matchAll(/^([│ ]*)[├└]── (\S*)(?: \((.*)\))?$/gm)].flatMap(
    ([, indent = "", part = "", methods]) => {
      const depth = indent.length / 4;
      above[depth] = (depth === 0 ? "" : (above[depth - 1] as string)) + part;
      return methods === undefined ? [] : [above[depth] as string];
    },
  );
}

test("the document is valid OpenAPI 3.1, and all its references lead somewhere", async () => {
  const { get } = await apiFixture({ ...all, disableCsrf: false, credentials: { username: "", password: "" } });
  const document = await get("/openapi.json");
  const validator = new Validator();
  assert.deepEqual(await validator.validate(document), { valid: true });
  assert.equal(validator.version, "3.1");
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(document.components.schemas[name as string], name);
  }
  const operations = Object.values<Json>(document.paths).flatMap((path) => Object.values<Json>(path));
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  assert.deepEqual(document.paths["/api/v1/injectTransaction"].post.security, [{ csrf: [] }]);
});

test("what is served is described, and what is described is served", async () => {
  const { app, get } = await apiFixture(all);
  const { paths } = await get("/openapi.json");
  const served = routesOf(app.printRoutes({ commonPrefix: false }));
  const pages = ["/docs", "/docs/", "/docs/:file", "/openapi.json"];
  assert.deepEqual(served.sort(), [...Object.keys(paths), ...pages].sort());
  const headers = { "content-type": "application/json" };
  for (const [url, methods] of Object.entries<Json>(paths).filter(([path]) => path.startsWith("/api/v1"))) {
    for (const method of ["GET", "POST", "DELETE", "PUT"] as const) {
      const { statusCode } = await app.inject({ method, url, headers });
      assert.equal(statusCode !== 405, method.toLowerCase() in methods, `${method} ${url}`);
    }
  }
});

test("what recordings of a node without peers lack is answered as described, too", async () => {
  const network = new FakeNetwork();
  network.add({});
  const { app, get } = await apiFixture(all, { network });
  const check = new AnswerCheck(await get("/openapi.json"));
  for (const [method, path, query] of [
    ["GET", "/api/v1/network/connection", "?addr=10.0.0.1:6000"],
    ["POST", "/api/v1/network/connection/disconnect", "?id=1"],
    ["POST", "/api/v1/resendUnconfirmedTxns", ""],
    ["GET", "/healthz", ""],
    ["GET", "/readyz", ""],
    ["GET", "/metrics", ""],
    ["GET", "/api/v2/metrics", ""],
  ] as const) {
    const { statusCode: status, headers, body: text } = await app.inject({ method, url: path + query });
    assert.equal(status, 200, path);
    assert.equal(check.flaw({ method, path, status, type: headers["content-type"] as string, text }), undefined, path);
  }
  assert.equal(check.seen.size, 7);
});

test("only what the API sets allow is described; strangers are told of no wallets", async () => {
  const paths = async (options: Parameters<typeof apiFixture>[0]): Promise<string[]> =>
    Object.keys((await (await apiFixture(options)).get("/openapi.json")).paths);
  const open = await paths({ apiSets: ["READ", "TXN"], audience: "public" });
  assert.ok(open.includes("/api/v1/balance") && open.includes("/api/v1/injectTransaction"));
  assert.deepEqual(
    open.filter((path) => /wallet|v2\/data|disconnect|metrics$/.test(path)),
    [],
  );
  assert.ok((await paths({ apiSets: ["STATUS"] })).includes("/api/v1/health"));
});

test("document and page stand behind the checks of the API, and load nothing from elsewhere", async () => {
  const { app } = await apiFixture({ disableHeaderCheck: false, credentials: { username: "u", password: "p" } });
  const authorization = `Basic ${Buffer.from("u:p").toString("base64")}`;
  for (const url of ["/openapi.json", "/docs", "/docs/", "/docs/docs.js"]) {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await app.inject({ url, headers })).statusCode;
    assert.equal(await status({ host: "127.0.0.1:6420" }), 401, url);
    assert.equal(await status({ host: "evil.example", authorization }), 403, url);
    assert.equal(await status({ host: "127.0.0.1:6420", authorization }), url === "/docs/docs.js" ? 404 : 200, url);
  }
  const { body, headers } = await app.inject({ url: "/docs", headers: { host: "127.0.0.1:6420", authorization } });
  assert.match(String(headers["content-security-policy"]), /default-src 'none'; script-src 'self'; /);
  const files = [...body.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, file]) => file as string);
  assert.equal(files.length, 2);
  for (const url of files) {
    const file = await app.inject({ url, headers: { host: "127.0.0.1:6420", authorization } });
    assert.equal(file.statusCode, 200);
    assert.match(String(file.headers["cache-control"]), /immutable/);
  }
});
