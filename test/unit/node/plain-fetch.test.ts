import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { plainFetch } from "../../../src/node/plain-fetch.ts";

/** A server of one test: `answers` by path; a number with a path after it redirects. */
async function serve(answers: Readonly<Record<string, string>>, seen: string[]): Promise<Server & { base: string }> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    seen.push([request.method, request.url, request.headers.authorization ?? "-", body].join(" ").trim());
    const answer = answers[request.url ?? ""] ?? "404";
    const [, status, location] = /^(\d{3})(?: (.+))?$/.exec(answer) ?? [];
    response.writeHead(Number(status ?? 200), location === undefined ? {} : { location });
    response.end(status === undefined ? answer : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return Object.assign(server, { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function text(request: IncomingMessage): Promise<string> {
  let all = "";
  for await (const part of request) all += part;
  return all;
}

test("redirects are followed, with the body where the status says so, and never with a password to another host", async () => {
  const seen: string[] = [];
  const other = await serve({ "/": "there" }, seen);
  const { base } = await serve({ "/a": "301 /b", "/b": "here", "/c": "307 /b", "/d": `302 ${other.base}/` }, seen);
  const headers = { authorization: "Basic x" };
  const post = { method: "POST", body: "é", headers };
  assert.equal(await (await plainFetch(`${base}/a`, { headers })).text(), "here");
  assert.equal(await (await plainFetch(`${base}/a`, post)).text(), "here");
  assert.equal(await (await plainFetch(`${base}/c`, post)).text(), "here");
  assert.equal(await (await plainFetch(`${base}/d`, { headers })).text(), "there");
  assert.deepEqual(seen, [
    ...["GET /a Basic x", "GET /b Basic x"],
    ...["POST /a Basic x é", "GET /b Basic x"],
    ...["POST /c Basic x é", "POST /b Basic x é"],
    ...["GET /d Basic x", "GET / -"],
  ]);
});

test("a circle of redirects ends, an answer without body has none, and a signal ends the wait", async () => {
  const { base } = await serve({ "/round": "302 /round", "/empty": "204" }, []);
  await assert.rejects(plainFetch(`${base}/round`), { message: "stopped after 10 redirects" });
  const empty = await plainFetch(`${base}/empty`);
  assert.deepEqual([empty.status, await empty.text()], [204, ""]);
  const reason = new Error("enough");
  await assert.rejects(plainFetch(base, { signal: AbortSignal.abort(reason) }), reason);
});

test("ports that fetch refuses are dialled", async () => {
  await assert.rejects(fetch("http://127.0.0.1:1/"), { cause: new Error("bad port") });
  // Nobody listens on port 1, and whoever would is not a reason to refuse it.
  const outcome = await plainFetch("http://127.0.0.1:1/").catch((error: NodeJS.ErrnoException) => error.code);
  assert.notEqual(outcome, undefined);
});
