import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LoginVerifier } from "../../src/client/index.ts";
import { eventually, temporaryDirectory } from "../support/processes.ts";
import { childPid, startUp, type Up } from "../support/up.ts";
import { type ShownChallenge, type ShownTokens, Visitor } from "../support/visitor.ts";

/** The steps of a login, in order. `sent`: handed in, the publisher held still so that no block can have it. */
const STEPS = [
  "challenge made",
  "funding sent",
  "funding confirmed",
  "return sent",
  "return confirmed",
  "claim under way",
  "token issued",
  "token refreshed",
] as const;
type Step = (typeof STEPS)[number];
type Victim = "publisher" | "peer";

const isLong = process.env.LOGINCHAIN_LONG === "1";
const MATRIX: readonly { readonly steps: readonly Step[]; readonly victims: readonly Victim[] }[] = isLong
  ? STEPS.map((step) => ({ steps: [step], victims: ["publisher", "peer"] }))
  : [{ steps: ["return sent"], victims: ["publisher", "peer"] }];

/** One visitor's login as far as it has come. */
interface Login {
  readonly visitor: Visitor;
  readonly challenge: ShownChallenge;
  tokens?: ShownTokens;
  /** Used up by a refresh. */
  oldRefresh?: string;
}

for (const { steps, victims } of MATRIX) {
  test(`a node killed at "${steps}" of a login: it goes on, and nobody becomes somebody else`, async (t) => {
    const up = await startUp(t, await temporaryDirectory(t));
    await settled(up);
    for (const step of steps) {
      for (const victim of victims) await t.test(`the ${victim}, at "${step}"`, (t) => killAt(t, up, step, victim));
    }
    assert.equal(await up.stop(), 0);
  });
}

async function killAt(t: TestContext, up: Up, step: Step, victim: Victim): Promise<void> {
  const before = STEPS.indexOf(step);
  const reached = (other: Step): boolean => before >= STEPS.indexOf(other);
  const publisher = await childPid(up, "publisher");
  const hold = (): void => void process.kill(publisher, "SIGSTOP");

  if (step === "funding sent") hold();
  const visitors = [new Visitor(up.open), new Visitor(up.open)];
  const logins: Login[] = await Promise.all(
    visitors.map(async (visitor) => ({ visitor, challenge: await visitor.challenge() })),
  );
  if (step === "funding sent") await pooled(up, (count) => count > 0);
  if (reached("funding confirmed"))
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "waiting"));
  if (step === "return sent") hold();
  if (reached("return sent")) {
    await each(logins, ({ visitor, challenge }) => visitor.giveBack(challenge.return_address));
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "seen", "confirmed"));
  }
  if (reached("return confirmed"))
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "confirmed"));
  const claims = step === "claim under way" ? logins.map(claimOnce) : [];
  if (reached("token issued")) await each(logins, complete);
  if (reached("token refreshed")) await each(logins, refresh);

  const backs = countOf(up, `${victim} is back`);
  process.kill(await childPid(up, victim), "SIGKILL");
  if (victim === "peer") process.kill(publisher, "SIGCONT");
  await eventually(
    async () => countOf(up, `${victim} is back`),
    (count) => count > backs,
    { timeoutMs: 30_000 },
  );
  await Promise.allSettled(claims);

  await each(logins, async (login) => {
    const ended = await finish(login, reached("return sent"));
    if (ended !== undefined) {
      t.diagnostic(`ended with ${ended}`);
      login.tokens = await new Visitor(up.open, login.visitor.secret).login();
    }
  });
  const verifier = new LoginVerifier({ issuer: up.open });
  await each(logins, async (login) => {
    const { visitor, tokens } = login as Login & { tokens: ShownTokens };
    assert.equal(tokens.address, visitor.address);
    assert.equal((await verifier.verify(tokens.access_token)).address, visitor.address, "the keys are still those");
    const bearer = { authorization: `Bearer ${tokens.access_token}` };
    const session = await visitor.get<{ address: string }>("/login/v1/session", bearer);
    assert.deepEqual([session.status, session.body.address], [200, visitor.address]);
    const again = await visitor.claim(login.challenge.id, login.challenge.claim_secret);
    assert.equal((again.body as unknown as { code: string }).code, "already_claimed");
    await refresh(login);
    const reused = await visitor.post<{ code: string }>("/login/v1/token", {
      grant_type: "refresh_token",
      refresh_token: login.oldRefresh,
    });
    assert.deepEqual(
      [reused.status, (reused.body as { error?: string }).error ?? reused.body.code],
      [400, "invalid_grant"],
    );
    assert.equal(
      (await visitor.get("/login/v1/session", bearer)).status,
      401,
      "a refresh token used twice ends the session",
    );
  });
  await settled(up);
}

/** The rest of a login. @returns the reason for which it cannot be completed; it names one, or the test fails */
async function finish(login: Login, returned: boolean): Promise<string | undefined> {
  const { visitor, challenge } = login;
  if (login.tokens !== undefined) return undefined;
  await eventually(
    () => visitor.get("/login/v1/status"),
    ({ status }) => status === 200,
  );
  try {
    if (!returned) {
      await visitor.until(challenge.id, "waiting");
      const payment = await visitor.payment(challenge.return_address);
      await eventually(
        () => visitor.inject(payment),
        () => true,
      ); // 503 until the two nodes have met again
    }
    await visitor.until(challenge.id, "confirmed", "claimed");
  } catch (error) {
    const { status, cause } = await visitor.status(challenge.id);
    if (status !== "failed" && status !== "expired") throw error;
    return cause?.code ?? status;
  }
  return claimOnce(login);
}

/** @returns why not: the answer of an earlier claim was lost with the node */
async function claimOnce(login: Login): Promise<string | undefined> {
  const { status, body } = await login.visitor.claim(login.challenge.id, login.challenge.claim_secret);
  if (status === 200) {
    login.tokens = body;
    return undefined;
  }
  const { code } = body as unknown as { code: string };
  assert.equal(code, "already_claimed");
  return code;
}

async function complete(login: Login): Promise<void> {
  assert.equal(await claimOnce(login), undefined);
}

async function refresh(login: Login): Promise<void> {
  const { visitor, tokens } = login as Login & { tokens: ShownTokens };
  const { status, body } = await visitor.post<ShownTokens>("/login/v1/token", {
    grant_type: "refresh_token",
    refresh_token: tokens.refresh_token,
  });
  assert.equal(status, 200, JSON.stringify(body));
  login.oldRefresh = tokens.refresh_token as string;
  login.tokens = { ...tokens, ...body };
}

/** Nothing under way that the next step could mistake for its own. */
async function settled(up: Up): Promise<void> {
  await pooled(up, (count) => count === 0);
  await eventually(
    async () => (await (await fetch(`${up.open}/login/v1/status`)).json()) as { stock: { condition: string } },
    ({ stock }) => stock.condition === "ok",
  );
}

async function pooled(up: Up, accept: (count: number) => boolean): Promise<void> {
  await eventually(
    async () => ((await (await fetch(`${up.peer}/api/v1/pendingTxs`)).json()) as unknown[]).length,
    accept,
  );
}

const countOf = (up: Up, text: string): number => up.output().split(text).length - 1;

async function each(logins: readonly Login[], run: (login: Login) => Promise<unknown>): Promise<void> {
  await Promise.all(logins.map(run));
}
