import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { LOGIN_LIMITS } from "../../../src/login/limits.ts";
import { alice } from "../../support/chain.ts";
import { loginApi, loginClient } from "../../support/login-api.ts";
import { CALLER, ISSUER } from "../../support/login-rig.ts";

const ADDRESS = encodeAddress(alice.address);
type Fixture = Awaited<ReturnType<typeof loginApi>>;

/** The first cookie of an answer whose name begins so, as a Cookie header. */
function cookieOf(answer: LightMyRequestResponse, name: string): string {
  const all = [answer.headers["set-cookie"] ?? []].flat();
  const set = all.find((text) => text.startsWith(name));
  assert.ok(set !== undefined, `${name} among ${all}`);
  return set.split(";", 1)[0] as string;
}

/** A challenge that this browser has begun by the page's form, proved, and its cookie. */
async function provedInBrowser({ app, rig }: Fixture, fields: Record<string, string> = {}) {
  const form = new URLSearchParams({ address: ADDRESS, method: "signature", ...fields });
  const begun = await app.inject({ method: "POST", url: "/login", payload: form.toString() });
  assert.equal(begun.statusCode, 303, begun.body);
  const id = (begun.headers.location as string).split("/").at(-1)?.split("?", 1)[0] as string;
  const record = await rig.login.challenges.get(id);
  await rig.login.challenges.prove(id, rig.sign(record), CALLER);
  return { id, cookie: cookieOf(begun, "__Host-login_claim_") };
}

/** A browser that is signed in. */
async function signedIn(fixture: Fixture): Promise<string> {
  const { id, cookie } = await provedInBrowser(fixture);
  const done = await fixture.app.inject({ method: "POST", url: `/login/verify/${id}`, headers: { cookie } });
  return cookieOf(done, "__Host-login_session");
}

/** How a service shows who it is. */
function basic(id: string, secret = `secret of ${id}`): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
}

describe("cookies", () => {
  test("behind TLS a cookie is of this host alone, for no script and no other site's form", async () => {
    const { app } = await loginApi();
    const payload = { address: ADDRESS, claim: "cookie" };
    const { headers, body } = await app.inject({ method: "POST", url: "/login/v1/challenges", payload });
    const [, flags] = /^__Host-login_claim_[\w-]{22}=[\w-]{43}; (.*)$/.exec(String(headers["set-cookie"])) ?? [];
    assert.equal(flags, "Path=/; Max-Age=720; HttpOnly; SameSite=Lax; Secure");
    assert.ok(!("claim_secret" in JSON.parse(body)), "what is in the cookie is not in the answer");
  });

  const foreign: Readonly<Record<string, Record<string, string>>> = {
    "a page of another site": { origin: "https://evil.example" },
    "a page of a neighbour": { "sec-fetch-site": "same-site" },
    "a page that hides where it is": { origin: "null" },
    "this site without TLS": { origin: ISSUER.replace("https:", "http:"), host: new URL(ISSUER).host },
    "another site, as the browser says": { "sec-fetch-site": "cross-site" },
  };
  for (const [who, headers] of Object.entries(foreign)) {
    test(`${who} cannot act on the visitor's cookies`, async () => {
      const fixture = await loginApi();
      const { app, rig } = fixture;
      const { id, cookie } = await provedInBrowser(fixture);
      const session = await signedIn(fixture);
      const post = (url: string, jar: string, payload = "") =>
        app.inject({ method: "POST", url, headers: { ...headers, cookie: jar }, payload });
      const asked = await Promise.all([
        post(`/login/v1/challenges/${id}/claim`, cookie),
        post(`/login/verify/${id}`, cookie),
        post("/login/v1/logout", session),
        post("/logout", session),
        post("/login", "", `address=${ADDRESS}`),
        post("/login/cancel", "", "interaction=x"),
      ]);
      assert.deepEqual(
        asked.map(({ statusCode }) => statusCode),
        asked.map(() => 403),
      );
      assert.equal(await rig.status(id), "confirmed");
      const still = await app.inject({ url: "/login/v1/session", headers: { cookie: session } });
      assert.equal(still.statusCode, 200);
    });
  }

  test("a page of this site can", async () => {
    const fixture = await loginApi();
    const { id, cookie } = await provedInBrowser(fixture);
    const headers = { cookie, origin: ISSUER, "sec-fetch-site": "same-origin" };
    const claimed = await fixture.app.inject({ method: "POST", url: `/login/v1/challenges/${id}/claim`, headers });
    assert.equal(claimed.statusCode, 200);
    const session = cookieOf(claimed, "__Host-login_session");
    const out = await fixture.app.inject({ method: "POST", url: "/logout", headers: { ...headers, cookie: session } });
    assert.equal(out.statusCode, 303);
    const after = await fixture.app.inject({ url: "/login/v1/session", headers: { cookie: session } });
    assert.equal(after.statusCode, 401);
  });

  test("no other site's script reads an answer made with the visitor's cookies", async () => {
    const fixture = await loginApi();
    const headers = { cookie: await signedIn(fixture), origin: "https://evil.example" };
    const answer = await fixture.app.inject({ url: "/login/v1/session", headers });
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
  });
});

