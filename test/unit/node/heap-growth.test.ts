import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("this V8 knows the limit on heap growth: it says nothing, where it complains about a flag it does not know", () => {
  const module = new URL("../../../src/node/heap-growth.js", import.meta.url).href;
  const complaintOf = (program: string) =>
    spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" }).stderr;
  assert.equal(complaintOf(`import { limitHeapGrowth } from ${JSON.stringify(module)}; limitHeapGrowth();`), "");
  assert.match(complaintOf(`(await import("node:v8")).setFlagsFromString("--no-such-limit=1");`), /no-such-limit/);
});
