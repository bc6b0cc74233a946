import { relative, resolve } from "node:path";
import { type Command, parseOptions, parsePort } from "../command.ts";

const help = `Usage: loginchain up [options]

Starts a publisher and a peer on this machine, makes and signs the genesis block, confirms block 1 on both, and
keeps them running. The chain is kept over restarts. Ctrl-C stops both.

Options:
  --dir DIR               where the chain lives (default ./loginchain-data)
  --fresh                 forget the chain and start a new one with the same genesis address
  --publisher-port PORT   publisher's peer-to-peer port (6001)
  --publisher-api PORT    publisher's REST port (6421)
  --peer-port PORT        peer's peer-to-peer port (6002)
  --peer-api PORT         peer's REST port, wallets included (6422)
  --public-port PORT      login service and read-only REST for browsers and services (6480)
  --public-url URL        address under which visitors reach that port, behind a proxy (http://127.0.0.1:PORT)
  --login-clients FILE    services that may ask for logins, their secrets and webhooks (docs/login.md)
  --log-level LEVEL       debug, info, warn or error of both nodes (warn)

Files in DIR: login_genesis.json (the key: back it up), login_stock.json (coins lent to visitors), login_fiber.toml,
login_data/, login_peer_data/, login_reward.txt (of "loginchain reward").`;

export const up: Command = {
  summary: "publisher and peer on this machine, ready to use",
  help,
  async run(args, { cwd, stdout, stderr }) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        dir: { type: "string", default: "loginchain-data" },
        fresh: { type: "boolean", default: false },
        "publisher-port": { type: "string", default: "6001" },
        "publisher-api": { type: "string", default: "6421" },
        "peer-port": { type: "string", default: "6002" },
        "peer-api": { type: "string", default: "6422" },
        "public-port": { type: "string", default: "6480" },
        "public-url": { type: "string" },
        "login-clients": { type: "string" },
        "log-level": { type: "string", default: "warn" },
      },
    });
    const port = (name: "publisher-port" | "publisher-api" | "peer-port" | "peer-api" | "public-port"): number =>
      parsePort(name, values[name]);
    const directory = resolve(cwd, values.dir);

    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => stopping.abort(new UpStopped()));
    const { startTwoNodes } = await import("../../orchestrator/two-node.ts");
    const nodes = await startTwoNodes(
      {
        directory,
        fresh: values.fresh,
        ports: {
          publisherPort: port("publisher-port"),
          publisherApi: port("publisher-api"),
          peerPort: port("peer-port"),
          peerApi: port("peer-api"),
        },
        publicPort: port("public-port"),
        publicUrl: values["public-url"],
        clientsFile: values["login-clients"] === undefined ? undefined : resolve(cwd, values["login-clients"]),
        logLevel: values["log-level"],
      },
      { report: (line) => stderr.write(`${line}\n`), signal: stopping.signal },
    ).catch((error: unknown) => {
      if (error instanceof UpStopped) return undefined;
      throw error;
    });
    if (nodes === undefined) return 0;
    const shown = relative(cwd, directory) || ".";
    stdout.write(`
loginchain is up: ${nodes.continued ? `the chain goes on at block ${nodes.headSeq}` : "a new chain, block 1 confirmed on both nodes"} (${(nodes.readyMs / 1000).toFixed(1)} s)

  publisher  http://127.0.0.1:${values["publisher-api"]}   makes the blocks; for this machine only
  peer       http://127.0.0.1:${values["peer-api"]}   wallets and the whole API; for this machine only
  public     http://127.0.0.1:${values["public-port"]}   login service, read-only API for browsers and services
  login      ${values["public-url"] ?? `http://127.0.0.1:${values["public-port"]}`}/login   where visitors prove their address
  files      ${shown}   back up ${shown}/login_genesis.json, it holds the key

Try:
  curl "http://127.0.0.1:${values["peer-api"]}/api/v1/balance?addrs=${nodes.genesisAddress}"
  RPC_ADDR=http://127.0.0.1:${values["peer-api"]} node dist/cli/main.js cli status

Ctrl-C stops both nodes; the chain is kept.
`);
    const reason = await Promise.race([nodes.failed, aborted(stopping.signal)]);
    if (reason === undefined) stderr.write("stopping ...\n");
    await nodes.stop();
    if (reason === undefined) return 0;
    stderr.write(`loginchain: ${reason}\n`);
    return 1;
  },
};

/** The operator ended the start. */
class UpStopped extends Error {}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
