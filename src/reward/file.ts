import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorText } from "../base/errors.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { parseRewardAddress, type RewardAddress, RewardError } from "./address.ts";

/** An xpub has 111 characters. A longer file is none of ours. */
const FILE_BYTES_MAX = 512;

/**
 * The reward address in a file of its own: one line of text, mode 0600, made when it is first set. Nothing is held in
 * memory, so node, command and operator see the same whoever wrote last.
 */
export class RewardFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined: none is set. @throws RewardError REWARD_FILE, which names the file and never shows what is in it */
  async get(): Promise<RewardAddress | undefined> {
    const text = await this.#read();
    if (text === undefined || text.trim() === "") return undefined;
    try {
      return parseRewardAddress(text);
    } catch (cause) {
      throw this.#failure(`${errorText(cause)}. Set it anew: loginchain reward set ADDRESS`, cause);
    }
  }

  /** Resolves once it is on disk. @throws RewardError */
  async set(text: string): Promise<RewardAddress> {
    const reward = parseRewardAddress(text);
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeFileAtomically(this.path, `${reward.text}\n`);
    } catch (cause) {
      throw this.#failure(`cannot be written: ${errorText(cause)}`, cause);
    }
    return reward;
  }

  async #read(): Promise<string | undefined> {
    try {
      const file = await open(this.path, "r");
      try {
        const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
        const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
        if (bytesRead > FILE_BYTES_MAX) throw this.#failure("too long to be an address");
        return buffer.toString("utf8", 0, bytesRead);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      if (cause instanceof RewardError) throw cause;
      throw this.#failure(`cannot be read: ${errorText(cause)}`, cause);
    }
  }

  #failure(why: string, cause?: unknown): RewardError {
    return new RewardError("REWARD_FILE", `${this.path}: ${why}`, { path: this.path }, { cause });
  }
}
