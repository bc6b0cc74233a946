#!/usr/bin/env node
import { basename } from "node:path";
import { version } from "../config/version.ts";
import { type Command, type CommandContext, UsageError } from "./command.ts";
import { failureText } from "./failure.ts";

/** Commands load when asked for: a start costs only what it uses. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./commands/up.ts")).up,
  publisher: async () => (await import("./commands/publisher.ts")).publisher,
  peer: async () => (await import("./commands/peer.ts")).peer,
  daemon: async () => (await import("./commands/daemon.ts")).daemon,
  genesis: async () => (await import("./commands/genesis.ts")).genesis,
  chain: async () => (await import("./commands/chain.ts")).chain,
  reward: async () => (await import("./commands/reward.ts")).reward,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  cli: async () => (await import("./commands/cli.ts")).cli,
};

async function main(argv: readonly string[], context: CommandContext): Promise<number> {
  const program = basename(process.argv[1] ?? "");
  const [name = "help", ...args] = program.endsWith("-cli") ? ["cli", ...argv] : argv;
  if (name === "help" || name === "--help" || name === "-h") {
    const asked = name === "help" ? args[0] : undefined;
    const load = asked === undefined ? undefined : COMMANDS[asked];
    context.stdout.write(load === undefined ? await overview() : `${(await load()).help}\n`);
    return 0;
  }
  if (name === "version" || name === "--version" || name === "-v") {
    context.stdout.write(`${version}\n`);
    return 0;
  }
  const load = COMMANDS[name];
  if (load === undefined) {
    throw new UsageError(`unknown command "${name}"; the commands are ${Object.keys(COMMANDS).join(", ")}`);
  }
  const command = await load();
  // `daemon` and `cli` speak another program's flag language, their own parsers answer --help
  if (name !== "daemon" && name !== "cli" && (args.includes("--help") || args.includes("-h"))) {
    context.stdout.write(`${command.help}\n`);
    return 0;
  }
  await (await import("../native/install.ts")).installNativeBackend(); // the portable code takes 0.1 s for a signature
  return command.run(args, context);
}

async function overview(): Promise<string> {
  const rows = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => `  ${name.padEnd(11)}${(await load()).summary}`),
  );
  return `loginchain ${version}: a Fibercoin (Skycoin-compatible) node

Usage: loginchain COMMAND [options]

${rows.join("\n")}
  version    print the version
  help       this text; "loginchain help COMMAND" explains one

Start here: loginchain up
`;
}

try {
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
  });
} catch (error) {
  process.stderr.write(`loginchain: ${failureText(error)}\n`);
  if (error instanceof UsageError) process.stderr.write('Run "loginchain help" for usage.\n');
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  const code = (error as { exitCode?: unknown } | null)?.exitCode;
  return typeof code === "number" ? code : 1;
}
