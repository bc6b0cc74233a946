import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { decodeAddress, encodeAddress } from "../../../src/cipher/address.ts";
import { platformRandom } from "../../../src/cipher/random.ts";
import type { Signature } from "../../../src/cipher/sign.ts";
import type { ChallengeRecord } from "../../../src/login/challenge.ts";
import { randomText } from "../../../src/login/encoding.ts";
import type { LoginErrorCode } from "../../../src/login/errors.ts";
import { Login, type LoginDeps } from "../../../src/login/login.ts";
import { LoginSecrets } from "../../../src/login/secrets.ts";
import type { Json } from "../../../src/login/store.ts";
import {
  alice,
  blockAfter,
  bob,
  carol,
  malleated,
  type Owner,
  out,
  owners,
  signBlock,
  spend,
} from "../../support/chain.ts";
import { AMOUNT, CALLER, ISSUER, idOf, LANES, LoginRig } from "../../support/login-rig.ts";

const refusal = (code: LoginErrorCode) => (error: unknown) => (error as { code?: unknown }).code === code;
const claim = (rig: LoginRig, { record, claimSecret }: { record: ChallengeRecord; claimSecret: string | undefined }) =>
  rig.login.challenges.claim(record.id, claimSecret as string, "secret", CALLER);

test("what all attacks begin with: a return from the login address, in a block, claimed with the secret, is a login", async () => {
  const rig = await LoginRig.start();
  const issued = await rig.confirmed();
  const { session, tokens } = await claim(rig, issued);
  assert.equal(session.address, encodeAddress(alice.address));
  assert.equal(session.txid, idOf(issued.txn));
  assert.equal((await rig.login.tokens.verify(tokens.accessToken)).sub, session.subject);
});

describe("V1, a return address for each challenge", () => {
  test("parallel challenges for one address: a return confirms the one whose address it pays, and no other", async () => {
    const rig = await LoginRig.start();
    const mine = await rig.challenge();
    const attackers = await rig.challenge();
    assert.notEqual(mine.record.returnAddress, attackers.record.returnAddress);
    await rig.mine(rig.giveBack(mine.record));
    assert.equal(await rig.status(mine.record.id), "confirmed");
    assert.equal(await rig.status(attackers.record.id), "waiting");
    await assert.rejects(claim(rig, attackers), refusal("not_confirmed"));
  });

  test("a replayed return: the proof of one login is none for the next", async () => {
    const rig = await LoginRig.start();
    await claim(rig, await rig.confirmed());
    const next = await rig.challenge();
    // Not by its height: the rule of V3 must not be what saves us here.
    const row = {
      table: "challenge",
      key: next.record.id,
      value: { ...next.record, issuedSeq: 0 } as unknown as Json,
    } as const;
    await rig.store.write([row]);
    await rig.restart();
    assert.notEqual(await rig.status(next.record.id), "confirmed");
  });

  test("an id tells nothing of its return address to who lacks the service's secret", () => {
    const id = randomText(platformRandom, 16);
    const [one, other] = [new LoginSecrets(platformRandom(32)), new LoginSecrets(platformRandom(32))];
    assert.notDeepEqual(one.returnKey(id), other.returnKey(id));
    assert.notDeepEqual(one.returnKey(id), one.returnKey(randomText(platformRandom, 16)));
  });
});

