import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ApiListener } from "../../src/api/listener.ts";
import type { ApiOptions, FiberFacts } from "../../src/api/options.ts";
import { buildServer } from "../../src/api/server.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { Blockchain } from "../../src/chain/blockchain.ts";
import { type ApiSet, combineApiSets } from "../../src/config/api-sets.ts";
import { SKYCOIN } from "../../src/config/skycoin.ts";
import { compatVersion } from "../../src/config/version.ts";
import { type ClientStoresConfig, openClientStores } from "../../src/node/client-stores.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { type CryptoType, DEFAULT_CRYPTO_TYPE } from "../../src/wallet/meta.ts";
import { UnlockThread } from "../../src/wallet/unlock-thread.ts";
import { conformanceJson, conformancePath } from "./conformance.ts";
import { loadRecordedChain, type RecordedChain } from "./conformance-chain.ts";

/**
 * The API over a recorded chain in memory, without networking, as a mode of the API cases asks: what those cases
 * need of a node and nothing more. Also a script: `node api-node.js --mode stable [--port N]`.
 */
export interface ApiMode {
  readonly chain: RecordedChain;
  readonly unconfirmed: boolean;
  readonly writable: boolean;
  /** Flags of the reference node. */
  readonly flags: readonly string[];
  /** Wallets that are there from the start: a folder of the recordings. */
  readonly wallet_folder_copied_from?: string;
}

export function apiModes(): Readonly<Record<string, ApiMode>> {
  return conformanceJson("api/modes.json");
}

const clock = systemClock;
const CHEAP_UNLOCK = new URL("./cheap-unlock-worker.js", import.meta.url);
const readOnlyChains = new Map<string, ReturnType<typeof loadRecordedChain>>();

/** Read-only modes of a chain share it: executing the blocks takes longer than playing the cases. */
function chainOf({ chain: name, unconfirmed, writable }: ApiMode): ReturnType<typeof loadRecordedChain> {
  const key = `${name} ${unconfirmed}`;
  const known = writable ? undefined : readOnlyChains.get(key);
  const loaded = known ?? loadRecordedChain({ name, unconfirmed, store: new MemoryStore(), clock });
  if (!writable) readOnlyChains.set(key, loaded);
  return loaded;
}

export interface ApiNodeOptions {
  readonly port?: number;
  /** Wallets are encrypted as in a node: seconds for each. Without it, none recorded with scrypt opens. */
  readonly fullCost?: boolean;
}

export async function startApiNode(
  mode: ApiMode,
  { port = 0, fullCost = false }: ApiNodeOptions = {},
): Promise<{ base: string; close(): Promise<void> }> {
  const { chain, pool } = await chainOf(mode);
  const listener = await ApiListener.bind({ host: "127.0.0.1", port });
  const options = apiOptions(mode, listener);
  const folder = await mkdtemp(join(tmpdir(), "api-node-"));
  if (mode.wallet_folder_copied_from !== undefined) {
    await cp(conformancePath(mode.wallet_folder_copied_from), join(folder, "wallets"), { recursive: true });
  }
  const box = new UnlockThread(fullCost ? {} : { program: CHEAP_UNLOCK });
  const parts = { chain, pool, clock, log: silentLogger, box };
  const stores = await openClientStores(storesConfig(mode, chain, folder), parts);
  const app = buildServer(options, { chain, pool, ...stores, clock, log: silentLogger });
  await app.ready();
  listener.open((request, response) => app.routing(request, response));
  return {
    base: `http://127.0.0.1:${listener.address.port}`,
    async close() {
      await listener.close();
      await app.close();
      await stores.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function flagOf({ flags }: ApiMode, name: string): string | undefined {
  const found = flags.find((item) => item === `-${name}` || item.startsWith(`-${name}=`));
  return found === undefined ? undefined : (found.split(/=(.*)/)[1] ?? "true");
}

function apiSetsOf(mode: ApiMode): readonly ApiSet[] {
  const all = flagOf(mode, "enable-all-api-sets") === "true";
  const enable = flagOf(mode, "enable-api-sets") ?? (all ? "" : "READ,TXN");
  return combineApiSets({ all, enable, disable: flagOf(mode, "disable-api-sets") ?? "" });
}

function storesConfig(mode: ApiMode, { params }: Blockchain, folder: string): ClientStoresConfig {
  return {
    params,
    paths: { wallets: join(folder, "wallets"), storage: join(folder, "data") },
    web: { enabled: true, apiSets: apiSetsOf(mode) },
    branding: SKYCOIN.branding,
    walletCryptoType: (flagOf(mode, "wallet-crypto-type") ?? DEFAULT_CRYPTO_TYPE) as CryptoType,
  };
}

function apiOptions(mode: ApiMode, listener: ApiListener): ApiOptions {
  const flag = (name: string): string | undefined => flagOf(mode, name);
  const apiSets = apiSetsOf(mode);
  const gui = flag("enable-gui") === "true" && apiSets.includes("WALLET");
  return {
    bound: () => listener.address,
    apiSets,
    hostWhitelist: (flag("host-whitelist") ?? "").split(",").filter((host) => host !== ""),
    credentials: {
      username: flag("web-interface-username") ?? "",
      password: flag("web-interface-password") ?? "",
    },
    disableCsrf: flag("disable-csrf") === "true",
    disableHeaderCheck: flag("disable-header-check") === "true",
    disableCsp: flag("disable-csp") === "true",
    guiDir: gui ? resolve(conformancePath("api/gui-static"), "dist") : undefined,
    maxLastBlocksCount: 256,
    readOnly: !mode.writable,
    node: {
      version: compatVersion,
      commit: "",
      branch: "",
      userAgent: `skycoin:${compatVersion}`,
      blockPublisher: false,
      fiber: fiberFacts(),
      defaultConnections: SKYCOIN.network.defaultConnections,
    },
  };
}

function fiberFacts(): FiberFacts {
  const { displayName, ticker, coinHoursName, coinHoursNameSingular, coinHoursTicker } = SKYCOIN.branding;
  const { qrUriPrefix, explorerUrl, versionUrl, bip44Coin } = SKYCOIN.branding;
  const names = { displayName, ticker, coinHoursName, coinHoursNameSingular, coinHoursTicker };
  return { name: SKYCOIN.coin, ...names, qrUriPrefix, explorerUrl, versionUrl, bip44Coin };
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

if (import.meta.filename === process.argv[1]) {
  const mode = apiModes()[argument("mode") ?? ""];
  if (mode === undefined) throw new Error("--mode must name a mode of modes.json");
  const { base } = await startApiNode(mode, { port: Number(argument("port") ?? 0) });
  console.log(base);
}
