// Compiles src/ to dist/, one file to one file, bundles src/web for browsers, and stamps it.
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePages } from "./pages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const started = new Date();

rmSync(dist, { recursive: true, force: true });
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await bundlePages(join(dist, "web"));
chmodSync(join(dist, "cli", "main.js"), 0o755);
writeFileSync(join(dist, ".built"), `${started.toISOString()}\n`);
