import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, UsageError } from "../command.ts";
import { refuseFlags, runDaemon } from "./daemon.ts";
import { takeDirectory } from "./directory-option.ts";

const help = `Usage: loginchain peer [--dir DIR] [daemon flags]

Runs a peer of a login chain alone, in this process: it follows the publisher and serves the wallet API. DIR must
hold the login_peer.toml that the publisher wrote; set its default_connections to the publisher's address when that
is another machine.

Options:
  --dir DIR     where the peer's files live (default ./loginchain-data)
  and every flag of "loginchain daemon"; the defaults here are --localhost-only, the ports of login_peer.toml, all API
  sets. For a publisher on another machine: --localhost-only=false.`;

export const peer: Command = {
  summary: "a peer of a login chain alone, with the wallet API",
  help,
  async run(args, context) {
    const { directory, fresh, rest } = takeDirectory(args);
    if (fresh) throw new UsageError("--fresh is for the publisher; a peer's data directory may simply be removed");
    refuseFlags(rest, ["block-publisher", "data-dir"]);
    const folder = resolve(context.cwd, directory);
    const toml = join(folder, "login_peer.toml");
    if (!existsSync(toml)) {
      throw new UsageError(`${toml} is missing: copy it from the publisher's directory, which writes it at its start`);
    }
    const { GENESIS: _genesis, ...env } = context.env; // a peer has no use for the key
    return runDaemon(
      [
        "--localhost-only",
        "--download-peerlist=false",
        "--disable-csrf",
        "--enable-all-api-sets=true",
        `--data-dir=${join(folder, "login_peer_data")}`,
        `--reward-file=${join(folder, "login_reward.txt")}`,
        ...rest,
      ],
      { ...context, env: { ...env, FIBER_TOML: toml } },
      async (api) => {
        context.stdout.write(`peer is up: REST at ${api ?? "(off)"}, files in ${folder}\n`);
      },
    );
  },
};
