import { Level } from "level";
import { errorText } from "../base/errors.ts";
import { StoreError } from "./errors.ts";
import { kindName, unseal } from "./layout.ts";

/** How much memory LevelDB may take, and how it writes. Each figure measured with bench/storage.ts. */
const TUNING = {
  /** Ids and hashes do not compress; raw blocks can be checksummed by table-check.ts without an inflater. */
  compression: false,
  /** Two of these may be in memory at once. 4 MiB costs 10 % more, 8 MiB and above save nothing further. */
  writeBufferSize: 6 << 20,
  cacheSize: 8 << 20,
  /** Tables are mapped into memory; this is the least LevelDB accepts, and keeps 64 of them: 128 MiB resident. */
  maxOpenFiles: 74,
  maxFileSize: 2 << 20,
};

const BUFFERS = { keyEncoding: "buffer", valueEncoding: "buffer" } as const;

type BufferLevel = Level<Buffer, Buffer>;
export type Batch = ReturnType<BufferLevel["batch"]> extends infer B ? Exclude<B, Promise<void>> : never;

/** What was there at one moment. It ends once nobody scans it: an iterator refuses to go on without its snapshot. */
export class Snapshot {
  readonly level: ReturnType<BufferLevel["snapshot"]>;
  #scans = 0;
  #isEnded = false;

  constructor(level: ReturnType<BufferLevel["snapshot"]>) {
    this.level = level;
  }

  hold(): void {
    this.#scans++;
  }