describe("the status of a challenge", () => {
  test("however often a return comes and goes, versions rise, the record stays small, and the end is told", async () => {
    const { app, rig } = await loginApi();
    const { record, claimSecret } = await rig.challenge();
    const { challenges } = rig.login;
    const url = `/login/v1/challenges/${record.id}`;
    let last = 1;
    for (let i = 0; i < 101; i++) {
      await challenges.move(record.id, i % 2 === 0 ? "seen" : "waiting");
      const { version } = (await app.inject({ url })).json();
      assert.ok(version > last, `${version} after ${last}`);
      last = version;
    }
    assert.ok((await challenges.get(record.id)).history.length <= 64);
    await challenges.confirm(record.id, {});
    await challenges.claim(record.id, claimSecret as string, "secret", CALLER);
    const { body } = await app.inject({ url: `${url}/events`, headers: { "last-event-id": String(last) } });
    const told = [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string).status);
    assert.equal(told.at(-1), "claimed");
  });
});

describe("the page of a login that has ended without proof", () => {
  const page = async ({ app }: Fixture, id: string, query = "") =>
    (await app.inject({ url: `/login/verify/${id}${query}` })).body;

  test("one that a service began leads back to it: begun anew here, the service would hear nothing of it", async () => {
    const fixture = await loginApi({
      clients: [loginClient("rewards", { redirectUris: ["https://rewards.example/back"] })],
    });
    const { record } = await fixture.rig.challenge({ clientId: "rewards" });
    await fixture.rig.login.challenges.fail(record.id, { code: "funding_failed", text: "No coin could be sent." });
    const back = await page(fixture, record.id, "?return_to=https://rewards.example/back");
    assert.match(back, /No coin could be sent\..*href="https:\/\/rewards\.example\/back">Back to rewards\.example/s);
    const alone = await page(fixture, record.id);
    assert.match(alone, /Go back to where you began this login/);
    const elsewhere = await page(fixture, record.id, "?return_to=https://evil.example/back");
    assert.doesNotMatch(elsewhere, /evil\.example/);
    for (const body of [back, alone]) assert.doesNotMatch(body, /href="\/login\?/);
  });

  test("one that this browser began is begun anew here", async () => {
    const fixture = await loginApi();
    const { record } = await fixture.rig.challenge({ cookie: true });
    await fixture.rig.clock.advance(600_001);
    assert.match(await page(fixture, record.id), new RegExp(`href="/login\\?address=${ADDRESS}[^"]*">Start again`));
  });

  test("an app is named by its scheme, having no site", async () => {
    const fixture = await loginApi({ clients: [loginClient("app", { redirectUris: ["org.example.app:/back"] })] });
    const { body } = await fixture.app.inject({ url: "/login?client_id=app" });
    assert.match(body, /<b>Service app<\/b> at <b>org\.example\.app:<\/b>/);
  });

  test("names and addresses of strangers are text on every page", async () => {
    const fixture = await loginApi({ clients: [loginClient("rewards", { name: "<img src=x>\"'`" })] });
    const { record } = await fixture.rig.challenge({ clientId: "rewards" });
    const evil = encodeURIComponent('"><script>alert(1)');
    const urls = ["/login?client_id=rewards", `/login/verify/${record.id}`, `/login?address=${evil}&client_id=rewards`];
    urls.push(`/block/${evil}`, `/address/${evil}`, `/search?q=${evil}`, "/login?return_to=javascript:alert(1)");
    for (const url of urls) {
      const { body, headers } = await fixture.app.inject({ url });
      assert.doesNotMatch(body, /<img|<script>|javascript:/, url);
      assert.match(String(headers["content-security-policy"]), /default-src 'none'; script-src 'self'/, url);
    }
  });
});

describe("limits", () => {
  const begin = ({ app }: Fixture, remoteAddress: string, forwardedFor?: string) =>
    app.inject({
      method: "POST",
      url: "/login/v1/challenges",
      payload: { address: "nonsense" },
      remoteAddress,
      ...(forwardedFor !== undefined && { headers: { "x-forwarded-for": forwardedFor } }),
    });

  test("who begins too many logins waits, told for how long; what it says of itself does not help", async () => {
    const fixture = await loginApi();
    const { burst } = LOGIN_LIMITS.challenges;
    for (let i = 0; i < burst; i++)
      assert.equal((await begin(fixture, "198.51.100.1", `203.0.113.${i}`)).statusCode, 400);
    const refused = await begin(fixture, "198.51.100.1", "203.0.113.99");
    assert.deepEqual([refused.statusCode, refused.json().code], [429, "rate_limited"]);
    assert.equal(refused.headers["retry-after"], String(LOGIN_LIMITS.challenges.everyMs / 1000));
    assert.equal((await begin(fixture, "198.51.100.2")).statusCode, 400);
  });

  test("a service that shows its secret begins logins for all of its visitors, in a limit of its own", async () => {
    const { app } = await loginApi({ clients: [loginClient("rewards")] });
    const begin = () =>
      app.inject({
        method: "POST",
        url: "/login/v1/challenges",
        payload: { address: "nonsense", client_id: "rewards" },
        remoteAddress: "198.51.100.1",
        headers: basic("rewards"),
      });
    const { burst } = LOGIN_LIMITS.challengesOfService;
    assert.ok(burst > LOGIN_LIMITS.challenges.burst);
    for (let i = 0; i < burst; i++) assert.equal((await begin()).json().code, "invalid_address");
    assert.equal((await begin()).statusCode, 429);
  });

  test("behind a proxy on this machine the last address counts, an IPv6 network as one", async () => {
    const fixture = await loginApi();
    const { burst } = LOGIN_LIMITS.challenges;
    for (let i = 0; i < burst; i++) await begin(fixture, "127.0.0.1", `203.0.113.${i}, 2001:db8::${i}`);
    assert.equal((await begin(fixture, "127.0.0.1", "203.0.113.1, 2001:db8::ffff")).statusCode, 429);
    assert.equal((await begin(fixture, "127.0.0.1", "203.0.113.1, 2001:db8:0:1::1")).statusCode, 400);
  });
});

describe("events", () => {
  test("a stranger that comes back from far reads a bounded part of the log, a service all of it", async (t) => {
    const { app, services } = await loginApi({ clients: [loginClient("rewards")] });
    const { feed, store } = services;
    for (let i = 0; i < 6_000; i++) feed.note({ topic: "node.health", key: "", data: { i } });
    while (feed.end().entry < 6_000) await new Promise((resolve) => setImmediate(resolve));
    const base = await app.listen({ port: 0, host: "127.0.0.1" });
    t.after(() => {
      app.server.closeAllConnections();
      return app.close();
    });
    let read = 0;
    const list = store.list.bind(store);
    store.list = async (...asked) => {
      const rows = await list(...asked);
      read += rows.length;
      return rows;
    };
    const replay = async (headers: Record<string, string>) => {
      read = 0;
      const ends = new AbortController();
      const url = `${base}/login/v1/events?topics=node.health`;
      const ask = { headers: { "last-event-id": "0-0", ...headers }, signal: ends.signal };
      const body = (await fetch(url, ask)).body as ReadableStream<Uint8Array>;
      let text = "";
      for await (const chunk of body) {
        text += Buffer.from(chunk).toString();
        if (text.includes('"i":5999')) break;
      }
      ends.abort();
      return [/^data: (\{"blocks.*)$/m.exec(text)?.[1], read >= 6_000];
    };
    assert.deepEqual(await replay({}), ['{"blocks":0,"entries":1000}', false]);
    assert.deepEqual(await replay(basic("rewards")), [undefined, true]);
  });
});

describe("services", () => {
  test("introspection answers the service a token is meant for, with its secret, and nobody else", async () => {
    const fixture = await loginApi({ clients: [loginClient("rewards"), loginClient("games")] });
    const { app, rig } = fixture;
    const { record, claimSecret } = await rig.challenge({ method: "signature", clientId: "rewards" });
    await rig.login.challenges.prove(record.id, rig.sign(record), CALLER);
    const { tokens } = await rig.login.challenges.claim(record.id, claimSecret as string, "secret", CALLER);
    const payload = { token: tokens.accessToken };
    const ask = async (headers: Record<string, string>) => {
      const answer = await app.inject({ method: "POST", url: "/login/v1/introspect", headers, payload });
      return [answer.statusCode, answer.json().active];
    };
    assert.deepEqual(await ask(basic("rewards")), [200, true]);
    assert.deepEqual(await ask(basic("games")), [200, false]);
    assert.deepEqual(await ask(basic("rewards", "a guess")), [401, undefined]);
    assert.deepEqual(await ask({}), [401, undefined]);
  });

  test("a login begun on the page gives no token meant for a service that has a secret", async () => {
    const fixture = await loginApi({
      clients: [loginClient("rewards"), loginClient("page", { secretSha256: undefined })],
    });
    for (const [client, isToldTokens] of [
      ["rewards", false],
      ["page", true],
    ] as const) {
      const { id, cookie } = await provedInBrowser(fixture, { client_id: client });
      const answer = await fixture.app.inject({
        method: "POST",
        url: `/login/v1/challenges/${id}/claim`,
        headers: { cookie },
      });
      const { access_token: token, address } = answer.json();
      assert.deepEqual([answer.statusCode, address, token !== undefined], [200, ADDRESS, isToldTokens], client);
      assert.match(cookieOf(answer, "__Host-login_session"), /=[\w-]{43}$/);
    }
  });

  test("a sign-in goes back to a registered address alone, to the letter, and only with PKCE", async () => {
    const redirect = "https://rewards.example/back";
    const bye = "https://rewards.example/bye";
    const client = loginClient("rewards", { redirectUris: [redirect], postLogoutRedirectUris: [bye] });
    const fixture = await loginApi({
      clients: [client, loginClient("games", { redirectUris: ["https://games.example/"] })],
    });
    const ask = async (changes: Record<string, string> = {}, more = "") => {
      const fields = {
        ...{ client_id: "rewards", redirect_uri: redirect, response_type: "code", scope: "openid", state: "s" },
        ...{ code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" },
        ...changes,
      };
      const answer = await fixture.app.inject({ url: `/login/v1/authorize?${new URLSearchParams(fields)}${more}` });
      return [answer.statusCode, answer.headers.location] as const;
    };
    assert.match(String((await ask())[1]), /^\/login\?interaction=/);
    for (const uri of [
      ...[
        `${redirect}/`,
        `${redirect}?x=1`,
        `${redirect}#x`,
        "https://rewards.example:444/back",
        "https://REWARDS.example/back",
      ],
      ...[
        "https://rewards.example.evil.example/back",
        "https://evil.example/",
        "https://games.example/",
        "//evil.example",
        "",
      ],
    ]) {
      assert.deepEqual(await ask({ redirect_uri: uri }), [400, undefined], uri);
    }
    assert.deepEqual(await ask({}, "&redirect_uri=https://evil.example/"), [400, undefined]);
    for (const wrong of [{ code_challenge_method: "plain" }, { code_challenge: "" }, { code_challenge: "short" }]) {
      const [status, location] = await ask(wrong);
      assert.deepEqual([status, new URL(String(location)).searchParams.get("error")], [303, "invalid_request"]);
    }
    const { record, claimSecret } = await fixture.rig.challenge({ method: "signature", clientId: "rewards" });
    const { challenges } = fixture.rig.login;
    await challenges.prove(record.id, fixture.rig.sign(record), CALLER);
    const { session } = await challenges.claim(record.id, claimSecret as string, "secret", CALLER);
    const hint = await fixture.rig.login.tokens.sign(
      { iss: ISSUER, aud: "rewards", sub: session.subject, sid: session.id },
      { type: "JWT", expiresInSeconds: 60 },
    );
    const out = async (to: string) => {
      const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: to });
      return (await fixture.app.inject({ url: `/login/v1/end-session?${query}` })).headers.location;
    };
    assert.equal(await out("https://evil.example/"), "/login?done=out");
    assert.equal(await out(bye), bye);
  });

  test("a service with a secret is not asked for by others, nor are its tokens renewed or ended by them", async () => {
    const fixture = await loginApi({ clients: [loginClient("rewards"), loginClient("games")] });
    const { app, rig } = fixture;
    const post = async (url: string, payload: object, headers = {}) =>
      (await app.inject({ method: "POST", url, payload, headers })).statusCode;
    const asked = { address: ADDRESS, client_id: "rewards" };
    assert.equal(await post("/login/v1/challenges", asked), 401);
    assert.equal(await post("/login/v1/challenges", asked, basic("games")), 401);
    assert.equal(await post("/login/v1/challenges", asked, basic("rewards")), 201);
    const { record, claimSecret } = await rig.challenge({ method: "signature", clientId: "rewards" });
    await rig.login.challenges.prove(record.id, rig.sign(record), CALLER);
    const { tokens } = await rig.login.challenges.claim(record.id, claimSecret as string, "secret", CALLER);
    const refresh = { grant_type: "refresh_token", refresh_token: tokens.refreshToken };
    for (const headers of [{}, basic("games")]) {
      assert.equal(await post("/login/v1/token", refresh, headers), 401);
      assert.equal(await post("/login/v1/revoke", { token: tokens.refreshToken }, headers), 401);
    }
    assert.equal(await post("/login/v1/token", refresh, basic("rewards")), 200);
  });
});
