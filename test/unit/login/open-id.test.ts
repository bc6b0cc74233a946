import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { Emitter } from "../../../src/base/emitter.ts";
import { publicKeyOf, randomSecretKey } from "../../../src/cipher/keys.ts";
import { platformRandom } from "../../../src/cipher/random.ts";
import { Audit } from "../../../src/login/audit.ts";
import type { ChallengeRecord } from "../../../src/login/challenge.ts";
import { deadlineIn } from "../../../src/login/deadline.ts";
import { hashText } from "../../../src/login/encoding.ts";
import { KeyRing, type SigningAlgorithm } from "../../../src/login/key-ring.ts";
import { LOGIN_LIMITS } from "../../../src/login/limits.ts";
import { OpenId } from "../../../src/login/open-id.ts";
import { LoginSecrets } from "../../../src/login/secrets.ts";
import type { LoginEvent, SignInRequest } from "../../../src/login/service.ts";
import { Sessions } from "../../../src/login/sessions.ts";
import type { Json } from "../../../src/login/store.ts";
import { Tokens } from "../../../src/login/tokens.ts";
import { MemoryLoginStore } from "../../../src/storage/memory-login-store.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const caller = { key: "192.0.2.1", ip: "192.0.2.1" };
const verifier = "v".repeat(43);
const asked: SignInRequest = {
  clientId: "shop",
  redirectUri: "https://shop.example/back",
  state: "s",
  nonce: "n",
  codeChallenge: hashText(verifier),
  scopes: ["openid"],
};
const given = { clientId: "shop", redirectUri: asked.redirectUri, verifier };

async function setUp() {
  const clock = Object.assign(new VirtualClock(), { epoch: "test" });
  const store = new MemoryLoginStore();
  const random = platformRandom;
  const issuer = "https://login.example";
  const vault = { load: async () => undefined, save: async () => {} };
  const keys = await KeyRing.open({ vault, clock, random, algorithms: ["RS256"] });
  const secrets = new LoginSecrets(keys.secret);
  const audit = new Audit({ clock, secrets, keepMs: 1, instance: "a" });
  const limits = LOGIN_LIMITS;
  const onEvent = new Emitter<LoginEvent>();
  const ended: string[] = [];
  onEvent.on((event) => {
    if (event.type === "login.revoked") ended.push(event.why);
  });
  const publisherKey = publicKeyOf(randomSecretKey());
  const sessions = new Sessions({ store, clock, random, audit, limits, publisherKey, onEvent });
  const tokens = new Tokens({ issuer, keys, sessions, store, clock, random, audit, limits });
  const openId = new OpenId({ issuer, sessions, tokens, store, clock, random, audit, limits });
  const login = async (clientId: string | undefined = "shop") => {
    const challenge = {
      ...{ id: "c", method: "signature", loginAddress: "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6" },
      ...(clientId !== undefined && { clientId }),
      history: [{ status: "confirmed", atMs: clock.nowMs() }],
      deadline: deadlineIn(clock, 1),
    } as unknown as ChallengeRecord;
    const { session, changes } = sessions.begin(challenge, true);
    await store.write(changes);
    return session;
  };
  const codeFor = async (more: Partial<SignInRequest> = {}) => {
    const { id, secret } = await openId.begin({ ...asked, ...more }, caller);
    return openId.finish(id, secret, await login());
  };
  return { clock, store, tokens, sessions, openId, ended, login, codeFor };
}

test("a code gives tokens of the visitor's session once, with the nonce that was asked", async () => {
  const { openId, codeFor, tokens } = await setUp();
  const { idToken, session, tokens: set } = await openId.exchange({ ...given, code: await codeFor() }, caller);
  const claims = decodeJwt(idToken);
  assert.deepEqual([claims.nonce, claims.aud, claims.sub], ["n", "shop", session.subject]);
  assert.equal(claims.preferred_username, session.address);
  assert.equal(set.refreshToken, undefined);
  assert.equal((await tokens.verify(set.accessToken)).sid, session.id);
  await assert.rejects(tokens.verify(idToken), { code: "invalid_grant" });
});

test("offline_access gives a refresh token too", async () => {
  const { openId, codeFor } = await setUp();
  const code = await codeFor({ scopes: ["openid", "offline_access"] });
  assert.match((await openId.exchange({ ...given, code }, caller)).tokens.refreshToken ?? "", /^lcr_/);
});

