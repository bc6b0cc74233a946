import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../files/atomic-file.ts";
import type { PeersFile } from "./deps.ts";

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
    write: (text) => writeFileAtomically(path, text),
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
