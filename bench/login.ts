/**
 * Logins end to end against `loginchain up`, over HTTP as visitors and reward services use it:
 *   npm run bench -- login idle 200    200 logins, five at a time, the chain at rest between them
 *   npm run bench -- login rate 20 30  20 logins begun every second, for 30 seconds
 *   npm run bench -- login signed 200  200 logins by signed message, one after another
 *   npm run bench -- login open 500    500 challenges open at a time, then each is proved
 * With LOGINCHAIN_GO_NODE, the path of a reference node, `idle` has ten logins on two of these at the same time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { signMessage } from "../src/client/seed-keys.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { goNode } from "../test/support/p2p-go.ts";
import { freePorts } from "../test/support/processes.ts";
import { Visitor } from "../test/support/visitor.ts";
import { type GoTimes, goLogins } from "./support/go-logins.ts";
import { describeRun } from "./support/measure.ts";

/** Milliseconds from the request to each step. */
interface Times {
  /** Challenge asked for, until the funded coin is confirmed. */
  readonly funded: number;
  /** Return handed in, until the tokens are there. */
  readonly token: number;
  readonly whole: number;
}

/** One a block, so ten take two minutes. */
const GO_LOGINS = 10;
const [mode = "idle", countText, secondsText = "30"] = process.argv.slice(2);
await installNativeBackend();
console.log(describeRun());
const chain = await startChain();
try {
  // Connections, compiled code: a node that has just been started is another thing to measure.
  for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 20 }, () => login(chain.open)));
  await atRest();
  const watch = watchStock(chain.peer);
  const beside = mode === "idle" && goNode !== undefined ? goLogins(goNode, GO_LOGINS) : undefined;
  beside?.catch(() => {}); // told when it is awaited
  const startedAt = performance.now();
  const { times, failures } = await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const stock = await watch.stop();
  console.log(`${times.length} logins in ${seconds.toFixed(1)} s: ${(times.length / seconds).toFixed(1)} per second`);
  if (mode !== "signed") {
    report(
      "challenge to funded coin confirmed",
      times.map(({ funded }) => funded),
    );
  }
  report(
    mode === "signed" ? "signature to token" : "return to token",
    times.map(({ token }) => token),
  );
  report(
    "whole login",
    times.map(({ whole }) => whole),
  );
  console.log(`  ready outputs, least seen: ${stock.readyMin}; failures: ${failures.length}`);
  for (const failure of new Set(failures)) console.log(`  failed: ${failure}`);
  if (beside !== undefined) reportGo(await beside);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  await chain.stop();
}

function run(): Promise<Outcome> {
  switch (mode) {
    case "idle":
      return idle(Number(countText ?? 200));
    case "rate":
      return steady(Number(countText ?? 20), Number(secondsText));
    case "signed":
      return signed(Number(countText ?? 200));
    case "open":
      return manyOpen(Number(countText ?? 500));
    default:
      throw new Error(`unknown mode ${mode}: idle, rate, signed, open`);
  }
}

/** `ready`: awaited between the funded coin and its return. */
async function login(base: string, ready: () => Promise<unknown> = async () => {}): Promise<Times> {
  const visitor = new Visitor(base);
  const startedAt = performance.now();
  const challenge = await visitor.challenge();
  const follow = visitor.follow(challenge.id);
  const reach = async (status: string): Promise<void> => {
    for (;;) {
      const { value, done } = await follow.next();
      if (done === true) throw new Error(`the stream ended before ${status}`);
      if (value.status === status) return;
      if (value.status === "failed" || value.status === "expired")
        throw new Error(`${value.status}: ${value.cause?.code}`);
    }
  };
  await reach("waiting");
  const fundedAt = performance.now();
  await ready();
  const payment = await visitor.payment(challenge.return_address);
  const paidAt = performance.now();
  await visitor.inject(payment);
  await reach("confirmed");
  await follow.return(undefined);
  const { status, body } = await visitor.claim(challenge.id, challenge.claim_secret);
  if (status !== 200) throw new Error(`claim: ${status} ${JSON.stringify(body)}`);
  const now = performance.now();
  return { funded: fundedAt - startedAt, token: now - paidAt, whole: now - startedAt };
}

/** A login takes two blocks at least, and each of them moves chain time on by a second: it is waited for. */
async function idle(count: number): Promise<Outcome> {
  const outcome: Outcome = { times: [], failures: [] };
  for (let i = 0; i < count; i += 5) {
    await Promise.all(Array.from({ length: 5 }, () => take(outcome)));
    await atRest();
  }
  return outcome;
}

