import { goQuote } from "../../api/go-text.ts";
import { parseGoBool, parseGoInt, parseGoUint } from "../../config/go-numbers.ts";
import { ClientError } from "./errors.ts";

/** One flag of a command. `short` is a single letter. `uint64` values are bigint. */
export type ClientFlag = { readonly short?: string; readonly help: string } & (
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "int" | "uint32"; readonly value: number }
  | { readonly kind: "uint64"; readonly value: bigint }
);

export type ClientFlagTable = Readonly<Record<string, ClientFlag>>;

type ValueOf<Flag extends ClientFlag> = Flag extends { kind: "bool" }
  ? boolean
  : Flag extends { kind: "string" }
    ? string
    : Flag extends { kind: "uint64" }
      ? bigint
      : number;

export type ClientFlagValues<Table extends ClientFlagTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

export interface ParsedArguments<Table extends ClientFlagTable> {
  readonly flags: ClientFlagValues<Table>;
  /** Flags the command line gave. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly help: boolean;
}

/**
 * Reads arguments in the manner of Go's pflag: flags anywhere, `--name value`, `--name=value`, `-n value`, `-nvalue`,
 * `-n=value`, several switches in one word; `--` ends the flags. Every table has the switch `--help`, `-h`, too.
 * @throws ClientError CLIENT_USAGE with pflag's texts
 */
export function parseArguments<Table extends ClientFlagTable>(
  own: Table,
  words: readonly string[],
): ParsedArguments<Table> {
  const table: ClientFlagTable = { ...own, help: HELP_FLAG };
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(table)) values[name] = flag.value;
  const given = new Set<string>();
  const args: string[] = [];
  const rest = [...words];

  const set = (name: string, flag: ClientFlag, text: string): void => {
    values[name] = parseValue(name, flag, text);
    given.add(name);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      args.push(...rest);
      break;
    }
    if (word.startsWith("--")) longFlag(table, word, rest, set);
    else if (word.startsWith("-") && word.length > 1) shortFlags(table, word.slice(1), rest, set);
    else args.push(word);
  }
  const { help, ...flags } = values;
  return { flags: flags as ClientFlagValues<Table>, given, args, help: help === true };
}

const HELP_FLAG = { kind: "bool", value: false, short: "h", help: "" } as const satisfies ClientFlag;

type Setter = (name: string, flag: ClientFlag, text: string) => void;

function longFlag(table: ClientFlagTable, word: string, rest: string[], set: Setter): void {
  const [name = "", ...value] = word.slice(2).split("=");
  if (name === "" || name.startsWith("-")) throw usage(`bad flag syntax: ${word}`);
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (flag === undefined) throw usage(`unknown flag: --${name}`);
  if (value.length > 0) set(name, flag, value.join("="));
  else if (flag.kind === "bool") set(name, flag, "true");
  else {
    const next = rest.shift();
    if (next === undefined) throw usage(`flag needs an argument: ${word}`);
    set(name, flag, next);
  }
}

function shortFlags(table: ClientFlagTable, letters: string, rest: string[], set: Setter): void {
  const letter = letters.charAt(0);
  const found = Object.entries(table).find(([, flag]) => flag.short === letter);
  if (found === undefined) {
    const shown = letter === "'" || letter === "\\" ? `\\${letter}` : goByte(letters);
    throw usage(`unknown shorthand flag: '${shown}' in -${letters}`);
  }
  const [name, flag] = found;
  const after = letters.slice(1);
  if (after.length > 1 && after.startsWith("=")) set(name, flag, after.slice(1));
  else if (flag.kind === "bool") {
    set(name, flag, "true");
    if (after !== "") shortFlags(table, after, rest, set);
  } else if (after !== "") set(name, flag, after);
  else {
    const next = rest.shift();
    if (next === undefined) throw usage(`flag needs an argument: '${letter}' in -${letters}`);
    set(name, flag, next);
  }
}

/** The first byte as Go's `%q` shows one: like the character of that number. */
function goByte(text: string): string {
  return goQuote(String.fromCharCode(Buffer.from(text)[0] as number)).slice(1, -1);
}

function parseValue(name: string, flag: ClientFlag, text: string): string | boolean | number | bigint {
  if (flag.kind === "string") return text;
  const fail = (call: string, problem: string): ClientError => {
    const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    const quoted = goQuote(text);
    return usage(
      `invalid argument ${quoted} for ${goQuote(shown)} flag: strconv.${call}: parsing ${quoted}: ${problem}`,
    );
  };
  if (flag.kind === "bool") {
    const value = parseGoBool(text);
    if (value === undefined) throw fail("ParseBool", "invalid syntax");
    return value;
  }
  const signed = flag.kind === "int";
  const parsed = signed ? parseGoInt(text, 0) : parseGoUint(text, 0, flag.kind === "uint32" ? 0xffff_ffffn : undefined);
  const call = signed ? "ParseInt" : "ParseUint";
  if (!parsed.ok) throw fail(call, parsed.problem);
  if (flag.kind === "uint64") return parsed.value;
  // Differs: an int is refused above 2^53; nothing counted here comes near.
  if (!Number.isSafeInteger(Number(parsed.value))) throw fail(call, "value out of range");
  return Number(parsed.value);
}

function usage(message: string): ClientError {
  return new ClientError("CLIENT_USAGE", message);
}
