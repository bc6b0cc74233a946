import { toHex } from "../base/bytes.ts";
import { Bip32Error } from "../cipher/bip32.ts";
import { validateMnemonic } from "../cipher/bip39.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { addAccount, BIP44_COIN_SKYCOIN, bip44Fingerprint, DEFAULT_ACCOUNT_NAME, extendBip44 } from "./bip44.ts";
import { deterministicFingerprint, extendDeterministic } from "./deterministic.ts";
import { coinText, entryOfSecret } from "./entry.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { type CoinType, type CryptoType, DEFAULT_CRYPTO_TYPE, metaFault, WALLET_VERSION } from "./meta.ts";
import { type CollectionWallet, type DeterministicWallet, type Wallet, walletCoin, type XPubWallet } from "./wallet.ts";
import { extendXPub, parseXPub, xpubFingerprint } from "./xpub.ts";

/** What a new wallet is made of; what a type has no use for is ignored unless noted. */
export interface NewWallet {
  readonly filename: string;
  readonly type: string;
  readonly label: string;
  /** Unix seconds of creation. */
  readonly timestamp: number;
  readonly coin?: CoinType | undefined;
  readonly cryptoType?: CryptoType | undefined;
  readonly temporary?: boolean | undefined;
  /** deterministic: any text; bip44: an English mnemonic. */
  readonly seed?: string | undefined;
  /** bip44; refused for deterministic wallets. */
  readonly seedPassphrase?: string | undefined;
  /** bip44; the coin's own number by default. */
  readonly bip44Coin?: number | undefined;
  readonly xpub?: string | undefined;
  /** collection */
  readonly privateKeys?: readonly SecretKey[] | undefined;
}

/**
 * A new unencrypted wallet without addresses, but for collections (their keys) and bip44 (an empty account).
 * @throws WalletError, WalletFault WALLET_META_INVALID, CipherError MNEMONIC_*, Bip32Error
 */
export function newWallet(options: NewWallet): Wallet {
  if (options.type === "deterministic" && options.seedPassphrase) throw new WalletError("WALLET_PASSPHRASE_UNUSED");
  switch (options.type) {
    case "deterministic":
      return newDeterministic(options);
    case "collection":
      return newCollection(options);
    case "bip44":
      return newBip44(options);
    case "xpub":
      return newXPub(options);
    default:
      throw new WalletError("WALLET_TYPE_INVALID");
  }
}

function commonMeta(options: NewWallet): Map<string, string> {
  const meta = new Map([
    ["filename", options.filename],
    ["label", options.label],
    ["type", options.type],
    ["version", WALLET_VERSION],
    ["coin", options.coin ?? "skycoin"],
    ["tm", String(options.timestamp)],
  ]);
  if (options.temporary === true) meta.set("temp", "true");
  return meta;
}

function encryptableMeta(options: NewWallet): Map<string, string> {
  // Stamped also while unencrypted: what is used when it gets encrypted later.
  return commonMeta(options)
    .set("encrypted", "false")
    .set("cryptoType", options.cryptoType ?? DEFAULT_CRYPTO_TYPE);
}

/** @throws WalletError WALLET_LABEL_MISSING, WALLET_SEED_MISSING */
export function newDeterministic(options: NewWallet): DeterministicWallet {
  const { label, seed = "" } = options;
  if (label === "") throw new WalletError("WALLET_LABEL_MISSING");
  if (seed === "") throw new WalletError("WALLET_SEED_MISSING");
  requireFilename(options);
  return { type: "deterministic", meta: encryptableMeta(options).set("seed", seed).set("lastSeed", seed), entries: [] };
}

function newCollection(options: NewWallet): CollectionWallet {
  if (options.label === "") throw new WalletError("WALLET_LABEL_MISSING");
  requireFilename(options);
  const coin = coinText("skycoin"); // the reference ignores the coin here
  const entries = (options.privateKeys ?? []).map((key) => entryOfSecret(coin, key));
  return { type: "collection", meta: encryptableMeta(options), entries };
}

