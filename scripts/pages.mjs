// Makes what browsers load from src/web: bundles with a hash of their content in the name, and manifest.json from
// plain names to these, each plain, as .gz and as .br, so that no start compresses them. What /docs loads is in a folder
// of its own. Called with the folder to write; nothing is fetched from anywhere.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const ENTRIES = ["live.ts", "copy.ts", "verify.ts", "wallet.ts", "style.css", "icon.svg"];
const DOCS_ENTRIES = ["docs.ts", "docs.css"];

export async function bundlePages(folder) {
  rmSync(folder, { recursive: true, force: true });
  await bundle(folder, ENTRIES);
  await bundle(join(folder, "docs"), DOCS_ENTRIES, { brotli: false }); // seconds for a file that is seldom loaded
}

async function bundle(folder, entries, { brotli = true } = {}) {
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries.map((name) => `src/web/${name}`),
    outdir: folder,
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome109", "firefox115", "safari16.4"],
    loader: { ".svg": "copy" },
    legalComments: "eof",
    metafile: true,
    logLevel: "warning",
  });
  const manifest = {};
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint === undefined) continue;
    manifest[basename(entryPoint).replace(/\.ts$/, ".js")] = basename(path);
    const plain = readFileSync(join(root, path));
    if (brotli) writeFileSync(join(root, `${path}.br`), brotliCompressSync(plain));
    writeFileSync(join(root, `${path}.gz`), gzipSync(plain));
  }
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
