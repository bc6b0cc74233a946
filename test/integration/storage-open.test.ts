import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BlockChange } from "../../src/chain/store.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import type { PublicKey } from "../../src/cipher/keys.ts";
import { Database } from "../../src/storage/database.ts";
import { moveAside } from "../../src/storage/directory.ts";
import { LAYOUT_VERSION, metaKey, seal } from "../../src/storage/layout.ts";
import { askStore, expectedAnswers } from "../support/chain-model.ts";
import { sampleChain } from "../support/fake-blocks.ts";
import { openStore, storeInFlushes } from "../support/level-files.ts";
import { tempDir } from "../support/temp-dir.ts";

const WRITER = fileURLToPath(new URL("../support/storage-writer.js", import.meta.url));
const questions = sampleChain(31, 12);
const { changes } = questions;
const genesisHash = (changes[0] as BlockChange).hash;
const publisherKey = new Uint8Array(33).fill(2) as PublicKey;

async function writeMeta(dir: string, name: "layout" | "chain" | "head", content: Uint8Array): Promise<void> {
  const db = await Database.open(dir);
  const batch = db.batch();
  batch.put(metaKey(name), seal(metaKey(name), content));
  await db.write(batch, { sync: true });
  await db.close();
}

test("the directory is made for its owner only", async (t) => {
  const dir = join(tempDir(t), "deep", "chain");
  const store = await openStore(dir);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  await store.close();
});

test("a second opening in the same process is refused, naming it", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await assert.rejects(openStore(dir), (error: Error & { code: string; data: { pid: number } }) => {
    assert.equal(error.code, "STORE_LOCKED");
    assert.equal(
      error.message,
      `the database ${dir} is in use by process ${process.pid}: stop that process or choose another data directory`,
    );
    assert.equal(error.data.pid, process.pid);
    return true;
  });
  await store.close();
  await (await openStore(dir)).close();
});

test("the lock of another process is respected, and gone with it even when it is killed", async (t) => {
  const dir = join(tempDir(t), "chain");
  const child = spawn(process.execPath, [WRITER, dir, "31", "5000"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await once(createInterface({ input: child.stdout }), "line");
  await assert.rejects(openStore(dir), new RegExp(`in use by process ${child.pid}:`));
  child.kill("SIGKILL");
  await exited;
  await (await openStore(dir)).close();
});

test("a database of another chain is refused by genesis block and by publisher", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir, { chain: { genesisHash, publisherKey } });
  await storeInFlushes(store, changes, 4);
  await store.close();
  const otherHash = new Uint8Array(32).fill(9) as Hash;
  const otherKey = new Uint8Array(33).fill(3) as PublicKey;
  for (const chain of [
    { genesisHash: otherHash, publisherKey },
    { genesisHash, publisherKey: otherKey },
  ]) {
    await assert.rejects(openStore(dir, { chain }), {
      code: "STORE_FOREIGN",
      message: new RegExp(`^the database ${dir} belongs to another chain .*: choose another data directory$`),
    });
  }
  await (await openStore(dir, { chain: { genesisHash, publisherKey } })).close();
  await (await openStore(dir)).close(); // without a chain to compare with
});

test("a database made without naming its chain still knows its genesis block", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await storeInFlushes(store, changes, 4);
  await store.close();
  const otherHash = new Uint8Array(32).fill(9) as Hash;
  await assert.rejects(openStore(dir, { chain: { genesisHash: otherHash, publisherKey } }), { code: "STORE_FOREIGN" });
  await (await openStore(dir, { chain: { genesisHash, publisherKey } })).close();
});

test("a newer or older layout is refused and left alone", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await storeInFlushes(store, changes, 4);
  await store.close();
  const version = Buffer.alloc(4);
  version.writeUInt32LE(LAYOUT_VERSION - 1);
  await writeMeta(dir, "layout", version);
  await assert.rejects(openStore(dir), { code: "STORE_OLDER", message: /has layout 1.*chain export/ });
  version.writeUInt32LE(LAYOUT_VERSION + 1);
  await writeMeta(dir, "layout", version);
  await assert.rejects(openStore(dir), {
    code: "STORE_NEWER",
    message: `the database ${dir} has layout ${LAYOUT_VERSION + 1}, this program knows ${LAYOUT_VERSION}: use the newer program, or another data directory`,
  });
});

