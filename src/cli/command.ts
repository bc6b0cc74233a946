import { type ParseArgsConfig, parseArgs } from "node:util";
import { CoinError } from "../base/errors.ts";

/** Where a command runs: everything it may touch of its process. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

export interface Command {
  readonly summary: string;
  readonly help: string;
  /** Resolves with the exit code. */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}

/** A command line that cannot be understood: exit code 2. */
export class UsageError extends CoinError<"USAGE"> {
  constructor(message: string) {
    super("USAGE", message);
  }
}

/** `parseArgs` with our error. @throws UsageError */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify a positional argument.*$/s, ""));
  }
}

/** A TCP port given as text. @throws UsageError */
export function parsePort(name: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new UsageError(`--${name} must be a port between 1 and 65535, not "${text}"`);
  }
  return port;
}
