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

/** The peer-to-peer part over TCP, started. @throws WireError: no such limit, the port is taken, a broken peer list */
export async function startNetwork(
  config: DaemonConfig,
  deps: {
    readonly chain: Blockchain;
    readonly pool: UnconfirmedPool;
    readonly rivals: RivalBlocks;
    readonly clock: Clock;
    readonly log: Logger;
  },
): Promise<Network> {
  const options = config.network;
  const log = deps.log.child({ module: "p2p" });
  const limits = parseLimits(options.limitsText);
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
    return network;
  } catch (error) {
    await network.stop();
    throw error;
  }
}
