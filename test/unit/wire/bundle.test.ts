import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { repositoryRoot } from "../../support/repository.ts";

/** Everything that may grow without anybody noticing: what visitors of a page load. */
const BYTES_MAX = 60_000;

for (const entry of ["wire", "client"]) {
  test(`loginchain/${entry} makes a file for browsers that needs nothing of Node`, async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(repositoryRoot(), "build", "src", entry, "index.js")],
      bundle: true,
      format: "esm",
      platform: "browser", // a Node module would end the build
      minify: true,
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
    assert.deepEqual(imports, []);
    const text = outputFiles[0]?.text ?? "";
    assert.doesNotMatch(text, /node:|\brequire\(|\bprocess\.|\bBuffer\b/);
    if (entry === "wire") assert.ok(text.length < BYTES_MAX, `${text.length} bytes`);
  });
}
