// Makes a fresh clone ready: installs packages when node_modules is missing or older than the lock file, then
// builds dist/ when a source is newer. With --deps-only it stops after the packages. Says nothing when all is there.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) fail(`Node ${process.versions.node} is too old: install Node 20.12 or newer`);

const installed = join(root, "node_modules", ".package-lock.json");
if (!existsSync(installed) || modified(installed) < modified(join(root, "package-lock.json"))) {
  console.error("installing packages (once) ...");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

if (!process.argv.includes("--deps-only") && stale()) {
  console.error("building ...");
  run(process.execPath, [join(root, "scripts", "build.mjs")]);
}

/** dist is stale when it is missing, or any file under src (or a build input) is newer than its stamp. */
function stale() {
  const stamp = join(root, "dist", ".built");
  if (!existsSync(stamp)) return true;
  const built = modified(stamp);
  return (
    newest(join(root, "src")) > built ||
    ["package.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs", "scripts/pages.mjs"].some(
      (name) => modified(join(root, name)) > built,
    )
  );
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : modified(path));
  }
  return latest;
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function run(command, args) {
  const windows = process.platform === "win32" && command === "npm"; // npm is a .cmd there
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: windows });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function fail(message) {
  console.error(`loginchain: ${message}`);
  process.exit(1);
}
