import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { formatExtendedKey, parseExtendedPrivateKey, parseExtendedPublicKey } from "../cipher/bip32.ts";
import { generateMnemonic } from "../cipher/bip39.ts";
import { platformRandom, type Random } from "../cipher/random.ts";
import { newDeterministic } from "./create.ts";
import { extendDeterministic } from "./deterministic.ts";
import { type CoinText, coinText, hasSecret, readEntry, verifyEntry, type WalletEntry } from "./entry.ts";
import { WalletFault } from "./errors.ts";
import {
  asRecords,
  asText,
  asUint32,
  type JsonRecord,
  type JsonText,
  member,
  parseJson,
  writeJson,
} from "./json-text.ts";
import type { CoinType } from "./meta.ts";
import {
  isEncrypted,
  metaFault,
  metaText,
  readMeta,
  resolveCoin,
  validateLoadedMeta,
  type WalletMeta,
  withMeta,
} from "./meta.ts";
import type {
  Bip44Chain,
  Bip44Wallet,
  Bip44WalletAccount,
  CollectionWallet,
  DeterministicWallet,
  Wallet,
  XPubWallet,
} from "./wallet.ts";
import { parseXPub } from "./xpub.ts";

/** Longest document read: some hundred thousand entries. */
export const DOCUMENT_CHARACTERS_MAX = 64 * 1024 * 1024;

/**
 * Reads a wallet document of any type and version; `filename` (the base name) becomes its id, whatever the document
 * says. Undefined for a type we do not know, as the reference skips such files.
 * @throws WalletFault WALLET_FILE_INVALID, WALLET_FILE_TYPE_MISSING, WALLET_META_INVALID, WALLET_ENTRY_INVALID;
 * WalletError WALLET_COIN_INVALID, WALLET_XPUB_INVALID; CipherError and Bip32Error of keys and addresses
 */
export function parseWallet(text: string, filename: string): Wallet | undefined {
  if (text.length > DOCUMENT_CHARACTERS_MAX)
    throw new WalletFault("WALLET_FILE_INVALID", "wallet document is too long");
  const document = parseJson(text);
  const meta = readMeta(member(document, "meta"));
  const type = metaText(meta, "type");
  if (type === "") throw new WalletFault("WALLET_FILE_TYPE_MISSING", "missing meta.type field");
  const wallet = readByType(type, meta, document);
  return wallet === undefined ? undefined : { ...wallet, meta: withMeta(wallet.meta, { filename }) };
}

function readByType(type: string, meta: WalletMeta, document: JsonRecord): Wallet | undefined {
  switch (type) {
    case "deterministic":
    case "collection":
      return readFlat(type, meta, document);
    case "bip44":
      return readBip44(meta, document);
    case "xpub":
      return readXPub(meta, document);
    default:
      return undefined;
  }
}

function readFlat(
  type: "deterministic" | "collection",
  loaded: WalletMeta,
  document: JsonRecord,
): DeterministicWallet | CollectionWallet {
  const meta = withMeta(loaded, { coin: resolveCoin(metaText(loaded, "coin")) });
  try {
    validateLoadedMeta(meta);
    (type === "deterministic" ? validateDeterministic : validateCollection)(meta);
  } catch (error) {
    throw metaFault(`invalid wallet "${metaText(meta, "filename")}": ${errorText(error)}`);
  }
  const coin = coinText(metaText(meta, "coin"));
  const open = !isEncrypted(meta);
  const entries = asRecords(member(document, "entries"), "entries").map((record) => {
    const entry = readEntry(record, coin, { publicKey: "public_key", secretKey: "secret_key" });
    if (open && entry.secretKey !== undefined) verifyEntry(entry, coin);
    return entry;
  });
  return { type, meta, entries };
}

function validateDeterministic(meta: WalletMeta): void {
  if (isEncrypted(meta)) return;
  if (metaText(meta, "seed") === "") throw metaFault("seed missing in unencrypted deterministic wallet");
  if (metaText(meta, "lastSeed") === "") throw metaFault("lastSeed missing in unencrypted deterministic wallet");
}

function validateCollection(meta: WalletMeta): void {
  if (metaText(meta, "seed") !== "") throw metaFault("seed should not be in collection wallets");
  if (metaText(meta, "lastSeed") !== "") throw metaFault("lastSeed should not be in collection wallets");
}

/** The reference trusts these files blindly: only what does not parse is refused (wallet.md 2.3). */
function readBip44(meta: WalletMeta, document: JsonRecord): Bip44Wallet {
  isEncrypted(meta);
  const coin = coinText(metaText(meta, "coin"));
  const accounts = asRecords(member(document, "accounts"), "accounts").map((record): Bip44WalletAccount => {
    const privateKey = asText(member(record, "private_key"), "private_key");
    return {
      ...(privateKey === "" ? {} : { key: parseExtendedPrivateKey(privateKey) }),
      name: asText(member(record, "name"), "name"),
      index: asUint32(member(record, "index"), "index"),
      coin: asText(member(record, "coin_type"), "coin_type"),
      chains: asRecords(member(record, "chains"), "chains").map((chain) => readChain(chain, coin)),
    };
  });
  return { type: "bip44", meta, accounts };
}

