import { any, type ClientCommand, defineCommand } from "./command.ts";
import type { ClientFlag, ClientFlagTable } from "./flags.ts";

const ENVIRONMENT = `ENVIRONMENT VARIABLES:
    RPC_ADDR: address of the node, in scheme://host format. Default "http://127.0.0.1:6420"
    RPC_USER: user name for the node's API, if it asks for one
    RPC_PASS: password for the node's API, if it asks for one
    COIN: name of the coin. Default "skycoin"
    DATA_DIR: directory of the node's files. Default "$HOME/.$COIN/"
    FIBER_TOML: the coin's fiber.toml, for its user limits and distribution addresses
`;

/** Help of the program: all commands by name. */
export function programHelp(program: string, coin: string, commands: readonly ClientCommand[]): string {
  const rows = [...commands, HELP].sort((a, b) => (a.name < b.name ? -1 : 1));
  const width = Math.max(...rows.map((row) => row.name.length));
  return `USAGE:
  ${program} [command] [flags] [arguments...]

DESCRIPTION:
    The ${coin} command line interface

COMMANDS:
${rows.map((row) => `  ${row.name.padEnd(width)} ${row.summary}`).join("\n")}

FLAGS:
  -h, --help      help for ${program}
      --version   version for ${program}

Use "${program} [command] --help" for more information about a command.

${ENVIRONMENT}`;
}

/** `help` is no command of the table, but explains itself like one. */
export const HELP = defineCommand({
  name: "help",
  arguments: "[command]",
  summary: "Help about any command",
  description: "Explains a command, or lists all of them.",
  flags: {},
  count: any,
  run: async () => {},
});

/** Help of one command. */
export function commandHelp(program: string, command: ClientCommand): string {
  const words = [program, command.name, command.arguments, "[flags]"].filter((word) => word !== undefined);
  return `USAGE:
  ${words.join(" ")}

DESCRIPTION:
    ${(command.description ?? command.summary).trim().replaceAll("\n", "\n    ")}

FLAGS:
${describeFlags(command.name, command.flags)}

${ENVIRONMENT}`;
}

function describeFlags(name: string, table: ClientFlagTable): string {
  const help: ClientFlag = { kind: "bool", value: false, short: "h", help: `help for ${name}` };
  const rows = Object.entries({ ...table, help })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([long, flag]) => {
      const short = flag.short === undefined ? "   " : `-${flag.short},`;
      const left = `  ${short} --${long}${flag.kind === "bool" ? "" : ` ${flag.kind}`}`;
      return { left, right: flag.help + defaultText(flag) };
    });
  const width = Math.max(...rows.map((row) => row.left.length)) + 3;
  return rows.map((row) => row.left.padEnd(width) + row.right.replaceAll("\n", `\n${" ".repeat(width)}`)).join("\n");
}

function defaultText({ kind, value }: ClientFlag): string {
  if (value === false || value === "" || value === 0 || value === 0n) return "";
  return ` (default ${kind === "string" ? JSON.stringify(value) : value})`;
}
