import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import Fastify from "fastify";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { fromHex } from "../../../src/base/bytes.ts";
import { formatDroplets } from "../../../src/chain/droplet.ts";
import { decodeTransaction, digestToSign } from "../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import { recoverSigner } from "../../../src/cipher/sign.ts";
import {
  buildReturn,
  findKey,
  type GuardedRequest,
  keyOfSecret,
  keysOfSeed,
  LoginClient,
  LoginEmulator,
  LoginProblem,
  LoginVerifier,
  type OutputsJson,
  readEvents,
  requireLogin,
  signMessage,
} from "../../../src/client/index.ts";

const ABANDON = `${"abandon ".repeat(11)}about`;
/** The change chain's first address of that phrase: the login address of its account. */
const LOGIN_ADDRESS = "2RKPZ1rhvxjWFX4zWNSbtLW1QLqBTrokP7U";

test("a mnemonic gives its bip44 login address first, then those of a deterministic wallet", () => {
  const [first] = keysOfSeed(`  ${ABANDON.toUpperCase()}\n`);
  assert.equal(first?.address, LOGIN_ADDRESS);
  assert.equal(first?.origin, "m/44'/8000'/0'/1/0");
  const origins = [...keysOfSeed(ABANDON, { count: 2 })].map(({ origin }) => origin);
  assert.deepEqual(origins.slice(-2), ["address 1 of the seed", "address 2 of the seed"]);
  assert.equal(findKey(ABANDON, LOGIN_ADDRESS)?.address, LOGIN_ADDRESS);
  assert.equal(findKey("another seed", LOGIN_ADDRESS), undefined);
});

test("a secret key is taken as such, and nothing typed is an error that says what to do", () => {
  const hex = "1".repeat(64);
  assert.equal([...keysOfSeed(hex, { count: 1 })][0]?.address, keyOfSecret(hex).address);
  assert.throws(() => [...keysOfSeed("  ")], { code: "CLIENT_SEED" });
});

const key = keyOfSecret("2".repeat(64));
const other = keyOfSecret("3".repeat(64));

function outputsOf(
  parts: readonly { coins: bigint; hours: number }[],
  list: "head" | "incoming" = "head",
): OutputsJson {
  const made = parts.map(({ coins, hours }, i) => ({
    ...{ hash: String(i + 1).padStart(64, "0"), time: 0, block_seq: 1, src_tx: "", address: key.address, hours },
    ...{ coins: formatDroplets(coins), calculated_hours: hours },
  }));
  const empty = { head: {} as OutputsJson["head"], head_outputs: [], outgoing_outputs: [], incoming_outputs: [] };
  return list === "head" ? { ...empty, head_outputs: made } : { ...empty, incoming_outputs: made };
}

