import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import type { ApiSet } from "../../../src/config/api-sets.ts";
import { type ClientStores, type ClosableBox, openClientStores } from "../../../src/node/client-stores.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { WalletFault } from "../../../src/wallet/errors.ts";
import { ManualClock, TestChain } from "../../support/chain.ts";
import { tempDir } from "../../support/temp-dir.ts";

async function open(
  t: TestContext,
  apiSets: readonly ApiSet[],
  box?: ClosableBox,
): Promise<{ stores: ClientStores; folder: string }> {
  const store = new MemoryStore();
  const { chain } = await TestChain.open({ store });
  const clock = new ManualClock();
  const { params } = chain;
  const pool = new UnconfirmedPool({ chain, store, params, clock, log: silentLogger });
  await pool.load();
  const folder = tempDir(t);
  const config = {
    params,
    paths: { wallets: join(folder, "wallets"), storage: join(folder, "data") },
    web: { enabled: true, apiSets },
    branding: { bip44Coin: 8001 },
    walletCryptoType: "sha256-xor",
  } as const;
  const parts = { chain, pool, clock, log: silentLogger, ...(box !== undefined && { box }) };
  const stores = await openClientStores(config, parts);
  t.after(() => stores.close());
  return { stores, folder };
}

const WALLET = { type: "deterministic", label: "l", seed: "client stores" };

test("nothing is read or made for API sets that are off", async (t) => {
  const { stores, folder } = await open(t, ["READ", "INSECURE_WALLET_SEED"]);
  assert.deepEqual(readdirSync(folder), []);
  assert.throws(() => stores.wallets.list(), { code: "WALLET_API_DISABLED" });
  assert.throws(() => stores.keyValues.all("txid"), { code: "KEYVALUE_DISABLED" });
});

test("each set opens its own", async (t) => {
  const { stores, folder } = await open(t, ["WALLET", "STORAGE"]);
  assert.deepEqual(readdirSync(folder).sort(), ["data", "wallets"]);
  const wallet = await stores.wallets.create({ ...WALLET, encrypt: true, password: "p" });
  assert.equal(wallet.meta.get("cryptoType"), "sha256-xor");
  const filename = wallet.meta.get("filename") ?? "";
  await assert.rejects(stores.wallets.seed(filename, "p"), { code: "WALLET_SEED_API_DISABLED" });
  const words = `${"abandon ".repeat(11)}about`;
  const bip44 = await stores.wallets.create({ ...WALLET, type: "bip44", seed: words });
  assert.equal(bip44.meta.get("bip44Coin"), "8001");
});

/** Never answers, until it is closed. */
class StuckBox implements ClosableBox {
  readonly asked: Promise<void>;
  #refuse: ((reason: unknown) => void)[] = [];
  #tell: () => void = () => {};

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  seal(): Promise<string> {
    return new Promise((_resolve, reject) => {
      this.#refuse.push(reject);
      this.#tell();
    });
  }

  async open(): Promise<Uint8Array> {
    throw new Error("nothing to open here");
  }

  async close(): Promise<void> {
    for (const refuse of this.#refuse.splice(0)) refuse(new WalletFault("WALLET_CLOSED", "closed"));
  }
}

test("closing does not wait for encryption: such a change fails and leaves no file", async (t) => {
  const box = new StuckBox();
  const { stores, folder } = await open(t, ["WALLET"], box);
  const { length: before } = readdirSync(join(folder, "wallets"));
  const change = stores.wallets.create({ ...WALLET, encrypt: true, password: "p" });
  const refused = assert.rejects(change, { code: "WALLET_CLOSED" });
  await box.asked;
  const closing = stores.close();
  await refused;
  await closing;
  assert.deepEqual([readdirSync(join(folder, "wallets")).length, stores.wallets.list().length], [before, 0]);
});