test("counters and set hash that do not fit the outputs are refused", async (t) => {
  for (const [offset, message] of [
    [16, /block 11 is not the head block/],
    [50, /do not match the set hash of the head/],
    [88, /unspent outputs are stored instead of/],
    [96, /addresses hold outputs instead of/],
    [0, /the head block \d+ is missing/],
  ] as const) {
    const dir = join(tempDir(t), "chain");
    const store = await openStore(dir);
    await storeInFlushes(store, changes, 4);
    await store.close();
    const db = await Database.open(dir);
    const tip = Buffer.from(db.get(metaKey("head")) ?? []);
    await db.close();
    tip[offset] = (tip[offset] as number) ^ 128;
    await writeMeta(dir, "head", tip);
    await assert.rejects(openStore(dir), message);
  }
});

test("reading only: everything can be read, nothing written, nothing made", async (t) => {
  const dir = join(tempDir(t), "chain");
  await assert.rejects(openStore(dir, { readOnly: true }), {
    code: "STORE_MISSING",
    message: `there is no database in ${dir}`,
  });
  assert.equal(existsSync(dir), false);
  let store = await openStore(dir);
  await storeInFlushes(store, changes.slice(0, 11), 4);
  await store.close();
  store = await openStore(dir, { readOnly: true });
  assert.deepEqual(askStore(store, questions), expectedAnswers(11, questions));
  assert.throws(() => store.stage(changes[11] as BlockChange), { code: "STORE_READ_ONLY" });
  for (const write of [store.flush(), store.putUnconfirmed([]), store.removeUnconfirmed([]), store.compact()]) {
    await assert.rejects(write, { code: "STORE_READ_ONLY" });
  }
  await assert.rejects(openStore(dir, { readOnly: true }), { code: "STORE_LOCKED" });
  await store.close();
});

test("without leave to create, an absent database is reported", async (t) => {
  const dir = join(tempDir(t), "chain");
  await assert.rejects(openStore(dir, { create: false }), { code: "STORE_MISSING" });
  assert.equal(existsSync(dir), false);
});

test("a directory with other files is not taken over", async (t) => {
  const dir = tempDir(t);
  await writeFile(join(dir, "data.db"), "a reference node's database");
  await assert.rejects(openStore(dir), {
    code: "STORE_OPEN",
    message: `${dir} holds no database but other files (data.db): choose another data directory or empty this one`,
  });
  assert.deepEqual(await readdir(dir), ["data.db"]);
});

test("a path that is a file, or under one, is refused", async (t) => {
  const file = join(tempDir(t), "data.db");
  await writeFile(file, "a reference node's database");
  for (const dir of [file, join(file, "chain")]) {
    await assert.rejects(openStore(dir), { code: "STORE_OPEN", message: new RegExp(dir) });
  }
  assert.equal(await readFile(file, "utf8"), "a reference node's database");
});

test("a directory that may not be entered is refused", {
  skip: process.getuid?.() === 0 && "runs as root",
}, async (t) => {
  const dir = join(tempDir(t), "chain");
  await mkdir(dir, { mode: 0o000 });
  await assert.rejects(openStore(dir), { code: "STORE_OPEN" });
  await chmod(dir, 0o700);
});

test("moving aside keeps every file and makes room for a new database", async (t) => {
  const dir = join(tempDir(t), "chain");
  let store = await openStore(dir);
  await storeInFlushes(store, changes, 4);
  await store.close();
  const names = (await readdir(dir)).sort();
  const moved = await moveAside(dir);
  assert.match(moved.slice(dir.length), /^\.corrupt\.[A-Za-z0-9_-]{11}$/);
  assert.deepEqual((await readdir(moved)).sort(), names);
  store = await openStore(dir);
  assert.equal(store.head(), undefined);
  await store.close();
  store = await openStore(moved);
  assert.equal(store.head()?.seq, 11);
  await store.close();
});

test("a failed opening leaves no lock behind", async (t) => {
  const dir = join(tempDir(t), "chain");
  const store = await openStore(dir);
  await storeInFlushes(store, changes, 4);
  await store.close();
  const other = { genesisHash: new Uint8Array(32) as Hash, publisherKey };
  await assert.rejects(openStore(dir, { chain: other }), { code: "STORE_FOREIGN" });
  assert.equal(existsSync(join(dir, "owner")), false);
  await (await openStore(dir)).close();
});
