import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { NetworkService, PoolService } from "../../src/api/services.ts";
import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { SignedBlock } from "../../src/chain/block.ts";
import type { Blockchain } from "../../src/chain/blockchain.ts";
import type { ChainStore } from "../../src/chain/store.ts";
import { type Transaction, txid } from "../../src/chain/transaction.ts";
import type { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import type { Network } from "../../src/p2p/network.ts";
import { openLevelStore } from "../../src/storage/level-store.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { apiFixture } from "../support/api.ts";
import { alice, bob, carol, out, spend, TestChain } from "../support/chain.ts";

/** The API's answers come from the store through one interface: they must not depend on which store it is. */

const STORES: Readonly<Record<string, (t: TestContext) => Promise<ChainStore>>> = {
  memory: async () => new MemoryStore(),
  async level(t) {
    const dir = await mkdtemp(join(tmpdir(), "api-stores-"));
    const store = await openLevelStore({ dir, log: silentLogger });
    t.after(async () => {
      await store.close();
      await rm(dir, { recursive: true });
    });
    return store;
  },
};

interface History {
  readonly blocks: readonly SignedBlock[];
  /** For the pool. */
  readonly waiting: Transaction;
  readonly urls: readonly string[];
}

/** Blocks with one and with several transactions, an address that gets and spends, something for the pool. */
async function history(): Promise<History> {
  const chain = await TestChain.open({ store: new MemoryStore() });
  const coins = await chain.fund(alice, 8);
  const payments = coins.map((coin, i) => {
    const [coinsLeft, hours] = [coin.ux.body.coins - 1_000_000n, coin.ux.body.hours / 5n];
    return spend([coin], [out(i % 2 === 0 ? bob : carol, 1_000_000n, hours + BigInt(i)), out(alice, coinsLeft, hours)]);
  });
  const [one, two, three, four, waiting] = payments;
  if (!one || !two || !three || !four || !waiting) throw new TypeError("eight coins make eight payments");
  await chain.add([one]);
  await chain.add([two, three, four]);
  const blocks = [1, 2, 3].map((seq) => chain.store.blockBySeq(seq) as SignedBlock);
  const [a, b] = [encodeAddress(alice.address), encodeAddress(bob.address)];
  const urls = [
    "/api/v1/blockchain/metadata",
    "/api/v1/blocks?start=0&end=9&verbose=1",
    "/api/v1/last_blocks?num=2",
    `/api/v1/balance?addrs=${a},${b}`,
    "/api/v1/outputs",
    `/api/v1/outputs?addrs=${b}`,
    `/api/v1/address_uxouts?address=${a}`,
    `/api/v1/uxout?uxid=${toHex(one.inputs[0] as Uint8Array)}`,
    "/api/v1/coinSupply",
    "/api/v1/richlist?include-distribution=1",
    "/api/v1/addresscount",
    "/api/v1/transactions?verbose=1",
    `/api/v1/transactions?addrs=${a},${b}`,
    "/api/v1/transactions/num",
    "/api/v2/transactions?limit=3&page=2",
    `/api/v2/transactions?addrs=${b}&sort=desc&verbose=1`,
    `/api/v1/transaction?txid=${toHex(txid(three))}&verbose=1`,
    `/api/v1/transaction?txid=${toHex(txid(waiting))}`,
    "/api/v1/pendingTxs?verbose=1",
  ];
  return { blocks, waiting, urls };
}

async function answers(store: ChainStore, { blocks, waiting, urls }: History): Promise<[string, number, string][]> {
  const { chain, pool, text } = await apiFixture({}, {}, store);
  for (const block of blocks) await chain.chain.execute(block);
  await pool.injectFromUser(waiting);
  const found: [string, number, string][] = [];
  for (const url of urls) found.push([url, ...(await text(url))]);
  return found;
}

test("every store gives the same answers", async (t) => {
  const past = await history();
  const [expected, ...others] = await Promise.all(
    Object.values(STORES).map(async (open) => answers(await open(t), past)),
  );
  for (const [url, status] of expected ?? []) assert.equal(status, 200, url);
  for (const found of others) assert.deepEqual(found, expected);
});

test("the node's own parts are what the API asks for", () => {
  // Checked by the compiler; a part that changes its shape fails here first.
  const fits = (_pool: PoolService, _network: NetworkService, _chain: Blockchain): boolean => true;
  const real = (pool: UnconfirmedPool, network: Network, chain: Blockchain): boolean => fits(pool, network, chain);
  assert.equal(typeof real, "function");
});
