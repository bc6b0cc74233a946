import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Logger, silentLogger } from "../../../src/base/log.ts";
import { inlineRecovery, RECOVERY_RECORD_BYTES, RECOVERY_RESULT_BYTES } from "../../../src/chain/signatures.ts";
import { installBackend } from "../../../src/cipher/active-backend.ts";
import { nobleBackend } from "../../../src/cipher/noble-backend.ts";
import { installNativeBackend } from "../../../src/native/install.ts";
import { RecoveryPool, type RecoveryPoolOptions } from "../../../src/native/recovery-pool.ts";
import { recoveryRecords } from "../../support/recovery-records.ts";

await installNativeBackend({ env: {} });
const all = recoveryRecords(700);
const recordsOf = (count: number, from = 0): Uint8Array =>
  all.slice(from * RECOVERY_RECORD_BYTES, (from + count) * RECOVERY_RECORD_BYTES);

const expected = await inlineRecovery().recover(all.slice());
const resultsOf = (count: number, from = 0): Uint8Array =>
  expected.slice(from * RECOVERY_RESULT_BYTES, (from + count) * RECOVERY_RESULT_BYTES);

after(() => {
  installBackend(nobleBackend);
});

/** Runs against a pool and closes it, whatever happens. */
async function withPool(
  options: RecoveryPoolOptions,
  run: (pool: RecoveryPool) => Promise<void>,
  log: Logger = silentLogger,
): Promise<void> {
  const pool = new RecoveryPool({ workers: 2, ...options }, { log });
  try {
    await run(pool);
  } finally {
    await pool.close();
  }
}

test("the records of these tests give every kind of result", () => {
  const statuses = Array.from({ length: 700 }, (_, i) => expected.subarray(i * RECOVERY_RESULT_BYTES).slice(0, 2));
  const count = (ok: number, strict: number) => statuses.filter((s) => s[0] === ok && s[1] === strict).length;
  assert.ok(count(0, 0) > 100 && count(1, 0) > 50 && count(1, 1) > 400);
});

for (const workers of [1, 2, 3])
  test(`${workers} thread(s) answer as the calling thread does, for any number of signatures`, async () => {
    await withPool({ workers }, async (pool) => {
      for (const count of [0, 1, 3, 4, 5, 16, 17, 255, 256, 257, 700])
        assert.deepEqual(await pool.recover(recordsOf(count)), resultsOf(count), `${count} signatures`);
    });
  });

for (const backend of ["wasm", "noble"] as const)
  test(`threads on ${backend} answer the same`, async () => {
    await withPool({ backend }, async (pool) => {
      assert.match(pool.name, new RegExp(backend));
      assert.deepEqual(await pool.recover(recordsOf(60)), resultsOf(60));
    });
  });

test("calls made at once each get their own answer", async () => {
  await withPool({}, async (pool) => {
    const calls = Array.from({ length: 40 }, (_, i) => ({ from: i * 7, count: (i * 11) % 60 }));
    const answers = await Promise.all(calls.map(({ from, count }) => pool.recover(recordsOf(count, from))));
    for (const [i, { from, count }] of calls.entries()) assert.deepEqual(answers[i], resultsOf(count, from));
  });
});

test("a view into a larger buffer is recovered, and nothing around it is touched", async () => {
  await withPool({}, async (pool) => {
    const larger = new Uint8Array(20 * RECOVERY_RECORD_BYTES + 13).fill(9);
    larger.set(recordsOf(20), 5);
    const before = larger.slice();
    const view = larger.subarray(5, 5 + 20 * RECOVERY_RECORD_BYTES);
    assert.deepEqual(await pool.recover(view), resultsOf(20));
    assert.deepEqual(larger, before);
  });
});

test("a few signatures need no thread", async () => {
  await withPool({ program: failing("hang") }, async (pool) => {
    assert.deepEqual(await pool.recover(recordsOf(3)), resultsOf(3));
  });
});

