import { chmod, mkdir } from "node:fs/promises";
import { errorText } from "../base/errors.ts";
import { LoginStoreError } from "../login/errors.ts";
import type { Change, Condition, Json, LoginStore, LoginTable, Range, Row } from "../login/store.ts";
import { Database } from "./database.ts";
import { inspectDirectory, lockedError, removeOwner, writeOwner } from "./directory.ts";
import { StoreError } from "./errors.ts";
import { seal } from "./layout.ts";
import { keyOfPlace, limitOf, placesIn, rowPlace, textOf } from "./login-rows.ts";

/**
 * `r<table>/<key>` -> JSON text of `[forgetAtMs or null, value]`; `f<ms, 16 digits>/<table>/<key>` -> nothing, in order
 * of forgetting. An entry of the second kind may be out of date: the row's own time decides.
 */
const ROW = "r";
const FORGET = "f";

interface Batch {
  /** Keys with their new text; undefined removes. */
  readonly rows: Map<string, string | undefined>;
  readonly forget: string[];
  durable: boolean;
  readonly done: Promise<void>;
  readonly settle: (error?: unknown) => void;
}

/**
 * LoginStore over a LevelDB of its own. Writes that come while one is under way share the next batch, so many
 * logins at a time cost few syncs. Conditions see what is waiting to be written, reads only what is.
 */
export class LevelLoginStore implements LoginStore {
  readonly #db: Database;
  #waiting: Batch | undefined;
  #writing: Batch | undefined;
  #loop: Promise<void> | undefined;
  #closed = false;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** @throws StoreError STORE_LOCKED, STORE_DAMAGED, STORE_OPEN */
  static async open(dir: string): Promise<LevelLoginStore> {
    await inspectDirectory(dir);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
    try {
      const db = await Database.open(dir);
      await writeOwner(dir);
      return new LevelLoginStore(db);
    } catch (error) {
      if (error instanceof StoreError && error.code === "STORE_LOCKED") throw await lockedError(dir, error);
      if (error instanceof StoreError && error.code === "STORE_DAMAGED") throw damagedState(dir, error);
      throw error;
    }
  }

  async get(table: LoginTable, key: string): Promise<Json | undefined> {
    const text = this.#read(`${ROW}${rowPlace(table, key)}`);
    return text === undefined ? undefined : jsonOf(text);
  }

  async list(table: LoginTable, range: Range = {}): Promise<readonly Row[]> {
    const { from, to } = placesIn(table, range);
    const limit = limitOf(range);
    if (from >= to) return [];
    const bounds = { gte: Buffer.from(`${ROW}${from}`), lt: Buffer.from(`${ROW}${to}`) };
    const found = await this.#guard(() => this.#db.page(bounds, { limit, reverse: range.reverse === true }));
    return found.map(({ key, content }) => ({
      key: keyOfPlace(Buffer.from(key).toString("latin1")),
      value: jsonOf(Buffer.from(content).toString("utf8")),
    }));
  }

  async write(
    changes: readonly Change[],
    { onlyIf = [], durable = false }: { readonly onlyIf?: readonly Condition[]; readonly durable?: boolean } = {},
  ): Promise<boolean> {
    this.#check();
    // From here to the last line nothing is awaited: no other write comes between conditions and changes.
    for (const { table, key, equals } of onlyIf) {
      const text = this.#newest(`${ROW}${rowPlace(table, key)}`);
      if ((text === undefined ? undefined : bodyOf(text)) !== textOf(equals)) return false;
    }
    const batch = this.#open();
    for (const { table, key, value, forgetAtMs } of changes) {
      const place = rowPlace(table, key);
      const text = textOf(value);
      batch.rows.set(`${ROW}${place}`, text === undefined ? undefined : rowText(text, forgetAtMs));
      if (text !== undefined && forgetAtMs !== undefined) batch.forget.push(forgetKey(forgetAtMs, place));
    }
    batch.durable ||= durable;
    await batch.done;
    return true;
  }