describe("V2, every input is the login address's own", () => {
  test("other sender: somebody else's coin proves nothing, and the visitor is told", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    await rig.mine(rig.giveBack(record, { from: [rig.coin(bob)] }));
    assert.equal(await rig.status(record.id), "waiting");
    assert.equal((await rig.login.challenges.get(record.id)).notice?.code, "other_sender");
  });

  test("mixed inputs: coins of others among one's own prove nothing", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    await rig.mine(rig.giveBack(record, { from: [rig.coin(alice), rig.coin(bob)] }));
    assert.equal(await rig.status(record.id), "waiting");
    assert.equal((await rig.login.challenges.get(record.id)).notice?.code, "mixed_inputs");
  });

  test("a coin that the service lends proves nothing: its own addresses cannot be logged in with by return", async () => {
    const rig = await LoginRig.start({ withStock: true, limits: { fundings: { burst: 100, everyMs: 1 } } });
    const minePool = async () => {
      await rig.clock.advance(1_000);
      const pooled = rig.pool.all().map(({ txn }) => txn);
      if (pooled.length > 0) await rig.mine(...pooled);
    };
    for (let i = 0; i < 3; i++) await minePool(); // coins are made ready
    const asked = await Promise.allSettled(
      [...LANES, ...LANES, ...LANES].map(({ address }) => rig.challenge({ address: encodeAddress(address) })),
    );
    for (const result of asked) {
      if (result.status === "rejected") continue;
      // Who asks for a login of a return address has a coin sent there, by the stock and by nobody else.
      await rig.challenge({ address: result.value.record.returnAddress });
      await minePool();
      assert.notEqual(await rig.status(result.value.record.id), "confirmed");
    }
    assert.ok(asked.every((result) => result.status === "rejected" && refusal("invalid_address")(result.reason)));
    await rig.challenge({ address: encodeAddress((LANES[0] as Owner).address), method: "signature" });
  });

  test("who got it wrong can still do it right", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.challenge();
    await rig.mine(rig.giveBack(issued.record, { from: [rig.coin(bob)] }));
    await rig.mine(rig.giveBack(issued.record));
    await claim(rig, issued);
  });
});

describe("V3, the asked amount, after the challenge was issued", () => {
  test("a smaller amount proves nothing, not even in two parts", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    await rig.mine(rig.giveBack(record, { coins: AMOUNT - 1_000n }));
    await rig.mine(rig.giveBack(record, { coins: 1_000n }));
    assert.equal(await rig.status(record.id), "waiting");
    assert.equal((await rig.login.challenges.get(record.id)).notice?.code, "amount_too_small");
  });

  test("a return in a block the chain had when the challenge was issued proves nothing", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    await rig.login.close(); // so that nobody sees the block come
    const { header } = await rig.chain.add([rig.giveBack(record)]);
    const [row] = await rig.store.list("challenge");
    const value = { ...(row?.value as object), issuedSeq: header.seq };
    await rig.store.write([{ table: "challenge", key: record.id, value }]);
    await rig.restart();
    assert.equal(await rig.status(record.id), "waiting");
    await rig.store.write([{ table: "challenge", key: record.id, value: { ...value, issuedSeq: header.seq - 1 } }]);
    await rig.restart();
    assert.equal(await rig.status(record.id), "confirmed");
  });

  test("a transaction that is in the pool alone is seen and gives nothing", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.challenge();
    await rig.pool.injectFromPeer(rig.giveBack(issued.record));
    await rig.settle();
    assert.equal(await rig.status(issued.record.id), "seen");
    await assert.rejects(claim(rig, issued), refusal("not_confirmed"));
  });

  test("a late return: after the challenge's time it proves nothing", async () => {
    const rig = await LoginRig.start({ limits: { challengeMs: 60_500 } });
    const issued = await rig.challenge(); // what is over is looked for each second: the return comes before that
    await rig.clock.advance(60_600);
    await rig.mine(rig.giveBack(issued.record));
    assert.equal(await rig.status(issued.record.id), "expired");
    await assert.rejects(claim(rig, issued), refusal("challenge_expired"));
  });
});

