import type { Address } from "../cipher/address.ts";
import type { ExtendedPrivateKey, ExtendedPublicKey } from "../cipher/bip32.ts";
import { type CoinText, coinText, findEntry, type WalletEntry, wipe, withoutSecret } from "./entry.ts";
import { isEncrypted, metaText, type WalletMeta, withMeta } from "./meta.ts";

/** Keys from the coin's own iterator, each dependent on the one before. */
export interface DeterministicWallet {
  readonly type: "deterministic";
  readonly meta: WalletMeta;
  readonly entries: readonly WalletEntry[];
}

/** Keys somebody gave. */
export interface CollectionWallet {
  readonly type: "collection";
  readonly meta: WalletMeta;
  readonly entries: readonly WalletEntry[];
}

/** Children of one extended public key: addresses without the power to spend. */
export interface XPubWallet {
  readonly type: "xpub";
  readonly meta: WalletMeta;
  readonly key: ExtendedPublicKey;
  readonly entries: readonly WalletEntry[];
}

export interface Bip44Chain {
  /** 0 external, 1 change. */
  readonly index: 0 | 1;
  /** `m/44'/coin'/account'/index`, depth 4. */
  readonly key: ExtendedPublicKey;
  readonly entries: readonly WalletEntry[];
}

export interface Bip44WalletAccount {
  readonly name: string;
  /** Carried along; the place in the list is what counts. */
  readonly index: number;
  readonly coin: string;
  /** `m/44'/coin'/account'`, depth 3; absent in encrypted wallets. */
  readonly key?: ExtendedPrivateKey | undefined;
  /** External, change. */
  readonly chains: readonly Bip44Chain[];
}

/** Keys of a bip39 mnemonic along bip44 paths. */
export interface Bip44Wallet {
  readonly type: "bip44";
  readonly meta: WalletMeta;
  readonly accounts: readonly Bip44WalletAccount[];
}

/** A wallet as a value: every change makes a new one. */
export type Wallet = DeterministicWallet | CollectionWallet | XPubWallet | Bip44Wallet;

/** Which chains of a bip44 wallet's first account; other types have only one list. */
export type ChainChoice = "external" | "change" | "all";

/** Entries, external before change. Only the first account of a bip44 wallet is looked at, as in the reference. */
export function walletEntries(wallet: Wallet, choice: ChainChoice = "all"): readonly WalletEntry[] {
  if (wallet.type !== "bip44") return wallet.entries;
  const wanted = (wallet.accounts[0]?.chains ?? []).filter(
    ({ index }) => choice === "all" || (choice === "external") === (index === 0),
  );
  return [...wanted].sort((a, b) => a.index - b.index).flatMap((chain) => chain.entries);
}

export function walletAddresses(wallet: Wallet): Address[] {
  return walletEntries(wallet).map((entry) => entry.address);
}

/** The entry owning an address, if the wallet has it. */
export function walletEntry(wallet: Wallet, address: Address): WalletEntry | undefined {
  return findEntry(walletEntries(wallet), address);
}

/** The coin as the file says it; "skycoin" in every wallet this node makes. */
export function walletCoin(wallet: Wallet): string {
  return metaText(wallet.meta, "coin");
}

export function walletCoinText(wallet: Wallet): CoinText {
  return coinText(walletCoin(wallet));
}

/** The file name is the wallet's id. */
export function walletId(wallet: Wallet): string {
  return metaText(wallet.meta, "filename");
}

export function isLocked(wallet: Wallet): boolean {
  return wallet.type !== "xpub" && isEncrypted(wallet.meta);
}

/** The same wallet under other properties; `undefined` removes one. */
export function setMeta<W extends Wallet>(wallet: W, changes: Readonly<Record<string, string | undefined>>): W {
  return { ...wallet, meta: withMeta(wallet.meta, changes) };
}

/** The same wallet with every entry changed alike. */
export function mapEntries<W extends Wallet>(wallet: W, change: (entry: WalletEntry) => WalletEntry): W {
  if (wallet.type !== "bip44") return { ...wallet, entries: wallet.entries.map(change) };
  const accounts = wallet.accounts.map((account) => ({
    ...account,
    chains: account.chains.map((chain) => ({ ...chain, entries: chain.entries.map(change) })),
  }));
  return { ...wallet, accounts };
}

/** The same wallet with seeds blank and secrets gone: what an encrypted file shows (Go: Wallet.Erase). */
export function withoutSecrets<W extends Wallet>(wallet: W): W {
  const bare = mapEntries(wallet, withoutSecret);
  switch (bare.type) {
    case "deterministic":
      return setMeta(bare, { seed: "", lastSeed: "" }) as W;
    case "bip44": {
      const accounts = bare.accounts.map(({ key: _key, ...account }) => account);
      return setMeta({ ...bare, accounts }, { seed: "", seedPassphrase: "" }) as W;
    }
    default:
      return bare;
  }
}

/**
 * Overwrites the secret keys of an unlocked copy nobody else holds. Texts (seed, lastSeed) cannot be overwritten;
 * dropping the wallet leaves them to the collector.
 */
export function wipeSecrets(wallet: Wallet): void {
  for (const entry of walletEntries(wallet)) wipe(entry.secretKey);
  if (wallet.type === "bip44") for (const account of wallet.accounts) wipe(account.key?.key);
}
