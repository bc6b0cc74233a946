import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeProtectedHeader } from "jose";
import * as oidc from "openid-client";
import { LOGIN_LIMITS } from "../../src/login/limits.ts";
import { clientToml, startLoginNode } from "../support/login-node.ts";
import { locationOf, WebVisitor } from "../support/web-visitor.ts";

const CALLBACK = "https://shop.example/back";
const uris = `redirect_uris = ["${CALLBACK}"]\npost_logout_redirect_uris = ["https://shop.example/bye"]`;

test("a standard client of OpenID Connect signs a visitor in, refreshes, asks who it is and signs out", async (t) => {
  const edDsa = `${uris}\nid_token_signed_response_alg = "EdDSA"`;
  const clients = clientToml("shop", "its secret", uris) + clientToml("other", "another secret", edDsa);
  const { open } = await startLoginNode(t, { clients });
  const discover = (id: string, secret: string) =>
    oidc.discovery(new URL(open), id, secret, undefined, { execute: [oidc.allowInsecureRequests] });
  const config = await discover("shop", "its secret");
  oidc.enableNonRepudiationChecks(config); // signatures of ID tokens are held against the key set
  const ask = async (more: Record<string, string> = {}) => {
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const expected = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: "openid offline_access",
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expected.expectedState,
      nonce: expected.expectedNonce,
      ...more,
    });
    return { expected, url, path: url.href.slice(open.length) };
  };
  const web = new WebVisitor(open);
  const { address } = web.visitor;

  const first = await ask();
  const login = locationOf(await web.open(first.path));
  const page = await web.open(login);
  assert.match(page.headers.get("content-security-policy") ?? "", /form-action 'self' https:\/\/shop\.example;/);
  assert.match(await page.text(), /<b>Service shop<\/b> at <b>https:\/\/shop\.example<\/b>/);
  const back = new URL(await web.prove(login));
  const tokens = await oidc.authorizationCodeGrant(config, back, first.expected);
  const claims = tokens.claims();
  assert.equal(claims?.preferred_username, address);
  assert.match(claims?.sub ?? "", new RegExp(`^skycoin:[0-9a-f]{66}:${address}$`));
  assert.deepEqual([claims?.acr, claims?.amr], ["urn:skycoin:login:signature", ["skymsg"]]);

  await t.test("userinfo says the same of the access token, and nothing without", async () => {
    const said = await oidc.fetchUserInfo(config, tokens.access_token, claims?.sub as string);
    assert.equal(said.preferred_username, address);
    const without = await fetch(`${open}/login/v1/userinfo`);
    assert.deepEqual([without.status, without.headers.get("www-authenticate")], [401, 'Bearer error="invalid_token"']);
  });

  await t.test("refresh and introspection work as clients expect them", async () => {
    const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token as string);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    assert.equal((await oidc.tokenIntrospection(config, fresh.access_token)).active, true);
  });

  await t.test(
    "who begins too many logins is told on the page when to come again, and others are not touched",
    async () => {
      const begin = (ip: string) => {
        const headers = { "x-forwarded-for": `203.0.113.1, ${ip}` }; // a proxy on this machine adds the last one
        return fetch(`${open}/login`, { method: "POST", headers, body: new URLSearchParams({ address: "nonsense" }) });
      };
      for (let i = 0; i < LOGIN_LIMITS.challenges.burst; i++) assert.equal((await begin("198.51.100.1")).status, 400);
      const refused = await begin("198.51.100.1");
      assert.equal(refused.status, 429);
      const wait = Number(refused.headers.get("retry-after"));
      assert.ok(wait > 0 && wait <= LOGIN_LIMITS.challenges.everyMs / 1000, `after ${wait} s`);
      assert.match(
        await refused.text(),
        new RegExp(`Too many logins were begun from here.* Try again in ${wait}\u00a0s\\.`),
      );
      assert.equal((await begin("198.51.100.2")).status, 400);
    },
  );

  await t.test("the page of a finished login can be gone back to", async () => {
    assert.equal((await web.open(web.lastVerifyPath)).status, 200);
  });

  await t.test("who is signed in for the service goes straight back, unless a proof is asked for", async () => {
    const again = await ask({ prompt: "none" });
    const answer = new URL(locationOf(await web.open(again.path)));
    const { access_token: token } = await oidc.authorizationCodeGrant(config, answer, again.expected);
    assert.equal((await oidc.fetchUserInfo(config, token, claims?.sub as string)).sub, claims?.sub);
    for (const more of [{ prompt: "login" }, { max_age: "0" }]) {
      assert.match(locationOf(await web.open((await ask(more)).path)), /^\/login\?interaction=/);
    }
    const other = await ask({ client_id: "other" });
    assert.match(locationOf(await web.open(other.path)), /^\/login\?interaction=/);
  });

  await t.test("a sign-in goes on in the browser that began it alone", async () => {
    const begun = locationOf(await web.open((await ask({ prompt: "login" })).path));
    assert.equal((await new WebVisitor(open).open(begun)).status, 400);
    assert.equal((await web.open(begun)).status, 200);
    const interaction = new URL(begun, open).searchParams.get("interaction") ?? "";
    const cancelled = new URL(locationOf(await web.open("/login/cancel", { interaction })));
    assert.equal(cancelled.searchParams.get("error"), "access_denied");
  });

  await t.test("what a service asks wrongly goes back to it as an error, with its state", async () => {
    const stranger = new WebVisitor(open);
    for (const [error, more] of [
      ["invalid_request", { code_challenge_method: "plain" }],
      ["invalid_request", { code_challenge: "short" }],
      ["invalid_request", { prompt: "none login" }],
      ["invalid_request", { response_mode: "fragment" }],
      ["invalid_request", { max_age: "-1" }],
      ["unsupported_response_type", { response_type: "token" }],
      ["invalid_scope", { scope: "profile" }],
      ["request_not_supported", { request: "x" }],
      ["login_required", { prompt: "none" }],
    ] as const) {
      const { path, expected } = await ask(more);
      const answer = new URL(locationOf(await stranger.open(path)));
      assert.equal(answer.searchParams.get("error"), error, JSON.stringify(more));
      assert.deepEqual(
        [answer.searchParams.get("state"), answer.searchParams.get("iss")],
        [expected.expectedState, open],
      );
    }
  });

  await t.test("nothing is sent to an address that is not registered, to the letter", async () => {
    for (const more of [
      { redirect_uri: `${CALLBACK}/` },
      { redirect_uri: `${CALLBACK}?x=1` },
      { redirect_uri: "https://evil.example/back" },
      { client_id: "nobody" },
    ]) {
      const answer = await web.open((await ask(more)).path);
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get("location"), null);
    }
  });

  await t.test("a code is for its own client, with its secret and verifier", async () => {
    const begun = await ask({ prompt: "login" });
    const answer = new URL(await web.prove(locationOf(await web.open(begun.path))));
    const wrongVerifier = { ...begun.expected, pkceCodeVerifier: "x".repeat(43) };
    const refused = (error: string) => ({ error });
    await assert.rejects(oidc.authorizationCodeGrant(config, answer, wrongVerifier), refused("invalid_grant"));
    const wrongSecret = await discover("shop", "a guess");
    await assert.rejects(oidc.authorizationCodeGrant(wrongSecret, answer, begun.expected), { status: 401 });
    const other = await discover("other", "another secret");
    await assert.rejects(oidc.authorizationCodeGrant(other, answer, begun.expected), refused("invalid_grant"));
    const got = await oidc.authorizationCodeGrant(config, answer, begun.expected);
    await assert.rejects(oidc.authorizationCodeGrant(config, answer, begun.expected), refused("invalid_grant"));
    assert.deepEqual(await oidc.tokenIntrospection(config, got.access_token), { active: false });
  });

  await t.test("signing out at the service ends the session here, and leads back", async () => {
    const begun = await ask({ prompt: "login" });
    const answer = new URL(await web.prove(locationOf(await web.open(begun.path))));
    const { id_token: hint, access_token: token } = await oidc.authorizationCodeGrant(config, answer, begun.expected);
    const end = (more: Record<string, string>) => oidc.buildEndSessionUrl(config, more).href.slice(open.length);
    assert.equal(locationOf(await web.open(end({}))), "/account"); // the visitor is asked
    const bye = { id_token_hint: hint as string, post_logout_redirect_uri: "https://shop.example/bye", state: "x" };
    assert.equal(locationOf(await web.open(end(bye))), "https://shop.example/bye?state=x");
    assert.deepEqual(await oidc.tokenIntrospection(config, token), { active: false });
    assert.equal((await web.open("/account")).status, 401);
    const elsewhere = { ...bye, post_logout_redirect_uri: "https://evil.example/" };
    assert.equal(locationOf(await web.open(end(elsewhere))), "/login?done=out");
  });

  await t.test("ID tokens are RS256 as the standard has it, or what the service asked for", async () => {
    const other = await discover("other", "another secret");
    oidc.enableNonRepudiationChecks(other);
    const begun = await ask({ client_id: "other" });
    const answer = new URL(await web.prove(locationOf(await web.open(begun.path))));
    const got = await oidc.authorizationCodeGrant(other, answer, begun.expected);
    const algorithms = [tokens, got].map(({ id_token: token }) => decodeProtectedHeader(token as string).alg);
    assert.deepEqual(algorithms, ["RS256", "EdDSA"]);
  });
});