for (const mode of ["exit", "throw"] as const)
  test(`a thread lost by ${mode} is replaced and its work done again`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "recovery-pool-"));
    const marker = join(directory, "fail-once");
    writeFileSync(marker, "");
    const { log, entries } = recorder();
    try {
      const run = async (pool: RecoveryPool) => {
        assert.deepEqual(await pool.recover(recordsOf(600)), resultsOf(600));
        assert.deepEqual(await pool.recover(recordsOf(100)), resultsOf(100));
      };
      await withPool({ program: failing(mode, marker) }, run, log);
    } finally {
      rmSync(directory, { recursive: true });
    }
    assert.ok(entries.length > 0, "the loss is logged");
    for (const { level, message, fields } of entries) {
      assert.deepEqual([level, message], ["warn", "signature recovery thread lost"]);
      assert.equal((fields as { reason: string }).reason, mode === "exit" ? "exit code 7" : "made to fail");
    }
  });

test("when threads keep failing the calling thread does the work", async () => {
  const { log, entries } = recorder();
  const run = async (pool: RecoveryPool) => {
    const answers = await Promise.all([pool.recover(recordsOf(300)), pool.recover(recordsOf(90, 20))]);
    assert.deepEqual(answers, [resultsOf(300), resultsOf(90, 20)]);
    assert.deepEqual(await pool.recover(recordsOf(50)), resultsOf(50));
  };
  await withPool({ program: failing("throw") }, run, log);
  assert.equal(entries.filter((entry) => entry.level === "error").length, 1);
  assert.ok(entries.length <= 5, "no thread is started after that");
});

test("a program that is not there does not stop the work either", async () => {
  await withPool({ program: new URL("./no-such-program.js", import.meta.url) }, async (pool) => {
    assert.deepEqual(await pool.recover(recordsOf(64)), resultsOf(64));
  });
});

test("closing rejects what is open, refuses what comes, and may be done again", async () => {
  const pool = new RecoveryPool({ workers: 2, program: failing("hang") });
  const open = Promise.allSettled([pool.recover(recordsOf(700)), pool.recover(recordsOf(10))]);
  await pool.close();
  for (const call of await open)
    assert.equal(call.status === "rejected" && (call.reason as { code: string }).code, "RECOVERY_CLOSED");
  await assert.rejects(pool.recover(recordsOf(10)), { code: "RECOVERY_CLOSED" });
  await assert.rejects(pool.recover(recordsOf(1)), { code: "RECOVERY_CLOSED" });
  await pool.close();
});

test("a pool that never had work closes", async () => {
  await new RecoveryPool().close();
});

test("a full queue refuses further calls and says how full it is", async () => {
  const pool = new RecoveryPool({ workers: 1, program: failing("hang"), waitingMax: 100 });
  const first = pool.recover(recordsOf(700)); // one call alone is taken whatever its size
  await assert.rejects(pool.recover(recordsOf(10)), (error: Error & { code: string; data: { waiting: number } }) => {
    assert.equal(error.code, "RECOVERY_QUEUE_FULL");
    assert.ok(error.data.waiting > 100 && error.data.waiting < 700);
    return true;
  });
  await Promise.all([assert.rejects(first, { code: "RECOVERY_CLOSED" }), pool.close()]);
});

test("the program ends by itself with an idle pool, and not before its answers", async () => {
  const program = fileURLToPath(new URL("../../support/idle-pool.js", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const [code] = await once(child, "close");
  assert.deepEqual([code, Buffer.concat(output).toString()], [0, "20\n"]);
});

/** The program of a failing thread. The variables are copied into a thread when it starts. */
function failing(mode: "exit" | "throw" | "hang", marker?: string): URL {
  process.env.TEST_THREAD_FAILS = mode;
  if (marker === undefined) delete process.env.TEST_THREAD_MARKER;
  else process.env.TEST_THREAD_MARKER = marker;
  return new URL("../../support/failing-recovery-worker.js", import.meta.url);
}

interface Entry {
  readonly level: "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

function recorder(): { log: Logger; entries: Entry[] } {
  const entries: Entry[] = [];
  const keep = (level: Entry["level"]) => (fields: object, message: string) => {
    entries.push({ level, fields, message });
  };
  return { log: { ...silentLogger, warn: keep("warn"), error: keep("error") }, entries };
}
