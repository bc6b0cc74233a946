import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, toHex } from "../../../src/base/bytes.ts";
import { encodeSignedBlock, type SignedBlock } from "../../../src/chain/block.ts";
import { ChainOrder } from "../../../src/chain/chain-order.ts";
import type { PoolView } from "../../../src/chain/queries.ts";
import { hoursOrNone } from "../../../src/chain/queries.ts";
import { addBalances, type BalancePair } from "../../../src/chain/queries-balance.ts";
import { checkPage, transactionPage } from "../../../src/chain/queries-pages.ts";
import { transactionsByTime } from "../../../src/chain/queries-transactions.ts";
import type { ChainView, UnconfirmedRecord } from "../../../src/chain/store.ts";
import { newTransaction, type Transaction, txid } from "../../../src/chain/transaction.ts";
import type { Droplets, Hours, UxOut } from "../../../src/chain/uxout.ts";
import { type Hash, NULL_HASH, sha256 } from "../../../src/cipher/hash.ts";
import { NULL_SIGNATURE } from "../../../src/cipher/sign.ts";
import { alice, out } from "../../support/chain.ts";

/** A transaction of which only the id matters. */
function transaction(n: number): Transaction {
  return newTransaction([sha256(Uint8Array.of(n >> 8, n & 0xff))], [out(alice, 1n, 1n)]);
}

/** Blocks with the given numbers of transactions; block times are 100, 200, ... */
function viewOf(sizes: readonly number[]): { view: ChainView; blocks: SignedBlock[] } {
  let next = 0;
  const blocks = sizes.map((size, seq): SignedBlock => {
    const transactions = Array.from({ length: size }, () => transaction(next++));
    const header = { version: 0, time: (seq + 1) * 100, seq, fee: 0n as Hours, prevHash: NULL_HASH };
    return { header: { ...header, bodyHash: NULL_HASH, uxHash: NULL_HASH }, transactions, sig: NULL_SIGNATURE };
  });
  const view = {
    head: () => ({ ...(blocks.at(-1) as SignedBlock).header, hash: NULL_HASH, setHash: NULL_HASH }),
    blockBySeq: (seq: number) => blocks[seq],
    signedBlockBytes: (seq: number) => blocks[seq] && encodeSignedBlock(blocks[seq] as SignedBlock),
    transaction: () => undefined,
  };
  return { view: view as unknown as ChainView, blocks };
}

function poolOf(records: readonly { n: number; second: number }[]): PoolView {
  const all = records.map(({ n, second }): UnconfirmedRecord => {
    const times = { received: BigInt(second) * 1_000_000_000n, checked: 0n, announced: 0n };
    return { txn: transaction(n), ...times, isValid: true };
  });
  all.sort((a, b) => compareBytes(txid(a.txn), txid(b.txn)));
  return {
    size: all.length,
    revision: 0,
    get: () => undefined,
    all: () => all,
    incoming: () => [],
    outgoing: () => [],
  };
}

const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 });
const waiting = fc.uniqueArray(
  fc.record({ n: fc.integer({ min: 1000, max: 2000 }), second: fc.integer({ min: 0, max: 1500 }) }),
  {
    selector: ({ n }) => n,
    maxLength: 4,
  },
);

async function allPages(view: ChainView, pool: PoolView, order: "asc" | "desc", size: number): Promise<string[]> {
  const numbering = new ChainOrder(view, async () => {});
  const ids: string[] = [];
  for (let page = 1n; ; page++) {
    const request = { addresses: [], confirmed: undefined, order, size: BigInt(size), page } as const;
    const { transactions, totalPages } = await transactionPage(view, pool, numbering, request);
    ids.push(...transactions.map(({ id }) => toHex(id)));
    if (page >= totalPages) return ids;
  }
}

test("pages together are the list that places the pool behind the greatest id", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, waiting, fc.integer({ min: 1, max: 7 }), async (blockSizes, records, size) => {
      const { view, blocks } = viewOf(blockSizes);
      const pool = poolOf(records);
      const confirmed = blocks.flatMap(({ header, transactions }) =>
        transactions.map((txn) => ({ id: toHex(txid(txn)), seq: header.seq })),
      );
      const anchor = confirmed.reduce((greatest, item) => (item.id > greatest.id ? item : greatest)).seq;
      const placed = pool.all().map(({ txn }, i) => ({ id: toHex(txid(txn)), seq: anchor + 1 + i }));
      const list = [...confirmed, ...placed]
        .sort((a, b) => a.seq - b.seq || (a.id < b.id ? -1 : 1))
        .map(({ id }) => id);
      assert.deepEqual(await allPages(view, pool, "asc", size), list);
      assert.deepEqual(await allPages(view, pool, "desc", size), list.reverse());
    }),
  );
});

test("the whole list is in order of time, then id", () => {
  fc.assert(
    fc.property(sizes, waiting, (blockSizes, records) => {
      const { view } = viewOf(blockSizes);
      const pool = poolOf(records);
      const list = [...transactionsByTime(view, pool, { addresses: [], confirmed: undefined })];
      const keys = list.map(({ time, id }) => `${String(time).padStart(10, "0")} ${toHex(id)}`);
      assert.deepEqual(keys, [...keys].sort());
      assert.equal(list.length, blockSizes.reduce((sum, n) => sum + n, 0) + records.length);
    }),
  );
});

test("a long chain is numbered in slices, with pauses between them", async () => {
  const { view } = viewOf(Array(1200).fill(1));
  let pauses = 0;
  const order = new ChainOrder(view, async () => void pauses++);
  await order.catchUp({ ids: true });
  assert.ok(pauses >= 4, `${pauses} pauses`);
  assert.equal(order.upTo(1199), 1200);
  assert.deepEqual(order.blockOf(777), { seq: 777, first: 777 });
});

test("pages outside their limits are refused in the reference's words", () => {
  assert.throws(() => checkPage({ size: 0n, page: 1n }), { message: "page size must be greater than 0" });
  assert.throws(() => checkPage({ size: 1n, page: 0n }), { message: "page number must be greater than 0" });
  const message = "transaction page size must be not greater than 100";
  assert.throws(() => checkPage({ size: 101n, page: 1n }), { message });
});

test("sums of balances that leave 64 bits are an error", () => {
  const most = (1n << 64n) - 1n;
  const pair = (coins: bigint): BalancePair => ({
    confirmed: { coins, hours: 0n },
    predicted: { coins: 0n, hours: 0n },
  });
  assert.equal(addBalances([pair(most - 1n), pair(1n)]).confirmed.coins, most);
  assert.throws(() => addBalances([pair(most), pair(1n)]), { code: "QUERY_OVERFLOW" });
});

test("an output whose hours overflow is shown as worth nothing", () => {
  const body = { srcTransaction: NULL_HASH as Hash, address: alice.address };
  const rich: UxOut = {
    head: { time: 0, seq: 1 },
    body: { ...body, coins: 1_000_000n as Droplets, hours: ((1n << 64n) - 1n) as Hours },
  };
  assert.equal(hoursOrNone(rich, 3599), (1n << 64n) - 1n);
  assert.equal(hoursOrNone(rich, 3600), 0n);
});
