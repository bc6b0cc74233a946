import { chmod, mkdir } from "node:fs/promises";
import { equalBytes, toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { blockHash, decodeSignedBlock } from "../chain/block.ts";
import type { BlockChange, Head, UnconfirmedRecord } from "../chain/store.ts";
import type { Hash } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { CodecError } from "../codec/reader.ts";
import { type Batch, Database, damaged } from "./database.ts";
import { inspectDirectory, lockedError, removeOwner, TipFile, writeOwner } from "./directory.ts";
import { StoreError } from "./errors.ts";
import { IdFilter } from "./id-filter.ts";
import { KeptFiles } from "./kept-files.ts";
import { latin1Key } from "./latin1-key.ts";
import {
  BLOCK_PREFIX_BYTES,
  blockKey,
  decodeTip,
  decodeUnconfirmed,
  LAYOUT_VERSION,
  metaKey,
  rangeOf,
  seal,
  type Tip,
} from "./layout.ts";
import { checkTables, checkUnfinished } from "./table-check.ts";
import { verifyState } from "./verify.ts";

/** What makes two chains different. */
export interface ChainIdentity {
  readonly genesisHash: Hash;
  readonly publisherKey: PublicKey;
}

export interface LevelStoreOptions {
  /** The database's own directory, made when absent. */
  readonly dir: string;
  readonly log: Logger;
  /** Refuses every write of ours. LevelDB itself still takes the lock, and replays its log when it opens. */
  readonly readOnly?: boolean;
  /** Whether an absent database is made; by default yes, unless `readOnly`. */
  readonly create?: boolean;
  /** Written into a new database and held against an old one. */
  readonly chain?: ChainIdentity;
  /**
   * What to do when blocks that were acknowledged are gone, the rest being sound: a cut log, a disk that did not keep
   * its word. A peer may accept and download them again. A publisher must not: it would sign other blocks in their
   * place. By default `refuse`.
   */
  readonly lostBlocks?: "refuse" | "accept";
}

/** A database that was found to be sound. */
export interface Opened {
  readonly db: Database;
  readonly tip: Tip | undefined;
  /** Every unspent id. */
  readonly filter: IdFilter;
  /** The stored pool by latin1 txid. */
  readonly pool: Map<string, UnconfirmedRecord>;
  readonly lostBlocks: { readonly from: number; readonly to: number } | undefined;
}

/** How a directory becomes an open, verified database; used again after a failed write. */
export class Opening {
  readonly dir: string;
  readonly readOnly: boolean;
  readonly #options: LevelStoreOptions;
  readonly #tipFile: TipFile;

  constructor(options: LevelStoreOptions) {
    this.dir = options.dir;
    this.readOnly = options.readOnly === true;
    this.#options = options;
    this.#tipFile = new TipFile(options.dir);
  }

  /** @throws StoreError, with nothing left open */
  async open(): Promise<Opened> {
    const { dir } = this;
    const started = performance.now();
    const found = await inspectDirectory(dir);
    if (found === "nothing") await this.#makeDirectory();
    const unfinished = found === "database" ? await checkTables(dir) : [];
    const kept = found === "database" ? await KeptFiles.of(dir) : undefined;
    const db = await Database.open(dir).catch(async (error: unknown) => {
      if (!(error instanceof StoreError && error.code === "STORE_LOCKED")) {
        await kept?.restore();
        throw error;
      }
      await kept?.drop();
      throw await lockedError(dir, error);
    });
    try {
      await checkUnfinished(dir, unfinished);
      await writeOwner(dir);
      const opened = await this.#verify(db);
      const ms = Math.round(performance.now() - started);
      const { tip } = opened;
      await kept?.drop();
      this.#options.log.info({ dir, seq: tip?.head.seq, unspents: tip?.unspents ?? 0, ms }, "database opened");
      return opened;
    } catch (error) {
      await db.close();
      await removeOwner(dir);
      await kept?.restore();
      throw error;
    }
  }

  async #makeDirectory(): Promise<void> {
    const { dir } = this;
    if (!(this.#options.create ?? !this.readOnly)) {
      throw new StoreError("STORE_MISSING", `there is no database in ${dir}`, { dir });
    }
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await chmod(dir, 0o700);
    } catch (cause) {
      throw new StoreError("STORE_OPEN", `cannot make the directory ${dir}: ${errorText(cause)}`, { dir }, { cause });
    }
  }

  async #verify(db: Database): Promise<Opened> {
    const { log } = this.#options;
    this.#checkLayout(db);
    this.#checkChain(db);
    const tip = readTip(db);
    const filter = new IdFilter();
    if (tip !== undefined) await verifyState(db, tip, filter);
    const pool = await readPool(db);
    const lostBlocks = this.#compareTip(db, tip);
    if (lostBlocks !== undefined) log.warn({ dir: this.dir, ...lostBlocks }, "acknowledged blocks are lost");
    return { db, tip, filter, pool, lostBlocks };
  }

  #checkLayout(db: Database): void {
    const { dir } = this;
    const record = db.get(metaKey("layout"));
    if (record === undefined) {
      if (db.get(metaKey("head")) !== undefined) throw damaged(dir, "its layout record is missing");
      return;
    }
    const version = new DataView(record.buffer, record.byteOffset).getUint32(0, true);
    if (version === LAYOUT_VERSION) return;
    if (version < LAYOUT_VERSION) {
      throw new StoreError(
        "STORE_OLDER",
        `the database ${dir} has layout ${version}, this program writes ${LAYOUT_VERSION}: export its blocks with the program that wrote it (loginchain chain export) and import them into another data directory, or download the chain again`,
        { dir, version },
      );
    }
    throw new StoreError(
      "STORE_NEWER",
      `the database ${dir} has layout ${version}, this program knows ${LAYOUT_VERSION}: use the newer program, or another data directory`,
      { dir, version },
    );
  }

  #checkChain(db: Database): void {
    const { dir } = this;
    const wanted = this.#options.chain;
    const record = db.get(metaKey("chain"));
    if (record === undefined || wanted === undefined) return;
    const [genesisHash, publisherKey] = [record.subarray(0, 32), record.subarray(32)];
    const sameKey = publisherKey.length === 0 || equalBytes(publisherKey, wanted.publisherKey);
    if (equalBytes(genesisHash, wanted.genesisHash) && sameKey) return;
    throw new StoreError(
      "STORE_FOREIGN",
      `the database ${dir} belongs to another chain (genesis ${toHex(genesisHash)}): choose another data directory`,
      { dir, genesis: toHex(genesisHash), publisher: toHex(publisherKey) },
    );
  }

  /** Puts layout and chain into the batch of the first block. */
  identify(batch: Batch, genesis: BlockChange): void {
    const version = Buffer.alloc(4);
    version.writeUInt32LE(LAYOUT_VERSION);
    const layout = metaKey("layout");
    batch.put(layout, seal(layout, version));
    const chain = metaKey("chain");
    batch.put(chain, seal(chain, genesis.hash, this.#options.chain?.publisherKey ?? new Uint8Array(0)));
  }

  /** Holds the database against the head acknowledged last. */
  #compareTip(db: Database, tip: Tip | undefined): Opened["lostBlocks"] {
    const { dir } = this;
    const acknowledged = this.#tipFile.read();
    if (acknowledged === undefined) return undefined;
    const seq = tip?.head.seq ?? -1;
    if (acknowledged.seq <= seq) {
      const record = db.get(blockKey(acknowledged.seq));
      const block = record && decodeSignedBlock(record.subarray(BLOCK_PREFIX_BYTES));
      if (block !== undefined && equalBytes(blockHash(block), acknowledged.hash)) return undefined;
      throw damaged(dir, `its block ${acknowledged.seq} is not the one that was acknowledged`);
    }
    const lost = { from: seq + 1, to: acknowledged.seq };
    if (this.#options.lostBlocks === "accept") return lost;
    throw damaged(dir, `it has lost the blocks ${lost.from} to ${lost.to}, which had been acknowledged`, lost);
  }

  /** Notes the acknowledged head. Never fails: the blocks are stored whatever becomes of the note. */
  acknowledge(head: Head): void {
    try {
      this.#tipFile.write(head);
    } catch (error) {
      this.#options.log.warn({ dir: this.dir, error: errorText(error) }, "acknowledged head not noted");
    }
  }

  async release(): Promise<void> {
    this.#tipFile.close();
    await removeOwner(this.dir).catch(() => {}); // the next owner overwrites it
  }
}

function readTip(db: Database): Tip | undefined {
  const record = db.get(metaKey("head"));
  return record && decoded(db, () => decodeTip(record));
}

async function readPool(db: Database): Promise<Map<string, UnconfirmedRecord>> {
  const pool = new Map<string, UnconfirmedRecord>();
  for await (const chunk of db.scan(rangeOf("unconfirmed"))) {
    for (const { key, content } of chunk) {
      pool.set(
        latin1Key(key.subarray(1)),
        decoded(db, () => decodeUnconfirmed(content)),
      );
    }
  }
  return pool;
}

function decoded<T>(db: Database, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw damaged(db.dir, `a record does not decode: ${error.message}`, {}, error);
  }
}
