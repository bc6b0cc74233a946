import { readFile } from "node:fs/promises";
import { ConfigError, jsonErrorText, openErrorText } from "./errors.ts";

/** The first entry of a wallet document; texts as written, `secretKey` empty when it was hidden. */
export interface GenesisWallet {
  readonly address: string;
  readonly publicKey: string;
  /** 64 hex digits or empty. Not enumerable: printing or logging the object does not show it. */
  readonly secretKey: string;
}

/**
 * Reads the file named by GENESIS: any wallet document printed by `addressGen`. Everything but the first entry is
 * ignored. @throws ConfigError CONFIG_GENESIS_WALLET with the reference's texts
 */
export async function loadGenesisWallet(path: string): Promise<GenesisWallet> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw failure(`failed to read genesis wallet: ${openErrorText(path, cause)}`, cause);
  }
  return parseGenesisWallet(text);
}

/** @throws ConfigError CONFIG_GENESIS_WALLET */
export function parseGenesisWallet(text: string): GenesisWallet {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw failure(`failed to parse genesis wallet JSON: ${jsonErrorText(cause)}`);
  }
  const entries: unknown = (document as { entries?: unknown } | null)?.entries;
  if (entries !== undefined && entries !== null && !Array.isArray(entries)) {
    throw failure("failed to parse genesis wallet JSON: entries must be an array");
  }
  const entry: unknown = entries?.[0];
  if (entry === undefined) throw failure("genesis wallet has no entries");
  const member = (name: string): string => {
    const value: unknown = (entry as Record<string, unknown> | null)?.[name] ?? "";
    if (typeof value !== "string") throw failure(`failed to parse genesis wallet JSON: ${name} must be a string`);
    return value;
  };
  const wallet = { address: member("address"), publicKey: member("public_key"), secretKey: "" };
  Object.defineProperty(wallet, "secretKey", { value: member("secret_key"), enumerable: false });
  return Object.freeze(wallet);
}

function failure(message: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_GENESIS_WALLET", message, { cause });
}
