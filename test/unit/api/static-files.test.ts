import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { IndexPages } from "../../../src/api/index-pages.ts";
import { apiFixture } from "../../support/api.ts";

const TEXT = "0123456789";

async function gui(t: TestContext) {
  const outside = await mkdtemp(join(tmpdir(), "gui-"));
  t.after(() => rm(outside, { recursive: true }));
  const guiDir = join(outside, "dist");
  await mkdir(join(guiDir, "assets", "i18n"), { recursive: true });
  await writeFile(join(outside, "secret"), "secret");
  await writeFile(join(guiDir, "index.html"), "<html>");
  await writeFile(join(guiDir, "main.js"), TEXT);
  await writeFile(join(guiDir, "assets", "a b.css"), "css");
  await writeFile(join(guiDir, "assets", "empty.txt"), "");
  await writeFile(join(guiDir, "assets", "raw"), Buffer.from([0, 1, 2]));
  await utimes(join(guiDir, "main.js"), 1_600_000_000, 1_600_000_000);
  const { app } = await apiFixture({ guiDir });
  return async (url: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" | "POST" = "GET") => {
    const response = await app.inject({ method, url, headers });
    const { statusCode: status, body, headers: answered, rawPayload } = response;
    return { status, body, headers: answered, rawPayload };
  };
}

test("the index and the files found at start are served, with type and policy", async (t) => {
  const ask = await gui(t);
  const index = await ask("/");
  assert.deepEqual(
    [index.status, index.body, index.headers["content-type"]],
    [200, "<html>", "text/html; charset=utf-8"],
  );
  const script = await ask("/main.js?v=1");
  assert.equal(script.body, TEXT);
  assert.equal(script.headers["content-type"], "text/javascript; charset=utf-8");
  assert.equal(script.headers["last-modified"], "Sun, 13 Sep 2020 12:26:40 GMT");
  assert.match(String(script.headers["content-security-policy"]), /^default-src 'self'/);
  assert.equal((await ask("/assets/a%20b.css")).body, "css");
  assert.equal((await ask("/assets/empty.txt")).body, "");
  assert.equal((await ask("/assets/raw")).headers["content-type"], "application/octet-stream");
  assert.equal((await ask("/main.js", {}, "POST")).body, TEXT);
  const head = await ask("/main.js", {}, "HEAD");
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "10"]);
});

test("one name per thing: the others are redirects", async (t) => {
  const ask = await gui(t);
  for (const [url, location] of [
    ["/assets", "/assets/"],
    ["/assets?x=1", "/assets/?x=1"],
    ["/index.html", "./"],
    ["/assets/i18n", "i18n/"],
    ["/assets/empty.txt/", "../empty.txt"],
  ]) {
    const { status, headers } = await ask(url as string);
    assert.deepEqual([status, headers.location], [301, location], url);
  }
});

test("a folder's unclean name leads to its own name at once", async (t) => {
  const guiDir = await mkdtemp(join(tmpdir(), "gui-"));
  t.after(() => rm(guiDir, { recursive: true }));
  await mkdir(join(guiDir, "assets"));
  const pages = new IndexPages({ guiDir, disableCsp: true });
  // Not over `inject`, which cleans paths itself.
  const location = (url: string): string | undefined => {
    const headers = new Map<string, string>();
    const reply = {
      code: () => reply,
      send: () => reply,
      header: (name: string, to: string) => void headers.set(name, to),
    };
    pages.redirect({ url, method: "POST" } as FastifyRequest, reply as unknown as FastifyReply);
    return headers.get("location");
  };
  assert.equal(location("/assets/.?x=1"), "/assets/?x=1");
  assert.equal(location("//assets"), "/assets/");
  assert.equal(location("/assets/x/../y"), "/assets/y");
});

test("a folder without index is listed, a missing file is Go's 404", async (t) => {
  const ask = await gui(t);
  const page =
    '<pre>\n<a href="a%20b.css">a b.css</a>\n<a href="empty.txt">empty.txt</a>\n<a href="i18n/">i18n/</a>\n<a href="raw">raw</a>\n</pre>\n';
  assert.equal((await ask("/assets/")).body, page);
  assert.equal((await ask("/assets/nope")).body, "404 page not found\n");
  assert.equal((await ask("/nope")).body, "404 Not Found\n");
});

test("nothing outside the folder is reached", async (t) => {
  const ask = await gui(t);
  for (const url of [
    "/assets/../../secret",
    "/assets/%2e%2e/%2e%2e/secret",
    "/assets/..%2f..%2fsecret",
    "/assets/%00",
  ]) {
    const { status, body } = await ask(url);
    assert.ok([301, 404, 500].includes(status), `${url}: ${status}`);
    assert.ok(!body.startsWith("secret"));
  }
});

