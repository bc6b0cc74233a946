import { U32_MAX, U64_MAX } from "../base/uint64.ts";
import { ConfigError } from "./errors.ts";
import { parseGoUint } from "./go-numbers.ts";

/** `number` is an unsigned integer up to `max` (2^53-1 at most), `bigint` one up to 2^64-1. */
type KeySpec =
  | { readonly kind: "string" }
  | { readonly kind: "strings" }
  | { readonly kind: "number"; readonly max: number }
  | { readonly kind: "bigint" };

const text: { readonly kind: "string" } = { kind: "string" };
const texts: { readonly kind: "strings" } = { kind: "strings" };
const u64: { readonly kind: "bigint" } = { kind: "bigint" };
const upTo = (max: number): { readonly kind: "number"; readonly max: number } => ({ kind: "number", max });
const count = upTo(Number.MAX_SAFE_INTEGER);
const u32 = upTo(U32_MAX);
const u8 = upTo(255);
const port = upTo(65535);

/** `[node]` of a fiber.toml (config.md 7). `coinname` and `coin_name` mean the same, so do the two of the directory. */
export const NODE_KEYS = {
  genesis_signature_str: text,
  genesis_address_str: text,
  blockchain_pubkey_str: text,
  blockchain_seckey_str: text,
  genesis_timestamp: count,
  genesis_coin_volume: u64,
  default_connections: texts,
  peer_list_url: text,
  port,
  web_interface_port: port,
  unconfirmed_burn_factor: u32,
  unconfirmed_max_transaction_size: u32,
  unconfirmed_max_decimals: u8,
  create_block_burn_factor: u32,
  create_block_max_transaction_size: u32,
  create_block_max_decimals: u8,
  max_block_transactions_size: u32,
  display_name: text,
  ticker: text,
  coin_hours_display_name: text,
  coin_hours_display_name_singular: text,
  coin_hours_ticker: text,
  qr_uri_prefix: text,
  explorer_url: text,
  version_url: text,
  bip44_coin: u32,
  coinname: text,
  coin_name: text,
  datadirectory: text,
  data_directory: text,
} as const satisfies Record<string, KeySpec>;

/** `[params]` of a fiber.toml. */
export const PARAMS_KEYS = {
  max_coin_supply: u64,
  initial_unlocked_count: count,
  unlock_address_rate: count,
  unlock_time_interval: count,
  user_max_decimals: u8,
  user_max_transaction_size: u32,
  user_burn_factor: u32,
  distribution_addresses: texts,
} as const satisfies Record<string, KeySpec>;

type ValueOf<Spec extends KeySpec> = Spec extends { kind: "string" }
  ? string
  : Spec extends { kind: "strings" }
    ? readonly string[]
    : Spec extends { kind: "number" }
      ? number
      : bigint;

type Section<Keys extends Record<string, KeySpec>> = { readonly [Key in keyof Keys]?: ValueOf<Keys[Key]> };

/** Keys as written in the file; an absent key is absent here too, so that "empty" can be told from "not given". */
export type FiberNode = Section<typeof NODE_KEYS>;
export type FiberParams = Section<typeof PARAMS_KEYS>;

/**
 * Reads one section of a parsed file by its key table. Keys match in any case, unknown ones are ignored.
 * @throws ConfigError CONFIG_FILE for a wrong type, a number out of range, or a key given twice
 */
export function readSection<Keys extends Record<string, KeySpec>>(
  name: string,
  section: unknown,
  keys: Keys,
): Section<Keys> {
  const values: Record<string, unknown> = {};
  if (section === undefined) return values as Section<Keys>;
  if (typeof section !== "object" || section === null || Array.isArray(section)) {
    throw new ConfigError("CONFIG_FILE", `[${name}] must be a table`);
  }
  for (const [written, value] of Object.entries(section)) {
    const key = written.toLowerCase();
    const spec = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (spec === undefined) continue;
    if (Object.hasOwn(values, key)) throw new ConfigError("CONFIG_FILE", `${name}.${key} is given twice`);
    values[key] = readValue(`${name}.${key}`, spec, value);
  }
  return values as Section<Keys>;
}

function readValue(key: string, spec: KeySpec, value: unknown): unknown {
  switch (spec.kind) {
    case "string":
      if (typeof value === "string") return value;
      throw wrongType(key, "a string", value);
    case "strings":
      if (Array.isArray(value) && value.every((item) => typeof item === "string")) return Object.freeze([...value]);
      throw wrongType(key, "an array of strings", value);
    case "number":
      return Number(readInteger(key, value, BigInt(spec.max)));
    case "bigint":
      return readInteger(key, value, U64_MAX);
  }
}

/**
 * Floats stand for integers (`100e12`), and digits in quotes too, as in the reference.
 * Differs: a fraction or a number out of range is refused, where the reference cuts it silently.
 */
function readInteger(key: string, value: unknown, max: bigint): bigint {
  let integer: bigint | undefined;
  if (typeof value === "bigint") integer = value;
  else if (typeof value === "number" && Number.isInteger(value)) {
    // A larger float may have lost digits on its way here.
    if (value > Number.MAX_SAFE_INTEGER) throw wrongType(key, "an integer (in quotes when above 2^53)", value);
    integer = BigInt(value);
  } else if (typeof value === "string") {
    const parsed = parseGoUint(value, 0);
    if (parsed.ok) integer = parsed.value;
  }
  if (integer === undefined) throw wrongType(key, "an integer", value);
  if (integer < 0n || integer > max) {
    throw new ConfigError("CONFIG_FILE", `${key} must be between 0 and ${max}`, { data: { key } });
  }
  return integer;
}

/** Names the key and the type only: the value may be a secret. */
function wrongType(key: string, expected: string, value: unknown): ConfigError {
  const got = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
  return new ConfigError("CONFIG_FILE", `${key} must be ${expected}, not ${got}`, { data: { key } });
}
