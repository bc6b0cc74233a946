import { goQuote } from "../../api/go-text.ts";
import { CoinError } from "../../base/errors.ts";
import type { Environment } from "../../config/environment.ts";
import { compatVersion } from "../../config/version.ts";
import type { PlainFetch } from "../../node/plain-fetch.ts";
import { loadClientConfig } from "./client-config.ts";
import { type ClientCommand, checkCount } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { ClientContext } from "./context.ts";
import { SeeHelpError } from "./errors.ts";
import { type ClientFlagTable, parseArguments } from "./flags.ts";
import { commandHelp, HELP, programHelp } from "./help.ts";
import { NodeApi } from "./node-api.ts";
import { suggestions } from "./suggestions.ts";
import type { InputStream } from "./terminal.ts";

export interface ClientIo {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdin: InputStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly fetch: PlainFetch;
  readonly cwd?: string;
  readonly nowMs?: () => number;
}

/**
 * The command-line client of cli.md: runs one command and resolves with the exit code. Results go to stdout, errors
 * as `Error: ...` to stderr. Anything but an expected failure is thrown.
 */
export async function runClient(io: ClientIo): Promise<number> {
  try {
    const config = loadClientConfig(io.env);
    const api = new NodeApi(
      { ...config, address: config.rpcAddress, username: config.username, password: config.password },
      io,
    );
    const context = new ClientContext({
      config,
      api,
      env: io.env,
      cwd: io.cwd ?? process.cwd(),
      stdin: io.stdin,
      stdout: io.stdout,
      nowMs: io.nowMs ?? Date.now,
    });
    return await dispatch(io, context);
  } catch (error) {
    if (!(error instanceof CoinError)) throw error;
    // Before any command is looked at, the reference prints to stdout and without "Error:".
    if (error.code === "CLIENT_CONFIG") io.stdout.write(`${error.message}\n`);
    else io.stderr.write(`Error: ${error.message}\n`);
    return 1;
  }
}

const ROOT_FLAGS = {
  version: { kind: "bool", value: false, help: "" },
} as const satisfies ClientFlagTable;

async function dispatch(io: ClientIo, context: ClientContext): Promise<number> {
  const program = `${context.config.coin}-cli`;
  const name = firstWord(io.argv);
  const command = name === undefined ? undefined : COMMANDS.find((c) => c.name === name);
  if (command !== undefined) return runCommand(command, without(io.argv, command.name), { io, context, program });
  if (name === "help") return help(without(io.argv, "help"), { io, context, program });
  if (name !== undefined) {
    io.stderr.write(`Error: unknown command ${goQuote(name)} for ${goQuote(program)}`);
    io.stderr.write(
      `${suggestions(
        name,
        COMMANDS.map((c) => c.name),
      )}\n`,
    );
    io.stderr.write(`Run '${program} --help' for usage.\n`);
    return 1;
  }
  const { flags, help: asked } = parseArguments(ROOT_FLAGS, io.argv);
  if (flags.version && !asked) context.print(`${program} version ${compatVersion}`);
  else io.stdout.write(programHelp(program, context.config.coin, COMMANDS));
  return 0;
}

interface Surroundings {
  readonly io: ClientIo;
  readonly context: ClientContext;
  readonly program: string;
}

async function runCommand(command: ClientCommand, words: readonly string[], around: Surroundings): Promise<number> {
  const { io, context, program } = around;
  const { flags, given, args, help } = parseArguments(command.flags, words);
  if (help) {
    io.stdout.write(commandHelp(program, command));
    return 0;
  }
  checkCount(command.count, args, `${program} ${command.name}`);
  try {
    await command.run({ args, flags, given, context });
    return 0;
  } catch (error) {
    if (error instanceof SeeHelpError) io.stderr.write(`See '${program} ${command.name} --help'\n`);
    throw error;
  }
}

function help(words: readonly string[], { io, context, program }: Surroundings): number {
  const { args, help: onItself } = parseArguments({}, words);
  const topic = onItself ? HELP.name : firstWord(args);
  const command = [HELP, ...COMMANDS].find(({ name }) => name === topic);
  const text =
    command === undefined ? programHelp(program, context.config.coin, COMMANDS) : commandHelp(program, command);
  const isUnknown = topic !== undefined && command === undefined;
  if (isUnknown) io.stderr.write(`Unknown help topic [${args.map(goRawQuote).join(" ")}]\n`);
  (isUnknown ? io.stderr : io.stdout).write(text);
  return 0;
}

/** Go's `%#q`: between backquotes where that can be read again. */
function goRawQuote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go's `strconv.CanBackquote`
  return /[`\x00-\x08\x0a-\x1f\x7f\ufeff\ufffd]/.test(text) ? goQuote(text) : `\`${text}\``;
}

/**
 * The word that names the command: the first one that is neither a flag nor what could be a flag's value. cobra looks
 * in the same way, before it knows any flag: `--version status` has none.
 */
function firstWord(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word === "--") return undefined;
    const couldTakeValue = word.startsWith("--") || (word.startsWith("-") && Buffer.byteLength(word) === 2);
    if (couldTakeValue && !word.includes("=")) {
      if (at + 2 >= argv.length) return undefined;
      at++;
    } else if (word !== "" && !word.startsWith("-")) return word;
  }
  return undefined;
}

function without(argv: readonly string[], name: string): readonly string[] {
  const at = argv.indexOf(name);
  return [...argv.slice(0, at), ...argv.slice(at + 1)];
}
