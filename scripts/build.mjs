// Compiles src/ to dist/, one file to one file, bundles src/web for browsers and the program of src/cli, and stamps it.
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundlePages } from "./pages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const started = new Date();

rmSync(dist, { recursive: true, force: true });
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await bundlePages(join(dist, "web"));
await bundleProgram(join(dist, "cli"));
chmodSync(join(dist, "cli", "main.js"), 0o755);
writeFileSync(join(dist, ".built"), `${started.toISOString()}\n`);

/**
 * The program loads in a few files instead of 300: a quarter of the time until a node is ready. Packages stay where
 * they are installed, names and lines as they are written (docs/decisions/0008-bundled-program.md).
 */
async function bundleProgram(folder) {
  rmSync(folder, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["src/cli/main.ts"],
    outdir: folder,
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    sourcesContent: false,
    logLevel: "warning",
  });
}