  async forget(nowMs: number, limit: number): Promise<number> {
    this.#check();
    const bounds = { gte: Buffer.from(FORGET), lt: Buffer.from(forgetKey(nowMs + 1, "")) };
    const due = await this.#guard(() => this.#db.page(bounds, { limit }));
    if (due.length === 0) return 0;
    const batch = this.#open();
    let count = 0;
    for (const { key } of due) {
      const name = Buffer.from(key).toString("latin1");
      batch.rows.set(name, undefined);
      const row = `${ROW}${name.slice(name.indexOf("/") + 1)}`;
      const text = this.#newest(row);
      const at = text === undefined ? undefined : (JSON.parse(text) as [number | null, Json])[0];
      if (at === undefined || at === null || at > nowMs) continue; // gone, or written again since
      batch.rows.set(row, undefined);
      count++;
    }
    await batch.done;
    return count;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#loop;
    await this.#db.close();
    await removeOwner(this.#db.dir);
  }

  #check(): void {
    if (this.#closed) throw new LoginStoreError("LOGIN_STORE", "the login store is closed");
  }

  #read(key: string): string | undefined {
    this.#check();
    try {
      const content = this.#db.get(Buffer.from(key));
      return content === undefined ? undefined : Buffer.from(content).toString("utf8");
    } catch (cause) {
      throw failed(cause);
    }
  }

  async #guard<T>(run: () => Promise<T>): Promise<T> {
    this.#check();
    try {
      return await run();
    } catch (cause) {
      throw failed(cause);
    }
  }

  /** As it will be once all that waits is written. */
  #newest(key: string): string | undefined {
    for (const batch of [this.#waiting, this.#writing]) if (batch?.rows.has(key)) return batch.rows.get(key);
    return this.#read(key);
  }

  /** The batch that is written next. */
  #open(): Batch {
    if (this.#waiting === undefined) {
      let settle: Batch["settle"] = () => {};
      const done = new Promise<void>((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error));
      });
      this.#waiting = { rows: new Map(), forget: [], durable: false, done, settle };
      this.#loop ??= this.#run();
    }
    return this.#waiting;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // who opened the batch fills it first
    for (let batch = this.#waiting; batch !== undefined; batch = this.#waiting) {
      this.#waiting = undefined;
      this.#writing = batch;
      let failure: unknown;
      try {
        const out = this.#db.batch();
        for (const [name, text] of batch.rows) put(out, name, text);
        for (const name of batch.forget) put(out, name, "");
        await this.#db.write(out, { sync: batch.durable });
      } catch (cause) {
        failure = failed(cause);
      }
      this.#writing = undefined;
      if (failure !== undefined) {
        // What waits was judged by rows that have come to nothing.
        const judged = this.#waiting as Batch | undefined;
        this.#waiting = undefined;
        judged?.settle(failure);
      }
      batch.settle(failure);
    }
    this.#loop = undefined;
  }
}

function put(batch: ReturnType<Database["batch"]>, name: string, text: string | undefined): void {
  const key = Buffer.from(name);
  if (text === undefined) batch.del(key);
  else batch.put(key, seal(key, Buffer.from(text)));
}

function rowText(value: string, forgetAtMs: number | undefined): string {
  return `[${forgetAtMs === undefined ? "null" : Math.floor(forgetAtMs)},${value}]`;
}

/** The value's own text within `rowText`. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf(",") + 1, -1);
}

function jsonOf(text: string): Json {
  return (JSON.parse(text) as [unknown, Json])[1];
}

function forgetKey(ms: number, place: string): string {
  return `${FORGET}${String(Math.floor(ms)).padStart(16, "0")}/${place}`;
}

function failed(cause: unknown): LoginStoreError {
  return new LoginStoreError("LOGIN_STORE", `login state: ${errorText(cause)}`, {}, { cause });
}

function damagedState(dir: string, cause: StoreError): StoreError {
  const text = `the login state in ${dir} is damaged: restore a backup, or move the directory aside: sessions end, the chain is untouched`;
  return new StoreError("STORE_DAMAGED", text, { dir, reason: cause.message }, { cause });
}
