import assert from "node:assert/strict";
import { test } from "node:test";
import { isAuthorized } from "../../../src/api/basic-auth.ts";
import { BoundedCache, BytesCache } from "../../../src/api/cache.ts";
import { actualHeaders, type CorsQuestion, isPreflight, preflightHeaders } from "../../../src/api/cors.ts";
import { CsrfTokens } from "../../../src/api/csrf.ts";
import { HostCheck, isLoopback } from "../../../src/api/host-check.ts";

function basic(credentials: string, scheme = "Basic"): string {
  return `${scheme} ${Buffer.from(credentials).toString("base64")}`;
}

const nobody = { username: "", password: "" };
const someone = { username: "user", password: "pass:word" };

for (const { why, header, wanted, passes } of [
  { why: "no credentials where none are asked", header: undefined, wanted: nobody, passes: true },
  { why: "empty credentials where none are asked", header: basic(":"), wanted: nobody, passes: true },
  { why: "credentials where none are asked", header: basic("a:"), wanted: nobody, passes: false },
  { why: "another scheme where none are asked", header: "Bearer x", wanted: nobody, passes: true },
  { why: "the right ones", header: basic("user:pass:word"), wanted: someone, passes: true },
  { why: "the scheme in other letters", header: basic("user:pass:word", "bAsIc"), wanted: someone, passes: true },
  { why: "the wrong password", header: basic("user:pass"), wanted: someone, passes: false },
  { why: "none where some are asked", header: undefined, wanted: someone, passes: false },
  { why: "no colon", header: basic("userpass:word".replace(":", "")), wanted: someone, passes: false },
  { why: "bad base64", header: "Basic dXNlcjpwYXNzOndvcmQ", wanted: someone, passes: false },
]) {
  test(`authentication ${passes ? "passes" : "refuses"}: ${why}`, () => {
    assert.equal(isAuthorized(header, wanted), passes);
  });
}

function tokensAt(clock: { ms: number }): CsrfTokens {
  return new CsrfTokens({ clock: { nowMs: () => clock.ms } });
}

test("a token is good for 30 seconds, as often as wanted, for POST, PUT and DELETE", () => {
  const clock = { ms: 1_600_000_000_123 };
  const tokens = tokensAt(clock);
  const token = tokens.issue();
  for (const method of ["POST", "PUT", "DELETE", "POST"]) assert.equal(tokens.refusal(method, token), undefined);
  clock.ms += 30_000;
  assert.equal(tokens.refusal("POST", token), undefined);
  clock.ms += 1;
  assert.equal(tokens.refusal("POST", token), "csrf token expired");
  for (const method of ["GET", "HEAD", "OPTIONS"]) assert.equal(tokens.refusal(method, undefined), undefined);
});

test("a token of another process or with another payload is refused", () => {
  const clock = { ms: 0 };
  const tokens = tokensAt(clock);
  const token = tokens.issue();
  assert.equal(tokensAt(clock).refusal("POST", token), "invalid CSRF token signature");
  const [payload = "", signature = ""] = token.split(".");
  const later = Buffer.from(payload, "base64url").toString().replace("1970", "2970");
  const forged = `${Buffer.from(later).toString("base64url")}.${signature}`;
  assert.equal(tokens.refusal("POST", forged), "invalid CSRF token signature");
  assert.equal(tokens.refusal("POST", `${token}=`), "invalid CSRF token signature");
});

test("the payload of a token has the reference's two members", () => {
  const [payload = ""] = tokensAt({ ms: 0 }).issue().split(".");
  const text = Buffer.from(payload, "base64url").toString();
  assert.match(text, /^\{"Nonce":"[A-Za-z0-9+/]{86}==","ExpiresAt":"[0-9T:.+-]+Z?"\}$/);
});

test("malformed tokens are named as Go names them", () => {
  const tokens = tokensAt({ ms: 0 });
  for (const token of [undefined, "", "abc", "a.b.c", "..", "...."]) {
    assert.equal(tokens.refusal("POST", token), "invalid CSRF token");
  }
  assert.equal(tokens.refusal("POST", "ab*.x"), "illegal base64 data at input byte 2");
  assert.equal(tokens.refusal("POST", "abcde.x"), "illegal base64 data at input byte 4");
});

test("on loopback only our names are accepted as Host", () => {
  const check = new HostCheck({ address: "127.0.0.1", port: 6420 }, ["node.example.org"]);
  for (const host of ["127.0.0.1:6420", "localhost:6420", "node.example.org", ""]) {
    assert.equal(check.hostRefusal(host), undefined);
  }
  for (const host of ["127.0.0.1", "localhost:1", "evil", "[::1]:6420", "node.example.org:6420"]) {
    assert.equal(check.hostRefusal(host), "Invalid Host");
  }
});

