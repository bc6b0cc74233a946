import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { platformRandom } from "../../../src/cipher/random.ts";
import { KEY_RING_OPTIONS, KeyRing, KeyRingError } from "../../../src/login/key-ring.ts";
import type { Claimed } from "../../../src/login/service.ts";
import type { Json } from "../../../src/login/store.ts";
import { CALLER, ISSUER, LoginRig } from "../../support/login-rig.ts";

const DAY = 86_400_000;
const invalid = { code: "invalid_grant" };

async function signedIn(rig: LoginRig, clientId = "rewards"): Promise<Claimed> {
  const { record, claimSecret } = await rig.challenge({ method: "signature", clientId });
  await rig.login.challenges.prove(record.id, rig.sign(record), CALLER);
  return rig.login.challenges.claim(record.id, claimSecret as string, "secret", CALLER);
}

/** What a service does that knows the key set and nothing else. */
function verifyAlone(rig: LoginRig, token: string, audience = "rewards") {
  const keys = createLocalJWKSet(rig.login.tokens.jwks() as Parameters<typeof createLocalJWKSet>[0]);
  const currentDate = new Date(rig.clock.nowMs());
  return jwtVerify(token, keys, { issuer: ISSUER, audience, typ: "at+jwt", algorithms: ["EdDSA"], currentDate });
}

test("a service that knows only the key set verifies a token, meant for it, in its time", async () => {
  const rig = await LoginRig.start();
  const { tokens, session } = await signedIn(rig);
  const { payload } = await verifyAlone(rig, tokens.accessToken);
  assert.deepEqual([payload.sub, payload.address, payload.sid], [session.subject, session.address, session.id]);
  assert.deepEqual([payload.acr, payload.amr], ["urn:skycoin:login:signature", ["skymsg"]]);
  await assert.rejects(verifyAlone(rig, tokens.accessToken, "games"));
  await rig.clock.advance(tokens.expiresInSeconds * 1000);
  await assert.rejects(verifyAlone(rig, tokens.accessToken));
  await assert.rejects(rig.login.tokens.verify(tokens.accessToken), invalid);
});

test("the key set shows public halves alone", async () => {
  const rig = await LoginRig.start();
  for (const key of rig.login.tokens.jwks().keys) {
    assert.deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
  }
});

test("no token but an access token of this service passes for one", async () => {
  const rig = await LoginRig.start();
  const { tokens } = await signedIn(rig);
  const [, other] = [await LoginRig.start(), await LoginRig.start()];
  const claims = decodeJwt(tokens.accessToken);
  const { kid } = decodeProtectedHeader(tokens.accessToken);
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const [header, payload, signature] = tokens.accessToken.split(".") as [string, string, string];
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const elevated = encode({ ...claims, address: "2GgFvqoyk9RjwVzj8tqfcXVXB4orBwoc9qv" });
  for (const [why, token] of Object.entries({
    "signed by another key under our key's name": await new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", kid: kid as string, typ: "at+jwt" })
      .sign(privateKey),
    "of another service": (await signedIn(other)).tokens.accessToken,
    unsigned: `${encode({ alg: "none", kid, typ: "at+jwt" })}.${payload}.`,
    "with a changed claim": `${header}.${elevated}.${signature}`,
    "an ID token": await rig.login.tokens.sign({ ...claims } as Record<string, Json>, {
      type: "JWT",
      expiresInSeconds: 60,
    }),
    "by our key, of another issuer": await rig.login.tokens.sign(
      { ...claims, iss: "https://elsewhere.example" } as Record<string, Json>,
      { type: "at+jwt", expiresInSeconds: 60 },
    ),
    "a refresh token": tokens.refreshToken as string,
    "nothing like a token": "x.y.z",
  })) {
    await assert.rejects(rig.login.tokens.verify(token), invalid, why);
  }
});

