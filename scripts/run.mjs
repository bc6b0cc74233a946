// Compiles and runs the simulator (test/simulation/main.ts): --seeds N --from S [--trace] [--keep-going] [--log FILE].
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
for (const args of [
  [tsc, "-p", join(root, "tsconfig.json")],
  [join(root, "build", "test", "simulation", "main.js"), ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
