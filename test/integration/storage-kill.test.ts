import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { askStore, expectedAnswers } from "../support/chain-model.ts";
import { randomFrom, sampleChain } from "../support/fake-blocks.ts";
import { logOf, openStore, storeInFlushes } from "../support/level-files.ts";
import { tempDir } from "../support/temp-dir.ts";

const WRITER = fileURLToPath(new URL("../support/storage-writer.js", import.meta.url));
/** More kills for a long run. */
const KILLS = Number(process.env.STORAGE_KILLS ?? 6);
const CUTS = Number(process.env.STORAGE_CUTS ?? 20);
const BLOCKS = 400;

/** Runs the writer until it has acknowledged `acks` flushes, then kills it while it goes on writing. */
async function writeAndKill(dir: string, seed: number, blocks: number, acks: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, dir, String(seed), String(blocks)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let [acknowledged, count] = [-1, 0];
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^\d+$/.test(line)) acknowledged = Number(line);
    if (++count === acks) child.kill("SIGKILL");
  }
  await exited;
  return acknowledged;
}

test(`${KILLS} kills while writing lose no acknowledged block and need no repair`, async (t) => {
  const seed = 11;
  const random = randomFrom(seed);
  let dir = join(tempDir(t), "chain");
  const questions = sampleChain(seed, BLOCKS);
  for (let kill = 0; kill < KILLS; kill++) {
    const acknowledged = await writeAndKill(dir, seed, BLOCKS, 1 + Math.floor(random() * 12));
    const store = await openStore(dir);
    const head = store.head()?.seq ?? -1;
    assert.ok(head >= acknowledged, `kill ${kill}: head ${head}, acknowledged ${acknowledged}`);
    assert.equal(store.lostBlocks, undefined);
    assert.deepEqual(askStore(store, questions), expectedAnswers(head + 1, questions), `kill ${kill}, head ${head}`);
    await store.close();
    if (head === BLOCKS - 1) dir = join(tempDir(t), "chain");
  }
});

test("a log cut anywhere behind the last acknowledged batch opens with every acknowledged block", async (t) => {
  const base = tempDir(t);
  const dir = join(base, "chain");
  const questions = sampleChain(12, 60);
  const { changes } = questions;
  // What the machine may lose is what is not synced: per batch, the log's size and the tip file after it.
  const points: { readonly size: number; readonly head: number; readonly tip: Buffer }[] = [];
  let store = await openStore(dir);
  for (let at = 0; at < changes.length; at += 3) {
    await storeInFlushes(store, changes.slice(at, at + 3), 3);
    points.push({ size: logOf(dir).size, head: store.head()?.seq ?? -1, tip: await readFile(join(dir, "tip")) });
  }
  await store.close();
  const random = randomFrom(13);
  for (let cut = 0; cut < CUTS; cut++) {
    const i = Math.floor(random() * (points.length - 1));
    const [before, after] = [points[i], points[i + 1]];
    assert.ok(before !== undefined && after !== undefined);
    const copy = join(base, "copy");
    await rm(copy, { recursive: true, force: true });
    await cp(dir, copy, { recursive: true });
    const size = before.size + Math.floor(random() * (after.size - before.size));
    await truncate(logOf(copy).path, size);
    await writeFile(join(copy, "tip"), before.tip);
    store = await openStore(copy);
    assert.equal(store.head()?.seq, before.head, `cut at ${size} of ${before.size}..${after.size}`);
    assert.deepEqual(askStore(store, questions), expectedAnswers(before.head + 1, questions));
    await storeInFlushes(store, changes.slice(before.head + 1, before.head + 4), 2);
    await store.close();
  }
});

test("a log cut before the last acknowledged batch is refused, or accepted knowingly", async (t) => {
  const base = tempDir(t);
  const dir = join(base, "chain");
  const questions = sampleChain(14, 40);
  const { changes } = questions;
  let store = await openStore(dir);
  await storeInFlushes(store, changes, 4);
  await store.close();
  await copyFile(logOf(dir).path, join(base, "log"));
  await truncate(logOf(dir).path, Math.floor(logOf(dir).size / 2));
  await assert.rejects(openStore(dir), (error: Error & { code: string; data: { to: number } }) => {
    assert.equal(error.code, "STORE_DAMAGED");
    assert.match(error.message, /has lost the blocks \d+ to 39, which had been acknowledged; restore a backup/);
    assert.equal(error.data.to, 39);
    return true;
  });
  store = await openStore(dir, { lostBlocks: "accept" });
  const head = store.head()?.seq ?? -1;
  assert.ok(head > 5 && head < 39);
  assert.deepEqual(store.lostBlocks, { from: head + 1, to: 39 });
  assert.deepEqual(askStore(store, questions), expectedAnswers(head + 1, questions));
  await storeInFlushes(store, changes.slice(head + 1), 4);
  assert.deepEqual(askStore(store, questions), expectedAnswers(40, questions));
  await store.close();
  store = await openStore(dir); // the tip moved on with the new blocks
  assert.equal(store.lostBlocks, undefined);
  await store.close();
});
