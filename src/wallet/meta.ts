import { WalletError, WalletFault } from "./errors.ts";
import { asRecord, asText } from "./json-text.ts";

/** A wallet's properties: texts only, unknown ones are carried along. */
export type WalletMeta = ReadonlyMap<string, string>;

export type WalletType = "deterministic" | "collection" | "bip44" | "xpub";
export const WALLET_TYPES: readonly WalletType[] = ["deterministic", "collection", "bip44", "xpub"];

export type CryptoType = "scrypt-chacha20poly1305" | "scrypt-chacha20poly1305-insecure" | "sha256-xor";
export const CRYPTO_TYPES: readonly CryptoType[] = [
  "scrypt-chacha20poly1305",
  "scrypt-chacha20poly1305-insecure",
  "sha256-xor",
];
export const DEFAULT_CRYPTO_TYPE: CryptoType = "scrypt-chacha20poly1305";

/** Written into new wallets; never checked on load, never changed on save. */
export const WALLET_VERSION = "0.4";

export function isCryptoType(text: string): text is CryptoType {
  return (CRYPTO_TYPES as readonly string[]).includes(text);
}

/** The value or "", as a Go map answers. */
export function metaText(meta: WalletMeta, key: string): string {
  return meta.get(key) ?? "";
}

/** A copy with these set; `undefined` removes. */
export function withMeta(meta: WalletMeta, changes: Readonly<Record<string, string | undefined>>): WalletMeta {
  const copy = new Map(meta);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) copy.delete(key);
    else copy.set(key, value);
  }
  return copy;
}

/** The `meta` member of a document. @throws WalletFault WALLET_FILE_INVALID */
export function readMeta(value: unknown): WalletMeta {
  return new Map(Object.entries(asRecord(value, "meta")).map(([k, v]) => [k, asText(v, `meta.${k}`)]));
}

const BOOLS = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

/** Go's strconv.ParseBool of `encrypted`; missing means no. @throws WalletFault WALLET_META_INVALID */
export function isEncrypted(meta: WalletMeta): boolean {
  const text = meta.get("encrypted");
  if (text === undefined) return false;
  const value = BOOLS.get(text);
  if (value === undefined) throw metaFault("encrypted field is not a valid bool");
  return value;
}

export function isTemporary(meta: WalletMeta): boolean {
  return meta.get("temp") === "true";
}

/** Unix seconds; 0 when missing or not a number. */
export function timestamp(meta: WalletMeta): number {
  const text = metaText(meta, "tm");
  return isInt64(text) ? Number(text) : 0;
}

function isInt64(text: string): boolean {
  return (
    /^[+-]?[0-9]{1,25}$/.test(text) &&
    BigInt.asIntN(64, BigInt(text.replace("+", ""))) === BigInt(text.replace("+", ""))
  );
}

/** @throws WalletFault WALLET_META_INVALID when it is not a u32 */
export function bip44Coin(meta: WalletMeta): number | undefined {
  const text = meta.get("bip44Coin");
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,20}$/.test(text) || BigInt(text) > 0xffff_ffffn) throw metaFault("invalid bip44 coin type");
  return Number(text);
}

export function metaFault(text: string): WalletFault {
  return new WalletFault("WALLET_META_INVALID", text);
}

export type CoinType = "skycoin" | "bitcoin";

/** `sky`, `skycoin`, `btc`, `bitcoin` in any case. @throws WalletError WALLET_COIN_INVALID */
export function resolveCoin(text: string): CoinType {
  const name = text.toLowerCase();
  if (name === "sky" || name === "skycoin") return "skycoin";
  if (name === "btc" || name === "bitcoin") return "bitcoin";
  throw new WalletError("WALLET_COIN_INVALID");
}

/** What the reference checks when it loads deterministic and collection files, in its order (wallet.md 2.2). */
export function validateLoadedMeta(meta: WalletMeta): void {
  validateCommonMeta(meta);
  if (isEncrypted(meta)) {
    validateCryptoType(meta);
    if (metaText(meta, "secrets") === "") throw metaFault("wallet is encrypted, but secrets field not set");
    if (metaText(meta, "seed") !== "") throw metaFault("seed should not be visible in encrypted wallets");
    if (metaText(meta, "lastSeed") !== "") throw metaFault("lastSeed should not be visible in encrypted wallets");
  } else if (metaText(meta, "secrets") !== "") {
    throw metaFault("secrets should not be in unencrypted wallets");
  }
}

function validateCommonMeta(meta: WalletMeta): void {
  if (metaText(meta, "filename") === "") throw metaFault("filename not set");
  const tm = metaText(meta, "tm");
  if (tm !== "" && !isInt64(tm)) throw metaFault("invalid timestamp");
  if (meta.get("type") === undefined) throw metaFault("type field not set");
  if (metaText(meta, "coin") === "") throw metaFault("coin field not set");
  isEncrypted(meta);
}

function validateCryptoType(meta: WalletMeta): void {
  const type = meta.get("cryptoType");
  if (type === undefined) throw metaFault("crypto type field not set");
  if (!isCryptoType(type)) throw metaFault("unknown crypto type");
}
