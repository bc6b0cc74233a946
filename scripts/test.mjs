// Compiles src, test and bench to build/ and runs the tests with node's own runner. Arguments choose folders of
// test/ (unit, contract, integration) or single files; none means all. The last line is "N passed, N failed".
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePages } from "./pages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(root, "build");

rmSync(build, { recursive: true, force: true });
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], { stdio: "inherit" });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
await bundlePages(join(build, "src", "web"));

const wanted = process.argv.slice(2);
const files = (wanted.length === 0 ? ["unit", "contract", "integration"] : wanted).flatMap(testsOf);
const scratch = mkdtempSync(join(tmpdir(), "loginchain-test-"));
const tap = join(scratch, "result.tap");
const run = spawnSync(
  process.execPath,
  [
    "--test",
    `--test-concurrency=${Math.max(1, Math.min(4, availableParallelism()))}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${tap}`,
    ...files,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, NODE_ENV: "test" } },
);
const totals = Object.fromEntries(
  [...readFileSync(tap, "utf8").matchAll(/^# (pass|fail|cancelled|skipped) (\d+)$/gm)].map(([, k, n]) => [
    k,
    Number(n),
  ]),
);
rmSync(scratch, { recursive: true, force: true });
const failed = (totals.fail ?? 0) + (totals.cancelled ?? 0);
console.log(`${totals.pass ?? 0} passed, ${failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ""}`);
process.exit(run.status === 0 && failed === 0 && (totals.pass ?? 0) > 0 ? 0 : 1);

/** Compiled test files of a folder of test/, or the compiled form of one .ts file. */
function testsOf(name) {
  if (name.endsWith(".ts")) return [join(build, name.replace(/\.ts$/, ".js"))];
  const folder = resolve(build, "test", name);
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => join(folder, file))
    .sort();
}
