import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { repositoryRoot } from "../support/repository.ts";

const folder = join(repositoryRoot(), "test", "vectors", "fuzz");
/** Kept per target: enough to start from, few enough to read in no time. */
const KEPT_MAX = 100;

/** Inputs that earlier runs found worth keeping: each reached code that none before it had. */
export function loadCorpus(name: string): Uint8Array[] {
  const path = join(folder, `${name}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as string[]).map(fromHex) : [];
}

export function saveCorpus(name: string, inputs: readonly Uint8Array[]): void {
  mkdirSync(folder, { recursive: true });
  const kept = [...new Set(inputs.map(toHex))].slice(0, KEPT_MAX);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(kept, null, 1)}\n`);
}