function newBip44(options: NewWallet): Wallet {
  const { label, seed = "", seedPassphrase = "", bip44Coin } = options;
  if (label === "") throw new WalletError("WALLET_LABEL_MISSING");
  if (seed === "") throw new WalletError("WALLET_SEED_MISSING");
  requireFilename(options);
  const number = bip44Coin ?? (options.coin === "bitcoin" ? 0 : BIP44_COIN_SKYCOIN);
  const meta = encryptableMeta(options)
    .set("seed", seed)
    .set("seedPassphrase", seedPassphrase)
    .set("bip44Coin", String(number));
  validateMnemonic(seed);
  try {
    return addAccount({ type: "bip44", meta, accounts: [] }, DEFAULT_ACCOUNT_NAME);
  } catch (cause) {
    if (!(cause instanceof Bip32Error)) throw cause;
    throw new Bip32Error(cause.code, `generate default account failed: ${cause.message}`, { cause });
  }
}

function newXPub(options: NewWallet): XPubWallet {
  const { xpub = "" } = options;
  if (xpub === "") throw new WalletError("WALLET_XPUB_MISSING");
  const key = parseXPub(xpub);
  requireFilename(options);
  return { type: "xpub", meta: commonMeta(options).set("xpub", xpub), key, entries: [] };
}

function requireFilename({ filename }: NewWallet): void {
  if (filename === "") throw metaFault("filename not set");
}

/**
 * `count` more addresses: on the given chain of a bip44 wallet's first account. A collection has no rule to make
 * addresses by, so it gets none.
 * @throws WalletError WALLET_ENCRYPTED; WalletFault WALLET_COUNT_TOO_LARGE
 */
export function extendWallet<W extends Wallet>(wallet: W, count: number, chain: 0 | 1 = 0): W {
  const any: Wallet = wallet;
  switch (any.type) {
    case "deterministic":
      return extendDeterministic(any, count) as W;
    case "bip44":
      return extendBip44(any, count, chain) as W;
    case "xpub":
      return extendXPub(any, count) as W;
    case "collection":
      return wallet;
  }
}

/** Adds keys to a collection. Keys it has already are added again, as the reference does. */
export function addKeys(wallet: CollectionWallet, keys: readonly SecretKey[]): CollectionWallet {
  const coin = coinText("skycoin");
  return { ...wallet, entries: [...wallet.entries, ...keys.map((key) => entryOfSecret(coin, key))] };
}

/**
 * Adds one key the way `addPrivateKey` of the command line does.
 * @throws WalletError WALLET_ENCRYPTED, WalletFault WALLET_DUPLICATE_ENTRY
 */
export function addUniqueKey(wallet: CollectionWallet, key: SecretKey): CollectionWallet {
  if (wallet.meta.get("encrypted") === "true") throw new WalletError("WALLET_ENCRYPTED");
  const coin = coinText(walletCoin(wallet));
  const entry = entryOfSecret(coin, key);
  const text = toHex(entry.address);
  if (wallet.entries.some((other) => toHex(other.address) === text)) {
    throw new WalletFault("WALLET_DUPLICATE_ENTRY", "wallet already contains entry with this address");
  }
  return { ...wallet, entries: [...wallet.entries, entry] };
}

/**
 * Names the keys behind a wallet, so that no two loaded wallets have the same. Empty for collections.
 * @throws WalletFault WALLET_FILE_INVALID when it cannot be made out
 */
export function walletFingerprint(wallet: Wallet): string {
  switch (wallet.type) {
    case "deterministic":
      return deterministicFingerprint(wallet);
    case "bip44":
      return bip44Fingerprint(wallet);
    case "xpub":
      return xpubFingerprint(wallet);
    case "collection":
      return "";
  }
}