test("a public listener takes any Host and only whitelisted origins and its own address", () => {
  const check = new HostCheck({ address: "0.0.0.0", port: 80 }, ["node.example.org"]);
  assert.equal(check.hostRefusal("anything"), undefined);
  assert.equal(check.originRefusal("http://node.example.org", ""), undefined);
  assert.equal(check.originRefusal("http://[::]:80", ""), undefined);
  assert.equal(check.originRefusal("http://localhost:80", ""), "Invalid Origin or Referer");
});

test("the origin is looked at before the referer", () => {
  const check = new HostCheck({ address: "127.0.0.1", port: 6420 }, []);
  assert.equal(check.originRefusal("", ""), undefined);
  assert.equal(check.originRefusal("http://127.0.0.1:6420", "http://evil"), undefined);
  assert.equal(check.originRefusal("", "http://evil/x"), "Invalid Origin or Referer");
  assert.equal(check.originRefusal("null", ""), "Invalid Origin or Referer");
  assert.equal(check.originRefusal("http://a b", ""), "Invalid URL in Origin or Referer header");
});

test("loopback is every such address and the name", () => {
  for (const name of ["127.0.0.1", "127.8.9.10", "::1", "localhost", "::ffff:127.0.0.1"]) assert.ok(isLoopback(name));
  for (const name of ["0.0.0.0", "::", "128.0.0.1", "1127.0.0.1", "127.evil.org"]) assert.ok(!isLoopback(name));
});

const origins = new HostCheck({ address: "127.0.0.1", port: 6420 }, ["Node.example.org"]).corsOrigins;

function question(parts: Partial<CorsQuestion>): CorsQuestion {
  return { method: "OPTIONS", origin: "http://127.0.0.1:6420", requestMethod: "", requestHeaders: "", ...parts };
}

test("a preflight gets all three headers or none", () => {
  const allowed = question({ requestMethod: "post", requestHeaders: "content-type, x-csrf-TOKEN" });
  const { vary, ...headers } = preflightHeaders(allowed, origins);
  assert.deepEqual(vary, ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]);
  assert.deepEqual(headers, {
    "access-control-allow-origin": "http://127.0.0.1:6420",
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "Content-Type, X-Csrf-Token",
  });
  for (const refused of [
    { ...allowed, origin: "http://localhost:6420" },
    { ...allowed, requestMethod: "DELETE" },
    { ...allowed, requestHeaders: "X-Other" },
  ]) {
    assert.deepEqual(Object.keys(preflightHeaders(refused, origins)), ["vary"]);
  }
  assert.ok(isPreflight(allowed));
  assert.ok(!isPreflight(question({})));
});

test("other answers name an allowed origin for GET and POST", () => {
  assert.deepEqual(actualHeaders(question({ method: "GET", origin: "http://NODE.example.org" }), origins), {
    vary: "Origin",
    "access-control-allow-origin": "http://NODE.example.org",
  });
  assert.deepEqual(actualHeaders(question({ method: "PUT" }), origins), { vary: "Origin" });
  assert.deepEqual(actualHeaders(question({ method: "OPTIONS" }), origins), {});
});

test("the cache keeps its bound and forgets what was not used for longest", () => {
  const cache = new BytesCache({ bytesMax: 10_000 });
  const made: string[] = [];
  const get = (key: string): Uint8Array =>
    cache.get(key, () => {
      made.push(key);
      return new Uint8Array(1000);
    });
  for (const key of ["a", "b", "c", "d", "e", "f", "g", "h"]) get(key);
  get("a");
  get("i");
  assert.deepEqual(made.join(""), "abcdefghi");
  get("a");
  get("b");
  assert.equal(made.join(""), "abcdefghib");
  assert.ok(cache.bytes <= 10_000);
});

test("the cache goes round and round, keeps what is asked for, and is as good as new once cleared", () => {
  const cache = new BoundedCache<number>({ bytesMax: 100_000 });
  for (let i = 0; i < 5_000; i++) {
    cache.add(`key ${i}`, i, 1_000);
    assert.ok(cache.bytes <= 100_000);
    assert.equal(cache.find("key 0"), 0);
    if (i % 7 === 0) cache.delete(`key ${i - 20}`);
    if (i % 1_111 === 0) {
      cache.clear();
      assert.equal(cache.find(`key ${i}`), undefined);
      cache.add("key 0", 0, 1_000);
    }
  }
  assert.equal(cache.find("key 4990"), 4990);
  assert.equal(cache.find("key 4000"), undefined);
});

test("one giant does not push out everything else", () => {
  const cache = new BytesCache({ bytesMax: 10_000 });
  cache.get("small", () => new Uint8Array(10));
  assert.equal(cache.get("giant", () => new Uint8Array(9_000)).length, 9_000);
  let remade = false;
  cache.get("small", () => {
    remade = true;
    return new Uint8Array(10);
  });
  assert.ok(!remade);
});