  async release(): Promise<void> {
    if (--this.#scans === 0 && this.#isEnded) await this.level.close();
  }

  /** No read begins on it any more. */
  async end(): Promise<void> {
    this.#isEnded = true;
    if (this.#scans === 0) await this.level.close();
  }
}

export interface Entry {
  readonly key: Uint8Array;
  readonly content: Uint8Array;
}

/**
 * LevelDB with checksummed values and our errors: the only file that knows the package. Point reads are
 * synchronous, ranges are not. A snapshot keeps what was there before a batch readable while it is written.
 */
export class Database {
  readonly dir: string;
  readonly #level: BufferLevel;

  private constructor(dir: string, level: BufferLevel) {
    this.dir = dir;
    this.#level = level;
  }

  /** @throws StoreError STORE_LOCKED, STORE_DAMAGED, STORE_OPEN */
  static async open(dir: string): Promise<Database> {
    const level: BufferLevel = new Level(dir, { ...BUFFERS, ...TUNING });
    try {
      await level.open();
    } catch (error) {
      throw openError(dir, error);
    }
    return new Database(dir, level);
  }

  /**
   * The content of a record, in memory of its own. @throws StoreError STORE_DAMAGED when its checksum does not fit
   * or LevelDB finds its file damaged, STORE_READ, STORE_CLOSED
   */
  get(key: Buffer, snapshot?: Snapshot): Uint8Array | undefined {
    let value: Buffer | undefined;
    try {
      value =
        snapshot === undefined
          ? this.#level.getSync(key)
          : this.#level.getSync(key, { ...BUFFERS, snapshot: snapshot.level });
    } catch (error) {
      throw this.#readError(error);
    }
    return value === undefined ? undefined : this.#unseal(key, value);
  }

  /** Records of a range in key order, in chunks. Sees what `snapshot`, or the moment of the call, saw. */
  async *scan(
    range: { readonly gte: Buffer; readonly lt: Buffer },
    snapshot?: Snapshot,
  ): AsyncGenerator<readonly Entry[]> {
    const moment = snapshot === undefined ? {} : { ...BUFFERS, snapshot: snapshot.level };
    const iterator = this.#level.iterator({ ...range, ...moment });
    snapshot?.hold();
    try {
      let next = iterator.nextv(1000);
      for (;;) {
        const chunk = await next;
        if (chunk.length === 0) return;
        next = iterator.nextv(1000); // read while the caller works on this one
        next.catch(() => {}); // awaited in the next turn, if there is one
        yield chunk.map(([key, value]) => ({ key, content: this.#unseal(key, value) }));
      }
    } catch (error) {
      throw this.#readError(error);
    } finally {
      await iterator.close();
      await snapshot?.release();
    }
  }

  /** Keys of a range in order, in chunks; values are not looked at. */
  async *keys(range: { readonly gte: Buffer; readonly lt: Buffer }): AsyncGenerator<readonly Uint8Array[]> {
    const iterator = this.#level.keys(range);
    try {
      for (;;) {
        const chunk = await iterator.nextv(1000);
        if (chunk.length === 0) return;
        yield chunk;
      }
    } catch (error) {
      throw this.#readError(error);
    } finally {
      await iterator.close();
    }
  }

  /** The first records of a range, or with `reverse` the last ones, last first. */
  async page(
    range: { readonly gte: Buffer; readonly lt: Buffer },
    options: { readonly limit: number; readonly reverse?: boolean },
  ): Promise<readonly Entry[]> {
    try {
      const found = await this.#level.iterator({ ...range, ...options }).all();
      return found.map(([key, value]) => ({ key, content: this.#unseal(key, value) }));
    } catch (error) {
      throw this.#readError(error);
    }
  }

  snapshot(): Snapshot {
    return new Snapshot(this.#level.snapshot());
  }

  batch(): Batch {
    return this.#level.batch();
  }

  /** Writes a batch, whole or not at all. `sync` waits for the disk. @throws StoreError STORE_WRITE */
  async write(batch: Batch, { sync }: { readonly sync: boolean }): Promise<void> {
    try {
      await batch.write({ sync });
    } catch (cause) {
      throw this.writeError(cause);
    }
  }

  writeError(cause: unknown): StoreError {
    return new StoreError(
      "STORE_WRITE",
      `cannot write to ${this.dir}: ${causeText(cause)}; free space or check the disk, nothing of it was stored`,
      { dir: this.dir },
      { cause },
    );
  }

  /** Merges all tables: worth it once, after a first synchronisation. */
  async compact(): Promise<void> {
    // Only LevelDB proper has it; the package's types describe what the browser's database has too.
    const { compactRange } = this.#level as { compactRange?: (from: Buffer, to: Buffer) => Promise<void> };
    await compactRange?.call(this.#level, Buffer.of(0), Buffer.of(0xff));
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  #unseal(key: Uint8Array, value: Uint8Array): Uint8Array {
    const content = unseal(key, value);
    if (content !== undefined) return content;
    const record = { kind: kindName(key), key: Buffer.from(key).toString("hex") };
    throw damaged(this.dir, `the checksum of a ${record.kind} record does not fit`, record);
  }

  #readError(error: unknown): unknown {
    if (error instanceof StoreError) return error;
    const code = (error as { code?: unknown }).code;
    const text = causeText(error);
    if (code === "LEVEL_CORRUPTION") return damaged(this.dir, text, {}, error);
    if (code === "LEVEL_DATABASE_NOT_OPEN" || code === "LEVEL_ITERATOR_NOT_OPEN") {
      return new StoreError("STORE_CLOSED", `${this.dir} is closed`, { dir: this.dir }, { cause: error });
    }
    if (/No such file|NotFound/i.test(text)) return damaged(this.dir, text, {}, error);
    return new StoreError("STORE_READ", `cannot read ${this.dir}: ${text}`, { dir: this.dir }, { cause: error });
  }
}

/** One line for every kind of damage: what it is, and the ways out of it. */
export function damaged(dir: string, what: string, data: object = {}, cause?: unknown): StoreError {
  return new StoreError(
    "STORE_DAMAGED",
    `the database ${dir} is damaged: ${what}; restore a backup, or move the directory aside and download the chain again`,
    { dir, ...data },
    cause === undefined ? undefined : { cause },
  );
}

/** LevelDB wraps the reason one or two levels deep. */
function causeText(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  return errorText(deepest);
}

function openError(dir: string, error: unknown): StoreError {
  const text = causeText(error);
  const codes = [error, (error as Error).cause].map((e) => (e as { code?: unknown } | undefined)?.code);
  if (codes.includes("LEVEL_LOCKED") || /\bLOCK\b.*(temporarily unavailable|already held)/i.test(text)) {
    return new StoreError("STORE_LOCKED", `${dir} is in use`, { dir }, { cause: error });
  }
  if (/permission denied|read-only file system|not a directory/i.test(text) || codes.includes("EACCES")) {
    return new StoreError("STORE_OPEN", `cannot open the database ${dir}: ${text}`, { dir }, { cause: error });
  }
  const full = /no space left|file too large|quota/i.test(text);
  if (full) return new StoreError("STORE_OPEN", `cannot open ${dir}: ${text}; free space and start again`, { dir });
  return damaged(dir, text, {}, error);
}
