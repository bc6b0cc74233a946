import { fromHex, toHex } from "../base/bytes.ts";
import { deterministicKeys } from "../cipher/keys.ts";
import { coinText, entryOf, type WalletEntry } from "./entry.ts";
import { WalletError } from "./errors.ts";
import { isEncrypted, metaText } from "./meta.ts";
import { type DeterministicWallet, setMeta, walletCoin } from "./wallet.ts";

/**
 * `count` more addresses. The first ever are made from the seed's bytes as typed, later ones from `lastSeed`, which
 * is the seed itself while there are no entries and 64 hex digits afterwards (wallet.md 3).
 * @throws WalletError WALLET_ENCRYPTED, CoinError HEX_INVALID on a spoilt lastSeed
 */
export function extendDeterministic(wallet: DeterministicWallet, count: number): DeterministicWallet {
  if (isEncrypted(wallet.meta)) throw new WalletError("WALLET_ENCRYPTED");
  if (count === 0) return wallet;
  const { keys, lastSeed } = deterministicKeys(nextSeed(wallet), count);
  const coin = coinText(walletCoin(wallet));
  const added = keys.map((pair): WalletEntry => entryOf(coin, pair.public, { secretKey: pair.secret }));
  return setMeta({ ...wallet, entries: [...wallet.entries, ...added] }, { lastSeed: toHex(lastSeed) });
}

function nextSeed(wallet: DeterministicWallet): Uint8Array {
  if (wallet.entries.length === 0) return new TextEncoder().encode(metaText(wallet.meta, "seed"));
  return fromHex(metaText(wallet.meta, "lastSeed"));
}

/** `deterministic-<first address>`: two wallets with one fingerprint are one wallet. */
export function deterministicFingerprint(wallet: DeterministicWallet): string {
  const coin = coinText(walletCoin(wallet));
  let first = wallet.entries[0];
  if (first === undefined && !isEncrypted(wallet.meta)) first = extendDeterministic(wallet, 1).entries[0];
  return `deterministic-${first === undefined ? "" : coin.encodeAddress(first.address)}`;
}