describe("V4, the node's own validated chain", () => {
  test("a forged block: one that another key signed proves nothing", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.challenge();
    const block = rig.chain.block([rig.giveBack(issued.record)]);
    await assert.rejects(rig.chain.chain.execute(signBlock(block, carol.secret)));
    await rig.settle();
    assert.equal(await rig.status(issued.record.id), "waiting");
  });

  test("a forged transaction: one its owner did not sign proves nothing, even in a block of the publisher", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    const stolen = { ...rig.coin(alice), secret: bob.secret };
    const block = rig.chain.block([rig.giveBack(record, { from: [stolen] })]);
    await assert.rejects(rig.chain.chain.execute(signBlock(block)));
    await rig.settle();
    assert.equal(await rig.status(record.id), "waiting");
  });

  test("a block of another chain, well signed, proves nothing", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge();
    const head = { ...rig.chain.chain.stagedHead(), hash: rig.chain.chain.genesis.header.bodyHash };
    const foreign = signBlock(blockAfter(head, [rig.giveBack(record)], { time: head.time + 10 }));
    await assert.rejects(rig.chain.chain.execute(foreign));
    await rig.settle();
    assert.equal(await rig.status(record.id), "waiting");
  });
});

describe("V5, the result is for the holder of the claim secret", () => {
  test("a stolen id: it shows the status and never gives a token", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.confirmed();
    const guess = randomText(platformRandom, 32);
    await assert.rejects(
      rig.login.challenges.claim(issued.record.id, guess, "secret", CALLER),
      refusal("wrong_secret"),
    );
    await assert.rejects(rig.login.challenges.claim(issued.record.id, "", "secret", CALLER), refusal("wrong_secret"));
    const { hash } = issued.record.claim;
    await assert.rejects(rig.login.challenges.claim(issued.record.id, hash, "secret", CALLER), refusal("wrong_secret"));
    await claim(rig, issued); // the guesses took nothing from its owner
  });

  test("the secret of another challenge opens only that one", async () => {
    const rig = await LoginRig.start();
    const [mine, other] = [await rig.confirmed(), await rig.confirmed()];
    await assert.rejects(claim(rig, { ...mine, claimSecret: other.claimSecret }), refusal("wrong_secret"));
  });

  test("a secret that belongs into a cookie does not work from a body, nor the other way round", async () => {
    const rig = await LoginRig.start();
    const [browser, server] = [await rig.confirmed({ cookie: true }), await rig.confirmed()];
    const { challenges } = rig.login;
    await assert.rejects(claim(rig, browser), refusal("wrong_secret"));
    const secret = server.claimSecret as string;
    await assert.rejects(challenges.claim(server.record.id, secret, "cookie", CALLER), refusal("wrong_secret"));
    const { cookie, tokens } = await challenges.claim(
      browser.record.id,
      browser.claimSecret as string,
      "cookie",
      CALLER,
    );
    assert.ok(cookie !== undefined && tokens.refreshToken === undefined);
  });

  test("with PKCE no secret is given away, and the challenge code itself is no verifier", async () => {
    const rig = await LoginRig.start();
    const codeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; // RFC 7636, appendix B
    const { record, claimSecret } = await rig.confirmed({ codeChallenge });
    assert.equal(claimSecret, undefined);
    const { challenges } = rig.login;
    await assert.rejects(challenges.claim(record.id, codeChallenge, "pkce", CALLER), refusal("wrong_secret"));
    await challenges.claim(record.id, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "pkce", CALLER);
  });

  test("what is stored opens nothing: neither claim secret, cookie nor refresh token is in it", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.confirmed();
    const { tokens } = await claim(rig, issued);
    const cookies = await rig.confirmed({ cookie: true });
    const { cookie } = await rig.login.challenges.claim(
      cookies.record.id,
      cookies.claimSecret as string,
      "cookie",
      CALLER,
    );
    const tables = ["challenge", "session", "refresh", "cookie", "audit", "return", "live"] as const;
    const all = JSON.stringify(await Promise.all(tables.map((table) => rig.store.list(table))));
    for (const secret of [issued.claimSecret, tokens.refreshToken, tokens.accessToken, cookie, cookies.claimSecret]) {
      assert.ok(secret !== undefined && !all.includes(secret));
    }
  });
});

