import assert from "node:assert/strict";
import { test } from "node:test";
import { ChildNode, type OrchestratorError } from "../../../src/orchestrator/child-node.ts";
import { Supervisor, type SupervisorOptions } from "../../../src/orchestrator/supervisor.ts";

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A child whose program is one line of JavaScript. */
function child(
  program: string,
  changes: Partial<ConstructorParameters<typeof ChildNode>[0]> = {},
): ChildNode & { lines: string[] } {
  const lines: string[] = [];
  const node = new ChildNode({
    name: "node",
    command: [process.execPath, "-e", program],
    env: process.env,
    readyTimeoutMs: 10_000,
    stopTimeoutMs: 5_000,
    onLine: (_, line) => lines.push(line),
    ...changes,
  });
  return Object.assign(node, { lines });
}

const READY =
  "process.send({ ready: true }); process.on('disconnect', () => process.exit(0)); setInterval(() => {}, 1000);";
const QUICK: SupervisorOptions = { restartDelayMs: 5, restartDelayMsMax: 20, stableAfterMs: 60_000, attemptsMax: 3 };

test("start resolves when the child says it is ready, stop when it is gone", async () => {
  const node = child(READY);
  await node.start();
  const { pid } = node;
  assert.ok(pid !== undefined);
  await node.stop();
  assert.throws(() => process.kill(pid as number, 0), { code: "ESRCH" });
  await node.stop();
});

test("a child that ends before it is ready rejects with its last error line", async () => {
  const node = child("console.error('loginchain: port 6421 is taken: choose another'); process.exit(1)");
  await assert.rejects(node.start(), { code: "UP_NODE_FAILED", message: "port 6421 is taken: choose another" });
});

test("a program that cannot be started rejects with the reason", async () => {
  const node = child("", { command: ["/nonexistent/program"] });
  await assert.rejects(
    node.start(),
    (error: OrchestratorError) => error.code === "UP_NODE_FAILED" && /ENOENT/.test(error.message),
  );
});

test("a child that is never ready is stopped after the time limit", async () => {
  const node = child("setInterval(() => {}, 1000)", { readyTimeoutMs: 300 });
  await assert.rejects(node.start(), { code: "UP_NODE_TIMEOUT" });
  const { signal } = await node.exited;
  assert.equal(signal, "SIGTERM");
});

test("a child deaf to SIGTERM is killed", async () => {
  const node = child(`process.on('SIGTERM', () => {}); ${READY}`, { stopTimeoutMs: 200 });
  await node.start();
  await node.stop();
  assert.deepEqual(await node.exited, { code: null, signal: "SIGKILL" });
});

test("lines of both streams are passed on", async () => {
  const node = child(`console.log("out"); console.error("err"); ${READY}`);
  await node.start();
  await node.stop();
  assert.deepEqual(node.lines.sort(), ["err", "out"]);
});

test("the child ends when its parent is gone", async () => {
  const node = child(READY);
  await node.start();
  node.disconnect();
  assert.deepEqual(await node.exited, { code: 0, signal: null });
});

test("a killed child is reported and restarted", async () => {
  const reports: string[] = [];
  const back = deferred<void>();
  const node = child(READY);
  const supervisor = new Supervisor(node, QUICK, {
    report: (line) => {
      reports.push(line);
      if (line.includes("is back")) back.resolve();
    },
    gaveUp: (reason) => back.reject(new Error(reason)),
  });
  await supervisor.start();
  const first = node.pid as number;
  process.kill(first, "SIGKILL");
  await back.promise;
  assert.notEqual(node.pid, first);
  assert.equal(supervisor.restarts, 1);
  assert.match(reports[0] ?? "", /^node ended \(signal SIGKILL\), restarting in 0.005 s$/);
  await supervisor.stop();
});

test("a child that cannot stay up is given up with the reason", async () => {
  const gaveUp = deferred<string>();
  const node = child("process.send({ ready: true }, () => process.exit(3))");
  const supervisor = new Supervisor(node, QUICK, { report: () => {}, gaveUp: gaveUp.resolve });
  await supervisor.start();
  assert.match(await gaveUp.promise, /^the node ended 4 times in a row \(.*3\)$/);
  await supervisor.stop();
});

test("stop during the pause before a restart ends the watch without a new child", async () => {
  const paused = deferred<void>();
  const node = child(READY);
  const supervisor = new Supervisor(
    node,
    { ...QUICK, restartDelayMs: 60_000, restartDelayMsMax: 60_000 },
    { report: () => paused.resolve(), gaveUp: () => {} },
  );
  await supervisor.start();
  const { pid } = node;
  process.kill(pid as number, "SIGKILL");
  await paused.promise;
  await supervisor.stop();
  assert.equal(node.pid, pid);
});
