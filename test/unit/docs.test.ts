import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "../support/repository.ts";

const root = repositoryRoot();

const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].concat(
  readdirSync(join(root, "docs"), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
);

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, () => {
    const text = readFileSync(join(root, page), "utf8");
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue;
      const path = join(root, dirname(page), target);
      assert.ok(existsSync(path), `${page} links to ${relative(root, path)}`);
    }
  });
}

test("every folder of src has a row in ARCHITECTURE.md, and no row is without a folder", () => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z0-9]+)` \|/gm)].map(([, name]) => name as string);
  const folders = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  assert.deepEqual(rows.sort(), folders.sort());
});
