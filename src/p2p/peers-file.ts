import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PeersFile } from "./deps.ts";

const PRIVATE = 0o600;

/**
 * peers.json on disk. Where there is none, an old peers.txt beside it, of the same format, is read instead. Written
 * beside its place and moved there, so that it is never half of anything.
 */
export function peersFileAt(path: string): PeersFile {
  return {
    async read() {
      const text = await readIfThere(path);
      if (text !== undefined && text.trim() !== "") return text;
      return readIfThere(join(dirname(path), "peers.txt"));
    },
    async write(text) {
      const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
      try {
        const file = await open(temporary, "wx", PRIVATE);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
