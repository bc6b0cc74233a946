import { resolve } from "node:path";
import { ApiListener } from "../../src/api/listener.ts";
import type { ApiOptions, FiberFacts } from "../../src/api/options.ts";
import { buildServer } from "../../src/api/server.ts";
import { silentLogger } from "../../src/base/log.ts";
import { combineApiSets } from "../../src/config/api-sets.ts";
import { SKYCOIN } from "../../src/config/skycoin.ts";
import { compatVersion } from "../../src/config/version.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
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
}

export function apiModes(): Readonly<Record<string, ApiMode>> {
  return conformanceJson("api/modes.json");
}

const clock = systemClock;
const readOnlyChains = new Map<string, ReturnType<typeof loadRecordedChain>>();

/** Read-only modes of a chain share it: executing the blocks takes longer than playing the cases. */
function chainOf({ chain: name, unconfirmed, writable }: ApiMode): ReturnType<typeof loadRecordedChain> {
  const key = `${name} ${unconfirmed}`;
  const known = writable ? undefined : readOnlyChains.get(key);
  const loaded = known ?? loadRecordedChain({ name, unconfirmed, store: new MemoryStore(), clock });
  if (!writable) readOnlyChains.set(key, loaded);
  return loaded;
}

export async function startApiNode(mode: ApiMode, port = 0): Promise<{ base: string; close(): Promise<void> }> {
  const { chain, pool } = await chainOf(mode);
  const listener = await ApiListener.bind({ host: "127.0.0.1", port });
  const options = apiOptions(mode, listener);
  const app = buildServer(options, { chain, pool, clock, log: silentLogger });
  await app.ready();
  listener.open((request, response) => app.routing(request, response));
  return {
    base: `http://127.0.0.1:${listener.address.port}`,
    async close() {
      await listener.close();
      await app.close();
    },
  };
}

function apiOptions({ flags, writable }: ApiMode, listener: ApiListener): ApiOptions {
  const flag = (name: string): string | undefined => {
    const found = flags.find((item) => item === `-${name}` || item.startsWith(`-${name}=`));
    return found === undefined ? undefined : (found.split(/=(.*)/)[1] ?? "true");
  };
  const apiSets = combineApiSets({
    all: flag("enable-all-api-sets") === "true",
    enable: flag("enable-api-sets") ?? (flag("enable-all-api-sets") === "true" ? "" : "READ,TXN"),
    disable: flag("disable-api-sets") ?? "",
  });
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
    readOnly: !writable,
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
  const { base } = await startApiNode(mode, Number(argument("port") ?? 0));
  console.log(base);
}