test("a return spends only the address's outputs, keeps the coins together, burns enough, and is signed by it", () => {
  const part = fc.record({
    coins: fc.bigInt({ min: 1n, max: 500n }).map((n) => n * 1000n),
    hours: fc.integer({ min: 0, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const total = parts.reduce((sum, { coins }) => sum + coins, 0n);
      const hoursInAll = parts.reduce((sum, { hours }) => sum + hours, 0);
      const ask = { key, to: other.address, amount: "0.010000", outputs: outputsOf(parts), burnFactor: 10 };
      if (total < 10_000n || hoursInAll === 0) {
        assert.throws(() => buildReturn(ask), { code: "CLIENT_NO_COINS" });
        return;
      }
      const txn = decodeTransaction(fromHex(buildReturn(ask).rawtx));
      const spent = txn.inputs.map((id) => parts[Number(Buffer.from(id).toString("hex")) - 1] as (typeof parts)[0]);
      const coinsIn = spent.reduce((sum, { coins }) => sum + coins, 0n);
      const hoursIn = BigInt(spent.reduce((sum, { hours }) => sum + hours, 0));
      assert.equal(
        txn.outputs.reduce((sum, { coins }) => sum + coins, 0n),
        coinsIn,
      );
      const fee = hoursIn - txn.outputs.reduce((sum, { hours }) => sum + hours, 0n);
      assert.ok(fee >= 1n && fee * 10n >= hoursIn);
      assert.equal(encodeAddress((txn.outputs[0] as (typeof txn.outputs)[0]).address), other.address);
      assert.equal(txn.outputs[0]?.coins, 10_000n);
      for (const change of txn.outputs.slice(1)) assert.equal(encodeAddress(change.address), key.address);
      txn.inputs.forEach((id, i) => {
        const signer = recoverSigner(digestToSign(txn.innerHash, id), txn.sigs[i] as (typeof txn.sigs)[0]);
        assert.ok(signer.ok && encodeAddress(signer.address) === key.address);
      });
    }),
  );
});

test("a return leaves alone what is not the address's own, or is being spent", () => {
  const [mine, foreign, leaving] = outputsOf(
    [20_000n, 10_000n, 10_000n].map((coins) => ({ coins, hours: 9 })),
  ).head_outputs;
  const outputs = {
    ...outputsOf([]),
    head_outputs: [mine, { ...foreign, address: other.address }, leaving],
    outgoing_outputs: [leaving],
  } as OutputsJson;
  const { rawtx } = buildReturn({ key, to: other.address, amount: "0.010000", outputs, burnFactor: 10 });
  assert.deepEqual(decodeTransaction(fromHex(rawtx)).inputs.map(hashHex), [mine?.hash]);
});

test("the coin that was sent goes back, not a large one beside it", () => {
  const outputs = outputsOf([
    { coins: 5_000_000n, hours: 900 },
    { coins: 10_000n, hours: 4 },
  ]);
  const { rawtx } = buildReturn({ key, to: other.address, amount: "0.010000", outputs, burnFactor: 10 });
  assert.deepEqual(
    decodeTransaction(fromHex(rawtx)).outputs.map(({ coins }) => coins),
    [10_000n],
  );
});

test("a coin that is still on its way is told apart from none at all", () => {
  const outputs = outputsOf([{ coins: 10_000n, hours: 4 }], "incoming");
  const ask = { key, to: other.address, amount: "0.010000", outputs, burnFactor: 10 };
  assert.throws(() => buildReturn(ask), { code: "CLIENT_NOT_FUNDED" });
});

test("event streams are read however they are cut", async () => {
  const text = ': hello\n\nid: 1\nevent: status\ndata: {"a":\ndata: "é"}\n\nretry: 3\ndata: x\r\n\r\ndata: unfinished';
  const bytes = new TextEncoder().encode(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end));
      const events = [];
      for await (const event of readEvents(ReadableStream.from(pieces) as ReadableStream<Uint8Array>))
        events.push(event);
      assert.deepEqual(events, [
        { event: "status", data: '{"a":\n"é"}', id: "1" },
        { event: "message", data: "x", id: "1" },
      ]);
    }),
  );
});

const emulator = new LoginEmulator();
const options = { base: emulator.issuer, fetch: emulator.fetch, clientId: "rewards" };
const verifier = new LoginVerifier({ issuer: emulator.issuer, audience: "rewards", fetch: emulator.fetch });

test("the emulator: a whole login, whose token verifies; claimed once, refreshed once, revoked", async () => {
  const client = new LoginClient(options);
  const started = await client.start({ address: key.address });
  assert.equal((await client.settled(started.id)).status, "confirmed");
  const secret = started.claim_secret as string;
  await assert.rejects(client.claim(started.id, { secret: "guess" }), { code: "wrong_secret" });
  const tokens = await client.claim(started.id, { secret });
  await assert.rejects(client.claim(started.id, { secret }), { code: "already_claimed" });
  const login = await verifier.verify(tokens.access_token);
  assert.equal(login.address, key.address);
  assert.equal(login.sessionId, tokens.session_id);

  const next = await client.refresh(tokens.refresh_token as string);
  await assert.rejects(client.refresh(tokens.refresh_token as string), { code: "invalid_grant" });
  await client.revoke(next.refresh_token as string);
  await assert.rejects(client.refresh(next.refresh_token as string), { code: "invalid_grant" });
  await assert.rejects(client.start({ address: "nonsense" }), (error: unknown) => {
    assert.ok(error instanceof LoginProblem);
    assert.deepEqual([error.code, error.status], ["invalid_address", 400]);
    return true;
  });
});

test("waiting ends when the visitor is done, by signature too, and not before", async () => {
  const holding = new LoginEmulator({ behaviour: "hold" });
  const client = new LoginClient({ base: holding.issuer, fetch: holding.fetch });
  const started = await client.start({ address: key.address, method: "signature" });
  const settled = client.settled(started.id);
  await assert.rejects(client.prove(started.id, signMessage(started.message, other.secret)), { code: "bad_signature" });
  assert.equal((await client.challenge(started.id)).status, "waiting");
  await client.prove(started.id, signMessage(started.message, key.secret));
  assert.equal((await settled).status, "confirmed");
  const stopped = client.settled(
    (await client.start({ address: key.address })).id,
    AbortSignal.abort(new Error("enough")),
  );
  await assert.rejects(stopped, /enough/);
});