test("a reused refresh token ends the session, with whatever came of it", async () => {
  const rig = await LoginRig.start();
  const { tokens, session } = await signedIn(rig);
  const told: string[] = [];
  rig.login.onEvent.on((event) => void (event.type === "login.revoked" && told.push(event.why)));
  const stolen = tokens.refreshToken as string;
  const next = await rig.login.tokens.refresh(stolen, CALLER);
  assert.equal((await rig.login.tokens.verify(next.accessToken)).sid, session.id);
  await assert.rejects(rig.login.tokens.refresh(stolen, CALLER), invalid);
  for (const token of [tokens.accessToken, next.accessToken]) {
    await assert.rejects(rig.login.tokens.verify(token), invalid);
    assert.deepEqual(await rig.login.tokens.introspect(token), { active: false });
  }
  await assert.rejects(rig.login.tokens.refresh(next.refreshToken as string, CALLER), invalid);
  assert.deepEqual(told, ["refresh_reused"]);
  assert.equal((await rig.audit()).at(-1)?.reason, "refresh_reused");
});

test("a session that ends while its token is refreshed gives no new one", async () => {
  const rig = await LoginRig.start();
  const { tokens, session } = await signedIn(rig);
  const write = rig.store.write.bind(rig.store);
  rig.store.write = async (changes, options) => {
    rig.store.write = write;
    await rig.login.sessions.revoke(session.id, CALLER);
    return write(changes, options);
  };
  await assert.rejects(rig.login.tokens.refresh(tokens.refreshToken as string, CALLER), invalid);
});

test("a session is refreshed so often and no more, and the token that was refused is good later", async () => {
  const rig = await LoginRig.start({ limits: { refreshes: { burst: 3, everyMs: 60_000 } } });
  const other = (await signedIn(rig)).tokens;
  let { refreshToken } = (await signedIn(rig)).tokens;
  const refresh = async (token = refreshToken as string) => {
    ({ refreshToken } = await rig.login.tokens.refresh(token, CALLER));
  };
  for (let i = 0; i < 3; i++) await refresh();
  await assert.rejects(refresh(), { code: "rate_limited" });
  await rig.login.tokens.refresh(other.refreshToken as string, CALLER);
  await rig.clock.advance(60_000);
  await refresh();
});

test("a refresh token used twice at once is noticed too", async () => {
  const rig = await LoginRig.start();
  const { tokens, session } = await signedIn(rig);
  const both = await Promise.allSettled(
    [1, 2].map(() => rig.login.tokens.refresh(tokens.refreshToken as string, CALLER)),
  );
  assert.equal(both.filter(({ status }) => status === "rejected").length, 1);
  assert.equal(await rig.login.sessions.get(session.id), undefined);
});

test("revoking either token ends the session, also after a restart; an unknown token is no error", async () => {
  for (const which of ["accessToken", "refreshToken"] as const) {
    const rig = await LoginRig.start();
    const { tokens } = await signedIn(rig);
    await rig.login.tokens.revoke("lcr_of nobody", CALLER);
    await rig.login.tokens.verify(tokens.accessToken);
    await rig.login.tokens.revoke(tokens[which] as string, CALLER);
    await rig.restart();
    await assert.rejects(rig.login.tokens.verify(tokens.accessToken), invalid);
    await assert.rejects(rig.login.tokens.refresh(tokens.refreshToken as string, CALLER), invalid);
  }
});

test("refreshing does not lengthen a session", async () => {
  const rig = await LoginRig.start({ limits: { sessionMs: 3_600_000 } });
  let { refreshToken } = (await signedIn(rig)).tokens;
  for (let i = 0; i < 3; i++) {
    await rig.clock.advance(1_150_000);
    const next = await rig.login.tokens.refresh(refreshToken as string, CALLER);
    refreshToken = next.refreshToken;
    assert.ok((decodeJwt(next.accessToken).exp as number) * 1000 <= next.session.deadline.wallMs);
  }
  await rig.clock.advance(200_000);
  await assert.rejects(rig.login.tokens.refresh(refreshToken as string, CALLER), invalid);
});

