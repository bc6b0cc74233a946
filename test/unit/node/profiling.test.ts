import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { silentLogger } from "../../../src/base/log.ts";
import { Profiling } from "../../../src/node/profiling.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

async function started(t: TestContext): Promise<string> {
  const profiling = await Profiling.start({ address: "127.0.0.1", port: 0 }, { clock: systemClock, log: silentLogger });
  t.after(() => profiling.stop());
  return new URL("/", profiling.url).href;
}

/** Keeps this thread busy until told; found by its name. */
function busyForTheProfile(isOver: () => boolean): number {
  let n = 0;
  for (const until = performance.now() + 20_000; performance.now() < until && !isOver(); ) n += Math.sqrt(n + 1);
  return n;
}

/** Somebody who asks from another thread while this one is busy. */
const ASKER = `
const { parentPort, workerData: { base, over } } = require("node:worker_threads");
(async () => {
  const profile = fetch(base + "debug/pprof/profile?seconds=1").then((answer) => answer.arrayBuffer());
  const second = await fetch(base + "debug/pprof/profile?seconds=1");
  parentPort.postMessage("begun");
  const times = [];
  let silent = 0;
  for (let i = 0; i < 10; i++) {
    const from = performance.now();
    silent = Math.max(silent, (await (await fetch(base + "debug/vars")).json()).main_thread_silent_ms);
    times.push(performance.now() - from);
    await new Promise((done) => setTimeout(done, 60));
  }
  const busy = (await fetch(base + "debug/pprof/goroutine")).status;
  parentPort.postMessage({ times, silent, busy, second: second.status, profile: Buffer.from(await profile) });
  Atomics.store(new Int32Array(over), 0, 1);
})();`;

test("a busy node is profiled, and asked how it is, within 100 ms", async (t) => {
  const base = await started(t);
  const over = new Int32Array(new SharedArrayBuffer(4));
  const asker = new Worker(ASKER, { eval: true, workerData: { base, over: over.buffer } });
  await once(asker, "message");
  const answer = once(asker, "message") as Promise<
    [{ times: number[]; silent: number; busy: number; second: number; profile: Uint8Array }]
  >;
  busyForTheProfile(() => Atomics.load(over, 0) === 1);
  const [{ times, silent, busy, second, profile }] = await answer;
  assert.ok((times.sort((a, b) => a - b)[5] as number) < 100, `answers took ${times}`);
  assert.ok(silent > 300, `silent for ${silent} ms`);
  assert.deepEqual([busy, second], [200, 503], "one profile at a time");

  const decoded = Profile.decode(gunzipSync(profile));
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  assert.deepEqual(
    decoded.sampleType.map(({ type, unit }) => [text(type), text(unit)]),
    [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
  );
  const named = decoded.function.find(({ name }) => text(name) === "busyForTheProfile");
  const within = decoded.sample.filter(({ locationId }) => locationId.some((id) => Number(id) === Number(named?.id)));
  const seconds = within.reduce((sum, { value }) => sum + Number(value[1]), 0) / 1e9;
  assert.ok(seconds > 0.3 && seconds < 1.5, `${seconds} s of 1 are found where they were spent`);
});

test("the heap and what is going on can be had", async (t) => {
  const base = await started(t);
  const kept = Array.from({ length: 200_000 }, (_, i) => ({ i }));
  const heap = Profile.decode(gunzipSync(await (await fetch(`${base}debug/pprof/heap`)).arrayBuffer()));
  assert.ok(heap.sample.reduce((sum, { value }) => sum + Number(value[1]), 0) > 1_000_000);
  assert.equal(kept.length, 200_000);
  assert.match(await (await fetch(`${base}debug/pprof/goroutine?debug=1`)).text(), /^\d+ \w+$/m);
  Profile.decode(gunzipSync(await (await fetch(`${base}debug/pprof/goroutine`)).arrayBuffer()));
  assert.match(await (await fetch(`${base}debug/pprof/`)).text(), /profile\?seconds/);
});

test("a heap snapshot can be had", { skip: process.env.LOGINCHAIN_LONG !== "1" && "takes 15 s" }, async (t) => {
  const base = await started(t);
  const [first, second] = await Promise.all([0, 1].map(() => fetch(`${base}debug/heapsnapshot`)));
  const [taken, refused] = first?.status === 200 ? [first, second] : [second, first];
  assert.deepEqual([taken?.status, refused?.status], [200, 503], "one at a time: each stops the node for seconds");
  assert.ok(JSON.parse((await taken?.text()) ?? "").snapshot.meta.node_types.length > 0);
});

test("strangers' names, long profiles and unknown paths are refused", async (t) => {
  const base = await started(t);
  const { status } = await fetch(`${base}debug/pprof/profile?seconds=61`);
  assert.deepEqual([status, (await fetch(`${base}debug`)).status], [400, 404]);
  const { request } = await import("node:http");
  const asked = request(`${base}debug/pprof/heap`, { headers: { host: "evil.example" } }).end();
  const [answer] = await once(asked, "response");
  answer.resume();
  assert.equal(answer.statusCode, 403);
});

test("a page of somebody else cannot make the operator's browser ask", async (t) => {
  const { port } = new URL(await started(t));
  const { request } = await import("node:http");
  const statusFor = async (headers: Record<string, string>): Promise<number> => {
    const asked = request({ port, host: "127.0.0.1", path: "/debug/heapsnapshot", method: "HEAD", headers }).end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode;
  };
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
  ]) {
    assert.equal(await statusFor(headers as Record<string, string>), 403, JSON.stringify(headers));
  }
  const opened = await fetch(`http://127.0.0.1:${port}/debug/vars`, { headers: { "sec-fetch-site": "none" } });
  assert.equal(opened.status, 200, "an address the operator typed");
});

test("a taken port is told in one line", async (t) => {
  const { port } = new URL(await started(t));
  await assert.rejects(
    Profiling.start({ address: "127.0.0.1", port: Number(port) }, { clock: systemClock, log: silentLogger }),
    { code: "PROFILING_LISTEN", message: /the port is taken\. Choose another with -http-prof-host$/ },
  );
});

test("go tool pprof reads profiles", {
  skip: spawnSync("go", ["version"]).status !== 0 && "Go is not installed",
}, async (t) => {
  const base = await started(t);
  const asked = fetch(`${base}debug/pprof/profile?seconds=0.5`).then((answer) => answer.arrayBuffer());
  await new Promise((done) => setTimeout(done, 100));
  const until = performance.now() + 500;
  busyForTheProfile(() => performance.now() > until);
  const file = join(tempDir(t), "cpu.pb.gz");
  await writeFile(file, Buffer.from(await asked));
  const { status, stdout, stderr } = spawnSync("go", ["tool", "pprof", "-top", file], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /Type: cpu[\s\S]*busyForTheProfile/);
});
