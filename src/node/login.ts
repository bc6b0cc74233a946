import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import { parseSecretKey, type SecretKey } from "../cipher/keys.ts";
import { platformRandom } from "../cipher/random.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { ConfigError } from "../config/errors.ts";
import { loadLoginClients } from "../config/login-clients.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { LoginClients } from "../login/clients.ts";
import type { LoginClock } from "../login/deadline.ts";
import { EventFeed } from "../login/events/feed.ts";
import { noteOfLogin } from "../login/events/login-events.ts";
import type { KeyVault, SigningAlgorithm } from "../login/key-ring.ts";
import { Login } from "../login/login.ts";
import type { LoginStore } from "../login/store.ts";
import type { Network } from "../p2p/network.ts";
import { LevelLoginStore } from "../storage/level-login-store.ts";
import { Outlet } from "../webhooks/outlet.ts";
import { systemClock } from "./system-clock.ts";

export interface RunningLogin {
  readonly login: Login;
  readonly store: LoginStore;
  readonly feed: EventFeed;
  readonly clients: LoginClients;
  readonly webhooks: readonly Outlet[];
  close(): Promise<void>;
}

/**
 * The login service of a node with a public listener. State and keys are in `login/` of the data directory.
 * @throws ConfigError, KeyRingError, StoreError: one line for the operator each
 */
export async function openLogin(
  config: DaemonConfig,
  parts: {
    readonly issuer: string;
    readonly chain: Blockchain;
    readonly pool: UnconfirmedPool;
    readonly network: Network | undefined;
    /** Why nobody is signed in at the moment; undefined: they are. */
    readonly paused: () => string | undefined;
    readonly log: Logger;
  },
): Promise<RunningLogin> {
  const { chain, pool, network } = parts;
  const log = parts.log.child({ module: "login" });
  const folder = config.paths.login;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { clientsFile } = config.login;
  const clients = clientsFile === "" ? new LoginClients() : await loadLoginClients(clientsFile);
  const stockKeys = config.login.stockFile === "" ? undefined : await readStockKeys(config.login.stockFile);
  const store = await LevelLoginStore.open(join(folder, "state"));
  const stop: (() => Promise<void>)[] = [() => store.close()];
  const close = async (): Promise<void> => {
    for (const step of stop.splice(0).reverse()) await step();
  };
  try {
    const feed = await EventFeed.open({
      view: chain.store,
      onBlock: chain.onBlock,
      pool,
      store,
      clock: systemClock,
      log,
    });
    stop.push(() => feed.close());
    const webhooks = makeOutlets(clients, { feed, store, log: log.child({ module: "webhooks" }) });
    const login = await Login.open(
      {
        ...{ issuer: parts.issuer, coin: config.branding.displayName, stockKeys },
        idTokenAlgorithms: idTokenAlgorithms(clients),
      },
      {
        chain,
        pool,
        submit: (txn) => submit(txn, { pool, network, alone: config.blockPublisher }),
        store,
        vault: fileVault(join(folder, "keys.json")),
        clock: loginClock(),
        random: platformRandom,
        paused: parts.paused,
        log,
        ...(clients.isClosed && { knowsClient: (id: string) => clients.get(id) !== undefined }),
      },
    );
    stop.push(() => login.close());
    const off = login.onEvent.on((event) => {
      const note = noteOfLogin(event, clients);
      if (note !== undefined) feed.note(note);
    });
    stop.push(async () => void off());
    for (const webhook of webhooks) {
      await webhook.start();
      stop.push(() => webhook.stop());
    }
    if (stockKeys === undefined)
      log.warn({}, "no -login-stock: visitors need coins of their own to sign in by returning one");
    return { login, store, feed, clients, webhooks, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of services that can ask for ID tokens; without any there need be no RSA key. */
function idTokenAlgorithms(clients: LoginClients): ReadonlyMap<string, SigningAlgorithm> {
  const asking = clients.all().filter(({ redirectUris }) => redirectUris.length > 0);
  return new Map(asking.map(({ id, idTokenAlgorithm }) => [id, idTokenAlgorithm]));
}

/** @throws ConfigError, one line for the operator */
function makeOutlets(
  clients: LoginClients,
  deps: { readonly feed: EventFeed; readonly store: LoginStore; readonly log: Logger },
): readonly Outlet[] {
  return clients.all().flatMap((client) =>
    client.webhooks.map((hook) => {
      try {
        return new Outlet(hook, { ...deps, clock: systemClock, random: Math.random });
      } catch (cause) {
        throw new ConfigError("CONFIG_INVALID", `-login-clients: webhook ${hook.id}: ${errorText(cause)}`);
      }
    }),
  );
}

/** A publisher takes it into its next block itself; anybody else must tell a peer. */
async function submit(
  txn: Transaction,
  to: { readonly pool: UnconfirmedPool; readonly network: Network | undefined; readonly alone: boolean },
): Promise<void> {
  const broadcast = async (): Promise<void> => {
    try {
      await to.network?.broadcastTransaction(txn);
    } catch (error) {
      if (!to.alone) throw error;
    }
  };
  await to.pool.injectFromUser(txn, { broadcast });
}

/** Keys of a wallet document, as `addressGen` prints it. @throws ConfigError */
async function readStockKeys(path: string): Promise<readonly SecretKey[]> {
  try {
    const { entries } = JSON.parse(await readFile(path, "utf8")) as { entries?: { secret_key?: string }[] };
    const keys = (entries ?? []).map(({ secret_key: key }) => parseSecretKey(key ?? ""));
    if (keys.length === 0) throw new Error("it has no entries");
    return keys;
  } catch (cause) {
    // Never the cause's own text: it may quote the file.
    const missing = (cause as { code?: string }).code === "ENOENT";
    const why = missing ? "there is no such file" : "it is no wallet file with secret keys, as addressGen prints it";
    throw new ConfigError("CONFIG_INVALID", `-login-stock ${path}: ${why}`);
  }
}

/** One file of mode 0600. */
function fileVault(path: string): KeyVault {
  return {
    load: async () => (existsSync(path) ? readFile(path, "utf8") : undefined),
    save: (text) => writeFileAtomically(path, text),
  };
}

/** The monotonic clock of the machine goes on over restarts of the process; another boot is another epoch. */
function loginClock(): LoginClock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
    epoch: bootId(),
    after: (ms, run) => systemClock.after(ms, run),
  };
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return crypto.randomUUID(); // elsewhere every process is its own epoch, and the wall clock bridges them
  }
}
