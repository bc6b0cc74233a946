import { equalBytes, isZero, toHex } from "../base/bytes.ts";
import { type Address, addressOf, decodeAddress, encodeAddress } from "../cipher/address.ts";
import {
  type BitcoinAddress,
  bitcoinAddressOf,
  decodeBitcoinAddress,
  decodeWif,
  encodeBitcoinAddress,
  encodeWif,
} from "../cipher/bitcoin.ts";
import { type PublicKey, parsePublicKey, parseSecretKey, publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import { WalletFault } from "./errors.ts";
import { asText, type JsonRecord, member } from "./json-text.ts";

/** One address of a wallet. */
export interface WalletEntry {
  /** Version and key hash. In a bitcoin wallet the hash is bitcoin's, so the text differs too. */
  readonly address: Address;
  readonly publicKey: PublicKey;
  /** Absent in encrypted and xpub wallets. */
  readonly secretKey?: SecretKey | undefined;
  /** Position in its chain; 0 where there are no chains. */
  readonly childNumber: number;
  /** 1 on the change chain of a bip44 wallet. */
  readonly change: 0 | 1;
}

/** How a wallet's coin writes addresses and keys. Unknown coins are written as skycoin, like the reference does. */
export interface CoinText {
  addressOf(publicKey: PublicKey): Address;
  encodeAddress(address: Address): string;
  /** @throws CipherError */
  decodeAddress(text: string): Address;
  encodeSecret(key: SecretKey): string;
  /** @throws CipherError */
  decodeSecret(text: string): SecretKey;
}

const SKYCOIN_TEXT: CoinText = {
  addressOf,
  encodeAddress,
  decodeAddress,
  encodeSecret: toHex,
  decodeSecret: parseSecretKey,
};

const BITCOIN_TEXT: CoinText = {
  addressOf: (key) => bitcoinAddressOf(key) as Uint8Array as Address,
  encodeAddress: (address) => encodeBitcoinAddress(address as Uint8Array as BitcoinAddress),
  decodeAddress: (text) => decodeBitcoinAddress(text) as Uint8Array as Address,
  encodeSecret: encodeWif,
  decodeSecret: decodeWif,
};

export function coinText(coin: string): CoinText {
  return coin === "bitcoin" ? BITCOIN_TEXT : SKYCOIN_TEXT;
}

/** The entry of a key pair. */
export function entryOf(coin: CoinText, publicKey: PublicKey, more: Partial<WalletEntry> = {}): WalletEntry {
  return { address: coin.addressOf(publicKey), publicKey, childNumber: 0, change: 0, ...more };
}

/** The entry of a secret key. */
export function entryOfSecret(coin: CoinText, secretKey: SecretKey): WalletEntry {
  return entryOf(coin, publicKeyOf(secretKey), { secretKey });
}

/** The first entry with this address. */
export function findEntry(entries: readonly WalletEntry[], address: Address): WalletEntry | undefined {
  return entries.find((entry) => equalBytes(entry.address, address));
}

/** Names of an entry's members; deterministic and collection files differ from bip44 and xpub ones. */
export interface EntryNames {
  readonly publicKey: "public_key" | "public";
  readonly secretKey?: "secret_key" | "secret";
}

/** Reads address, public key and secret, in this order. @throws CipherError, WalletFault WALLET_FILE_INVALID */
export function readEntry(record: JsonRecord, coin: CoinText, names: EntryNames): WalletEntry {
  const address = coin.decodeAddress(asText(member(record, "address"), "address"));
  const publicKey = parsePublicKey(asText(member(record, names.publicKey), names.publicKey));
  const secret = names.secretKey === undefined ? "" : asText(member(record, names.secretKey), names.secretKey);
  const bare: WalletEntry = { address, publicKey, childNumber: 0, change: 0 };
  return secret === "" ? bare : { ...bare, secretKey: coin.decodeSecret(secret) };
}

/** Secret, public key and address belong together. @throws WalletFault WALLET_ENTRY_INVALID */
export function verifyEntry(entry: WalletEntry, coin: CoinText): void {
  const { secretKey, publicKey, address } = entry;
  if (secretKey !== undefined && !equalBytes(publicKeyOf(secretKey), publicKey)) {
    throw new WalletFault("WALLET_ENTRY_INVALID", "invalid public key for secret key");
  }
  if (!equalBytes(coin.addressOf(publicKey), address)) {
    throw new WalletFault("WALLET_ENTRY_INVALID", "Public key invalid for address");
  }
}

/** The same entry without its secret. */
export function withoutSecret({ address, publicKey, childNumber, change }: WalletEntry): WalletEntry {
  return { address, publicKey, childNumber, change };
}

/** Overwrites a secret in memory, when its owner is done with it. */
export function wipe(bytes: Uint8Array | undefined): void {
  bytes?.fill(0);
}

/** A secret is there and usable. */
export function hasSecret(entry: WalletEntry): entry is WalletEntry & { readonly secretKey: SecretKey } {
  return entry.secretKey !== undefined && !isZero(entry.secretKey);
}
