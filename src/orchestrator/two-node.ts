import { fileURLToPath } from "node:url";
import { unixSeconds } from "../base/clock.ts";
import { systemClock } from "../node/system-clock.ts";
import { bootstrapFirstBlock, waitForBlock } from "./bootstrap.ts";
import {
  beginChain,
  chainFiles,
  type Ports,
  prepareChainFiles,
  prepareStock,
  signGenesis,
  writePeerToml,
} from "./chain-files.ts";
import { ChildNode } from "./child-node.ts";
import { lockDirectory } from "./directory-lock.ts";
import { SUPERVISOR_DEFAULTS, Supervisor } from "./supervisor.ts";

export interface TwoNodeOptions {
  /** Absolute path of the chain's directory. */
  readonly directory: string;
  readonly fresh: boolean;
  readonly ports: Ports;
  readonly publicPort: number;
  /** Under which visitors reach the public port; undefined: as it is. */
  readonly publicUrl: string | undefined;
  /** Absolute path of the file of services that may ask for logins; undefined: none. */
  readonly clientsFile: string | undefined;
  readonly logLevel: string;
}

export interface TwoNodes {
  readonly continued: boolean;
  readonly genesisAddress: string;
  readonly headSeq: number;
  readonly readyMs: number;
  /** Resolves when a node could not be kept running, with the reason. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const BLOCK_TIMEOUT_MS = 30_000;

/**
 * Starts publisher and peer side by side and sees block 1 on both (login-chain.md 3 and 4). An abort stops what was started.
 * @throws OrchestratorError, the signal's reason
 */
export async function startTwoNodes(
  options: TwoNodeOptions,
  { report, signal }: { readonly report: (line: string) => void; readonly signal: AbortSignal },
): Promise<TwoNodes> {
  const startedAt = performance.now();
  const files = chainFiles(options.directory);
  const unlock = await lockDirectory(options.directory);
  const running: Supervisor[] = [];
  let fail: (reason: string) => void = () => {};
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const stop = async (): Promise<void> => {
    for (const supervisor of [...running].reverse()) await supervisor.stop(); // the peer first: it follows the publisher
    await unlock();
  };
  const launch = async (child: ChildNode): Promise<void> => {
    signal.throwIfAborted();
    const supervisor = new Supervisor(child, SUPERVISOR_DEFAULTS, { report, gaveUp: fail });
    const abort = (): void => void child.stop();
    signal.addEventListener("abort", abort, { once: true });
    try {
      await supervisor.start();
      running.push(supervisor);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };

  try {
    const { wallet, continued } = await prepareChainFiles({
      files,
      ports: options.ports,
      fresh: options.fresh,
      nowSeconds: unixSeconds(systemClock),
    });
    await signGenesis(files, wallet);
    await writePeerToml(files, options.ports);
    await beginChain(files);
    const publisherUp = launch(publisherProcess(options, report));
    const peerUp = prepareStock(files, systemClock.nowMs()).then(async (stock) => {
      await launch(peerProcess(options, report)); // it reads the stock when it starts
      return stock;
    });
    const [stock] = await Promise.all([peerUp, publisherUp]).catch(async (error: unknown) => {
      await Promise.allSettled([peerUp, publisherUp]); // one that is still starting is stopped with the rest
      throw error;
    });

    const publisherUrl = `http://127.0.0.1:${options.ports.publisherApi}`;
    const peerUrl = `http://127.0.0.1:${options.ports.peerApi}`;
    await bootstrapFirstBlock({ api: publisherUrl, genesisFile: files.genesis, fiberToml: files.publisherToml, stock });
    const headSeq = await waitForBlock({ api: peerUrl, seq: 1, timeoutMs: BLOCK_TIMEOUT_MS });
    return {
      continued,
      genesisAddress: wallet.address,
      headSeq,
      readyMs: Math.round(performance.now() - startedAt),
      failed,
      stop,
    };
  } catch (error) {
    await stop();
    signal.throwIfAborted();
    throw error;
  }
}

/** Flags and environment are those the Go command gives its publisher, plus publishing on demand. */
function publisherProcess({ directory, ports, logLevel }: TwoNodeOptions, report: (line: string) => void): ChildNode {
  const files = chainFiles(directory);
  return childNode(
    "publisher",
    [
      "--block-publisher",
      "--localhost-only",
      "--download-peerlist=false",
      "--disable-csrf",
      `--data-dir=${files.publisherData}`,
      `--web-interface-port=${ports.publisherApi}`,
      `--port=${ports.publisherPort}`,
      `--log-level=${logLevel}`,
      "--publish=on-demand",
    ],
    { GENESIS: files.genesis, FIBER_TOML: files.publisherToml },
    report,
  );
}

/** Without GENESIS: a peer has no use for the key and must not hold it. */
function peerProcess(options: TwoNodeOptions, report: (line: string) => void): ChildNode {
  const { directory, ports, logLevel, publicPort } = options;
  const files = chainFiles(directory);
  return childNode(
    "peer",
    [
      "--localhost-only",
      "--download-peerlist=false",
      "--disable-csrf",
      "--host-whitelist=fiber.skywire.dev",
      "--enable-all-api-sets=true",
      `--data-dir=${files.peerData}`,
      `--web-interface-port=${ports.peerApi}`,
      `--port=${ports.peerPort}`,
      `--log-level=${logLevel}`,
      `--public-addr=127.0.0.1:${publicPort}`,
      "--ws-trusted-proxy=127.0.0.0/8", // whom a proxy here names is one client, as for logins
      `--login-stock=${files.stock}`,
      `--reward-file=${files.reward}`,
      ...(options.clientsFile === undefined ? [] : [`--login-clients=${options.clientsFile}`]),
      ...(options.publicUrl === undefined ? [] : [`--public-url=${options.publicUrl}`]),
    ],
    { FIBER_TOML: files.peerToml },
    report,
  );
}

function childNode(
  name: string,
  flags: readonly string[],
  chainEnv: Readonly<Record<string, string>>,
  report: (line: string) => void,
): ChildNode {
  const main = fileURLToPath(new URL("../cli/main.js", import.meta.url));
  const { GENESIS: _genesis, FIBER_TOML: _toml, ...env } = process.env; // the parent's own chain is not the child's
  return new ChildNode({
    name,
    command: [process.execPath, main, "daemon", ...flags],
    env: { ...env, ...chainEnv },
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
    onLine: (from, line) => report(`${from} | ${line}`),
  });
}
