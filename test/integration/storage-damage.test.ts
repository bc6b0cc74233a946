import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { StoreError } from "../../src/storage/errors.ts";
import { askStore, expectedAnswers } from "../support/chain-model.ts";
import { randomFrom, sampleChain } from "../support/fake-blocks.ts";
import { filesOf, flipBit, logOf, makeDatabase, openStore } from "../support/level-files.ts";
import { tempDir } from "../support/temp-dir.ts";

/** More flips for a long run. */
const FLIPS = Number(process.env.STORAGE_FLIPS ?? 60);
const BLOCKS = 90;
const questions = sampleChain(21, BLOCKS);
const expected = expectedAnswers(BLOCKS, questions);

/** Names and bytes of all files but those that LevelDB writes about itself. */
function contentOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name !== "LOCK" && !name.startsWith("LOG"))
    .sort()
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(dir, name)))
          .digest("hex")}`,
    );
}

/** Opens a damaged copy: either it is refused in one line, or every answer is right. */
async function judge(dir: string, what: string): Promise<"refused" | "harmless"> {
  let store: Awaited<ReturnType<typeof openStore>>;
  const before = contentOf(dir);
  try {
    store = await openStore(dir);
  } catch (error) {
    assert.deepEqual(contentOf(dir), before, `${what}: what is refused is left as it was`);
    assert.ok(error instanceof StoreError, `${what}: ${String(error)}`);
    assert.equal(error.code, "STORE_DAMAGED", `${what}: ${error.message}`);
    assert.ok(error.message.includes(dir) && !error.message.includes("\n"), error.message);
    return "refused";
  }
  try {
    assert.deepEqual(askStore(store, questions), expected, what);
    return "harmless";
  } finally {
    await store.close();
  }
}

test(`${FLIPS} flipped bits are refused or harmless, whichever file they hit`, async (t) => {
  const base = tempDir(t);
  const [dir, copy] = [join(base, "chain"), join(base, "copy")];
  await makeDatabase(dir, questions.changes);
  const files = filesOf(dir).filter(({ name, size }) => size > 0 && !name.startsWith("LOG"));
  const kinds = files.map(({ name }) => name.replace(/\d+/, "")).sort();
  for (const kind of [".ldb", ".log", "CURRENT", "MANIFEST-", "tip"]) assert.ok(kinds.includes(kind), kind);
  const random = randomFrom(22);
  const refused: Record<string, number> = {};
  for (let flip = 0; flip < FLIPS; flip++) {
    const file = files[flip % files.length];
    assert.ok(file !== undefined);
    await rm(copy, { recursive: true, force: true });
    await cp(dir, copy, { recursive: true });
    const bit = Math.floor(random() * file.size * 8);
    await flipBit(join(copy, file.name), bit);
    if ((await judge(copy, `bit ${bit} of ${file.name}`)) === "refused") {
      refused[file.name] = (refused[file.name] ?? 0) + 1;
    }
  }
  const share = Object.values(refused).reduce((sum, n) => sum + n, 0) / FLIPS;
  t.diagnostic(`refused ${JSON.stringify(refused)} of ${FLIPS}, each file as often`);
  assert.ok(share > 0.5, "most flips are noticed");
});

test("every missing file is refused or harmless", async (t) => {
  const base = tempDir(t);
  const [dir, copy] = [join(base, "chain"), join(base, "copy")];
  await makeDatabase(dir, questions.changes);
  for (const { name } of filesOf(dir)) {
    await rm(copy, { recursive: true, force: true });
    await cp(dir, copy, { recursive: true });
    await rm(join(copy, name));
    const verdict = await judge(copy, `without ${name}`);
    const harmless = /^(LOG|LOG\.old|LOCK|tip)$/.test(name);
    assert.equal(verdict, harmless ? "harmless" : "refused", `without ${name}`);
    if (name === "CURRENT")
      assert.ok(
        filesOf(copy).some((file) => file.name.endsWith(".ldb")),
        "tables are kept",
      );
  }
});

test("cut tables, zeroed pages and swapped files are refused or harmless", async (t) => {
  const base = tempDir(t);
  const [dir, copy] = [join(base, "chain"), join(base, "copy")];
  await makeDatabase(dir, questions.changes);
  const tables = filesOf(dir).filter(({ name }) => name.endsWith(".ldb"));
  const table = tables[0];
  assert.ok(table !== undefined && tables.length > 0);
  const damages: Record<string, (path: string) => Promise<void>> = {
    "cut to nothing": (path) => truncate(path, 0),
    "cut in half": (path) => truncate(path, Math.floor(table.size / 2)),
    "cut by a byte": (path) => truncate(path, table.size - 1),
    "a zero page": async (path) => writeFile(path, (await readFile(path)).fill(0, 0, 4096)),
    "zeros at the end": async (path) => writeFile(path, (await readFile(path)).fill(0, table.size - 512)),
    "another table's content": (path) => writeFile(path, "not a table"),
  };
  for (const [what, damage] of Object.entries(damages)) {
    await rm(copy, { recursive: true, force: true });
    await cp(dir, copy, { recursive: true });
    await damage(join(copy, table.name));
    assert.equal(await judge(copy, what), "refused", what);
  }
});

test("a table left half written by a crash is no damage", async (t) => {
  const dir = join(tempDir(t), "chain");
  await makeDatabase(dir, questions.changes);
  const table = filesOf(dir).find(({ name }) => name.endsWith(".ldb"));
  assert.ok(table !== undefined);
  await writeFile(join(dir, "000999.ldb"), (await readFile(table.path)).subarray(0, Math.floor(table.size / 3)));
  assert.equal(await judge(dir, "half a table nobody refers to"), "harmless");
  assert.equal(existsSync(join(dir, "000999.ldb")), false);
});

test("a missing log is noticed, although LevelDB does not", async (t) => {
  const dir = join(tempDir(t), "chain");
  await makeDatabase(dir, questions.changes);
  await rm(logOf(dir).path);
  await assert.rejects(openStore(dir), /has lost the blocks \d+ to 89, which had been acknowledged/);
});

test("a database whose files are all gone is refused, not begun again", async (t) => {
  const dir = join(tempDir(t), "chain");
  await makeDatabase(dir, questions.changes);
  for (const { name, path } of filesOf(dir)) if (name !== "tip") await rm(path);
  await assert.rejects(openStore(dir), /has lost the blocks 0 to 89/);
  await rm(join(dir, "tip"));
  const store = await openStore(dir);
  assert.equal(store.head(), undefined);
  await store.close();
});

test("a tip file of another chain is refused", async (t) => {
  const base = tempDir(t);
  const [dir, other] = [join(base, "chain"), join(base, "other")];
  await makeDatabase(dir, questions.changes);
  await mkdir(other);
  await makeDatabase(other, sampleChain(23, 30).changes);
  await cp(join(other, "tip"), join(dir, "tip"));
  await assert.rejects(openStore(dir), /its block 29 is not the one that was acknowledged/);
});
