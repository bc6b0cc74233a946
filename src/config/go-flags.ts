import { ConfigError } from "./errors.ts";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";
import { parseGoBool, parseGoInt, parseGoUint } from "./go-numbers.ts";

/** A flag's type, default and help line. Durations are milliseconds; `int` and `uint` are safe integers. */
export type FlagSpec =
  | { readonly kind: "bool"; readonly value: boolean; readonly help: string }
  | { readonly kind: "string"; readonly value: string; readonly help: string; readonly secret?: true }
  | { readonly kind: "int" | "uint"; readonly value: number; readonly help: string }
  | { readonly kind: "duration"; readonly value: number; readonly help: string; readonly bareSeconds?: true };

export type FlagTable = Readonly<Record<string, FlagSpec>>;

type ValueOf<Spec extends FlagSpec> = Spec extends { kind: "bool" }
  ? boolean
  : Spec extends { kind: "string" }
    ? string
    : number;

/** Values by flag name, one for every flag of the table. */
export type FlagValues<Table extends FlagTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

export interface ParsedFlags<Table extends FlagTable> {
  /** Only what the command line gave; the last one wins. */
  readonly given: Partial<FlagValues<Table>>;
  /** `-h` or `-help` was met. */
  readonly help: boolean;
  /** From the first argument that is not a flag, which ends the flags (as `--` does). */
  readonly rest: readonly string[];
}

/**
 * Reads a command line in the manner of Go's `flag` package: one or two dashes, `-name value` or `-name=value`,
 * booleans only with `=`. `--help` inside wins over later mistakes, as in Go.
 * @throws ConfigError CONFIG_USAGE with Go's text, exit code 2
 */
export function parseGoFlags<Table extends FlagTable>(table: Table, argv: readonly string[]): ParsedFlags<Table> {
  const given: Record<string, boolean | string | number> = {};
  let help = false;
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word.length < 2 || !word.startsWith("-")) break;
    if (word === "--") {
      at++;
      break;
    }
    const body = word.slice(word.startsWith("--") ? 2 : 1);
    if (body === "" || body.startsWith("-") || body.startsWith("=")) throw usage(`bad flag syntax: ${word}`);
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    let value = equals < 0 ? undefined : body.slice(equals + 1);
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) {
      if (name === "help" || name === "h") {
        help = true;
        break;
      }
      throw usage(`flag provided but not defined: -${name}`);
    }
    if (spec.kind === "bool") {
      given[name] = parseBool(name, value);
    } else {
      if (value === undefined) value = argv[++at];
      if (value === undefined) throw usage(`flag needs an argument: -${name}`);
      given[name] = parseValue(name, spec, value);
    }
  }
  return { given: given as Partial<FlagValues<Table>>, help, rest: argv.slice(at) };
}

function parseBool(name: string, text: string | undefined): boolean {
  const value = text === undefined ? true : parseGoBool(text);
  if (value === undefined) throw usage(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
  return value;
}

function parseValue(name: string, spec: Exclude<FlagSpec, { kind: "bool" }>, text: string): string | number {
  if (spec.kind === "string") return text;
  // The value of a secret flag is a string, so no secret can end up in these texts.
  const fail = (why: string): ConfigError => usage(`invalid value ${JSON.stringify(text)} for flag -${name}: ${why}`);
  if (spec.kind === "duration") {
    const ms = parseGoDuration(spec.bareSeconds === true && /^\d+$/.test(text) ? `${text}s` : text);
    if (ms === undefined) throw fail("parse error");
    return ms;
  }
  const parsed = spec.kind === "int" ? parseGoInt(text, 0) : parseGoUint(text, 0);
  if (!parsed.ok) throw fail(parsed.problem === "invalid syntax" ? "parse error" : parsed.problem);
  // Differs: Go keeps 64 bits; nothing configurable needs more than 2^53.
  const value = Number(parsed.value);
  if (!Number.isSafeInteger(value)) throw fail("value out of range");
  return value;
}

function usage(message: string): ConfigError {
  return new ConfigError("CONFIG_USAGE", message, { exitCode: 2 });
}

/**
 * The option list of a help text, in Go's layout: sorted, defaults in brackets, zero defaults left out.
 * Secret flags never show a default.
 */
export function describeFlags<Table extends FlagTable>(
  table: Table,
  defaults: Partial<FlagValues<Table>> = {},
): string {
  const lines: string[] = [];
  for (const name of Object.keys(table).sort()) {
    const spec = table[name] as FlagSpec;
    const value = (defaults as Record<string, boolean | string | number | undefined>)[name] ?? spec.value;
    const secret = spec.kind === "string" && spec.secret === true;
    lines.push(`  -${name}${spec.kind === "bool" ? "" : ` ${spec.kind}`}`);
    lines.push(`    \t${spec.help}${secret ? "" : defaultText(spec.kind, value)}`);
  }
  return lines.join("\n");
}

function defaultText(kind: FlagSpec["kind"], value: boolean | string | number): string {
  if (value === false || value === "" || value === 0) return "";
  if (kind === "duration") return ` (default ${formatGoDuration(value as number)})`;
  return ` (default ${kind === "string" ? JSON.stringify(value) : value})`;
}
