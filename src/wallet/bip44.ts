import {
  bip44Account,
  type ExtendedPrivateKey,
  formatExtendedKey,
  neuter,
  parseExtendedPrivateKey,
  privateChild,
} from "../cipher/bip32.ts";
import { mnemonicSeed } from "../cipher/bip39.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { coinText, type WalletEntry } from "./entry.ts";
import { WalletFault } from "./errors.ts";
import { bip44Coin, isEncrypted, metaFault, metaText } from "./meta.ts";
import { type Bip44Chain, type Bip44Wallet, type Bip44WalletAccount, walletEntries } from "./wallet.ts";
import { publicEntries } from "./xpub.ts";

export const DEFAULT_ACCOUNT_NAME = "default";
/** The coin number of Skycoin, and of login addresses. */
export const BIP44_COIN_SKYCOIN = 8000;

/** Adds the next account, with both chains empty. @throws CipherError MNEMONIC_*, Bip32Error */
export function addAccount(wallet: Bip44Wallet, name: string): Bip44Wallet {
  const number = bip44Coin(wallet.meta);
  if (number === undefined) throw metaFault("newBip44Account missing bip44 coin type");
  const seed = mnemonicSeed(metaText(wallet.meta, "seed"), metaText(wallet.meta, "seedPassphrase"));
  const index = wallet.accounts.length;
  const key = bip44Account(seed, number, index);
  const chains = ([0, 1] as const).map(
    (chain): Bip44Chain => ({ index: chain, key: neuter(privateChild(key, chain)), entries: [] }),
  );
  const account: Bip44WalletAccount = { name, index, coin: metaText(wallet.meta, "coin"), key, chains };
  return { ...wallet, accounts: [...wallet.accounts, account] };
}

/**
 * `count` more addresses on a chain of an account, made from the chain's public key, so an encrypted wallet can do
 * it too; secrets are filled in where the account's private key is at hand.
 */
export function extendBip44(wallet: Bip44Wallet, count: number, chainIndex: 0 | 1, account = 0): Bip44Wallet {
  const target = wallet.accounts[account];
  const chain = target?.chains.find((c) => c.index === chainIndex);
  if (target === undefined || chain === undefined) {
    throw new WalletFault("WALLET_FILE_INVALID", `account index ${account} out of range`);
  }
  const added = publicEntries(coinText(target.coin), chain.key, chain.entries.length, count).map(
    (entry): WalletEntry => {
      const bare = { ...entry, change: chainIndex };
      return target.key === undefined
        ? bare
        : { ...bare, secretKey: childSecret(target.key, chainIndex, entry.childNumber) };
    },
  );
  const chains = target.chains.map((c) => (c === chain ? { ...chain, entries: [...chain.entries, ...added] } : c));
  const accounts = wallet.accounts.map((a) => (a === target ? { ...target, chains } : a));
  return { ...wallet, accounts };
}

function childSecret(account: ExtendedPrivateKey, chain: number, index: number): SecretKey {
  return privateChild(privateChild(account, chain), index).key;
}

/** `bip44-<first external address of account 0>`. @throws WalletFault WALLET_FILE_INVALID when it cannot be known */
export function bip44Fingerprint(wallet: Bip44Wallet): string {
  // Differs: the reference panics on a file without accounts and without a usable seed (wallet.md 2.3).
  if (wallet.accounts.length === 0 && isEncrypted(wallet.meta)) {
    throw new WalletFault("WALLET_FILE_INVALID", "bip44 wallet without accounts is not supported");
  }
  const whole = wallet.accounts.length === 0 ? addAccount(wallet, DEFAULT_ACCOUNT_NAME) : wallet;
  let [first] = walletEntries(whole, "external");
  if (first === undefined && !isEncrypted(wallet.meta)) [first] = walletEntries(extendBip44(whole, 1, 0), "external");
  return `bip44-${first === undefined ? "" : coinText(metaText(wallet.meta, "coin")).encodeAddress(first.address)}`;
}

/** Name of an account's private key among the secrets. */
export function accountSecretName(account: Bip44WalletAccount): string {
  return `bip44AccountPrivateKey-${account.index}`;
}

export function accountSecretText(account: Bip44WalletAccount): string | undefined {
  return account.key === undefined ? undefined : formatExtendedKey(account.key);
}

/**
 * An account with its key back and a secret for every entry: stored ones as they are, those made while the wallet
 * was locked derived from the account's key. @throws WalletFault WALLET_SECRETS_INVALID
 */
export function unlockAccount(
  account: Bip44WalletAccount,
  keyText: string | undefined,
  secretOf: (entry: WalletEntry) => SecretKey | undefined,
): Bip44WalletAccount {
  if (keyText === undefined) {
    throw new WalletFault("WALLET_SECRETS_INVALID", "account private key does not exist in secrets");
  }
  const key = parseExtendedPrivateKey(keyText);
  const chains = account.chains.map((chain) => ({
    ...chain,
    entries: chain.entries.map((entry, i) => ({
      ...entry,
      secretKey: secretOf(entry) ?? childSecret(key, chain.index, i),
    })),
  }));
  return { ...account, key, chains };
}
