import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { silentLogger } from "../../../src/base/log.ts";
import { KeyValueService, STORAGE_CHARACTERS_MAX } from "../../../src/keyvalue/service.ts";
import { tempDir } from "../../support/temp-dir.ts";

function open(directory: string, enabled = true): Promise<KeyValueService> {
  return KeyValueService.open({ directory, enabled }, { log: silentLogger });
}

async function opened(t: TestContext): Promise<{ directory: string; service: KeyValueService }> {
  const directory = join(tempDir(t), "data");
  return { directory, service: await open(directory) };
}

test("what was set is there after a restart, whatever the text", async (t) => {
  const { directory, service } = await opened(t);
  const text = fc.string({ unit: "binary", maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("txid", "client"), text, text, async (type, key, value) => {
      await service.set(type, key, value);
      assert.equal(service.get(type, key), value);
    }),
    { numRuns: 20 },
  );
  const again = await open(directory);
  for (const type of ["txid", "client"]) assert.deepEqual(again.all(type), service.all(type));
});

test("storages are apart, and a removed key is gone", async (t) => {
  const { directory, service } = await opened(t);
  await service.set("txid", "k", "1");
  await service.set("client", "k", "");
  await service.set("txid", "k", "2");
  await service.remove("txid", "k");
  assert.deepEqual([[...service.all("txid")], [...service.all("client")]], [[], [["k", ""]]]);
  assert.throws(() => service.get("txid", "k"), { code: "KEYVALUE_KEY_UNKNOWN" });
  await assert.rejects(service.remove("txid", "k"), { code: "KEYVALUE_KEY_UNKNOWN" });
  assert.equal((await open(directory)).get("client", "k"), "");
});

test("files are those of the reference: one JSON object each, sorted, for their owner only", async (t) => {
  const { directory, service } = await opened(t);
  assert.equal(readFileSync(join(directory, "txid.json"), "utf8"), "{}");
  await service.set("client", "b", 'say "hi"\n');
  await service.set("client", "a", "é");
  const file = join(directory, "client.json");
  assert.equal(readFileSync(file, "utf8"), '{\n    "a": "é",\n    "b": "say \\"hi\\"\\n"\n}');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

for (const damage of ["", "{", "[]", '{"a":1}', '"text"']) {
  test(`a damaged file (${damage || "empty"}) is moved aside and an empty one made`, async (t) => {
    const { directory } = await opened(t);
    writeFileSync(join(directory, "txid.json"), damage);
    assert.equal((await open(directory)).all("txid").size, 0);
    assert.equal(readFileSync(join(directory, "txid.json"), "utf8"), "{}");
    const [aside] = readdirSync(directory).filter((name) => /^txid\.json\.corrupt\.[\w-]{11}$/.test(name));
    assert.equal(readFileSync(join(directory, aside ?? ""), "utf8"), damage);
  });
}

test("null stands for nothing, as in Go", async (t) => {
  const { directory } = await opened(t);
  writeFileSync(join(directory, "txid.json"), "null");
  writeFileSync(join(directory, "client.json"), '{"a":null}');
  const service = await open(directory);
  assert.deepEqual([[...service.all("txid")], [...service.all("client")]], [[], [["a", ""]]]);
});

test("switched off it makes no files; the type is judged first", async (t) => {
  const directory = join(tempDir(t), "data");
  const service = await open(directory, false);
  assert.equal(existsSync(directory), false);
  assert.throws(() => service.all("nope"), { code: "KEYVALUE_TYPE_UNKNOWN", message: "unknown storage" });
  assert.throws(() => service.all("txid"), { code: "KEYVALUE_DISABLED" });
  await assert.rejects(service.set("txid", "k", "v"), { code: "KEYVALUE_DISABLED" });
});

test("a change that cannot be written changes nothing, and later ones can", async (t) => {
  const { directory, service } = await opened(t);
  rmSync(directory, { recursive: true });
  await assert.rejects(service.set("txid", "k", "v"), { code: "ENOENT" });
  assert.equal(service.all("txid").size, 0);
  mkdirSync(directory);
  await service.set("txid", "k", "v");
  assert.equal(service.get("txid", "k"), "v");
});

test("a full storage refuses more and still lets go", async (t) => {
  const { service } = await opened(t);
  await service.set("client", "a", "x".repeat(STORAGE_CHARACTERS_MAX - 1));
  await assert.rejects(service.set("client", "b", ""), { code: "KEYVALUE_FULL" });
  await service.set("client", "a", "");
  await service.set("client", "b", "");
  assert.equal(service.all("client").size, 2);
});

test("of many changes at once those beyond the bound are refused, the others all happen", async (t) => {
  const { service } = await opened(t);
  const changes = Array.from({ length: 70 }, (_, i) => service.set("txid", `k${i}`, "v"));
  const results = await Promise.allSettled(changes);
  const refused = results.filter((r) => r.status === "rejected");
  assert.equal(refused.length, 6);
  for (const { reason } of refused) assert.equal(reason.code, "KEYVALUE_BUSY");
  assert.equal(service.all("txid").size, 64);
  await service.set("txid", "later", "v");
});

test("closing waits for what is being written", async (t) => {
  const { directory, service } = await opened(t);
  const change = service.set("txid", "k", "v");
  await service.close();
  assert.deepEqual(JSON.parse(readFileSync(join(directory, "txid.json"), "utf8")), { k: "v" });
  await change;
});