describe("V6, one claim, a lifetime, few at a time", () => {
  test("claims at the same time: one gets the session, the others are told", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.confirmed();
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => claim(rig, issued)));
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 4);
    assert.ok(refused.every(({ reason }) => refusal("already_claimed")(reason)));
    assert.equal((await rig.store.list("session")).length, 1);
  });

  test("an expired challenge: proved in time but claimed too late is lost", async () => {
    const rig = await LoginRig.start({ limits: { claimMs: 30_000 } });
    const issued = await rig.confirmed();
    await rig.clock.advance(30_000);
    await assert.rejects(claim(rig, issued), refusal("challenge_expired"));
    assert.equal(await rig.status(issued.record.id), "expired");
  });

  test("at most three open challenges of an address, asked for at once or not; an end makes room", async () => {
    const rig = await LoginRig.start();
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => rig.challenge()));
    assert.equal(asked.filter(({ status }) => status === "fulfilled").length, 3);
    await assert.rejects(rig.challenge(), refusal("too_many_open"));
    await rig.challenge({ address: encodeAddress(bob.address) });
    await rig.clock.advance(600_001);
    await rig.challenge();
  });

  test("budgets of a client hold, and another client is not touched by them", async () => {
    const limits = { challenges: { burst: 4, everyMs: 10_000 }, openPerAddress: 100 };
    const rig = await LoginRig.start({ limits });
    const greedy = { key: "198.51.100.1", ip: "198.51.100.1" };
    for (let i = 0; i < 4; i++) await rig.challenge({}, greedy);
    await assert.rejects(rig.challenge({}, greedy), refusal("rate_limited"));
    await rig.challenge({}, { key: "198.51.100.2", ip: "198.51.100.2" });
    await rig.clock.advance(10_000);
    await rig.challenge({}, greedy);
  });

  test("so many challenges are open in all, and so many are issued, whoever asks", async () => {
    const stranger = (i: number) => ({ key: `198.51.100.${i}`, ip: `198.51.100.${i}` });
    const few = await LoginRig.start({ limits: { openInAll: 2 } });
    for (let i = 0; i < 2; i++) await few.challenge({}, stranger(i));
    await assert.rejects(few.challenge({ address: encodeAddress(bob.address) }, stranger(3)), refusal("busy"));
    const slow = await LoginRig.start({ limits: { challengesInAll: { burst: 2, everyMs: 10_000 } } });
    for (let i = 0; i < 2; i++) await slow.challenge({}, stranger(i));
    await assert.rejects(slow.challenge({ address: encodeAddress(bob.address) }, stranger(3)), refusal("busy"));
  });

  test("who keeps the coins that are lent gets no more; one that comes back makes room", async () => {
    const limits = { fundings: { burst: 2, everyMs: 86_400_000 } };
    const rig = await LoginRig.start({ withStock: true, limits });
    const minePool = async () => {
      await rig.clock.advance(1_000);
      const pooled = rig.pool.all().map(({ txn }) => txn);
      if (pooled.length > 0) await rig.mine(...pooled);
    };
    for (let i = 0; i < 3; i++) await minePool(); // coins are made ready
    const greedy = { key: "198.51.100.1", ip: "198.51.100.1" };
    const [first, ...others] = owners("who keeps coins", 4) as [Owner, ...Owner[]];
    const ask = (owner: Owner) =>
      rig.login.challenges.create({ address: encodeAddress(owner.address), method: "return" }, greedy);
    // At the same time: nobody knows yet who will need a coin.
    const asked = await Promise.all([first, ...others.slice(0, 2)].map(ask));
    await minePool();
    const states = await Promise.all(asked.map(({ record }) => rig.status(record.id)));
    assert.deepEqual(states, ["waiting", "waiting", "failed"]);
    await assert.rejects(ask(others[2] as Owner), refusal("rate_limited"));
    const [lent] = rig.chain.store.unspentsOf(first.address);
    const { record } = asked[0] as (typeof asked)[number];
    const back = out({ address: decodeAddress(record.returnAddress) }, AMOUNT, 0n);
    await rig.mine(spend([{ ...(lent as NonNullable<typeof lent>), secret: first.secret }], [back]));
    assert.equal(await rig.status(record.id), "confirmed");
    await ask(others[2] as Owner);
  });

  test("guessing signatures is limited by client", async () => {
    const rig = await LoginRig.start({ limits: { attempts: { burst: 3, everyMs: 1_000 } } });
    const { record } = await rig.challenge({ method: "signature" });
    const guesser = { key: "198.51.100.1", ip: "198.51.100.1" };
    const guess = () => rig.login.challenges.prove(record.id, rig.sign(record, bob), guesser);
    for (let i = 0; i < 3; i++) await assert.rejects(guess(), refusal("bad_signature"));
    await assert.rejects(guess(), refusal("rate_limited"));
  });

  test("two instances on one store: one claims, and neither writes over what the other has done", async () => {
    let deps: LoginDeps | undefined;
    const rig = await LoginRig.start({
      wrap: (given) => {
        deps = given;
        return given;
      },
    });
    const issued = await rig.confirmed();
    const other = await Login.open({ issuer: ISSUER, coin: "Testcoin" }, deps as LoginDeps);
    const secret = issued.claimSecret as string;
    const claims = await Promise.allSettled(
      [rig.login, other].map(({ challenges }) => challenges.claim(issued.record.id, secret, "secret", CALLER)),
    );
    assert.deepEqual(claims.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    await assert.rejects(
      other.challenges.claim(issued.record.id, secret, "secret", CALLER),
      refusal("already_claimed"),
    );
    const later = await rig.confirmed();
    const third = await Login.open({ issuer: ISSUER, coin: "Testcoin" }, deps as LoginDeps);
    await claim(rig, later);
    await rig.clock.advance(600_000); // the third has not heard of the claim, and thinks the time has run out
    assert.equal(await rig.status(later.record.id), "claimed");
    await Promise.all([other, third].map((login) => login.close()));
  });

  test("what is answered to a claim, a refresh and a sign-out survives the loss of power", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.confirmed();
    const seen: (boolean | undefined)[] = [];
    const write = rig.store.write.bind(rig.store);
    rig.store.write = (changes, options = {}) => {
      seen.push((options as { readonly durable?: boolean }).durable);
      return write(changes, options);
    };
    const { tokens } = await claim(rig, issued);
    const next = await rig.login.tokens.refresh(tokens.refreshToken as string, CALLER);
    await rig.login.tokens.revoke(next.accessToken, CALLER);
    assert.deepEqual(seen, [true, true, true]);
  });

  test("guessing secrets is limited by client", async () => {
    const rig = await LoginRig.start({ limits: { attempts: { burst: 3, everyMs: 1_000 } } });
    const { record } = await rig.confirmed();
    const guesser = { key: "198.51.100.1", ip: "198.51.100.1" };
    const guess = () => rig.login.challenges.claim(record.id, randomText(platformRandom, 32), "secret", guesser);
    for (let i = 0; i < 5; i++) {
      const { record, claimSecret } = await rig.confirmed();
      await rig.login.challenges.claim(record.id, claimSecret as string, "secret", guesser); // counts for nothing
    }
    for (let i = 0; i < 3; i++) await assert.rejects(guess(), refusal("wrong_secret"));
    await assert.rejects(guess(), refusal("rate_limited"));
  });

  test("clock jumps: the wall clock set forth or back neither ends nor lengthens a challenge", async () => {
    const rig = await LoginRig.start({ limits: { challengeMs: 60_000 } });
    const [first, second] = [await rig.challenge(), await rig.challenge()];
    rig.clock.jump(86_400_000);
    await rig.settle();
    assert.equal(await rig.status(first.record.id), "waiting");
    await rig.restart(); // of the process: the monotonic clock goes on
    assert.equal(await rig.status(first.record.id), "waiting");
    await rig.mine(rig.giveBack(first.record));
    assert.equal(await rig.status(first.record.id), "confirmed");
    rig.clock.jump(-30 * 86_400_000);
    await rig.clock.advance(60_000);
    assert.equal(await rig.status(second.record.id), "expired");
  });

  test("clock jumps: the wall clock set forth by weeks takes no challenge away, nor its place", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.challenge();
    rig.clock.jump(14 * 86_400_000);
    await rig.clock.advance(60_000); // what is old is forgotten meanwhile
    await rig.mine(rig.giveBack(issued.record));
    await claim(rig, issued);
    for (let i = 0; i < 3; i++) await rig.challenge();
  });

  test("clock jumps: after a start of the machine, a wall clock before the issue ends the challenge", async () => {
    const rig = await LoginRig.start({ limits: { challengeMs: 60_000 } });
    const [kept, lost] = [await rig.challenge(), await rig.challenge()];
    await rig.restart({ ofMachine: true });
    assert.equal(await rig.status(kept.record.id), "waiting");
    rig.clock.jump(-86_400_000);
    await rig.restart({ ofMachine: true });
    assert.equal(await rig.status(lost.record.id), "expired");
  });
});

