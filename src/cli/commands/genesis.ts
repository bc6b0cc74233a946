import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, type CommandContext, parseOptions, UsageError } from "../command.ts";

const help = `Usage: loginchain genesis create [--dir DIR] [--name NAME] [--ticker TICKER] [--coins N] [--addresses N]
       loginchain genesis show FILE
       loginchain genesis distribute --wallet FILE [--rpc URL]

create      a new chain in DIR: genesis.json (the publisher's key, mode 0600: back it up), fiber.toml (parameters and
            the signed genesis block, for every node) and, with --addresses N, N distribution addresses whose seeds
            go to distribution-seeds.csv (mode 0600).
show        what a fiber.toml or a genesis/*.json file defines, with the block's hash and whether its signature holds.
distribute  spends the genesis output into equal shares for the distribution addresses of FIBER_TOML, through the
            node at --rpc (default RPC_ADDR or http://127.0.0.1:6420). --wallet is the publisher's genesis.json.

Options of create:
  --dir DIR        where to write (default .)
  --name NAME      display name of the coin (MyCoin)
  --ticker TICKER  its ticker (MYC)
  --coins N        whole coins in existence (100000000)
  --addresses N    distribution addresses, must divide the coins (1: the genesis address itself)
  --port PORT, --api PORT   default ports of the nodes (6000, 6420)`;

export const genesis: Command = {
  summary: "make a new chain, show what a chain file defines, distribute its coins",
  help,
  async run([action, ...args], context) {
    switch (action) {
      case "create":
        return create(args, context);
      case "show":
        return show(args, context);
      case "distribute":
        return distribute(args, context);
      default:
        throw new UsageError(`genesis ${action ?? ""}: one of create, show, distribute is needed`.replace("  ", " "));
    }
  },
};

async function create(args: readonly string[], { cwd, stdout }: CommandContext): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: {
      dir: { type: "string", default: "." },
      name: { type: "string", default: "MyCoin" },
      ticker: { type: "string", default: "MYC" },
      coins: { type: "string", default: "100000000" },
      addresses: { type: "string", default: "1" },
      port: { type: "string", default: "6000" },
      api: { type: "string", default: "6420" },
    },
  });
  const { createChain } = await import("../../node/create-chain.ts");
  const count = (name: "coins" | "addresses" | "port" | "api"): number => {
    const value = Number(values[name]);
    if (!/^\d+$/.test(values[name]) || !Number.isSafeInteger(value) || value < 1) {
      throw new UsageError(`--${name} must be a whole number above 0, not "${values[name]}"`);
    }
    return value;
  };
  const made = await createChain({
    directory: resolve(cwd, values.dir),
    name: values.name,
    ticker: values.ticker,
    coins: BigInt(count("coins")),
    addresses: count("addresses"),
    port: count("port"),
    apiPort: count("api"),
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  stdout.write(`made the chain "${values.name}", genesis block ${made.genesisHash}

  ${made.fiberToml}   for every node
  ${made.wallet}   the publisher's key: keep it secret, back it up
${made.seeds === undefined ? "" : `  ${made.seeds}   seeds of the distribution addresses: keep them secret\n`}
Publisher:  GENESIS=${made.wallet} FIBER_TOML=${made.fiberToml} loginchain daemon --block-publisher --data-dir=DATA
Any node:   FIBER_TOML=${made.fiberToml} loginchain daemon --data-dir=DATA
`);
  return 0;
}

async function show(args: readonly string[], { cwd, stdout }: CommandContext): Promise<number> {
  const [file, ...more] = args;
  if (file === undefined || more.length > 0) throw new UsageError("genesis show needs one file");
  const path = resolve(cwd, file);
  if (!existsSync(path)) throw new UsageError(`${file} does not exist`);
  const { describeChain } = await import("../../node/create-chain.ts");
  stdout.write(`${await describeChain(path)}\n`);
  return 0;
}

async function distribute(args: readonly string[], context: CommandContext): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: { wallet: { type: "string" }, rpc: { type: "string" } },
  });
  if (values.wallet === undefined) throw new UsageError("genesis distribute needs --wallet FILE");
  const { loadGenesisWallet } = await import("../../config/genesis-wallet.ts");
  const { runClient } = await import("../client/client.ts");
  const { plainFetch } = await import("../../node/plain-fetch.ts");
  const wallet = await loadGenesisWallet(resolve(context.cwd, values.wallet));
  // In process: the key never becomes an argument that other users could see.
  return runClient({
    argv: ["distributeGenesis", wallet.secretKey],
    env: { ...context.env, ...(values.rpc === undefined ? {} : { RPC_ADDR: values.rpc }) },
    stdout: context.stdout,
    stderr: context.stderr,
    stdin: process.stdin,
    fetch: plainFetch,
  });
}