test("a code that is used again ends the session of the first use", async () => {
  const { openId, codeFor, sessions, ended } = await setUp();
  const code = await codeFor();
  const { session } = await openId.exchange({ ...given, code }, caller);
  await assert.rejects(openId.exchange({ ...given, code }, caller), { code: "invalid_grant" });
  assert.equal(await sessions.get(session.id), undefined);
  assert.deepEqual(ended, ["code_reused"]);
});

test("of two exchanges at the same time at most one gives tokens", async () => {
  const { openId, codeFor } = await setUp();
  const code = await codeFor();
  const both = await Promise.allSettled([1, 2].map(() => openId.exchange({ ...given, code }, caller)));
  assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1);
});

test("a session that ends while its code is exchanged gives no tokens", async () => {
  const { openId, codeFor, store, sessions } = await setUp();
  const code = await codeFor();
  const [row] = await store.list("session");
  const write = store.write.bind(store);
  store.write = async (changes, options) => {
    store.write = write;
    await sessions.revoke(row?.key as string);
    return write(changes, options);
  };
  await assert.rejects(openId.exchange({ ...given, code }, caller), { code: "invalid_grant" });
});

test("guessing codes is limited by client", async () => {
  const { openId } = await setUp();
  const guess = () => openId.exchange({ ...given, code: "A".repeat(43) }, caller);
  for (let i = 0; i < LOGIN_LIMITS.attempts.burst; i++) await assert.rejects(guess(), { code: "invalid_grant" });
  await assert.rejects(guess(), { code: "rate_limited" });
});

test("what the key of ID tokens signs is no access token", async () => {
  const { tokens, login } = await setUp();
  const set = await tokens.issue(await login(), { refresh: false });
  const claims = decodeJwt(set.accessToken) as Record<string, Json>;
  const sign = (algorithm: SigningAlgorithm) =>
    tokens.sign(claims, { type: "at+jwt", expiresInSeconds: 60, algorithm });
  await tokens.verify(await sign("EdDSA"));
  await assert.rejects(tokens.verify(await sign("RS256")), { code: "invalid_grant" });
});

for (const [why, wrong] of Object.entries({
  "another client": { clientId: "other" },
  "another redirect URI": { redirectUri: "https://shop.example/back/" },
  "another verifier": { verifier: "w".repeat(43) },
  "a code nobody gave": { code: "A".repeat(43) },
})) {
  test(`no tokens for ${why}, and the code still works for who may`, async () => {
    const { openId, codeFor } = await setUp();
    const code = await codeFor();
    await assert.rejects(openId.exchange({ ...given, code, ...wrong }, caller), { code: "invalid_grant" });
    await openId.exchange({ ...given, code }, caller);
  });
}

test("a code is good for a minute, and for a session that goes on", async () => {
  const { openId, codeFor, clock, sessions, login } = await setUp();
  const late = await codeFor();
  await clock.advance(LOGIN_LIMITS.codeMs);
  await assert.rejects(openId.exchange({ ...given, code: late }, caller), { code: "invalid_grant" });
  const session = await login();
  const code = await openId.grant(asked, session, caller);
  await sessions.revoke(session.id);
  await assert.rejects(openId.exchange({ ...given, code }, caller), { code: "invalid_grant" });
});

test("a request is for the browser that made it, once, and for half an hour", async () => {
  const { openId, login, clock } = await setUp();
  const session = await login();
  const [one, two] = [await openId.begin(asked, caller), await openId.begin(asked, caller)];
  await assert.rejects(openId.finish(one.id, undefined, session), { code: "unknown_sign_in" });
  await assert.rejects(openId.finish(one.id, two.secret, session), { code: "unknown_sign_in" });
  await openId.finish(one.id, one.secret, session);
  await assert.rejects(openId.finish(one.id, one.secret, session), { code: "unknown_sign_in" });
  await clock.advance(LOGIN_LIMITS.signInMs);
  await assert.rejects(openId.request(two.id, two.secret), { code: "unknown_sign_in" });
});

test("a proof for one service is not told to another", async () => {
  const { openId, login } = await setUp();
  for (const clientId of ["other", ""]) {
    const session = await login(clientId === "" ? undefined : clientId);
    const other = clientId === "" ? { ...session, clientId: undefined as never } : session;
    await assert.rejects(openId.grant(asked, other, caller), { code: "unknown_sign_in" });
  }
});

test("requests of one client are limited in rate, so what waits in the store is", async () => {
  const { openId } = await setUp();
  const begin = () => openId.begin(asked, caller);
  for (let i = 0; i < LOGIN_LIMITS.signIns.burst; i++) await begin();
  await assert.rejects(begin(), { code: "rate_limited" });
});
