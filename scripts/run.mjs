// Compiles src, test and bench to build/ and runs a program of it: node scripts/run.mjs test/fuzz/main.js [its arguments].
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const [program, ...args] = process.argv.slice(2);
for (const command of [
  [tsc, "-p", join(root, "tsconfig.json")],
  [join(root, "build", program), ...args],
]) {
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
