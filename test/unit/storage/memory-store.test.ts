import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FailingStore } from "../../support/failing-store.ts";
import { sampleChain } from "../../support/fake-blocks.ts";
import { repositoryRoot } from "../../support/repository.ts";

test("the store in memory runs in a browser: neither it nor what it imports from its folder names Node", () => {
  const folder = join(repositoryRoot(), "src", "storage");
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const source = readFileSync(join(folder, name), "utf8");
    assert.doesNotMatch(source, /"node:|\bBuffer\b|\bprocess\./, name);
    for (const [, next] of source.matchAll(/from "\.\/([^"]+)"/g)) visit(next as string);
  };
  visit("memory-store.ts");
  assert.ok(seen.has("staging.ts"));
});

test("a store that fails on request keeps the block staged and takes it at the next flush", async () => {
  const store = new FailingStore((write) => write === 2);
  const { changes } = sampleChain(1, 3);
  for (const change of changes.slice(0, 2)) store.stage(change);
  await store.flush();
  for (const change of changes.slice(2)) store.stage(change);
  await assert.rejects(store.flush(), { code: "STORE_WRITE" });
  assert.equal(store.head()?.seq, 1);
  assert.equal(store.stagedCount(), 1);
  await store.flush();
  assert.equal(store.head()?.seq, 2);
});
