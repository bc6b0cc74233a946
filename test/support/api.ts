import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ApiOptions } from "../../src/api/options.ts";
import { buildServer } from "../../src/api/server.ts";
import type { ApiServices, ConnectionInfo, NetworkService } from "../../src/api/services.ts";
import type { Logger } from "../../src/base/log.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { Blockchain } from "../../src/chain/blockchain.ts";
import { DEFAULT_VERIFY } from "../../src/chain/params.ts";
import type { ChainStore } from "../../src/chain/store.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import { KeyValueService } from "../../src/keyvalue/service.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { chainActivity, chainLedger } from "../../src/wallet/chain-ledger.ts";
import { WalletSpending } from "../../src/wallet/wallet-spending.ts";
import { ManualClock, TestChain } from "./chain.ts";
import { openService } from "./wallets.ts";

/** Everything on, nothing checked; tests switch what they are about. */
export function apiOptions(changes: Partial<ApiOptions> = {}): ApiOptions {
  return {
    bound: () => ({ address: "127.0.0.1", port: 6420 }),
    apiSets: ["READ", "STATUS", "TXN", "WALLET", "NET_CTRL", "STORAGE"],
    hostWhitelist: [],
    credentials: { username: "", password: "" },
    disableCsrf: true,
    disableHeaderCheck: true,
    disableCsp: false,
    maxLastBlocksCount: 256,
    readOnly: false,
    node: {
      version: "0.27.1",
      commit: "c",
      branch: "b",
      userAgent: "testcoin:0.27.1",
      blockPublisher: false,
      fiber: {
        name: "testcoin",
        displayName: "Testcoin",
        ticker: "TST",
        coinHoursName: "Hours",
        coinHoursNameSingular: "Hour",
        coinHoursTicker: "TCH",
        qrUriPrefix: "testcoin",
        explorerUrl: "",
        versionUrl: "",
        bip44Coin: 8000,
      },
      defaultConnections: ["10.0.0.2:6000", "10.0.0.1:6000"],
    },
    ...changes,
  };
}

/** A network of connections given by the test. */
export class FakeNetwork implements NetworkService {
  readonly peers: ConnectionInfo[] = [];
  readonly sent: Transaction[] = [];
  readonly dropped: number[] = [];
  /** Thrown by the next broadcasts. */
  broken: Error | undefined;

  add(changes: Partial<ConnectionInfo>): void {
    this.peers.push({
      id: this.peers.length + 1,
      address: `10.0.0.${this.peers.length + 1}:6000`,
      lastSent: 1,
      lastReceived: 2,
      connectedAt: 3,
      outgoing: true,
      state: "introduced",
      mirror: 4,
      listenPort: 6000,
      height: 5,
      userAgent: "testcoin:0.27.1",
      trusted: false,
      unconfirmedVerify: DEFAULT_VERIFY,
      ...changes,
    });
  }

  connections(): readonly ConnectionInfo[] {
    return this.peers;
  }

  connection(address: string): ConnectionInfo | undefined {
    return this.peers.find((peer) => peer.address === address);
  }

  disconnect(id: number): boolean {
    if (!this.peers.some((peer) => peer.id === id)) return false;
    this.dropped.push(id);
    return true;
  }

  trustedConnections(): readonly string[] {
    return ["10.0.0.9:6000", "10.0.0.8:6000"];
  }

  exchangeablePeers(): readonly string[] {
    return ["10.0.0.7:6000"];
  }

  broadcastTransaction(txn: Transaction): void {
    if (this.broken !== undefined) throw this.broken;
    this.sent.push(txn);
  }
}

/** An answer as parsed. Tests reach into it freely: a member that is not there fails the assertion on it. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what is being tested
export type Json = any;

/** A small chain with the API on it. */
export interface ApiFixture {
  readonly app: FastifyInstance;
  readonly chain: TestChain;
  readonly pool: UnconfirmedPool;
  readonly clock: ManualClock;
  /** GET, answered as JSON. */
  get(url: string): Promise<Json>;
  /** GET, as status and text. */
  text(url: string): Promise<[number, string]>;
}

/** Wallets, quickly encrypted, and key-value storage in `folder`; without one both are switched off. */
export async function clientStores(
  parts: { readonly chain: Blockchain; readonly pool: UnconfirmedPool },
  folder: string | undefined,
): Promise<Pick<ApiServices, "wallets" | "spending" | "keyValues">> {
  const enabled = folder !== undefined;
  const wallets = await openService(join(folder ?? "", "wallets"), {
    enableWalletApi: enabled,
    activity: chainActivity(parts),
  });
  const { burnFactor } = parts.chain.params.user;
  const spending = new WalletSpending({ burnFactor }, { ledger: chainLedger(parts), wallets });
  const data = { directory: join(folder ?? "", "data"), enabled };
  return { wallets, spending, keyValues: await KeyValueService.open(data, { log: silentLogger }) };
}

export async function apiFixture(
  options: Partial<ApiOptions> = {},
  services: Partial<Pick<ApiServices, "network" | "log" | "condition" | "metrics" | "rewards">> & {
    readonly log?: Logger;
  } = {},
  store: ChainStore = new MemoryStore(),
  folder?: string,
): Promise<ApiFixture> {
  const chain = await TestChain.open({ store });
  const clock = new ManualClock();
  const { params } = chain.chain;
  const pool = new UnconfirmedPool({ chain: chain.chain, store, params, clock, log: silentLogger });
  await pool.load();
  const stores = await clientStores({ chain: chain.chain, pool }, folder);
  const parts = { chain: chain.chain, pool, clock, log: silentLogger, ...stores, ...services };
  const app = buildServer(apiOptions(options), parts);
  const text = async (url: string): Promise<[number, string]> => {
    const response = await app.inject({ method: "GET", url });
    return [response.statusCode, response.body];
  };
  const get = async (url: string): Promise<Json> => JSON.parse((await text(url))[1]);
  return { app, chain, pool, clock, get, text };
}
