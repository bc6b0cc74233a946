import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import type { RivalBlocks } from "../p2p/deps.ts";
import { parseLimits } from "../p2p/limits.ts";
import { Network, socketsMaxFor } from "../p2p/network.ts";
import { peersDownload } from "../p2p/peers-download.ts";
import { peersFileAt } from "../p2p/peers-file.ts";
import { eventLoopTurn, systemRandom } from "../p2p/system.ts";
import { TcpTransport } from "../p2p/tcp.ts";
import { WebSocketTransport } from "../p2p/websocket.ts";

export interface StartedNetwork {
  readonly network: Network;
  /** Takes what the public HTTP listener hands over. */
  readonly webSocket: WebSocketTransport;
}

/**
 * The peer-to-peer part over TCP and WebSocket, started.
 * @throws WireError: no such limit, the port is taken, a broken peer list, a proxy that is no network
 */
export async function startNetwork(
  config: DaemonConfig,
  deps: {
    readonly chain: Blockchain;
    readonly pool: UnconfirmedPool;
    readonly rivals: RivalBlocks;
    readonly clock: Clock;
    readonly log: Logger;
  },
): Promise<StartedNetwork> {
  const options = config.network;
  const log = deps.log.child({ module: "p2p" });
  const limits = parseLimits(options.limitsText);
  const webSocket = new WebSocketTransport(
    {
      limits,
      messageBytesMax: options.incomingMessageBytesMax + 4,
      localhostOnly: options.localhostOnly,
      hosts: config.login.publicUrl === undefined ? [] : [new URL(config.login.publicUrl).host],
      origins: options.webSocketOrigins,
      trustedProxies: options.webSocketProxies,
    },
    { log },
  );
  const network = new Network(
    { ...options, listenIp: options.address, userAgent: options.userAgentText, limits },
    {
      chain: deps.chain,
      pool: deps.pool,
      rivals: deps.rivals,
      transport: new TcpTransport(
        { socketsMax: socketsMaxFor(limits, options.connectionsMax), acceptPauseMs: limits.acceptPauseMs },
        { log },
      ),
      webSocket,
      clock: deps.clock,
      random: systemRandom,
      log,
      peersFile: peersFileAt(config.paths.peersFile),
      ...(options.peerListUrl !== undefined && {
        downloadPeers: peersDownload(options.peerListUrl, { clock: deps.clock, log }),
      }),
      turn: eventLoopTurn,
    },
  );
  try {
    await network.start();
    return { network, webSocket };
  } catch (error) {
    await network.stop();
    throw error;
  }
}
