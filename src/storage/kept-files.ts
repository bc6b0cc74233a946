import { link, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { LEVEL_FILE } from "./directory.ts";

const PREFIX = "before-open-";

/**
 * The files of a database as they were before LevelDB opened it: it replays its log into tables, drops what does not
 * read, and deletes the log. They are links in a folder beside the files, so nothing is copied. A database that is
 * then refused gets them back and is as it was found; one that is sound drops them.
 */
export class KeptFiles {
  readonly #dir: string;
  readonly #kept: string;
  readonly #names: readonly string[];

  private constructor(dir: string, kept: string, names: readonly string[]) {
    this.#dir = dir;
    this.#kept = kept;
    this.#names = names;
  }

  /** Undefined where links cannot be made: on some file systems, a full or a read-only disk. */
  static async of(dir: string): Promise<KeptFiles | undefined> {
    let kept: string | undefined;
    try {
      const names = (await readdir(dir)).filter((name) => name === "CURRENT" || LEVEL_FILE.test(name));
      kept = await mkdtemp(join(dir, PREFIX));
      for (const name of names) await link(join(dir, name), join(kept, name));
      return new KeptFiles(dir, kept, names);
    } catch {
      if (kept !== undefined) await rm(kept, { recursive: true, force: true });
      return undefined;
    }
  }

  /** CURRENT last, since it says which of the files count; only then those that were not there go. */
  async restore(): Promise<void> {
    const there = new Set(await readdir(this.#dir));
    for (const name of this.#names) {
      if (name !== "CURRENT" && !there.has(name)) await rename(join(this.#kept, name), join(this.#dir, name));
    }
    if (this.#names.includes("CURRENT")) await rename(join(this.#kept, "CURRENT"), join(this.#dir, "CURRENT"));
    const known = new Set(this.#names);
    for (const name of there) if (LEVEL_FILE.test(name) && !known.has(name)) await rm(join(this.#dir, name));
    await this.drop();
  }

  /** Also what an earlier opening left behind that did not come to its end. */
  async drop(): Promise<void> {
    for (const name of await readdir(this.#dir)) {
      if (name.startsWith(PREFIX)) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }
}
