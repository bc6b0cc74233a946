import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32c } from "./crc32c.ts";
import { damaged } from "./database.ts";
import { StoreError } from "./errors.ts";

/**
 * LevelDB checks the checksums of its table files only when asked to, and the package does not ask: a flipped bit in
 * an index or filter makes records vanish, and compaction copies what it finds. So all tables are read once at
 * start, 1 GB/s, before LevelDB opens them.
 *
 * Format (LevelDB doc/table_format): data blocks, filter block, meta index, index, footer. A block is followed by
 * its compression type (1 byte) and the masked CRC-32C of block and type. The footer, 48 bytes, holds the handles of
 * meta index and index, and a magic number. A handle is offset and size, as varints.
 */
const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const MAGIC = Buffer.from("57fb808b247547db", "hex");

/** Tables that are no whole tables: left by a crash, or damaged. LevelDB deletes the former when it opens. */
export type UnfinishedTables = readonly string[];

/** @throws StoreError STORE_DAMAGED naming the table */
export async function checkTables(dir: string): Promise<UnfinishedTables> {
  const unfinished: string[] = [];
  for (const name of (await readdir(dir)).filter((file) => /^\d+\.(ldb|sst)$/.test(file)).sort()) {
    let bytes: Buffer;
    try {
      bytes = await readFile(join(dir, name));
    } catch (cause) {
      throw new StoreError("STORE_READ", `cannot read ${join(dir, name)}`, { dir }, { cause });
    }
    const footer = bytes.subarray(Math.max(0, bytes.length - FOOTER_BYTES));
    if (footer.length < FOOTER_BYTES || !footer.subarray(40).equals(MAGIC)) unfinished.push(name);
    else if (!isWhole(bytes, footer)) throw damaged(dir, `its table ${name} fails its checksum`, { table: name });
  }
  return unfinished;
}

/** @throws StoreError STORE_DAMAGED when one of the tables is still in use: then it was damaged, not unfinished */
export async function checkUnfinished(dir: string, tables: UnfinishedTables): Promise<void> {
  if (tables.length === 0) return;
  const left = new Set(await readdir(dir));
  const used = tables.find((name) => left.has(name));
  if (used !== undefined) throw damaged(dir, `its table ${used} is cut short`, { table: used });
}

function isWhole(table: Buffer, footer: Buffer): boolean {
  try {
    const cursor = new Cursor(footer);
    const metaIndex = checkedBlock(table, cursor.handle());
    const index = checkedBlock(table, cursor.handle());
    if (!footer.subarray(cursor.at, 40).every((byte) => byte === 0)) return false;
    for (const handle of [...handlesIn(metaIndex), ...handlesIn(index)]) checkedBlock(table, handle);
    return true;
  } catch (error) {
    if (error instanceof BadTable) return false;
    throw error;
  }
}

class BadTable extends Error {}

interface Handle {
  readonly offset: number;
  readonly size: number;
}

function checkedBlock(table: Buffer, { offset, size }: Handle): Buffer {
  const end = offset + size;
  if (end + TRAILER_BYTES > table.length) throw new BadTable();
  const crc = crc32c(table, offset, end + 1);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  if (table.readUInt32LE(end + 1) !== masked) throw new BadTable();
  // Ours are written uncompressed; of a compressed index the handles cannot be read.
  if (table[end] !== 0) throw new BadTable();
  return table.subarray(offset, end);
}

/** Values of an index block: entries of shared, unshared and value length, key rest and value, then restart points. */
function handlesIn(block: Buffer): Handle[] {
  if (block.length < 4) throw new BadTable();
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 * (restarts + 1);
  if (end < 0) throw new BadTable();
  const handles: Handle[] = [];
  const cursor = new Cursor(block.subarray(0, end));
  while (cursor.at < end) {
    cursor.varint();
    const unshared = cursor.varint();
    const valueSize = cursor.varint();
    cursor.at += unshared;
    const next = cursor.at + valueSize;
    handles.push(cursor.handle());
    cursor.at = next;
  }
  return handles;
}

class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new BadTable();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new BadTable();
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() };
  }
}
