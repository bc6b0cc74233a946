import { toHex } from "../base/bytes.ts";
import { type Address, encodeAddress } from "../cipher/address.ts";
import { WalletFault } from "../wallet/errors.ts";
import { bip44Coin, isEncrypted, isTemporary, metaText, timestamp } from "../wallet/meta.ts";
import { type Wallet, walletCoin, walletCoinText, walletEntries, walletId } from "../wallet/wallet.ts";
import type { JsonObject } from "./json.ts";

/** WalletResponse of api.md 12: never secrets, external addresses before change. @throws WalletFault WALLET_META_INVALID */
export function readableWallet(wallet: Wallet): JsonObject {
  const { meta, type } = wallet;
  const text = walletCoinText(wallet);
  const xpub = type === "xpub" ? metaText(meta, "xpub") : "";
  return {
    meta: {
      coin: walletCoin(wallet),
      filename: walletId(wallet),
      label: metaText(meta, "label"),
      type,
      version: metaText(meta, "version"),
      crypto_type: metaText(meta, "cryptoType"),
      timestamp: timestamp(meta),
      temp: isTemporary(meta),
      encrypted: isEncrypted(meta),
      bip44_coin: type === "bip44" ? knownCoin(wallet) : undefined,
      xpub: xpub === "" ? undefined : xpub,
    },
    entries: walletEntries(wallet).map((entry) => ({
      address: text.encodeAddress(entry.address),
      public_key: toHex(entry.publicKey),
      child_number: type === "bip44" || type === "xpub" ? entry.childNumber : undefined,
      change: type === "bip44" ? entry.change : undefined,
    })),
  };
}

function knownCoin({ meta }: Wallet): number {
  const coin = bip44Coin(meta);
  if (coin === undefined) throw new WalletFault("WALLET_META_INVALID", "Wallet has no Bip44Coin meta data");
  return coin;
}

/** `{"addresses": [...]}` of new addresses; null when there are none, a Go slice that was never made. */
export function readableAddresses(addresses: readonly Address[]): JsonObject {
  return { addresses: addresses.length === 0 ? null : addresses.map(encodeAddress) };
}