async function atRest(): Promise<void> {
  const response = await fetch(`${chain.peer}/api/v1/blockchain/metadata`);
  const { head } = (await response.json()) as { head: { timestamp: number } };
  await pause(Math.max(0, head.timestamp * 1000 - Date.now()));
}

async function steady(rate: number, seconds: number): Promise<Outcome> {
  const outcome: Outcome = { times: [], failures: [] };
  const running: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < rate * seconds; i++) {
    const wait = startedAt + (i * 1000) / rate - performance.now();
    if (wait > 1) await pause(wait);
    running.push(take(outcome));
  }
  await Promise.all(running);
  return outcome;
}

async function signed(count: number): Promise<Outcome> {
  const outcome: Outcome = { times: [], failures: [] };
  for (let i = 0; i < count; i++) await take(outcome, signedLogin);
  return outcome;
}

async function signedLogin(base: string): Promise<Times> {
  const visitor = new Visitor(base);
  const startedAt = performance.now();
  const { id, message, claim_secret: secret } = await visitor.challenge({ method: "signature" });
  const signature = signMessage(message, visitor.secret);
  const signedAt = performance.now();
  const proved = await visitor.post(`/login/v1/challenges/${id}/signature`, { signature });
  if (proved.status !== 200) throw new Error(`signature: ${proved.status} ${JSON.stringify(proved.body)}`);
  const { status, body } = await visitor.claim(id, secret);
  if (status !== 200) throw new Error(`claim: ${status} ${JSON.stringify(body)}`);
  const now = performance.now();
  return { funded: signedAt - startedAt, token: now - signedAt, whole: now - startedAt };
}

/** Nobody returns the coin before all have it. */
async function manyOpen(count: number): Promise<Outcome> {
  const outcome: Outcome = { times: [], failures: [] };
  let waiting = 0;
  let release = (): void => {};
  const all = new Promise<void>((resolve) => {
    release = resolve;
  });
  const arrive = (): Promise<void> => {
    if (++waiting === count) release();
    return all;
  };
  const one = async (): Promise<void> => {
    await take(outcome, (base) => login(base, arrive));
    if (outcome.failures.length > 0) release(); // it will never be all
  };
  await Promise.all(Array.from({ length: count }, one));
  return outcome;
}

interface Outcome {
  readonly times: Times[];
  readonly failures: string[];
}

async function take({ times, failures }: Outcome, one: (base: string) => Promise<Times> = login): Promise<void> {
  try {
    times.push(await one(chain.open));
  } catch (error) {
    failures.push((error as Error).message.slice(0, 200));
  }
}

function report(what: string, all: readonly number[]): void {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(0);
  console.log(
    `  ${what.padEnd(36)} p50 ${at(0.5).padStart(5)} ms   p95 ${at(0.95).padStart(5)} ms   p99 ${at(0.99).padStart(5)} ms`,
  );
}

function reportGo(times: readonly GoTimes[]): void {
  console.log(`two reference nodes: ${times.length} logins, a block each 10 s, asked each 3 s`);
  for (const [what, key] of [
    ["challenge to funded coin confirmed", "funded"],
    ["return to token", "token"],
    ["whole login", "whole"],
  ] as const) {
    report(
      what,
      times.map((one) => one[key]),
    );
  }
}

async function startChain() {
  const directory = await mkdtemp(join(tmpdir(), "bench-login-"));
  const ports = await freePorts(5);
  const names = ["publisher-port", "publisher-api", "peer-port", "peer-api", "public-port"];
  const main = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
  const args = ["up", "--dir", directory, ...names.map((name, i) => `--${name}=${ports[i]}`)];
  const child: ChildProcess = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const text of child.stdout ?? []) if (String(text).includes("loginchain is up")) break;
  return {
    open: `http://127.0.0.1:${ports[4]}`,
    peer: `http://127.0.0.1:${ports[3]}`,
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The gauge of ready outputs, four times a second. */
function watchStock(peer: string) {
  let readyMin = Number.POSITIVE_INFINITY;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const text = await (await fetch(`${peer}/metrics`)).text();
      const ready = /^login_stock_ready (\d+)$/m.exec(text)?.[1];
      if (ready !== undefined) readyMin = Math.min(readyMin, Number(ready));
      await pause(250);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return { readyMin };
    },
  };
}
