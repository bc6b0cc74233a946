import { fromHex, toHex } from "../base/bytes.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { accountSecretName, accountSecretText, unlockAccount } from "./bip44.ts";
import type { CoinText, WalletEntry } from "./entry.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { asText, parseJson, writeJson } from "./json-text.ts";
import { type CryptoType, DEFAULT_CRYPTO_TYPE, isCryptoType, isTemporary, metaText } from "./meta.ts";
import type { SecretBox } from "./secret-box.ts";
import { isLocked, mapEntries, setMeta, type Wallet, walletCoinText, walletEntries, withoutSecrets } from "./wallet.ts";

/** What gets encrypted: names to values (wallet.md 6.1). */
type Secrets = Map<string, string>;

/** Address to secret hex, always hex, whatever the coin; plus seeds and account keys by type. */
function packSecrets(wallet: Wallet): Secrets {
  const secrets: Secrets = new Map();
  const coin = walletCoinText(wallet);
  for (const entry of allEntries(wallet)) {
    secrets.set(coin.encodeAddress(entry.address), toHex(entry.secretKey ?? NO_KEY));
  }
  if (wallet.type === "deterministic") {
    secrets.set("seed", metaText(wallet.meta, "seed")).set("lastSeed", metaText(wallet.meta, "lastSeed"));
  }
  if (wallet.type === "bip44") {
    secrets.set("seed", metaText(wallet.meta, "seed"));
    secrets.set("seedPassphrase", metaText(wallet.meta, "seedPassphrase"));
    for (const account of wallet.accounts) {
      const text = accountSecretText(account);
      if (text !== undefined) secrets.set(accountSecretName(account), text);
    }
  }
  return secrets;
}

const NO_KEY = new Uint8Array(32);

function allEntries(wallet: Wallet): readonly WalletEntry[] {
  if (wallet.type !== "bip44") return walletEntries(wallet);
  return wallet.accounts.flatMap((account) => account.chains.flatMap((chain) => chain.entries));
}

/** The secrets as they are encrypted: compact JSON, keys sorted. */
export function secretsText(wallet: Wallet): string {
  return writeJson(packSecrets(wallet), "");
}

/** Fills the values in and marks the wallet as open. @throws WalletFault WALLET_SECRETS_INVALID */
export function withSecrets(wallet: Wallet, text: string): Wallet {
  const secrets: Secrets = new Map(Object.entries(parseJson(text)).map(([k, v]) => [k, asText(v, "secret")]));
  const open = setMeta(wallet, { encrypted: "false", secrets: undefined });
  const coin = walletCoinText(wallet);
  if (open.type === "bip44") {
    const accounts = open.accounts.map((account) =>
      unlockAccount(account, secrets.get(accountSecretName(account)), (entry) => secretOf(secrets, coin, entry)),
    );
    const seed = required(secrets, "seed", "seed does not exist in secrets");
    return setMeta({ ...open, accounts }, { seed, seedPassphrase: secrets.get("seedPassphrase") ?? "" });
  }
  const seeds =
    open.type === "deterministic"
      ? {
          seed: required(secrets, "seed", "seed doesn't exist in wallet"),
          lastSeed: required(secrets, "lastSeed", "lastSeed doesn't exist in wallet"),
        }
      : {};
  const filled = mapEntries(open, (entry) => {
    const secretKey = secretOf(secrets, coin, entry);
    if (secretKey !== undefined) return { ...entry, secretKey };
    const address = coin.encodeAddress(entry.address);
    throw new WalletFault("WALLET_SECRETS_INVALID", `secret of address ${address} doesn't exist in secrets`);
  });
  return setMeta(filled, seeds);
}

function required(secrets: Secrets, name: string, missing: string): string {
  const value = secrets.get(name);
  if (value === undefined) throw new WalletFault("WALLET_SECRETS_INVALID", missing);
  return value;
}

/** The entry's stored secret; undefined when there is none. A key that is not one is left to signing to refuse. */
function secretOf(secrets: Secrets, coin: CoinText, entry: WalletEntry): SecretKey | undefined {
  const hex = secrets.get(coin.encodeAddress(entry.address));
  if (hex === undefined) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = fromHex(hex);
  } catch {
    throw new WalletFault("WALLET_SECRETS_INVALID", "decode secret hex string failed");
  }
  const key = new Uint8Array(32);
  key.set(bytes.subarray(0, 32));
  return key as SecretKey;
}

/**
 * Encrypts: secrets go into `meta.secrets`, everything they were copied from becomes blank. A wallet without a
 * crypto type gets the default one.
 * @throws WalletError WALLET_XPUB_NO_ENCRYPTION, WALLET_PASSWORD_MISSING, WALLET_ENCRYPTED; WalletFault
 * WALLET_TEMP_NO_ENCRYPTION, WALLET_CRYPTO_UNKNOWN
 */
export async function lockWallet<W extends Wallet>(wallet: W, password: Uint8Array, box: SecretBox): Promise<W> {
  if (wallet.type === "xpub") throw new WalletError("WALLET_XPUB_NO_ENCRYPTION");
  if (isTemporary(wallet.meta)) {
    throw new WalletFault("WALLET_TEMP_NO_ENCRYPTION", "temporary wallet does not support encryption");
  }
  if (password.length === 0) throw new WalletError("WALLET_PASSWORD_MISSING");
  if (isLocked(wallet)) throw new WalletError("WALLET_ENCRYPTED");
  const cryptoType = knownCryptoType(metaText(wallet.meta, "cryptoType") || DEFAULT_CRYPTO_TYPE);
  const plain = new TextEncoder().encode(secretsText(wallet));
  const secrets = await box.seal(cryptoType, plain, password);
  return setMeta(withoutSecrets(wallet), { encrypted: "true", cryptoType, secrets });
}

/**
 * An open copy of an encrypted wallet.
 * Differs: secrets of addresses made while it was locked are derived, but not encrypted back into the locked wallet
 * at once; the reference does, and then throws the result away.
 * @throws WalletError WALLET_XPUB_NO_ENCRYPTION, WALLET_NOT_ENCRYPTED, WALLET_PASSWORD_MISSING,
 * WALLET_PASSWORD_INVALID; WalletFault WALLET_SECRETS_INVALID, WALLET_CRYPTO_UNKNOWN
 */
export async function unlockWallet<W extends Wallet>(wallet: W, password: Uint8Array, box: SecretBox): Promise<W> {
  if (wallet.type === "xpub") throw new WalletError("WALLET_XPUB_NO_ENCRYPTION");
  if (!isLocked(wallet)) throw new WalletError("WALLET_NOT_ENCRYPTED");
  if (password.length === 0) throw new WalletError("WALLET_PASSWORD_MISSING");
  const sealed = metaText(wallet.meta, "secrets");
  if (sealed === "") throw new WalletFault("WALLET_SECRETS_INVALID", "missing secrets");
  const type = metaText(wallet.meta, "cryptoType");
  if (type === "") throw new WalletFault("WALLET_CRYPTO_UNKNOWN", "missing crypto type");
  const plain = await box.open(knownCryptoType(type), sealed, password);
  const text = new TextDecoder().decode(plain);
  plain.fill(0);
  return withSecrets(wallet, text) as W;
}

function knownCryptoType(type: string): CryptoType {
  if (isCryptoType(type)) return type;
  throw new WalletFault("WALLET_CRYPTO_UNKNOWN", `can not find crypto ${type} in crypto table`);
}
