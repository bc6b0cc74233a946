import { readFile } from "node:fs/promises";
import { errorText } from "../base/errors.ts";
import { U64_MAX } from "../base/uint64.ts";
import { type ChainParams, type VerifyParams, validateParams } from "../chain/params.ts";
import type { Droplets } from "../chain/uxout.ts";
import { decodeAddress } from "../cipher/address.ts";
import { parsePublicKey } from "../cipher/keys.ts";
import { parseSignature } from "../cipher/sign.ts";
import { ConfigError, jsonErrorText, openErrorText } from "./errors.ts";

export const GENESIS_FILE_FORMAT = "loginchain-genesis-1";

/** Names shown to people; no rule depends on them. */
export interface Branding {
  readonly displayName: string;
  readonly ticker: string;
  readonly coinHoursName: string;
  readonly coinHoursNameSingular: string;
  readonly coinHoursTicker: string;
  readonly qrUriPrefix: string;
  readonly explorerUrl: string;
  readonly versionUrl: string;
  readonly bip44Coin: number;
}

/**
 * A chain in one JSON file: rules, publisher, genesis block. Amounts are decimal strings (they may exceed 2^53),
 * keys and signatures hex, addresses base58.
 */
export interface GenesisFile {
  readonly format: typeof GENESIS_FILE_FORMAT;
  /** Says what the file is for; shown by tools, otherwise without effect. */
  readonly comment?: string;
  readonly coin: string;
  readonly publisherKey: string;
  readonly genesis: {
    readonly address: string;
    /** Unix seconds. */
    readonly timestamp: number;
    /** Droplets. */
    readonly volume: string;
    /** Empty: only the holder of the secret key can begin this chain. */
    readonly signature: string;
    /** Hash of the genesis block's header; a check on the other values. */
    readonly hash?: string;
  };
  readonly limits: {
    readonly unconfirmed: VerifyParams;
    readonly createBlock: VerifyParams;
    readonly user: VerifyParams;
    readonly maxBlockTransactionsSize: number;
  };
  readonly network: {
    readonly port: number;
    readonly webInterfacePort: number;
    readonly defaultConnections: readonly string[];
    readonly peerListUrl: string;
  };
  readonly branding: Branding;
  readonly distribution: {
    /** Whole coins. */
    readonly maxCoinSupply: string;
    readonly initialUnlockedCount: number;
    readonly unlockAddressRate: number;
    readonly unlockTimeInterval: number;
    readonly addresses: readonly string[];
  };
  /** Published keys of a throw-away chain: never on a chain that matters. */
  readonly throwAwayKeys?: { readonly genesisSecretKey: string };
}

/** Reads a genesis file. @throws ConfigError CONFIG_GENESIS_FILE */
export async function loadGenesisFile(path: string): Promise<GenesisFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw failure(openErrorText(path, cause), cause);
  }
  try {
    return parseGenesisFile(text);
  } catch (cause) {
    throw failure(`${path}: ${errorText(cause)}`, cause);
  }
}

/** Checks the shape of the text; `paramsOfGenesisFile` judges the values. @throws ConfigError CONFIG_GENESIS_FILE */
export function parseGenesisFile(text: string): GenesisFile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw failure(`not valid JSON: ${jsonErrorText(cause)}`);
  }
  checkShape("", document, SHAPE);
  const file = document as GenesisFile;
  if (file.format !== GENESIS_FILE_FORMAT) throw failure(`unknown genesis file format ${JSON.stringify(file.format)}`);
  return file;
}

/** The chain of a genesis file, every value parsed and checked. @throws ConfigError CONFIG_GENESIS_FILE */
export function paramsOfGenesisFile(file: GenesisFile): ChainParams {
  const { genesis, distribution, limits } = file;
  try {
    return validateParams({
      coin: file.coin,
      publisherKey: parsePublicKey(file.publisherKey),
      genesis: {
        address: decodeAddress(genesis.address),
        time: genesis.timestamp,
        volume: decimal(genesis.volume) as Droplets,
        ...(genesis.signature === "" ? {} : { signature: parseSignature(genesis.signature) }),
      },
      distribution: {
        maxCoinSupply: decimal(distribution.maxCoinSupply),
        initialUnlockedCount: distribution.initialUnlockedCount,
        unlockAddressRate: distribution.unlockAddressRate,
        unlockTimeInterval: distribution.unlockTimeInterval,
        addresses: distribution.addresses.map(decodeAddress),
      },
      ...limits,
    });
  } catch (cause) {
    throw failure(errorText(cause), cause);
  }
}

function decimal(text: string): bigint {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : U64_MAX + 1n;
  if (value > U64_MAX) throw failure(`not an amount: ${JSON.stringify(text)}`);
  return value;
}

type Shape = "string" | "count" | "strings" | { readonly [key: string]: Shape };

const VERIFY: Shape = { burnFactor: "count", maxTransactionSize: "count", maxDecimals: "count" };
const SHAPE: Shape = {
  format: "string",
  "comment?": "string",
  coin: "string",
  publisherKey: "string",
  genesis: { address: "string", timestamp: "count", volume: "string", signature: "string", "hash?": "string" },
  limits: { unconfirmed: VERIFY, createBlock: VERIFY, user: VERIFY, maxBlockTransactionsSize: "count" },
  network: { port: "count", webInterfacePort: "count", defaultConnections: "strings", peerListUrl: "string" },
  branding: {
    displayName: "string",
    ticker: "string",
    coinHoursName: "string",
    coinHoursNameSingular: "string",
    coinHoursTicker: "string",
    qrUriPrefix: "string",
    explorerUrl: "string",
    versionUrl: "string",
    bip44Coin: "count",
  },
  distribution: {
    maxCoinSupply: "string",
    initialUnlockedCount: "count",
    unlockAddressRate: "count",
    unlockTimeInterval: "count",
    addresses: "strings",
  },
  "throwAwayKeys?": { genesisSecretKey: "string" },
};

/** Unknown members are refused too: in a file that defines a chain, a misspelt key must not pass. */
function checkShape(at: string, value: unknown, shape: Shape): void {
  const name = at === "" ? "the file" : at;
  if (shape === "string") {
    if (typeof value !== "string") throw failure(`${name} must be a string`);
  } else if (shape === "count") {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw failure(`${name} must be a whole number`);
  } else if (shape === "strings") {
    const fits = Array.isArray(value) && value.every((item) => typeof item === "string");
    if (!fits) throw failure(`${name} must be an array of strings`);
  } else {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw failure(`${name} must be an object`);
    const members = value as Record<string, unknown>;
    const path = (key: string): string => (at === "" ? key : `${at}.${key}`);
    for (const [key, inner] of Object.entries(shape)) {
      const bare = key.replace(/\?$/, "");
      if (members[bare] === undefined && key.endsWith("?")) continue;
      checkShape(path(bare), members[bare], inner);
    }
    for (const key of Object.keys(members)) {
      if (!(key in shape) && !(`${key}?` in shape)) throw failure(`unknown member ${path(key)}`);
    }
  }
}

function failure(message: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_GENESIS_FILE", message, { cause });
}
