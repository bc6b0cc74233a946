// Compiles src, test and bench to build/ and runs one benchmark: npm run bench -- NAME [its arguments].
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePages } from "./pages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [arguments]; the names are ${names.join(", ")}`);
  process.exit(2);
}
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], { stdio: "inherit" });
const program = join(root, "build", "bench", `${name}.js`);
if (compiled.status !== 0 && !existsSync(program)) process.exit(compiled.status ?? 1);
await bundlePages(join(root, "build", "src", "web"));
process.exit(spawnSync(process.execPath, [program, ...args], { stdio: "inherit" }).status ?? 1);
