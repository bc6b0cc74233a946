import { readdirSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLogger } from "../../src/base/log.ts";
import type { BlockChange } from "../../src/chain/store.ts";
import { type LevelStore, type LevelStoreOptions, openLevelStore } from "../../src/storage/level-store.ts";

export function openStore(dir: string, options: Partial<LevelStoreOptions> = {}): Promise<LevelStore> {
  return openLevelStore({ dir, log: silentLogger, ...options });
}

export async function storeInFlushes(store: LevelStore, changes: readonly BlockChange[], per: number): Promise<void> {
  for (let at = 0; at < changes.length; at += per) {
    for (const change of changes.slice(at, at + per)) store.stage(change);
    await store.flush();
  }
}

/**
 * A closed database with tables of several generations and a log that was not yet turned into one, as after weeks of
 * use. `share` of the blocks is in tables.
 */
export async function makeDatabase(dir: string, changes: readonly BlockChange[], share = 0.7): Promise<void> {
  const cut = Math.floor(changes.length * share);
  let store = await openStore(dir);
  await storeInFlushes(store, changes.slice(0, Math.floor(cut / 2)), 5);
  await store.close();
  store = await openStore(dir); // opening turns the log into a table
  await storeInFlushes(store, changes.slice(Math.floor(cut / 2), cut), 3);
  await store.close();
  store = await openStore(dir);
  await store.compact();
  await storeInFlushes(store, changes.slice(cut), 2);
  await store.close();
}

/** Files of the database, with sizes. */
export function filesOf(dir: string): { readonly name: string; readonly path: string; readonly size: number }[] {
  return readdirSync(dir)
    .sort()
    .map((name) => ({ name, path: join(dir, name), size: statSync(join(dir, name)).size }));
}

/** The log in use: the only `.log` with content, or the newest. */
export function logOf(dir: string): { readonly path: string; readonly size: number } {
  const logs = filesOf(dir).filter(({ name }) => name.endsWith(".log"));
  const log = logs.at(-1);
  if (log === undefined) throw new Error(`no log in ${dir}`);
  return log;
}

export async function flipBit(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bit / 8);
  bytes[at] = (bytes[at] as number) ^ (1 << (bit % 8));
  await writeFile(path, bytes);
}
