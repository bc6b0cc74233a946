import assert from "node:assert/strict";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Hash, hashHex, sha256 } from "../../../src/cipher/hash.ts";
import { PublisherMarkFile } from "../../../src/node/publisher-mark.ts";
import { temporaryDirectory } from "../../support/processes.ts";

const hash = (text: string): Hash => sha256(new TextEncoder().encode(text));
const GENESIS = hash("genesis");
const mark = (seq: number) => ({ seq, hash: hash(`block ${seq}`) });

async function fresh(t: TestContext) {
  const path = join(await temporaryDirectory(t), "publisher.head");
  return { path, file: new PublisherMarkFile(path, GENESIS), read: () => new PublisherMarkFile(path, GENESIS).read() };
}

test("each mark written is the one read, in a file that is only its owner's and does not grow", async (t) => {
  const { path, file, read } = await fresh(t);
  assert.equal(await read(), undefined);
  for (let seq = 1; seq <= 5; seq++) {
    await file.write(mark(seq));
    assert.deepEqual(await read(), mark(seq));
    const { size, mode } = await stat(path);
    assert.deepEqual([size, mode & 0o777], [8192, 0o600]);
  }
});

test("a process that starts again goes on, and may be told of a lower block", async (t) => {
  const { path, file, read } = await fresh(t);
  for (const seq of [7, 8, 9]) await file.write(mark(seq));
  const later = new PublisherMarkFile(path, GENESIS);
  await later.write(mark(3));
  assert.deepEqual(await read(), mark(3));
  await later.write(mark(4));
  assert.deepEqual(await read(), mark(4));
});

test("a line broken anywhere by a power cut leaves the mark before it", async (t) => {
  const { path, file, read } = await fresh(t);
  for (const seq of [8, 9]) await file.write(mark(seq));
  const before = await readFile(path);
  await file.write(mark(10));
  const after = await readFile(path);
  const length = after.indexOf("}") + 1;
  for (let at = 1; at < length; at++) {
    await writeFile(path, Buffer.concat([after.subarray(0, at), before.subarray(at)]));
    assert.deepEqual(await read(), mark(9), `cut at ${at}`);
  }
  await writeFile(path, after);
  assert.deepEqual(await read(), mark(10));
});

test("a file that was removed is made anew", async (t) => {
  const { path, file, read } = await fresh(t);
  await file.write(mark(1));
  await rm(path);
  await file.write(mark(2));
  assert.deepEqual(await read(), mark(2));
});

test("one line without check, as first written, is read; a mark of another chain is none", async (t) => {
  const { path, read } = await fresh(t);
  const line = { genesis: hashHex(GENESIS), seq: 5, hash: hashHex(mark(5).hash) };
  await writeFile(path, `${JSON.stringify(line)}\n`);
  assert.deepEqual(await read(), mark(5));
  assert.equal(await new PublisherMarkFile(path, hash("another")).read(), undefined);
});

test("a file without one whole line is refused with what to do", async (t) => {
  const { path, read } = await fresh(t);
  for (const text of ["", "{", '{"genesis":"a","seq":"b"}\n', '{"genesis":"a","seq":1,"hash":"00","check":"0"}\n']) {
    await writeFile(path, text);
    await assert.rejects(read(), {
      code: "CONFIG_INVALID",
      message: /publisher\.head: .*remove the file and start with -accept-head/,
    });
  }
});
