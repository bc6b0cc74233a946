import { errorText } from "../base/errors.ts";
import type { ActivityFinder } from "./activity.ts";
import { type NewWallet, newWallet, walletFingerprint } from "./create.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { extendInTurns, scanAhead } from "./extend.ts";
import { bip44Coin, type CryptoType, isCryptoType, isTemporary, metaText, timestamp } from "./meta.ts";
import { type Wallet, walletEntries, walletId } from "./wallet.ts";

/** What `POST /api/v1/wallet/create` asks for. */
export interface CreateWalletRequest
  extends Pick<
    NewWallet,
    "type" | "label" | "seed" | "seedPassphrase" | "bip44Coin" | "xpub" | "privateKeys" | "temporary"
  > {
  readonly encrypt?: boolean;
  readonly password?: string;
  /** Addresses to look ahead; 0 for none. */
  readonly scan?: number;
}

/** What the node adds to a request. */
export interface WalletDefaults {
  readonly filename: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly bip44Coin: number;
  /** For wallets encrypted from the start; others are stamped with the default type. */
  readonly cryptoType: CryptoType;
  readonly activity: ActivityFinder;
}

/**
 * The wallet a request asks for, with its first addresses, not yet encrypted. Whatever speaks against encrypting it
 * is said here, before the costly part.
 * @throws what `newWallet` throws; WalletError WALLET_XPUB_NO_ENCRYPTION, WALLET_PASSWORD_MISSING,
 * WALLET_TOO_MANY_ADDRESSES; WalletFault WALLET_TEMP_NO_ENCRYPTION, WALLET_PASSWORD_MISSING_BIP44
 */
export async function makeWallet(request: CreateWalletRequest, defaults: WalletDefaults): Promise<Wallet> {
  const { encrypt = false, scan = 0, password = "" } = request;
  if (request.type === "xpub" && encrypt) throw new WalletError("WALLET_XPUB_NO_ENCRYPTION");
  const bare = newWallet({
    ...request,
    filename: defaults.filename,
    timestamp: defaults.timestamp,
    cryptoType: encrypt ? defaults.cryptoType : undefined,
    bip44Coin: request.bip44Coin ?? defaults.bip44Coin,
  });
  const made = await withFirstAddresses(bare);
  const ahead = scan > 1 ? scan - 1 : scan; // one is there already; for 1 the reference scans one all the same
  const scanned = made.type === "collection" ? made : (await scanAhead(made, ahead, defaults.activity)).wallet;
  if (encrypt) requireEncryptable(scanned, password);
  return scanned;
}

async function withFirstAddresses(bare: Wallet): Promise<Wallet> {
  const { wallet } = await extendInTurns(bare, 1);
  return wallet.type === "bip44" ? (await extendInTurns(wallet, 1, 1)).wallet : wallet;
}

function requireEncryptable(wallet: Wallet, password: string): void {
  if (isTemporary(wallet.meta)) {
    throw new WalletFault("WALLET_TEMP_NO_ENCRYPTION", "temporary wallet does not support encryption");
  }
  if (password !== "") return;
  if (wallet.type !== "bip44") throw new WalletError("WALLET_PASSWORD_MISSING");
  throw new WalletFault("WALLET_PASSWORD_MISSING_BIP44", "missing password for encrypting wallet");
}

/**
 * A wallet made anew from its seed: same name, label, time, crypto type and number of addresses, not encrypted.
 * @throws WalletError WALLET_NOT_RECOVERABLE, WALLET_RECOVERY_FAILED, WALLET_RECOVERY_SEED_WRONG
 */
export async function recreateWallet(
  old: Wallet,
  request: { readonly seed: string; readonly seedPassphrase?: string },
): Promise<Wallet> {
  if (old.type !== "deterministic" && old.type !== "bip44") throw new WalletError("WALLET_NOT_RECOVERABLE");
  const { bare, fingerprint } = fromSeed(old, request);
  if (fingerprint !== walletFingerprint(old)) throw new WalletError("WALLET_RECOVERY_SEED_WRONG");
  const { wallet } = await extendInTurns(bare, walletEntries(old, "external").length);
  if (old.type !== "bip44") return wallet;
  const changeCount = walletEntries(old, "change").length;
  return (await extendInTurns(wallet, Math.max(1, changeCount), 1)).wallet;
}

function fromSeed(
  old: Wallet,
  { seed, seedPassphrase }: { readonly seed: string; readonly seedPassphrase?: string },
): { bare: Wallet; fingerprint: string } {
  const cryptoType = metaText(old.meta, "cryptoType");
  try {
    const bare = newWallet({
      type: old.type,
      filename: walletId(old),
      label: metaText(old.meta, "label"),
      timestamp: timestamp(old.meta),
      seed,
      seedPassphrase,
      bip44Coin: bip44Coin(old.meta),
      cryptoType: isCryptoType(cryptoType) ? cryptoType : undefined,
    });
    return { bare, fingerprint: walletFingerprint(bare) };
  } catch (error) {
    throw new WalletError("WALLET_RECOVERY_FAILED", [errorText(error)]);
  }
}
