import { loadGenesisWallet } from "../../src/config/genesis-wallet.ts";
import { bootstrapFirstBlock } from "../../src/orchestrator/bootstrap.ts";
import {
  type ChainFiles,
  chainFiles,
  DEFAULT_PORTS,
  prepareChainFiles,
  writePeerToml,
} from "../../src/orchestrator/chain-files.ts";
import { type Cleanup, type RunningNode, startDaemon, temporaryDirectory } from "./processes.ts";

/** A login chain in a directory of its own, with its nodes as plain daemons. */
export interface LoginChain {
  readonly files: ChainFiles;
  readonly address: string;
  startPublisher(...flags: string[]): Promise<RunningNode>;
  /** Follows the node at `port`. */
  startPeer(port: number, ...flags: string[]): Promise<RunningNode>;
  bootstrap(publisher: RunningNode): Promise<void>;
}

export async function loginChain(t: Cleanup): Promise<LoginChain> {
  const files = chainFiles(await temporaryDirectory(t));
  await prepareChainFiles({ files, ports: DEFAULT_PORTS, fresh: false, nowSeconds: Math.floor(Date.now() / 1000) });
  const { address } = await loadGenesisWallet(files.genesis);
  return {
    files,
    address,
    startPublisher: (...flags) =>
      startDaemon(
        t,
        ["--block-publisher", "--disable-csrf", "--publish=on-demand", `--data-dir=${files.publisherData}`, ...flags],
        { GENESIS: files.genesis, FIBER_TOML: files.publisherToml },
      ),
    async startPeer(port, ...flags) {
      await writePeerToml(files, { ...DEFAULT_PORTS, publisherPort: port });
      return startDaemon(
        t,
        ["--disable-csrf", "--enable-all-api-sets=true", `--data-dir=${files.peerData}`, ...flags],
        { FIBER_TOML: files.peerToml },
      );
    },
    bootstrap: (publisher) =>
      bootstrapFirstBlock({ api: publisher.web, genesisFile: files.genesis, fiberToml: files.publisherToml }),
  };
}
