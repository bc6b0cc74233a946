import { open, readFile } from "node:fs/promises";
import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { PublisherMark } from "../chain/publisher-guard.ts";
import { type Hash, hashHex, parseHash, sha256 } from "../cipher/hash.ts";
import { ConfigError } from "../config/errors.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";

/** Two lines of this length, each in sectors of its own, written in turn. */
const LINE_BYTES = 4096;

/**
 * The last block this publisher made, in a file beside the database: a database restored from an older backup is
 * known by it. The genesis hash says which chain is meant: a mark of another one counts as none.
 *
 * Two lines of JSON, the higher block counts. A line is written in place and synced, a tenth of what a new file costs;
 * one that a power cut has broken is known by its check, and the other holds the block before, which is safe, since
 * nobody is told of a block before its mark is synced.
 */
export class PublisherMarkFile {
  readonly #path: string;
  readonly #genesis: Hash;
  /** Where the next mark goes; undefined: into a new file. */
  #line: number | undefined;

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
    let failure: unknown = new Error("it is empty");
    let mark: PublisherMark | undefined;
    let isAnyWhole = false;
    for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
      try {
        const { genesis, ...found } = parseLine(line);
        isAnyWhole = true;
        if (genesis === hashHex(this.#genesis) && found.seq >= (mark?.seq ?? 0)) mark = found;
      } catch (error) {
        failure = error;
      }
    }
    if (!isAnyWhole) throw this.#unusable(failure);
    return mark;
  }

  /** Synced when it resolves. */
  async write(mark: PublisherMark): Promise<void> {
    const line = lineOf(hashHex(this.#genesis), mark);
    if (this.#line !== undefined && (await this.#writeInPlace(line, this.#line))) {
      this.#line = 1 - this.#line;
      return;
    }
    await writeFileAtomically(this.#path, line + EMPTY_LINE);
    this.#line = 1;
  }

  /** False: the file is gone. */
  async #writeInPlace(line: string, at: number): Promise<boolean> {
    const file = await open(this.#path, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      await file.write(line, at * LINE_BYTES, "latin1");
      await file.datasync();
    } finally {
      await file.close();
    }
    return true;
  }

  #unusable(cause: unknown): ConfigError {
    const text = `${this.#path}: ${errorText(cause)}. It names the last block this publisher made: look at the heads of the peers, then remove the file and start with -accept-head`;
    return new ConfigError("CONFIG_INVALID", text, { cause });
  }
}

const EMPTY_LINE = `${"".padEnd(LINE_BYTES - 1)}\n`;

function lineOf(genesis: string, { seq, hash }: PublisherMark): string {
  const mark = { genesis, seq, hash: hashHex(hash) };
  return `${JSON.stringify({ ...mark, check: checkOf(mark) }).padEnd(LINE_BYTES - 1)}\n`;
}

function parseLine(line: string): PublisherMark & { readonly genesis: string } {
  const { genesis, seq, hash, ...more } = JSON.parse(line) as Record<string, unknown>;
  if (!Number.isSafeInteger(seq)) throw new Error("seq is no block number");
  const mark = { genesis: String(genesis), seq: seq as number, hash: String(hash) };
  // The first marks had no check, and nothing else.
  if (Object.keys(more).length > 0 && more.check !== checkOf(mark)) throw new Error("it is damaged");
  return { ...mark, hash: parseHash(mark.hash) };
}

function checkOf({ genesis, seq, hash }: { readonly genesis: string; readonly seq: number; readonly hash: string }) {
  return toHex(sha256(new TextEncoder().encode(`${genesis} ${seq} ${hash}`))).slice(0, 16);
}