describe("V7, the same answer for known and unknown addresses", () => {
  test("an address oracle by timing or content: issuing looks nothing up about the address", async () => {
    let lookups: string[] = [];
    const listening = <Part extends object>(name: string, part: Part): Part =>
      new Proxy(part, {
        get: (target, member) => {
          const value = Reflect.get(target, member, target) as unknown;
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            lookups.push(`${name}.${String(member)}`);
            return value.apply(target, args) as unknown;
          };
        },
      });
    const wrap = (deps: LoginDeps): LoginDeps => {
      const { chain } = deps;
      const view = listening("store", chain.store);
      const seen = { params: chain.params, onBlock: chain.onBlock, head: () => chain.head(), store: view };
      return { ...deps, chain: seen, pool: listening("pool", deps.pool) };
    };
    const rig = await LoginRig.start({ wrap, withStock: true }); // who lends coins has a reason to look
    await rig.settle(); // what is looked after at the start
    const shapes = [];
    for (const owner of [alice, carol]) {
      lookups = [];
      const address = encodeAddress(owner.address);
      const { record } = await rig.login.challenges.create({ address, method: "return" }, CALLER);
      assert.deepEqual(lookups, [], "before the answer nothing is asked of chain or pool");
      shapes.push([record.history.map(({ status }) => status), Object.keys(record), record.amount]);
      await rig.clock.advance(1);
    }
    assert.deepEqual(shapes[0], shapes[1]);
  });
});