test("parts are sent when asked for", async (t) => {
  const ask = await gui(t);
  for (const [range, status, body, contentRange] of [
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=8-", 206, "89", "bytes 8-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
    ["bytes=0-0", 206, "0", "bytes 0-0/10"],
    ["bytes=-99", 206, TEXT, "bytes 0-9/10"],
    ["bytes=-0", 206, "", "bytes 10-9/10"], // as Go says nothing
    ["bytes= 1 - 2 ,", 206, "12", "bytes 1-2/10"],
    ["bytes=+1-2", 206, "12", "bytes 1-2/10"],
    ["bytes=1-2,99-", 206, "12", "bytes 1-2/10"],
    ["bytes=10-", 416, "invalid range: failed to overlap\n", "bytes */10"],
    ["bytes=0-1,4-5", 200, TEXT, undefined],
    ["bytes=", 200, TEXT, undefined],
    ...["bytes", "items=0-1", "BYTES=0-1", "bytes=x", "bytes=4-2", "bytes=--1", "bytes=1", "bytes=-"].map(
      (range) => [range, 416, "invalid range\n", undefined] as const,
    ),
  ] as const) {
    const answer = await ask("/main.js", { range });
    assert.deepEqual([answer.status, answer.body, answer.headers["content-range"]], [status, body, contentRange]);
    assert.equal(answer.headers["accept-ranges"], status === 416 ? undefined : "bytes");
  }
  const part = async (ifRange: string) => (await ask("/main.js", { range: "bytes=0-0", "if-range": ifRange })).status;
  assert.equal(await part("Sun, 13 Sep 2020 12:26:40 GMT"), 206);
  for (const other of ["Sun, 13 Sep 2020 12:26:41 GMT", '"tag"', "x"]) assert.equal(await part(other), 200, other);
});

test("what has not changed is not sent again", async (t) => {
  const ask = await gui(t);
  const since = (date: string) => ask("/main.js", { "if-modified-since": date });
  assert.equal((await since("Sun, 13 Sep 2020 12:26:40 GMT")).status, 304);
  assert.equal((await since("Sun, 13 Sep 2020 12:26:39 GMT")).status, 200);
  for (const [date, status] of [
    ["Sunday, 13-Sep-20 12:26:40 GMT", 304],
    ["sun Sep 13 12:26:40 2020", 304],
    ["Mon, 13 Sep 2020 12:26:40 GMT", 304], // the day of the week is not looked at
    ["Sun, 13 Sep 2020 12:26:40 gmt", 200],
    ["Sun, 13 Sep 2020 12:26:40 UTC", 200],
    ["Sun, 31 Sep 2020 12:26:40 GMT", 200],
    ["2020-09-13T12:26:40Z", 200],
    ["", 200],
  ] as const) {
    assert.equal((await since(date)).status, status, date);
  }
  const folder = await ask("/assets/");
  const modified = String(folder.headers["last-modified"]);
  assert.equal((await ask("/assets/", { "if-modified-since": modified })).status, 304);
});

test("conditions are held against a file without a tag", async (t) => {
  const ask = await gui(t);
  const [at, before] = ["Sun, 13 Sep 2020 12:26:40 GMT", "Sun, 13 Sep 2020 12:26:39 GMT"];
  for (const [method, headers, status] of [
    ["GET", { "if-match": "*" }, 200],
    ["GET", { "if-match": '"a", *' }, 200],
    ["GET", { "if-match": '"a"' }, 412],
    ["POST", { "if-match": "x" }, 412],
    ["GET", { "if-unmodified-since": at }, 200],
    ["GET", { "if-unmodified-since": before }, 412],
    ["GET", { "if-unmodified-since": before, "if-match": "*" }, 200],
    ["HEAD", { "if-none-match": "*" }, 304],
    ["POST", { "if-none-match": "*" }, 412],
    ["GET", { "if-none-match": '"a"', "if-modified-since": at }, 200],
    ["POST", { "if-modified-since": at }, 200],
  ] as const) {
    const answer = await ask("/main.js", headers, method);
    assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
    if (status !== 200) assert.deepEqual([answer.body, answer.headers["content-type"]], ["", undefined]);
  }
});

test("files are compressed like everything else", async (t) => {
  const ask = await gui(t);
  const { headers, rawPayload } = await ask("/main.js", { "accept-encoding": "gzip" });
  assert.equal(headers["content-encoding"], "gzip");
  assert.equal(headers["content-length"], undefined);
  assert.equal(gunzipSync(rawPayload).toString(), TEXT);
});
