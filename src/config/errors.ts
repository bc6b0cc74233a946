import { CoinError, type ErrorData, errorText } from "../base/errors.ts";

export type ConfigErrorCode =
  | "CONFIG_USAGE"
  | "CONFIG_HELP"
  | "CONFIG_VERSION"
  | "CONFIG_ENVIRONMENT"
  | "CONFIG_FILE"
  | "CONFIG_GENESIS_WALLET"
  | "CONFIG_GENESIS_FILE"
  | "CONFIG_INVALID"
  | "CONFIG_WRITE_BACK";

/**
 * A configuration that cannot be used. `exitCode` is the reference's: 1 for a checked value, 2 for a bad flag and
 * for what the reference answers with a panic. Messages name the option or file, never a secret's value.
 */
export class ConfigError extends CoinError<ConfigErrorCode> {
  readonly exitCode: 0 | 1 | 2;

  constructor(
    code: ConfigErrorCode,
    message: string,
    options: { exitCode?: 0 | 1 | 2; data?: ErrorData; cause?: unknown } = {},
  ) {
    super(code, message, options.data, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** What the reference would panic with: exit code 2. */
export function panic(message: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_INVALID", message, { exitCode: 2, cause });
}

/** A checked value out of its range: exit code 1. */
export function invalid(message: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_INVALID", message, { cause });
}

/** Go's text for a file that does not open or, as a directory, not read; operators and scripts know it. */
export function openErrorText(path: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const action = (error as NodeJS.ErrnoException | null)?.syscall === "read" ? "read" : "open";
  const reasons: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "is a directory",
    ENOTDIR: "not a directory",
  };
  return `${action} ${path}: ${reasons[code ?? ""] ?? code ?? "failed"}`;
}

/** Only the place of the fault: V8 quotes the text around it, and that may be a secret. */
export function jsonErrorText(error: unknown): string {
  const position = /position \d+/.exec(errorText(error))?.[0];
  return position === undefined ? "unexpected character or end" : `unexpected character at ${position}`;
}