for (const { why, token } of [
  { why: "for another service", token: () => emulator.tokenFor(key.address, { clientId: "others" }) },
  { why: "expired", token: () => emulator.tokenFor(key.address, { clientId: "rewards", expiresIn: "-1m" }) },
  {
    why: "of another issuer",
    token: () => new LoginEmulator({ issuer: "http://evil.test" }).tokenFor(key.address, { clientId: "rewards" }),
  },
  { why: "signed by other keys", token: () => new LoginEmulator().tokenFor(key.address, { clientId: "rewards" }) },
  { why: "not a token at all", token: async () => "a.b.c" },
]) {
  test(`a token is refused: ${why}`, async () => {
    await assert.rejects(verifier.verify(await token()), { code: "CLIENT_TOKEN" });
  });
}

test("a token that the service's own keys signed is refused when it is no access token of this issuer", async () => {
  const issuer = "https://login.test";
  const made = { EdDSA: await generateKeyPair("EdDSA", { crv: "Ed25519" }), RS256: await generateKeyPair("RS256") };
  const keys = await Promise.all(
    Object.entries(made).map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), alg, kid: alg })),
  );
  const verifier = new LoginVerifier({ issuer, audience: "rewards", fetch: async () => Response.json({ keys }) });
  const token = (header: { alg?: "EdDSA" | "RS256"; typ?: string }, iss = issuer) => {
    const { alg = "EdDSA", typ = "at+jwt" } = header;
    return new SignJWT({ sid: "s", address: key.address, auth_time: 1 })
      .setProtectedHeader({ alg, kid: alg, typ })
      .setIssuer(iss)
      .setSubject("skycoin:x:y")
      .setAudience("rewards")
      .setExpirationTime("1m")
      .sign(made[alg].privateKey);
  };
  assert.equal((await verifier.verify(await token({}))).address, key.address);
  for (const bad of [token({}, "https://elsewhere.test"), token({ typ: "JWT" }), token({ alg: "RS256" })]) {
    await assert.rejects(verifier.verify(await bad), { code: "CLIENT_TOKEN" });
  }
});

test("an old proof, or one by another method, is not enough where a service asks for more", async () => {
  const strict = { issuer: emulator.issuer, audience: "rewards", fetch: emulator.fetch };
  const old = await emulator.tokenFor(key.address, { clientId: "rewards", authAgeSeconds: 600 });
  await assert.rejects(new LoginVerifier({ ...strict, maxAgeSeconds: 60 }).verify(old), /sign in again/);
  await assert.rejects(new LoginVerifier({ ...strict, methods: ["signature"] }).verify(old), /proved by return/);
  assert.equal(
    (await new LoginVerifier({ ...strict, maxAgeSeconds: 900, methods: ["return"] }).verify(old)).address,
    key.address,
  );
});

test("keys that cannot be had are not the token's fault", async () => {
  const down = new LoginVerifier({
    issuer: emulator.issuer,
    audience: "rewards",
    fetch: async () => {
      throw new TypeError("down");
    },
  });
  await assert.rejects(down.verify(await emulator.tokenFor(key.address, { clientId: "rewards" })), {
    code: "CLIENT_UNREACHABLE",
  });
});

const guard = requireLogin({ issuer: emulator.issuer, audience: "rewards", fetch: emulator.fetch, cookie: "token" });

test("requireLogin guards a Fastify route", async () => {
  const app = Fastify();
  app.get("/me", { preHandler: guard as never }, (request) => (request as unknown as GuardedRequest).login?.address);
  assert.equal((await app.inject("/me")).statusCode, 401);
  const bad = await app.inject({ url: "/me", headers: { authorization: "Bearer x.y.z" } });
  assert.equal(bad.statusCode, 401);
  assert.match(String(bad.headers["www-authenticate"]), /invalid_token/);
  assert.match(String(bad.headers["content-type"]), /^application\/problem\+json/);
  const token = await emulator.tokenFor(key.address, { clientId: "rewards" });
  const byHeader = await app.inject({ url: "/me", headers: { authorization: `Bearer ${token}` } });
  const byCookie = await app.inject({ url: "/me", headers: { cookie: `a=b; token=${token}` } });
  assert.deepEqual([byHeader.body, byCookie.body], [key.address, key.address]);
  await app.close();
});

test("requireLogin guards in the manner of Express", async (t) => {
  const server = createServer((request, response) => {
    guard(request as GuardedRequest, response, () => response.end((request as GuardedRequest).login?.address));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const refused = await fetch(url);
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [401, "no_token"]);
  const token = await emulator.tokenFor(key.address, { clientId: "rewards" });
  const passed = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual([passed.status, await passed.text()], [200, key.address]);
});
