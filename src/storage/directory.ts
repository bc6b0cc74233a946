import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { fromHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { Head } from "../chain/store.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./database.ts";
import { StoreError } from "./errors.ts";

/** Files of ours beside LevelDB's, which ignores names it does not know. */
const OWNER = "owner";
const TIP = "tip";
const PROBE = "probe";
/** What an unfinished first start or a lost database may leave behind. */
const HARMLESS = new Set([OWNER, TIP, PROBE, "LOCK", "LOG", "LOG.old"]);
/** Those of LevelDB that hold data, without CURRENT. */
export const LEVEL_FILE = /^(MANIFEST-\d+|\d+\.(ldb|sst|log|dbtmp))$/;

/**
 * What a directory holds, before LevelDB is let near it: it would quietly start afresh, and delete tables, where
 * only its file CURRENT is missing. @throws StoreError STORE_DAMAGED, STORE_OPEN
 */
export async function inspectDirectory(dir: string): Promise<"nothing" | "database"> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") return "nothing";
    throw new StoreError(
      "STORE_OPEN",
      `cannot open the database ${dir}: ${errorText(error)}`,
      { dir },
      { cause: error },
    );
  }
  if (names.includes("CURRENT")) return "database";
  if (names.some((name) => LEVEL_FILE.test(name))) throw damaged(dir, "its file CURRENT is missing");
  const foreign = names.find((name) => !HARMLESS.has(name));
  if (foreign === undefined) return "nothing";
  throw new StoreError(
    "STORE_OPEN",
    `${dir} holds no database but other files (${foreign}): choose another data directory or empty this one`,
    { dir },
  );
}

/** Says who has the database open, for the message another process gives. LevelDB's own lock is what counts. */
export async function writeOwner(dir: string): Promise<void> {
  await writeFile(join(dir, OWNER), `${JSON.stringify({ pid: process.pid, host: hostname() })}\n`, { mode: 0o600 });
}

export async function removeOwner(dir: string): Promise<void> {
  await rm(join(dir, OWNER), { force: true });
}

/** STORE_LOCKED, with the process that holds the lock when it left its name. */
export async function lockedError(dir: string, cause: unknown): Promise<StoreError> {
  let owner: { pid?: unknown; host?: unknown } = {};
  try {
    owner = JSON.parse(await readFile(join(dir, OWNER), "utf8")) as typeof owner;
  } catch {} // it says less then
  const { pid, host } = owner;
  const by = typeof pid === "number" ? ` by process ${pid}${host === hostname() ? "" : ` on ${String(host)}`}` : "";
  const text = `the database ${dir} is in use${by}: stop that process or choose another data directory`;
  return new StoreError("STORE_LOCKED", text, { dir, pid }, { cause });
}

/** Acknowledged head as the tip file has it. */
export interface AcknowledgedTip {
  readonly seq: number;
  readonly hash: Hash;
}

/**
 * The head acknowledged last, outside LevelDB, whose recovery silently drops the damaged end of its log: without it
 * a database that lost its newest blocks looks like one that never had them. Written in place after each flush and
 * not synced: it must survive the process, and what the machine loses with it, it loses with the log's tail.
 * One line: seq, hash, CRC-32C of both, padded to one size.
 */
export class TipFile {
  readonly #path: string;
  #fd: number | undefined;

  constructor(dir: string) {
    this.#path = join(dir, TIP);
  }

  /** Undefined when there is none or it does not read: then it says nothing. */
  read(): AcknowledgedTip | undefined {
    if (!existsSync(this.#path)) return undefined;
    const [seq = "", hash = "", crc = ""] = readFileSync(this.#path, "latin1").trimEnd().split(" ");
    if (crc !== checksum(seq, hash) || !/^\d{16}$/.test(seq) || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
    return { seq: Number(seq), hash: fromHex(hash) as Hash };
  }

  write(head: Head): void {
    this.#fd ??= openSync(this.#path, existsSync(this.#path) ? "r+" : "w", 0o600);
    const [seq, hash] = [String(head.seq).padStart(16, "0"), hashHex(head.hash)];
    writeSync(this.#fd, `${seq} ${hash} ${checksum(seq, hash)}\n`, 0, "latin1");
  }

  async remove(): Promise<void> {
    this.close();
    await rm(this.#path, { force: true });
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function checksum(seq: string, hash: string): string {
  return crc32c(Buffer.from(`${seq} ${hash}`, "latin1"))
    .toString(16)
    .padStart(8, "0");
}

/** Whether the disk takes data again: writes and syncs a file of the size of a log block, and removes it. */
export async function probeDisk(dir: string): Promise<void> {
  const path = join(dir, PROBE);
  try {
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile(Buffer.alloc(256 << 10, 1));
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Renames a damaged database to `<dir>.corrupt.<id>`, so that an empty one can take its place; nothing is deleted.
 * The id names the content as the reference's does: unpadded base64url of the first 8 bytes of a SHA-256, here of the
 * file names, sizes and times. Returns the new path.
 */
export async function moveAside(dir: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(dir)).sort()) {
    const { size, mtimeMs } = await stat(join(dir, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  const id = hash.digest().subarray(0, 8).toString("base64url");
  const target = join(dirname(dir), `${basename(dir)}.corrupt.${id}`);
  await rename(dir, target);
  return target;
}
