import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { encodeTransaction, type Transaction, txid } from "../../src/chain/transaction.ts";
import { hashHex } from "../../src/cipher/hash.ts";
import { LoginVerifier } from "../../src/client/index.ts";
import { eventually, temporaryDirectory } from "../support/processes.ts";
import { childPid, startUp, type Up } from "../support/up.ts";
import { type ShownChallenge, type ShownTokens, Visitor } from "../support/visitor.ts";

/**
 * The steps of a login, in order. `sent`: handed in, the publisher held still so that no block can have it. `in a
 * block`: of the publisher, the peer held still so that it cannot know. `under way`: asked for, not answered.
 */
const STEPS = [
  "challenge made",
  "funding sent",
  "funding confirmed",
  "return signed",
  "return sent",
  "return in a block",
  "return confirmed",
  "claim under way",
  "token issued",
  "refresh under way",
  "token refreshed",
] as const;
type Step = (typeof STEPS)[number];
type Victim = "publisher" | "peer";
/** An end with or without warning. */
const ENDS = ["SIGKILL", "SIGTERM"] as const;
type End = (typeof ENDS)[number];

const isLong = process.env.LOGINCHAIN_LONG === "1";
const CHOSEN: readonly Step[] = isLong ? STEPS : ["return sent"];

interface Refusal {
  readonly code: string;
  readonly error?: string;
}

/** One visitor's login as far as it has come. */
interface Login {
  readonly visitor: Visitor;
  readonly challenge: ShownChallenge;
  /** Signed before the end, handed in afterwards. */
  payment?: Transaction;
  tokens?: ShownTokens;
  /** Used up by a refresh. */
  oldRefresh?: string;
}

for (const step of CHOSEN) {
  test(`a node that ends at "${step}" of a login: it goes on, and nobody becomes somebody else`, async (t) => {
    const up = await startUp(t, await temporaryDirectory(t));
    await settled(up);
    for (const end of isLong ? ENDS : ENDS.slice(0, 1)) {
      for (const victim of ["publisher", "peer"] as const) {
        await t.test(`the ${victim}, by ${end}`, (t) => endAt(t, up, { step, victim, end }));
      }
    }
    assert.equal(await up.stop(), 0);
  });
}

async function endAt(
  t: TestContext,
  up: Up,
  { step, victim, end }: { readonly step: Step; readonly victim: Victim; readonly end: End },
): Promise<void> {
  const reached = (other: Step): boolean => STEPS.indexOf(step) >= STEPS.indexOf(other);
  const pids = { publisher: await childPid(up, "publisher"), peer: await childPid(up, "peer") };
  const hold = (node: Victim): void => void process.kill(pids[node], "SIGSTOP");

  if (step === "funding sent") hold("publisher");
  const visitors = [new Visitor(up.open), new Visitor(up.open)];
  const logins: Login[] = await Promise.all(
    visitors.map(async (visitor) => ({ visitor, challenge: await visitor.challenge() })),
  );
  if (step === "funding sent") await pooled(up, (count) => count > 0);
  if (reached("funding confirmed"))
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "waiting"));
  if (reached("return signed")) {
    await each(logins, async (login) => {
      login.payment = await login.visitor.payment(login.challenge.return_address);
    });
  }
  if (step === "return sent") hold("publisher");
  if (step === "return in a block") {
    hold("peer");
    await each(logins, ({ payment }) => minedAt(up.publisher, payment as Transaction));
  } else if (reached("return sent")) {
    await each(logins, ({ visitor, payment }) => visitor.inject(payment as Transaction));
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "seen", "confirmed"));
  }
  if (reached("return confirmed"))
    await each(logins, ({ visitor, challenge }) => visitor.until(challenge.id, "confirmed"));
  const asked = step === "claim under way" ? logins.map(claimOnce) : [];
  if (reached("token issued")) await each(logins, complete);
  if (step === "refresh under way") asked.push(...logins.map(refreshOnce));
  if (reached("token refreshed")) await each(logins, refresh);

  const answers = Promise.allSettled(asked); // at once: what fails is handled
  const backs = countOf(up, `${victim} is back`);
  process.kill(pids[victim], end);
  for (const pid of Object.values(pids)) resume(pid);
  await eventually(
    async () => countOf(up, `${victim} is back`),
    (count) => count > backs,
    { timeoutMs: 30_000 },
  );
  await answers;

  await each(logins, async (login) => {
    const ended = await finish(login, step);
    if (ended !== undefined) {
      t.diagnostic(`ended with ${ended}`);
      login.tokens = await new Visitor(up.open, login.visitor.secret).login();
    }
  });
  await each(logins, (login) => isWhoTheyAre(up, login));
  await settled(up);
}