describe("V8, the audit", () => {
  test("every step leaves a line with who, how, by what and when, without IP addresses and secrets", async () => {
    const rig = await LoginRig.start();
    const issued = await rig.confirmed({ clientId: "rewards" });
    await assert.rejects(rig.login.challenges.claim(issued.record.id, "guess", "secret", CALLER));
    const { tokens, session } = await claim(rig, issued);
    await rig.login.tokens.refresh(tokens.refreshToken as string, CALLER);
    await rig.login.sessions.revoke(session.id, CALLER);
    const lines = await rig.audit();
    assert.deepEqual(
      lines.map(({ outcome }) => outcome),
      ["issued", "confirmed", "refused", "claimed", "refreshed", "revoked"],
    );
    const facts = { challenge: issued.record.id, address: encodeAddress(alice.address), method: "return" };
    for (const line of lines.slice(0, 4)) {
      assert.deepEqual({ challenge: line.challenge, address: line.address, method: line.method }, facts);
      assert.equal(line.client_id, "rewards");
    }
    assert.equal(lines[1]?.txid, idOf(issued.txn));
    assert.equal(lines[1]?.block_seq, 2);
    assert.equal(lines[2]?.reason, "wrong_secret");
    assert.ok(lines.every(({ at }) => !Number.isNaN(Date.parse(String(at)))));
    const text = JSON.stringify(lines);
    for (const secret of [CALLER.ip, issued.claimSecret as string, tokens.refreshToken as string]) {
      assert.ok(!text.includes(secret));
    }
  });

  test("a second process on the same store adds lines and changes none", async () => {
    const rig = await LoginRig.start();
    const atMs = rig.clock.nowMs();
    await rig.challenge();
    const [before] = await rig.store.list("audit");
    await rig.restart();
    rig.clock.jump(atMs - rig.clock.nowMs()); // to the same millisecond
    await rig.challenge();
    const after = await rig.store.list("audit");
    assert.equal(after.length, 2);
    assert.deepEqual(
      after.find(({ key }) => key === before?.key),
      before,
    );
  });
});

