import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NEVER_ANNOUNCED } from "../../src/chain/store.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import { txid } from "../../src/chain/transaction.ts";
import { type Batch, Database } from "../../src/storage/database.ts";
import { askStore, expectedAnswers } from "../support/chain-model.ts";
import { sampleChain } from "../support/fake-blocks.ts";
import { openStore, storeInFlushes } from "../support/level-files.ts";
import { tempDir } from "../support/temp-dir.ts";

const WRITER = fileURLToPath(new URL("../support/storage-writer.js", import.meta.url));
const questions = sampleChain(41, 30);
const { changes } = questions;

/** The next write of any database fails: before it is made, or after, as when only the final sync fails. */
function failOnce(t: TestContext, when: "before" | "after"): void {
  const genuine = Database.prototype.write;
  const mocked = t.mock.method(Database.prototype, "write", async function (this: Database, batch: Batch) {
    mocked.mock.restore();
    if (when === "after") await genuine.call(this, batch, { sync: true });
    throw this.writeError(new Error("no space left on device"));
  });
}

test("a failed flush acknowledges nothing, keeps the blocks staged and can be repeated", async (t) => {
  const store = await openStore(join(tempDir(t), "chain"));
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "before");
  for (const change of changes.slice(10, 13)) store.stage(change);
  await assert.rejects(store.flush(), {
    code: "STORE_WRITE",
    message: /^cannot write to .*: no space left on device; free space or check the disk, nothing of it was stored$/,
  });
  assert.equal(store.stagedCount(), 3);
  assert.equal(store.stagedHead()?.seq, 12);
  assert.deepEqual(askStore(store, questions), expectedAnswers(10, questions));
  await store.flush(); // opens the database again
  assert.deepEqual(askStore(store, questions), expectedAnswers(13, questions));
  await storeInFlushes(store, changes.slice(13), 4);
  assert.deepEqual(askStore(store, questions), expectedAnswers(30, questions));
  await store.close();
});

test("after a failed flush staged blocks can be dropped and others stored", async (t) => {
  const store = await openStore(join(tempDir(t), "chain"));
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "before");
  for (const change of changes.slice(10, 15)) store.stage(change);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  store.discardStaged();
  assert.equal(store.stagedHead()?.seq, 9);
  await storeInFlushes(store, changes.slice(10), 2);
  assert.deepEqual(askStore(store, questions), expectedAnswers(30, questions));
  await store.close();
});

test("blocks of a failed write that reached the disk all the same are taken as stored", async (t) => {
  const dir = join(tempDir(t), "chain");
  let store = await openStore(dir);
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "after");
  for (const change of changes.slice(10, 13)) store.stage(change);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  assert.equal(store.head()?.seq, 9);
  assert.deepEqual(askStore(store, questions).unspents, expectedAnswers(10, questions).unspents);
  await store.flush(); // finds them stored
  assert.equal(store.stagedCount(), 0);
  assert.deepEqual(askStore(store, questions), expectedAnswers(13, questions));
  await storeInFlushes(store, changes.slice(13), 4);
  await store.close();
  store = await openStore(dir);
  assert.deepEqual(askStore(store, questions), expectedAnswers(30, questions));
  await store.close();
});

test("another block is not put where a failed write had stored one after all", async (t) => {
  const store = await openStore(join(tempDir(t), "chain"));
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "after");
  store.stage(changes[10] as (typeof changes)[0]);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  store.discardStaged();
  const [, rival] = [changes[10], { ...(changes[10] as (typeof changes)[0]), hash: new Uint8Array(32) as never }];
  store.stage(rival);
  await assert.rejects(store.flush(), { code: "STORE_WRITE", message: /block 10 no longer follows the head/ });
  store.discardStaged();
  assert.equal(store.head()?.seq, 10);
  await storeInFlushes(store, changes.slice(11), 4);
  assert.deepEqual(askStore(store, questions), expectedAnswers(30, questions));
  await store.close();
});

test("while the disk refuses, reads go on and each flush says so; then all resumes", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "before");
  store.stage(changes[10] as (typeof changes)[0]);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  await mkdir(join(dir, "probe", "in-the-way"), { recursive: true }); // the probe file cannot be written
  for (let i = 0; i < 3; i++) await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  assert.deepEqual(askStore(store, questions), expectedAnswers(10, questions));
  await rm(join(dir, "probe"), { recursive: true });
  await store.flush();
  assert.deepEqual(askStore(store, questions), expectedAnswers(11, questions));
  await store.close();
});

test("a pool write that fails changes nothing and can be repeated", async (t) => {
  const store = await openStore(join(tempDir(t), "chain"));
  await storeInFlushes(store, changes.slice(0, 10), 3);
  const txn = changes[12]?.block.transactions[0] as Transaction;
  const record = { txn, received: 1n, checked: 1n, announced: NEVER_ANNOUNCED, isValid: true };
  failOnce(t, "before");
  await assert.rejects(store.putUnconfirmed([record]), { code: "STORE_WRITE" });
  assert.deepEqual([...store.unconfirmed()], []);
  await store.putUnconfirmed([record]);
  failOnce(t, "before");
  await assert.rejects(store.removeUnconfirmed([txid(txn)]), { code: "STORE_WRITE" });
  assert.equal([...store.unconfirmed()].length, 1);
  await storeInFlushes(store, changes.slice(10), 4);
  assert.deepEqual([...store.unconfirmed()], []);
  await store.close();
});

test("closing after a failed write leaves a sound database", async (t) => {
  const dir = join(tempDir(t), "chain");
  let store = await openStore(dir);
  await storeInFlushes(store, changes.slice(0, 10), 3);
  failOnce(t, "before");
  store.stage(changes[10] as (typeof changes)[0]);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  await store.close();
  store = await openStore(dir);
  assert.deepEqual(askStore(store, questions), expectedAnswers(10, questions));
  await store.close();
});

test("a tip file that cannot be written does not undo a stored block", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await mkdir(join(dir, "tip"));
  await storeInFlushes(store, changes.slice(0, 3), 1);
  assert.equal(store.head()?.seq, 2);
  await rm(join(dir, "tip"), { recursive: true });
  await store.close();
});

/** A real limit of the system on the size of a file: the log of LevelDB hits it in the middle of a batch. */
test("a file size limit stops writing, corrupts nothing, and ends with it", { skip: limitMissing() }, async (t) => {
  const dir = join(tempDir(t), "chain");
  const blocks = 300;
  const child = spawn(
    "sh",
    ["-c", `ulimit -S -f 300; exec "$0" "$@"`, process.execPath, WRITER, dir, "42", `${blocks}`],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const exited = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const [code] = await exited;
  assert.equal(code, 0);
  assert.ok(lines.includes("STORE_WRITE"), lines.slice(-5).join());
  const acknowledged = Math.max(...lines.filter((line) => /^\d+$/.test(line)).map(Number));
  const all = sampleChain(42, blocks);
  assert.ok(acknowledged > 0 && acknowledged < blocks - 1, `${acknowledged}`);
  const store = await openStore(dir);
  const head = store.head()?.seq ?? -1;
  assert.ok(head >= acknowledged);
  assert.deepEqual(askStore(store, all), expectedAnswers(head + 1, all));
  await storeInFlushes(store, all.changes.slice(head + 1), 50);
  assert.deepEqual(askStore(store, all), expectedAnswers(blocks, all));
  await store.close();
});

function limitMissing(): string | false {
  return process.platform === "linux" ? false : "needs ulimit and a system that reports EFBIG";
}
