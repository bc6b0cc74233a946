// Compiles src, test and bench to build/ and runs the tests with node's own runner. Arguments choose folders of
// test/ (unit, contract, integration) or single files; none means all. The last line is "N passed, N failed".
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, posix } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { bundlePages } from "./pages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(root, "build");
const tests = join(build, "test");

/** What takes longest, longest first: it starts first, so that no processor is left with it at the end. */
const LONGEST = [
  "integration/process-kill",
  "integration/simulation",
  "integration/login-pages",
  "integration/up",
  "integration/publisher-safety",
  "integration/api-conformance",
  "unit/wallet",
  "unit/chain",
  "unit/api",
  "integration/bad-input",
  "integration/login-service",
  "integration/login-restart",
  "integration/api-docs",
  "integration/storage-kill",
];

/**
 * The tests of a folder of test/unit share one process, most of whose time would else be starting. Alone stays what
 * changes or measures its process, and what takes long.
 */
const ALONE = [
  "unit/cipher/sign", // installs backends
  "unit/fuzz",
  "unit/native/install", // installs backends
  "unit/native/recovery-pool", // installs backends, sets the environment of threads
  "unit/node/heap-growth", // measures the heap
  "unit/node/profiling", // blocks the event loop, measures its delay
  "unit/wallet/sealing", // seconds of scrypt, as the next two
  "unit/wallet/secrets",
  "unit/wallet/unlock-thread",
];

rmSync(build, { recursive: true, force: true });
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], { stdio: "inherit" });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
await bundlePages(join(build, "src", "web"));

Object.assign(process.env, {
  NODE_ENV: "test",
  // scrypt's megabytes in large pages take half the time; another C library than glibc ignores it.
  GLIBC_TUNABLES: process.env.GLIBC_TUNABLES ?? "glibc.malloc.hugetlb=1",
});
const wanted = process.argv.slice(2);
const names = (wanted.length === 0 ? ["unit", "contract", "integration"] : wanted).flatMap(namesOf);
const rank = (name) => (LONGEST.includes(name) ? LONGEST.indexOf(name) : LONGEST.length);
const totals = {};
const events = run({
  files: names.sort((a, b) => rank(a) - rank(b)).map((name) => join(tests, `${name}.test.js`)),
  concurrency: Math.min(4, availableParallelism()) + 1, // one more than there are processors: some wait for others
});
events.on("test:diagnostic", ({ nesting, message }) => {
  const [, kind, count] = /^(pass|fail|cancelled|skipped) (\d+)$/.exec(message) ?? [];
  if (nesting === 0 && kind !== undefined) totals[kind] = Number(count);
});
for await (const text of events.compose(spec)) process.stdout.write(text);
const failed = (totals.fail ?? 0) + (totals.cancelled ?? 0);
console.log(`${totals.pass ?? 0} passed, ${failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ""}`);
process.exit(failed === 0 && (totals.pass ?? 0) > 0 ? 0 : 1);

/** What to run for a folder of test/, or for one .ts file: names below test/, without ending. */
function namesOf(given) {
  const name = given.replace(/^(\.\/)?test\//, "").replace(/\/$/, "");
  if (name.endsWith(".ts")) return [name.slice(0, -".test.ts".length)];
  const files = readdirSync(join(tests, name), { recursive: true })
    .map((file) => `${name}/${file}`.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => file.slice(0, -".test.js".length))
    .sort();
  const groups = new Map(files.map((file) => [groupOf(file), []]));
  for (const file of files) groups.get(groupOf(file)).push(file);
  for (const [group, members] of groups) {
    if (members[0] !== group) writeFileSync(join(tests, `${group}.test.js`), importsOf(members));
  }
  return [...groups.keys()];
}

/** `unit/chain` for `unit/chain/rules`; its own name for what runs alone. */
function groupOf(file) {
  const [, folder] = /^(unit\/[^/]+)\//.exec(file) ?? [];
  return folder === undefined || ALONE.includes(file) ? file : folder;
}

function importsOf(files) {
  return files.map((file) => `import "./${posix.relative(posix.dirname(groupOf(file)), file)}.test.js";\n`).join("");
}
