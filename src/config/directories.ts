import { mkdir } from "node:fs/promises";
import type { DaemonConfig } from "./daemon-config.ts";

/** Makes the directories a daemon needs, mode 0700: data, and wallets and storage when their API sets are on. */
export async function makeDirectories({ paths, web }: Pick<DaemonConfig, "paths" | "web">): Promise<void> {
  const wanted = [paths.dataDirectory];
  if (web.apiSets.includes("WALLET")) wanted.push(paths.wallets);
  if (web.apiSets.includes("STORAGE")) wanted.push(paths.storage);
  for (const directory of wanted) await mkdir(directory, { recursive: true, mode: 0o700 });
}
