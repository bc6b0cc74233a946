import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import { writeFileAtomically } from "../config/atomic-file.ts";
import type { DaemonConfig, NetworkConfig } from "../config/daemon-config.ts";
import type { PeersFile } from "../p2p/deps.ts";
import { LIMITS } from "../p2p/limits.ts";
import { Network } from "../p2p/network.ts";
import { TcpTransport } from "../p2p/tcp.ts";

const DOWNLOAD_BYTES_MAX = 256 * 1024;
const DOWNLOAD_TIMEOUT_MS = 15_000;

/** The peer-to-peer part over TCP, started. @throws WireError: the port is taken, the peer list is broken */
export async function startNetwork(
  config: DaemonConfig,
  deps: { readonly chain: Blockchain; readonly pool: UnconfirmedPool; readonly clock: Clock; readonly log: Logger },
): Promise<Network> {
  const options = config.network;
  const log = deps.log.child({ module: "p2p" });
  const network = new Network(
    { ...options, listenIp: options.address, userAgent: options.userAgentText },
    {
      chain: deps.chain,
      pool: deps.pool,
      transport: new TcpTransport({ socketsMax: LIMITS.socketsMax }, { log }),
      clock: deps.clock,
      random: { fraction: Math.random, u32: () => randomBytes(4).readUInt32LE() },
      log,
      peersFile: peersFile(config.paths.peersFile),
      ...downloading(options),
      turn: () => new Promise((resolve) => setImmediate(resolve)),
    },
  );
  try {
    await network.start();
    return network;
  } catch (error) {
    await network.stop();
    throw error;
  }
}

function peersFile(path: string): PeersFile {
  return {
    async read() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    write: (text) => writeFileAtomically(path, text),
  };
}

/** One try per call; the network decides when to ask again. Bounded in time and size (p2p.md 12.2). */
function downloading({ peerListUrl }: NetworkConfig): {
  readonly downloadPeers?: (signal: AbortSignal) => Promise<string>;
} {
  if (peerListUrl === undefined) return {};
  return {
    async downloadPeers(signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
      const response = await fetch(peerListUrl, { signal: limit });
      if (response.status !== 200) throw new Error(`${peerListUrl} answered ${response.status}`);
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        if (text.length > DOWNLOAD_BYTES_MAX)
          throw new Error(`${peerListUrl} is larger than ${DOWNLOAD_BYTES_MAX} bytes`);
      }
      return text;
    },
  };
}
