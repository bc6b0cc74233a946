import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import type { Logger } from "../base/log.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal";

export interface LogOptions {
  readonly level: LogLevel;
  /** `text` is the reference's line form, `json` one object per line for collectors. */
  readonly format: "text" | "json";
  readonly color: boolean;
  /** Also append to `{directory}/{time}-v{version}.log`, mode 0600. */
  readonly file?: { readonly directory: string; readonly version: string };
}

const LABELS: Readonly<Record<number, readonly [label: string, color: number]>> = {
  20: ["DEBUG", 36],
  30: ["INFO", 32],
  40: ["WARN", 33],
  50: ["ERROR", 31],
  60: ["FATAL", 35],
};

/** Logs go to stdout. `close` flushes the file. */
export function createLogger(options: LogOptions): { log: Logger; close(): Promise<void> } {
  const file = options.file === undefined ? undefined : openLogFile(options.file);
  const color = options.color && process.stdout.isTTY === true; // no escapes in files and pipes
  const write = (line: string): void => {
    if (options.format === "json") {
      process.stdout.write(line);
      file?.write(line);
      return;
    }
    process.stdout.write(textLine(line, color));
    file?.write(textLine(line, false));
  };
  const log = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
  return {
    log: log as unknown as Logger,
    close: () => new Promise((done) => (file === undefined ? done() : file.end(done))),
  };
}

/** `[2026-01-02T03:04:05Z] INFO [chain]: block executed seq="5"`, the reference's form (config.md 9.2). */
function textLine(json: string, color: boolean): string {
  const { level, time, module, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const [label, code] = LABELS[Number(level)] ?? ["INFO", 32];
  const name = color ? `\u001b[${code}m${label}\u001b[0m` : label;
  const stamp = String(time).replace(/\.\d+Z$/, "Z");
  let line = `[${stamp}] ${name} [${module ?? "main"}]: ${msg ?? ""}`;
  for (const [key, value] of Object.entries(fields)) line += ` ${key}=${fieldText(value)}`;
  return `${line}\n`;
}

function fieldText(value: unknown): string {
  return JSON.stringify(typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));
}

function openLogFile({ directory, version }: { directory: string; version: string }): WriteStream {
  mkdirSync(directory, { recursive: true, mode: 0o750 });
  const now = new Date();
  const two = (n: number): string => String(n).padStart(2, "0");
  const hour = ((now.getHours() + 11) % 12) + 1; // the reference names files by a 12-hour clock
  const name =
    `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}` +
    `-${two(hour)}${two(now.getMinutes())}${two(now.getSeconds())}-v${version}.log`;
  return createWriteStream(join(directory, name), { flags: "a", mode: 0o600 });
}
