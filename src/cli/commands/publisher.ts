import { resolve } from "node:path";
import type { Command } from "../command.ts";
import { refuseFlags, runDaemon } from "./daemon.ts";
import { takeDirectory } from "./directory-option.ts";

const help = `Usage: loginchain publisher [--dir DIR] [daemon flags]

Runs the publisher of a login chain alone, in this process. Makes key, genesis block and block 1 when DIR is new,
and writes DIR/login_peer.toml: copy that file (never login_genesis.json) to each machine that runs a peer.

Options:
  --dir DIR     where the chain lives (default ./loginchain-data)
  --fresh       forget the chain and start a new one with the same genesis address
  and every flag of "loginchain daemon"; the defaults here are --localhost-only, port 6001, REST on 127.0.0.1:6421,
  blocks on demand. To accept peers from other machines: --localhost-only=false.`;

export const publisher: Command = {
  summary: "the block publisher of a login chain alone",
  help,
  async run(args, context) {
    const { directory, fresh, rest } = takeDirectory(args);
    refuseFlags(rest, ["block-publisher", "data-dir"]);
    const { chainFiles, DEFAULT_PORTS, prepareChainFiles, writePeerToml } = await import(
      "../../orchestrator/chain-files.ts"
    );
    const { bootstrapFirstBlock } = await import("../../orchestrator/bootstrap.ts");
    const files = chainFiles(resolve(context.cwd, directory));
    const nowSeconds = Math.floor(Date.now() / 1000);
    await prepareChainFiles({ files, ports: DEFAULT_PORTS, fresh, nowSeconds });
    const env = { ...context.env, GENESIS: files.genesis, FIBER_TOML: files.publisherToml };
    return runDaemon(
      [
        "--block-publisher",
        "--localhost-only",
        "--download-peerlist=false",
        "--disable-csrf",
        "--publish=on-demand",
        `--data-dir=${files.publisherData}`,
        ...rest,
      ],
      { ...context, env },
      async (api) => {
        await writePeerToml(files, DEFAULT_PORTS);
        if (api === undefined) return;
        await bootstrapFirstBlock({ api, genesisFile: files.genesis, fiberToml: files.publisherToml });
        context.stdout.write(
          `publisher is up: REST at ${api}, files in ${files.directory}; peers need login_peer.toml\n`,
        );
      },
    );
  },
};