/** The tokens are for the address that was proved, once, and as good as any. */
async function isWhoTheyAre(up: Up, login: Login): Promise<void> {
  const { visitor, tokens } = login as Login & { tokens: ShownTokens };
  assert.equal(tokens.address, visitor.address);
  const verified = await new LoginVerifier({ issuer: up.open }).verify(tokens.access_token);
  assert.equal(verified.address, visitor.address, "the keys are still those");
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  const session = await visitor.get<{ address: string }>("/login/v1/session", bearer);
  assert.deepEqual([session.status, session.body.address], [200, visitor.address]);
  const again = await visitor.claim(login.challenge.id, login.challenge.claim_secret);
  assert.equal((again.body as unknown as Refusal).code, "already_claimed");
  await refresh(login);
  const reused = { grant_type: "refresh_token", refresh_token: login.oldRefresh };
  assert.equal((await visitor.post<Refusal>("/login/v1/token", reused)).body.error, "invalid_grant");
  assert.equal((await visitor.get("/login/v1/session", bearer)).status, 401, "one used twice ends the session");
}

/** Hands a transaction in at a node and waits until it is in a block there. */
async function minedAt(node: string, txn: Transaction): Promise<void> {
  const body = JSON.stringify({ rawtx: toHex(encodeTransaction(txn)), no_broadcast: true });
  const headers = { "content-type": "application/json" };
  const injected = await fetch(`${node}/api/v1/injectTransaction`, { method: "POST", headers, body });
  assert.equal(injected.status, 200, await injected.clone().text());
  await eventually(
    async () =>
      (await (await fetch(`${node}/api/v1/transaction?txid=${hashHex(txid(txn))}`)).json()) as {
        status: { confirmed: boolean };
      },
    ({ status }) => status.confirmed,
  );
}

/** One that was held goes on; one that is gone already is no matter. */
function resume(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

/** The rest of a login. @returns the reason for which it cannot be completed; it names one, or the test fails */
async function finish(login: Login, step: Step): Promise<string | undefined> {
  const { visitor, challenge } = login;
  const returned = STEPS.indexOf(step) >= STEPS.indexOf("return sent");
  await eventually(
    () => visitor.get("/login/v1/status"),
    ({ status }) => status === 200,
  );
  if (login.tokens !== undefined) {
    const isAnswerLost = step === "refresh under way" && login.oldRefresh === undefined;
    return isAnswerLost ? refreshOnce(login) : undefined;
  }
  try {
    if (!returned) {
      await visitor.until(challenge.id, "waiting");
      const payment = login.payment ?? (await visitor.payment(challenge.return_address));
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
  const { code } = body as unknown as Refusal;
  assert.equal(code, "already_claimed");
  return code;
}

async function complete(login: Login): Promise<void> {
  assert.equal(await claimOnce(login), undefined);
}

/** @returns why not: the answer of an earlier refresh was lost with the node */
async function refreshOnce(login: Login): Promise<string | undefined> {
  const { visitor, tokens } = login as Login & { tokens: ShownTokens };
  const { refresh_token } = tokens;
  const asked = { grant_type: "refresh_token", refresh_token };
  const { status, body } = await visitor.post<ShownTokens & Refusal>("/login/v1/token", asked);
  if (status === 200) {
    login.oldRefresh = refresh_token as string;
    login.tokens = { ...tokens, ...body };
    return undefined;
  }
  assert.equal(body.error, "invalid_grant");
  return body.error;
}

async function refresh(login: Login): Promise<void> {
  assert.equal(await refreshOnce(login), undefined);
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