test("key rotation: what an old key signed verifies until its life is over, what is new is signed by the new one", async () => {
  const rig = await LoginRig.start();
  const before = (await signedIn(rig)).tokens.accessToken;
  rig.clock.jump(KEY_RING_OPTIONS.rotateMs - KEY_RING_OPTIONS.aheadMs);
  await rig.restart();
  assert.equal(rig.login.tokens.jwks().keys.length, 2, "the next key is published before it signs");
  const ahead = (await signedIn(rig)).tokens.accessToken;
  assert.equal(decodeProtectedHeader(ahead).kid, decodeProtectedHeader(before).kid);
  rig.clock.jump(KEY_RING_OPTIONS.aheadMs);
  await rig.restart();
  const after = (await signedIn(rig)).tokens.accessToken;
  assert.notEqual(decodeProtectedHeader(after).kid, decodeProtectedHeader(ahead).kid);
  rig.clock.jump(-KEY_RING_OPTIONS.aheadMs); // back to when the old key's token was good
  await verifyAlone(rig, ahead);
  await verifyAlone(rig, after);
  rig.clock.jump(KEY_RING_OPTIONS.aheadMs + KEY_RING_OPTIONS.overlapMs);
  await rig.restart();
  assert.deepEqual(
    rig.login.tokens.jwks().keys.map(({ kid }) => kid),
    [decodeProtectedHeader(after).kid],
  );
});

test("a key of each algorithm is made, replaced in its time, and shown without its secret half", async () => {
  let stored: string | undefined;
  const clock = { now: 40 * DAY, nowMs: () => clock.now };
  const vault = {
    load: async () => stored,
    save: async (text: string) => {
      stored = text;
    },
  };
  const parts = { vault, clock, random: platformRandom };
  const kids = (ring: KeyRing) => ring.publicKeys().map(({ alg, kid }) => [alg, kid]);
  const before = await KeyRing.open(parts);
  assert.equal(kids(before).length, 1, "no RSA key where nobody asks for it");
  const ring = await KeyRing.open({ ...parts, algorithms: ["RS256"] });
  const [rsa, ed] = ring.publicKeys();
  assert.deepEqual(Object.keys(rsa ?? {}).sort(), ["alg", "e", "kid", "kty", "n", "use"]);
  assert.deepEqual([rsa?.alg, ed?.kid], ["RS256", before.publicKeys()[0]?.kid], "the other key stays as it was");
  assert.deepEqual([ring.signing("RS256").kid, ring.signing("EdDSA").kid], [rsa?.kid, ed?.kid]);
  clock.now += KEY_RING_OPTIONS.rotateMs;
  await ring.rotate();
  assert.equal(kids(ring).length, 4);
  assert.equal(ring.signing("RS256").kid, rsa?.kid, "published before it signs");
  clock.now += KEY_RING_OPTIONS.aheadMs + KEY_RING_OPTIONS.overlapMs;
  await ring.rotate();
  const left = kids(await KeyRing.open({ ...parts, algorithms: ["RS256"] }));
  assert.deepEqual(left.map(([alg]) => alg).sort(), ["EdDSA", "RS256"]);
  assert.ok(!left.some(([, kid]) => kid === rsa?.kid || kid === ed?.kid));
});

test("keys that do not read are an error without a word of their text, and are left alone", async () => {
  let saved = 0;
  const vault = { load: async () => '{"version":1,"secret":"cafe"', save: async () => void saved++ };
  const opening = KeyRing.open({ vault, clock: { nowMs: () => DAY }, random: platformRandom });
  await assert.rejects(opening, (error) => error instanceof KeyRingError && !error.message.includes("cafe"));
  assert.equal(saved, 0);
});

test("a session cookie is a session until revoked, and nothing else is one", async () => {
  const rig = await LoginRig.start();
  const { record, claimSecret } = await rig.challenge({ method: "signature", cookie: true });
  await rig.login.challenges.prove(record.id, rig.sign(record), CALLER);
  const { cookie, session } = await rig.login.challenges.claim(record.id, claimSecret as string, "cookie", CALLER);
  const { sessions } = rig.login;
  assert.equal((await sessions.fromCookie(cookie as string))?.id, session.id);
  for (const value of [session.id, claimSecret as string, "", "x".repeat(43)]) {
    assert.equal(await sessions.fromCookie(value), undefined);
  }
  await sessions.revoke(session.id, CALLER);
  assert.equal(await sessions.fromCookie(cookie as string), undefined);
});
