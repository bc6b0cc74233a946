import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "../support/repository.ts";

/** Folders of src and what each may import; see ARCHITECTURE.md. A folder always sees itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  files: ["base"],
  cipher: ["base"],
  codec: ["base"],
  chain: ["base", "cipher", "codec"],
  login: ["base", "cipher", "codec", "chain"],
  client: ["base", "cipher", "codec", "chain"],
  web: ["base", "cipher", "codec", "chain", "client"],
  storage: ["base", "files", "cipher", "codec", "chain", "login"],
  p2p: ["base", "files", "cipher", "codec", "chain"],
  wire: ["base", "cipher", "codec", "chain", "p2p"],
  wallet: ["base", "files", "cipher", "codec", "chain"],
  keyvalue: ["base", "files"],
  reward: ["base", "files", "cipher"],
  webhooks: ["base", "login"],
  native: ["base", "cipher", "codec", "chain"],
  config: ["base", "files", "cipher", "chain", "login"],
  api: ["base", "files", "cipher", "codec", "chain", "login", "wallet", "keyvalue", "reward"],
  node: [
    "base",
    "files",
    "cipher",
    "codec",
    "chain",
    "login",
    "storage",
    "p2p",
    "wallet",
    "keyvalue",
    "reward",
    "webhooks",
    "native",
    "config",
    "api",
  ],
  orchestrator: ["base", "files", "cipher", "codec", "chain", "login", "wallet", "config", "node"],
  cli: [
    "base",
    "files",
    "cipher",
    "codec",
    "chain",
    "wallet",
    "reward",
    "native",
    "config",
    "api",
    "node",
    "orchestrator",
  ],
};

/** Packages stay behind one folder. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@noble/": ["cipher"],
  "@scure/": ["cipher"],
  bs58: ["cipher"],
  secp256k1: ["native"],
  "@bitauth/libauth": ["native"],
  level: ["storage"],
  "classic-level": ["storage"],
  ws: ["p2p"],
  fastify: ["api"],
  "@fastify/swagger-ui": ["web"],
  jose: ["login", "client"],
  qr: ["api"],
  pino: ["node"],
  "pprof-format": ["node"],
  "smol-toml": ["config"],
};

const PURE: readonly string[] = ["base", "cipher", "codec", "chain", "login", "client", "web", "wire"];

const src = join(repositoryRoot(), "src");

const files = readdirSync(src, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".ts"));

/** Module names in import and export clauses and in `import()`; `new URL(..., import.meta.url)` is no import. */
function imports(source: string): string[] {
  const clauses = source.matchAll(/^(?:(?:import|export)\s[\w*\s{},]+?\sfrom|import)\s+"([^"]+)"/gm);
  const calls = source.matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [...clauses, ...calls].map((match) => match[1] as string);
}

test("there are source files to look at", () => assert.ok(files.length > 20));

for (const file of files) {
  const folder = file.split(sep)[0] as string;
  if (folder === file) continue; // src/index.ts re-exports everything
  test(`imports of ${file} point left`, () => {
    const allowed = MAY_IMPORT[folder];
    assert.ok(allowed, `folder ${folder} has no row in the table`);
    for (const name of imports(readFileSync(join(src, file), "utf8"))) {
      if (name.startsWith(".")) {
        const target = relative(src, join(src, dirname(file), name)).split(sep)[0] as string;
        assert.ok(target === folder || allowed.includes(target), `${file} imports ${name}`);
        assert.ok(name.endsWith(".ts"), `${file} imports ${name} without its extension`);
      } else if (name.startsWith("node:")) {
        assert.ok(!PURE.includes(folder), `${file} is pure and imports ${name}`);
      } else {
        const home = Object.entries(PACKAGES).find(
          ([prefix]) =>
            name === prefix || name.startsWith(`${prefix}/`) || (prefix.endsWith("/") && name.startsWith(prefix)),
        );
        assert.ok(home?.[1].includes(folder), `${file} imports package ${name}`);
      }
    }
  });
}
