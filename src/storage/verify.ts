import { equalBytes } from "../base/bytes.ts";
import { BLOCK_HEADER_BYTES } from "../chain/block.ts";
import { sha256 } from "../cipher/hash.ts";
import { CodecError, Reader } from "../codec/reader.ts";
import { AddressRecord, split } from "./address-record.ts";
import { type Database, damaged } from "./database.ts";
import type { IdFilter } from "./id-filter.ts";
import { BLOCK_PREFIX_BYTES, blockKey, rangeOf, seqOfKey, type Tip, UX_BYTES } from "./layout.ts";

/** Sums over a set of outputs: two sets with equal sums are the same, as far as damage can bring it about. */
class SetSum {
  count = 0;
  coins = 0n;
  readonly #xor = new Uint32Array(8);

  add(id: Uint8Array): void {
    this.count++;
    const words = new DataView(id.buffer, id.byteOffset, 32);
    for (let i = 0; i < 8; i++) this.#xor[i] = (this.#xor[i] as number) ^ words.getUint32(4 * i, true);
  }

  equals(other: SetSum): boolean {
    return this.count === other.count && this.coins === other.coins && this.#xor.join() === other.#xor.join();
  }
}

/**
 * Holds the stored state against the head: the head block hashes to the head's hash; there is one block for each
 * height; the unspent outputs XOR to the running set hash; the address index lists exactly these outputs and
 * their coins; the counters are right. Every value read has its checksum verified. `filter` receives the ids.
 * A block leaves no trace in fewer than two of these, so a lost batch shows whichever it was.
 * @throws StoreError STORE_DAMAGED
 */
export async function verifyState(db: Database, tip: Tip, filter: IdFilter): Promise<void> {
  const fail = (what: string, data = {}): never => {
    throw damaged(db.dir, what, data);
  };
  try {
    verifyHeadBlock(db, tip, fail);
    await verifyHeights(db, tip, fail);
    const outputs = await sumOutputs(db, tip, filter, fail);
    await verifyIndex(db, tip, outputs, fail);
  } catch (error) {
    if (error instanceof CodecError) throw damaged(db.dir, `a record does not decode: ${error.message}`, {}, error);
    throw error;
  }
}

type Fail = (what: string, data?: object) => never;

function verifyHeadBlock(db: Database, { head }: Tip, fail: Fail): void {
  const record = db.get(blockKey(head.seq));
  if (record === undefined) throw damaged(db.dir, `the head block ${head.seq} is missing`);
  const header = record.subarray(BLOCK_PREFIX_BYTES, BLOCK_PREFIX_BYTES + BLOCK_HEADER_BYTES);
  if (!equalBytes(sha256(header), head.hash)) fail(`block ${head.seq} is not the head block`);
  if (new Reader(header.subarray(4)).size() !== head.time) fail("the head's time is not its block's");
}

async function verifyHeights(db: Database, { head }: Tip, fail: Fail): Promise<void> {
  let next = 0;
  for await (const keys of db.keys(rangeOf("block"))) {
    for (const key of keys) {
      if (seqOfKey(key) !== next) fail(`block ${next} is missing`);
      next++;
    }
  }
  if (next !== head.seq + 1) fail(`there are ${next} blocks and the head is ${head.seq}`);
}

async function sumOutputs(db: Database, tip: Tip, filter: IdFilter, fail: Fail): Promise<SetSum> {
  const sum = new SetSum();
  const setHash = new Uint8Array(32);
  const snapshot = new Uint8Array(UX_BYTES); // body first, then head: the other way round than stored
  for await (const chunk of db.scan(rangeOf("unspent"))) {
    for (const { key, content } of chunk) {
      const id = key.subarray(1);
      if (content.length !== UX_BYTES) fail("an unspent output has the wrong size");
      snapshot.set(content.subarray(16));
      snapshot.set(content.subarray(0, 16), 69);
      const hash = sha256(snapshot);
      for (let i = 0; i < 32; i++) setHash[i] = (setHash[i] as number) ^ (hash[i] as number);
      sum.add(id);
      sum.coins += new DataView(content.buffer, content.byteOffset + 69, 8).getBigUint64(0, true);
      filter.add(id);
    }
  }
  if (sum.count !== tip.unspents) fail(`${sum.count} unspent outputs are stored instead of ${tip.unspents}`);
  if (!equalBytes(setHash, tip.head.setHash)) fail("the unspent outputs do not match the set hash of the head");
  return sum;
}

async function verifyIndex(db: Database, tip: Tip, outputs: SetSum, fail: Fail): Promise<void> {
  const listed = new SetSum();
  let [holders, unspents, pages] = [0, 0, 0];
  for await (const chunk of db.scan(rangeOf("address"))) {
    for (const { content } of chunk) {
      const record = AddressRecord.decode(content);
      if (record.unspents > 0) holders++;
      unspents += record.unspents;
      pages += record.pages.length;
      listed.coins += record.coins;
      for (const id of split(record.tail)) listed.add(id);
    }
  }
  for await (const chunk of db.scan(rangeOf("unspentPage"))) {
    for (const { content } of chunk) {
      pages--;
      for (const id of split(content)) listed.add(id);
    }
  }
  if (pages !== 0 || unspents !== listed.count || !outputs.equals(listed)) {
    fail("the address index does not match the unspent outputs");
  }
  if (holders !== tip.addresses) fail(`${holders} addresses hold outputs instead of ${tip.addresses}`);
}
