import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import { KeyValueError } from "./errors.ts";
import { loadStorageFile, saveStorageFile } from "./files.ts";

/** The storages there are: notes on transactions, and whatever the GUI keeps. One file each. */
export const STORAGE_TYPES = ["txid", "client"] as const;
export type StorageType = (typeof STORAGE_TYPES)[number];

/** Characters of all keys and values of one storage. Each change writes the whole file anew. */
export const STORAGE_CHARACTERS_MAX = 16 * 1024 * 1024;

/** Changes that may wait for their turn. */
const WAITING_MAX = 64;

interface Storage {
  readonly path: string;
  texts: ReadonlyMap<string, string>;
  characters: number;
}

/**
 * Texts under keys, for clients of the REST API (api.md 12.20). Reading never waits; changes happen one after the
 * other, and count once they are on disk. Every method throws KEYVALUE_TYPE_UNKNOWN, then KEYVALUE_DISABLED.
 */
export class KeyValueService {
  readonly #storages: ReadonlyMap<string, Storage>;
  readonly #enabled: boolean;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(enabled: boolean, storages: ReadonlyMap<string, Storage>) {
    this.#enabled = enabled;
    this.#storages = storages;
  }

  /** Reads the files and makes what is missing, unless disabled. @throws KeyValueError KEYVALUE_FILES */
  static async open(
    options: { readonly directory: string; readonly enabled: boolean },
    { log }: { readonly log: Logger },
  ): Promise<KeyValueService> {
    const storages = new Map<string, Storage>();
    if (options.enabled) {
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
      for (const type of STORAGE_TYPES) {
        const path = join(options.directory, `${type}.json`);
        const texts = await loadStorageFile(path, log);
        storages.set(type, { path, texts, characters: sizeOf(texts) });
      }
    }
    return new KeyValueService(options.enabled, storages);
  }

  /** Everything of one type. */
  all(type: string): ReadonlyMap<string, string> {
    return this.#storage(type).texts;
  }

  /** @throws KEYVALUE_KEY_UNKNOWN */
  get(type: string, key: string): string {
    const text = this.#storage(type).texts.get(key);
    if (text === undefined) throw new KeyValueError("KEYVALUE_KEY_UNKNOWN", "");
    return text;
  }

  /** Resolves once it is on disk. @throws KEYVALUE_FULL, KEYVALUE_BUSY */
  async set(type: string, key: string, text: string): Promise<void> {
    await this.#change(type, (texts) => texts.set(key, text));
  }

  /** Resolves once it is on disk. @throws KEYVALUE_KEY_UNKNOWN, KEYVALUE_BUSY */
  async remove(type: string, key: string): Promise<void> {
    await this.#change(type, (texts) => {
      if (!texts.delete(key)) throw new KeyValueError("KEYVALUE_KEY_UNKNOWN", "");
    });
  }

  /** Waits for changes under way. */
  async close(): Promise<void> {
    await this.#tail;
  }

  async #change(type: string, change: (texts: Map<string, string>) => void): Promise<void> {
    const storage = this.#storage(type);
    await this.#inTurn(async () => {
      const texts = new Map(storage.texts);
      change(texts);
      const characters = sizeOf(texts);
      // A storage that is too large already may still shrink.
      if (characters > STORAGE_CHARACTERS_MAX && characters > storage.characters) {
        throw new KeyValueError("KEYVALUE_FULL", "storage is full", { type, max: STORAGE_CHARACTERS_MAX });
      }
      await saveStorageFile(storage.path, texts);
      storage.texts = texts;
      storage.characters = characters;
    });
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#waiting >= WAITING_MAX) throw new KeyValueError("KEYVALUE_BUSY", "too many storage changes wait");
    this.#waiting++;
    const run = this.#tail.then(work).finally(() => this.#waiting--);
    this.#tail = run.catch(() => {});
    await run;
  }

  #storage(type: string): Storage {
    if (!(STORAGE_TYPES as readonly string[]).includes(type)) {
      throw new KeyValueError("KEYVALUE_TYPE_UNKNOWN", "unknown storage");
    }
    const storage = this.#storages.get(type);
    if (!this.#enabled || storage === undefined) throw new KeyValueError("KEYVALUE_DISABLED", "");
    return storage;
  }
}

function sizeOf(texts: ReadonlyMap<string, string>): number {
  let characters = 0;
  for (const [key, text] of texts) characters += key.length + text.length;
  return characters;
}
