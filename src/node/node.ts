import { NodeMetrics } from "../api/node-metrics.ts";
import { toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { blockHash } from "../chain/block.ts";
import { Publisher } from "../chain/publisher.ts";
import { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import { encodeAddress } from "../cipher/address.ts";
import { hashHex } from "../cipher/hash.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { writeGenesisIdentity } from "../config/fiber-write.ts";
import { compatVersion, version } from "../config/version.ts";
import type { Network } from "../p2p/network.ts";
import { RewardFile } from "../reward/file.ts";
import { ChainSafety } from "./chain-safety.ts";
import { openClientStores } from "./client-stores.ts";
import { HealthTopic } from "./health-topic.ts";
import { limitHeapGrowth } from "./heap-growth.ts";
import { createLogger } from "./logging.ts";
import { openLogin } from "./login.ts";
import { Maintenance } from "./maintenance.ts";
import { startNetwork } from "./networking.ts";
import { type OpenChain, openChain } from "./open-chain.ts";
import { Profiling } from "./profiling.ts";
import { Publishing } from "./publishing.ts";
import { systemClock } from "./system-clock.ts";
import { bindWeb, type WebListeners } from "./web.ts";

/**
 * One running node: the composition root. `start` builds every part in order, `stop` ends them in reverse, the
 * database last. Errors while starting are thrown after what was started has been stopped again.
 */
export class Node {
  /** Base URL of the private REST API; undefined when it is off. */
  readonly webAddress: string | undefined;
  /** Base URL of the public REST API; undefined when it is off. */
  readonly publicAddress: string | undefined;
  /** Port of the peer listener as bound; undefined when there is none. */
  readonly peerPort: number | undefined;
  readonly #stopSteps: (() => Promise<void>)[];
  #stopping: Promise<void> | undefined;

  private constructor(web: WebListeners, network: Network | undefined, stopSteps: (() => Promise<void>)[]) {
    this.webAddress = web.privateUrl;
    this.publicAddress = web.publicUrl;
    this.peerPort = network?.listenPort;
    this.#stopSteps = stopSteps;
  }

  /** @throws ConfigError, StoreError, ChainError, ListenError, NetworkError: one line for the operator each */
  static async start(config: DaemonConfig, clock: Clock = systemClock): Promise<Node> {
    const stop: (() => Promise<void>)[] = [];
    try {
      return await Node.#build(config, clock, stop);
    } catch (error) {
      await runReversed(stop);
      throw error;
    }
  }

  static async #build(config: DaemonConfig, clock: Clock, stop: (() => Promise<void>)[]): Promise<Node> {
    // A taken port must be known before any file is made.
    const metrics = new NodeMetrics();
    const web = await bindWeb(config, { clock, metrics });
    stop.push(() => web.close());

    const logging = createLogger({
      ...config.log,
      ...(config.log.toFile ? { file: { directory: config.paths.logs, version: compatVersion } } : {}),
    });
    stop.push(() => logging.close());
    const { log } = logging;
    for (const warning of config.warnings) log.warn({}, warning);

    limitHeapGrowth();

    if (config.profiling !== undefined) {
      const profiling = await Profiling.start(config.profiling, { clock, log: log.child({ module: "profiling" }) });
      stop.push(() => profiling.stop());
    }

    const opened = await openChain(config, { create: true, log });
    stop.push(() => opened.close());
    await announceGenesis(config, opened, log);

    const { chain, store } = opened;
    const pool = new UnconfirmedPool({
      chain,
      store,
      params: config.params,
      clock,
      log: log.child({ module: "pool" }),
    });
    await pool.load({ readOnly: config.databaseReadOnly });
    stop.push(() => pool.close());

    const stores = await openClientStores(config, { chain, pool, clock, log });
    stop.push(() => stores.close());

    const safety = await ChainSafety.open(config, { chain, clock, log: log.child({ module: "safety" }) });
    stop.push(() => safety.stop());

    const started = config.network.enabled
      ? await startNetwork(config, { chain, pool, clock, log, rivals: safety.watch })
      : undefined;
    const network = started?.network;
    if (network !== undefined) stop.push(() => network.stop());

    if (!config.databaseReadOnly) {
      const maintenance = new Maintenance({ pool, clock, log, announce: (ids) => network?.announceTransactions(ids) });
      maintenance.start();
      stop.push(async () => maintenance.stop());
    }

    const issuer = config.login.publicUrl ?? web.publicUrl;
    const loginParts = { chain, pool, network, log, paused: () => safety.loginsPaused };
    const running =
      config.login.enabled && issuer !== undefined ? await openLogin(config, { issuer, ...loginParts }) : undefined;
    if (running !== undefined) stop.push(() => running.close());

    const { wallets, spending, keyValues } = stores;
    metrics.process.start();
    stop.push(async () => metrics.process.stop());
    let publishing: Publishing | undefined;
    const condition = {
      databaseFailing: () => store.writeFailing,
      publisherFailing: () => publishing?.failing ?? false,
      safety: () => safety.state(),
    };
    const services = {
      ...{ chain, pool, network, wallets, spending, keyValues },
      ...{ condition, metrics, clock },
      rewards: new RewardFile(config.paths.reward),
      log: log.child({ module: "api" }),
      ...(running && {
        login: {
          ...{ login: running.login, store: running.store, feed: running.feed, clients: running.clients },
          ...{ webhooks: running.webhooks, node: { chain, pool, network } },
          ...{ clock, log: log.child({ module: "login-api" }), version },
        },
      }),
    };
    if (running !== undefined) {
      const health = new HealthTopic({ services, feed: running.feed, login: running.login, clock });
      health.start();
      stop.push(async () => health.stop());
    }
    stop.push(() => web.close()); // again, and first of what requests stand on
    await web.serve(services, config, started?.webSocket);
    if (config.blockPublisher && config.publisherSecretKey !== undefined && !config.databaseReadOnly) {
      const started = startPublishing(config, { opened, pool, network, safety, clock, log });
      publishing = started;
      stop.push(() => started.stop());
    }

    logReady(config, { opened, web, log });
    return new Node(web, network, stop);
  }

  /** Orderly stop; may be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= runReversed(this.#stopSteps);
    return this.#stopping;
  }
}

/** Every step runs, whatever the ones before did; the first failure is thrown at the end. */
async function runReversed(steps: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.splice(0).reverse()) {
    await step().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * A publisher tells the others through the file named by FIBER_TOML who it is; the stored signature counts, so a
 * restart changes nothing. Before the REST API answers (login-chain.md C1).
 */
async function announceGenesis(config: DaemonConfig, { chain }: OpenChain, log: Logger): Promise<void> {
  const { genesis } = chain;
  if (!config.blockPublisher) return;
  log.info({ signature: toHex(genesis.sig) }, "genesis block signature");
  if (config.paths.fiberToml === undefined || config.databaseReadOnly) return;
  await writeGenesisIdentity(config.paths.fiberToml, {
    address: encodeAddress(config.params.genesis.address),
    publicKey: toHex(config.params.publisherKey),
    signature: toHex(genesis.sig),
  });
}

function startPublishing(
  config: DaemonConfig,
  parts: {
    readonly opened: OpenChain;
    readonly pool: UnconfirmedPool;
    readonly network: Network | undefined;
    readonly safety: ChainSafety;
    readonly clock: Clock;
    readonly log: Logger;
  },
): Publishing {
  const { opened, pool, network, safety, clock } = parts;
  const { chain } = opened;
  const secretKey = config.publisherSecretKey;
  if (secretKey === undefined) throw new TypeError("a publisher has its key");
  const log = parts.log.child({ module: "publisher" });
  const guard = safety.guard(network, (hash) => publisher.madeLast(hash));
  const refusal = (): string | undefined => (guard.waitMs(true) === 0 ? undefined : (guard.refusal ?? guard.state));
  const publisher = new Publisher({ chain, pool, params: config.params, secretKey, refusal });
  const publishing = new Publishing(config.publish, {
    publisher,
    guard,
    record: (block) => safety.record(block.header.seq, blockHash(block)),
    chain,
    pool,
    broadcast: (block) => {
      try {
        network?.broadcastBlock(block);
      } catch (error) {
        log.debug({ seq: block.header.seq, error: errorText(error) }, "block not pushed, peers will ask for it");
      }
    },
    clock,
    log,
  });
  publishing.start();
  return publishing;
}

function logReady(
  config: DaemonConfig,
  { opened, web, log }: { opened: OpenChain; web: WebListeners; log: Logger },
): void {
  const head = opened.chain.head();
  log.info(
    { version, reference: compatVersion, coin: config.params.coin, seq: head.seq, hash: hashHex(head.hash) },
    config.blockPublisher ? "publisher is ready" : "peer is ready",
  );
  log.info({ backend: opened.backend.name, detail: opened.backend.detail }, "cipher backend");
  if (web.privateUrl !== undefined) log.info({}, `Full address: ${web.privateUrl}`);
  if (web.publicUrl !== undefined) log.info({}, `Public address: ${web.publicUrl}`);
}