describe("sign-in by signature", () => {
  const signature = { method: "signature" } as const;

  test("the owner's signature of this message proves, nobody else's, and of no other message", async () => {
    const rig = await LoginRig.start();
    const [{ record }, other] = [await rig.challenge(signature), await rig.challenge(signature)];
    const own = rig.sign(record);
    const bad = [
      rig.sign(record, bob),
      rig.sign(other.record),
      toHex(malleated(fromHex(own) as Signature)),
      own.slice(0, -2),
      `${own}00`,
      "not hex".repeat(20).slice(0, 130),
      "",
    ];
    for (const text of bad) {
      await assert.rejects(rig.login.challenges.prove(record.id, text, CALLER), refusal("bad_signature"), text);
    }
    assert.equal(await rig.status(record.id), "waiting");
    await rig.login.challenges.prove(record.id, own, CALLER);
    assert.equal(await rig.status(record.id), "confirmed");
    await assert.rejects(rig.login.challenges.prove(record.id, own, CALLER), refusal("already_claimed"));
    assert.equal(await rig.status(other.record.id), "waiting");
  });

  test("the message names who asks, the address, the chain, this challenge and its time", async () => {
    const rig = await LoginRig.start();
    const { record } = await rig.challenge(signature);
    const { publisherKey } = rig.chain.chain.params;
    for (const part of [
      "login.example.org wants you to sign in with your Testcoin address:",
      encodeAddress(alice.address),
      `Chain: ${toHex(publisherKey)}`,
      `Nonce: ${record.id}`,
      `Expiration Time: ${new Date(record.deadline.wallMs).toISOString()}`,
    ]) {
      assert.ok(record.message.split("\n").includes(part), part);
    }
  });

  test("a challenge is proved by its own method alone", async () => {
    const rig = await LoginRig.start();
    const byReturn = await rig.challenge();
    const text = rig.sign(byReturn.record);
    await assert.rejects(rig.login.challenges.prove(byReturn.record.id, text, CALLER), refusal("wrong_method"));
    const bySignature = await rig.challenge(signature);
    await rig.mine(rig.giveBack(bySignature.record));
    assert.equal(await rig.status(bySignature.record.id), "waiting");
  });

  test("a signature after the challenge's time proves nothing", async () => {
    const rig = await LoginRig.start({ limits: { challengeMs: 60_000 } });
    const { record } = await rig.challenge(signature);
    await rig.clock.advance(60_000);
    await assert.rejects(rig.login.challenges.prove(record.id, rig.sign(record), CALLER), refusal("challenge_expired"));
  });
});

test("while the node doubts its chain nobody is signed in, and who is signed in stays so", async () => {
  let reason: string | undefined;
  const rig = await LoginRig.start({ wrap: (deps) => ({ ...deps, paused: () => reason }) });
  const { tokens } = await claim(rig, await rig.confirmed());
  const [proved, open] = [await rig.confirmed(), await rig.challenge({ method: "signature" })];
  reason = "two blocks of one height";
  await assert.rejects(rig.challenge(), refusal("unavailable"));
  await assert.rejects(claim(rig, proved), refusal("unavailable"));
  const { record } = open;
  await assert.rejects(rig.login.challenges.prove(record.id, rig.sign(record), CALLER), refusal("unavailable"));
  await rig.login.tokens.verify(tokens.accessToken);
  reason = undefined;
  await claim(rig, proved);
});
