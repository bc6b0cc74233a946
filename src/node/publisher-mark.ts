import { readFile } from "node:fs/promises";
import { errorText } from "../base/errors.ts";
import type { PublisherMark } from "../chain/publisher-guard.ts";
import { type Hash, hashHex, parseHash } from "../cipher/hash.ts";
import { ConfigError } from "../config/errors.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";

/**
 * The last block this publisher made, in a file beside the database: a database restored from an older backup is
 * known by it. The genesis hash says which chain is meant: a mark of another one counts as none.
 */
export class PublisherMarkFile {
  readonly #path: string;
  readonly #genesis: Hash;

  constructor(path: string, genesis: Hash) {
    this.#path = path;
    this.#genesis = genesis;
  }

  /** @throws ConfigError when the file is there and cannot be understood */
  async read(): Promise<PublisherMark | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw this.#unusable(error);
    }
    try {
      const { genesis, seq, hash } = JSON.parse(text) as Record<string, unknown>;
      if (!Number.isSafeInteger(seq)) throw new Error("seq is no block number");
      const mark = { seq: seq as number, hash: parseHash(String(hash)) };
      return String(genesis) === hashHex(this.#genesis) ? mark : undefined;
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  /** Synced when it resolves. */
  async write({ seq, hash }: PublisherMark): Promise<void> {
    const mark = { genesis: hashHex(this.#genesis), seq, hash: hashHex(hash) };
    await writeFileAtomically(this.#path, `${JSON.stringify(mark)}\n`);
  }

  #unusable(cause: unknown): ConfigError {
    const text = `${this.#path}: ${errorText(cause)}. It names the last block this publisher made: look at the heads of the peers, then remove the file and start with -accept-head`;
    return new ConfigError("CONFIG_INVALID", text, { cause });
  }
}