function readChain(record: JsonRecord, coin: CoinText): Bip44Chain {
  const key = parseExtendedPublicKey(asText(member(record, "public_key"), "public_key"));
  const name = asText(member(record, "chain"), "chain");
  if (name !== "external" && name !== "change") {
    throw new WalletFault("WALLET_FILE_INVALID", `Invalid bip44 chain: ${name}`);
  }
  const index = name === "external" ? 0 : 1;
  const entries = asRecords(member(record, "entries"), "entries").map((entry) => ({
    ...readEntry(entry, coin, { publicKey: "public", secretKey: "secret" }),
    childNumber: asUint32(member(entry, "child_number"), "child_number"),
    change: index,
  })) as WalletEntry[];
  return { index, key, entries };
}

function readXPub(meta: WalletMeta, document: JsonRecord): XPubWallet {
  const coin = coinText(metaText(meta, "coin"));
  const entries = asRecords(member(document, "entries"), "entries").map((entry) => ({
    ...readEntry(entry, coin, { publicKey: "public" }),
    childNumber: asUint32(member(entry, "child_number"), "child_number"),
  }));
  const xpub = metaText(meta, "xpub");
  if (xpub === "") throw new WalletFault("WALLET_FILE_INVALID", "missing xpub meta field");
  return { type: "xpub", meta, key: parseXPub(xpub), entries };
}

/** `YYYY_MM_DD_xxxx.wlt`: the local date of `nowMs` and two random bytes in hex. */
export function newWalletFilename(nowMs: number, random: Random = platformRandom): string {
  const now = new Date(nowMs);
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = `${String(now.getFullYear()).padStart(4, "0")}_${two(now.getMonth() + 1)}_${two(now.getDate())}`;
  return `${date}_${toHex(random(2))}.wlt`;
}

/** What `addressGen` makes. */
export interface NewWalletDocument {
  readonly label: string;
  /** How many. */
  readonly addresses: number;
  /** Unix milliseconds: file name and creation time. */
  readonly nowMs: number;
  /** Any text; a mnemonic of 12 words by default. */
  readonly seed?: string;
  readonly coin?: CoinType;
  readonly random?: Random;
}

/** A deterministic wallet with its addresses, for printing or keeping as `login_genesis.json`. @throws WalletError */
export function newWalletDocument(options: NewWalletDocument): DeterministicWallet {
  const random = options.random ?? platformRandom;
  const wallet = newDeterministic({
    filename: newWalletFilename(options.nowMs, random),
    type: "deterministic",
    label: options.label,
    timestamp: Math.floor(options.nowMs / 1000),
    coin: options.coin,
    seed: options.seed ?? generateMnemonic(128, random),
  });
  return extendDeterministic(wallet, options.addresses);
}

/** The document as `addressGen` prints it and `login_genesis.json` holds it: one newline at the end. */
export function serializeDocument(wallet: Wallet): string {
  return `${serializeWallet(wallet)}\n`;
}

/** The document as wallet files hold it: four blanks, meta sorted by key, no newline at the end. */
export function serializeWallet(wallet: Wallet): string {
  const coin = coinText(metaText(wallet.meta, "coin"));
  switch (wallet.type) {
    case "deterministic":
    case "collection":
      return writeJson({
        meta: wallet.meta,
        entries: wallet.entries.map((entry) => ({
          address: coin.encodeAddress(entry.address),
          public_key: toHex(entry.publicKey),
          secret_key: secretText(entry, coin),
        })),
      });
    case "xpub":
      return writeJson({
        meta: wallet.meta,
        entries: wallet.entries.map((entry) => ({
          address: coin.encodeAddress(entry.address),
          public: toHex(entry.publicKey),
          child_number: entry.childNumber,
        })),
      });
    case "bip44":
      return writeJson({ meta: wallet.meta, accounts: orNull(wallet.accounts.map((a) => accountText(a, coin))) });
  }
}

function accountText(account: Bip44WalletAccount, coin: CoinText): JsonText {
  const secrets = coinText(account.coin);
  return {
    private_key: account.key === undefined ? undefined : formatExtendedKey(account.key),
    name: account.name,
    index: account.index,
    coin_type: account.coin,
    chains: orNull(
      account.chains.map((chain) => ({
        public_key: formatExtendedKey(chain.key),
        chain: chain.index === 0 ? "external" : "change",
        entries: orNull(
          chain.entries.map((entry) => ({
            address: coin.encodeAddress(entry.address),
            public: toHex(entry.publicKey),
            secret: secretText(entry, secrets),
            child_number: entry.childNumber,
          })),
        ),
      })),
    ),
  };
}

/** Go writes an empty slice it never made as null. */
function orNull(items: readonly JsonText[]): JsonText {
  return items.length === 0 ? null : items;
}

function secretText(entry: WalletEntry, coin: CoinText): string {
  return hasSecret(entry) ? coin.encodeSecret(entry.secretKey) : "";
}
