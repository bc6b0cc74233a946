import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../../src/base/bytes.ts";
import { NEVER_ANNOUNCED } from "../../../src/chain/store.ts";
import { encodeTransaction, type Transaction } from "../../../src/chain/transaction.ts";
import { type Hash, sha256 } from "../../../src/cipher/hash.ts";
import { Database } from "../../../src/storage/database.ts";
import {
  blockKey,
  decodeTip,
  decodeUnconfirmed,
  encodeTip,
  encodeUnconfirmed,
  KIND,
  keyOf,
  kindName,
  LAYOUT_VERSION,
  placePageKey,
  RETIRED_KINDS,
  rangeOf,
  seal,
  seqOfKey,
  unseal,
} from "../../../src/storage/layout.ts";
import { sampleChain } from "../../support/fake-blocks.ts";
import { openStore, storeInFlushes } from "../../support/level-files.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("no two kinds share an id, and no retired id is in use", () => {
  const ids = Object.values(KIND) as number[];
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.equal(RETIRED_KINDS[id], undefined);
  for (const [name, id] of Object.entries(KIND)) assert.equal(kindName(Uint8Array.of(id)), name);
  assert.equal(kindName(Uint8Array.of(200)), "kind 200");
});

test("a sealed value opens with its own key only, and with no bit changed", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(),
      (key, content, n) => {
        const value = seal(key, content.subarray(0, 3), content.subarray(3));
        assert.deepEqual(unseal(key, value), content);
        assert.equal(unseal(Uint8Array.of(...key, 1), value), undefined);
        const bit = n % (value.length * 8);
        value[bit >> 3] = (value[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.equal(unseal(key, value), undefined);
      },
    ),
  );
  assert.equal(unseal(Uint8Array.of(1), Uint8Array.of(1, 2, 3)), undefined);
});

test("keys sort by number and stay within the range of their kind", () => {
  const seqs = [0, 1, 255, 256, 65535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER];
  const keys = seqs.map(blockKey);
  assert.deepEqual([...keys].sort(Buffer.compare), keys);
  assert.deepEqual(keys.map(seqOfKey), seqs);
  const { gte, lt } = rangeOf("block");
  for (const key of keys) assert.ok(Buffer.compare(gte, key) <= 0 && Buffer.compare(key, lt) < 0);
  const address = new Uint8Array(21).fill(255);
  const page = placePageKey(address, 0xffffffff);
  assert.ok(Buffer.compare(page, rangeOf("placePage").lt) < 0);
  assert.deepEqual([...keyOf("unspent", Uint8Array.of(1, 2))], [KIND.unspent, 1, 2]);
});

test("tip and pool records come back as they were", () => {
  const hash = (n: number) => new Uint8Array(32).fill(n) as Hash;
  const head = { seq: 2 ** 33 + 1, time: 1_500_000_000, hash: hash(1), setHash: hash(2) };
  const tip = { head, transactions: 2 ** 40, unspents: 3, addresses: 4 };
  assert.deepEqual(decodeTip(encodeTip(tip)), tip);
  const txn = sampleChain(1, 2).changes[1]?.block.transactions[0] as Transaction;
  for (const isValid of [true, false]) {
    const record = { txn, received: -1n, checked: 2n ** 62n, announced: NEVER_ANNOUNCED, isValid };
    const back = decodeUnconfirmed(encodeUnconfirmed(record));
    assert.deepEqual(
      { ...back, txn: toHex(encodeTransaction(back.txn)) },
      { ...record, txn: toHex(encodeTransaction(txn)) },
    );
  }
});

test("layout 2 is written as it always was: whoever changes a byte raises LAYOUT_VERSION", async (t) => {
  // The records are those of the state, however its blocks were grouped into batches.
  for (const per of [1, 7, 60]) assert.deepEqual(await recordsAfter(join(tempDir(t), "chain"), per), EXPECTED);
  assert.equal(LAYOUT_VERSION, 2);
});

async function recordsAfter(dir: string, per: number): Promise<typeof EXPECTED> {
  const { changes } = sampleChain(7, 60);
  const store = await openStore(dir);
  await storeInFlushes(store, changes, per);
  const txn = changes[3]?.block.transactions[0] as Transaction;
  await store.putUnconfirmed([{ txn, received: 1n, checked: 2n, announced: 3n, isValid: true }]);
  await store.close();
  const db = await Database.open(dir);
  const counts: Record<string, number> = {};
  let digest = sha256(new Uint8Array(0));
  for await (const chunk of db.scan({ gte: Buffer.of(0), lt: Buffer.of(255) })) {
    for (const { key, content } of chunk) {
      counts[kindName(key)] = (counts[kindName(key)] ?? 0) + 1;
      digest = sha256(Buffer.concat([digest, key, content]));
    }
  }
  await db.close();
  return { counts, digest: toHex(digest) };
}

/** Made by this test at layout 2: sampleChain(7, 60) and one pool record. */
const EXPECTED = {
  counts: {
    meta: 3,
    block: 60,
    blockSeq: 60,
    transaction: 232,
    unspent: 232,
    spent: 231,
    address: 8,
    unspentPage: 37,
    placePage: 46,
    unconfirmed: 1,
  } as Record<string, number>,
  digest: "76e035c1078862ccb889a0631a5d5857c0b5e618ac84390211ad6aa5e12d820a",
};
