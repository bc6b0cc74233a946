import { errorText } from "../base/errors.ts";
import { type ExtendedPublicKey, parseExtendedPublicKey, publicChild } from "../cipher/bip32.ts";
import { type CoinText, coinText, entryOf, type WalletEntry } from "./entry.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { walletCoin, type XPubWallet } from "./wallet.ts";

/** @throws WalletError WALLET_XPUB_INVALID, with the reason; an extended private key is refused too */
export function parseXPub(text: string): ExtendedPublicKey {
  try {
    return parseExtendedPublicKey(text);
  } catch (error) {
    throw new WalletError("WALLET_XPUB_INVALID", [errorText(error)]);
  }
}

/** Children `from` to `from + count - 1` of a chain key, as entries. @throws Bip32Error, WalletFault WALLET_COUNT_TOO_LARGE */
export function publicEntries(coin: CoinText, key: ExtendedPublicKey, from: number, count: number): WalletEntry[] {
  if (from + count > 0xffff_ffff) throw new WalletFault("WALLET_COUNT_TOO_LARGE", "uint32 addition overflow");
  return Array.from({ length: count }, (_, i) => {
    const childNumber = from + i;
    return entryOf(coin, publicChild(key, childNumber).key, { childNumber });
  });
}

/**
 * `count` more addresses: children of the given key itself. For addresses equal to a bip44 wallet's the key must be
 * a chain's (depth 4); from an account's key (depth 3) the reference silently makes others, and so do we.
 */
export function extendXPub(wallet: XPubWallet, count: number): XPubWallet {
  const added = publicEntries(coinText(walletCoin(wallet)), wallet.key, wallet.entries.length, count);
  return { ...wallet, entries: [...wallet.entries, ...added] };
}

/** `xpub-<first address>`; the key itself is not used, being partly sensitive. */
export function xpubFingerprint(wallet: XPubWallet): string {
  const coin = coinText(walletCoin(wallet));
  const [first] = wallet.entries.length > 0 ? wallet.entries : extendXPub(wallet, 1).entries;
  return `xpub-${coin.encodeAddress((first as WalletEntry).address)}`;
}
