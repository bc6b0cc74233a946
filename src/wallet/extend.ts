import { equalBytes, toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import type { ActivityFinder } from "./activity.ts";
import { extendWallet } from "./create.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { type Wallet, walletEntries } from "./wallet.ts";

/** Most addresses made by one request. The reference would make any number, in one go and without answering others. */
export const ADDRESSES_MAX = 10_000;

/** Addresses made between two turns of the event loop: a few milliseconds with a native backend. */
const SLICE = 16;

export interface Extended<W extends Wallet> {
  readonly wallet: W;
  readonly addresses: readonly Address[];
}

/** As `extendWallet`, letting the event loop turn. @throws WalletError WALLET_TOO_MANY_ADDRESSES, WALLET_ENCRYPTED */
export async function extendInTurns<W extends Wallet>(
  wallet: W,
  count: number,
  chain: 0 | 1 = 0,
): Promise<Extended<W>> {
  if (count > ADDRESSES_MAX) throw new WalletError("WALLET_TOO_MANY_ADDRESSES", [], { count, max: ADDRESSES_MAX });
  let grown = wallet;
  for (let left = count; left > 0; left -= SLICE) {
    grown = extendWallet(grown, Math.min(left, SLICE), chain);
    if (left > SLICE) await new Promise((resolve) => setImmediate(resolve));
  }
  const choice = chain === 0 ? "external" : "change";
  const before = walletEntries(wallet, choice).length;
  const added = walletEntries(grown, choice).slice(before);
  return { wallet: grown, addresses: added.map((entry) => entry.address) };
}

/**
 * Looks `count` addresses ahead and keeps them up to the last one ever used (wallet.md 8). A bip44 wallet does so on
 * both chains, and reports external addresses only.
 * @throws WalletError WALLET_SCAN_COLLECTION, WALLET_ENCRYPTED; WalletFault WALLET_ENTRY_INVALID on duplicates
 */
export async function scanAhead<W extends Wallet>(
  wallet: W,
  count: number,
  finder: ActivityFinder,
): Promise<Extended<W>> {
  if (wallet.type === "collection") throw new WalletError("WALLET_SCAN_COLLECTION");
  if (count === 0) return { wallet, addresses: [] };
  const external = await scanChain(wallet, count, finder, 0);
  if (wallet.type !== "bip44") return external;
  const change = await scanChain(external.wallet, count, finder, 1);
  return { wallet: change.wallet, addresses: external.addresses };
}

async function scanChain<W extends Wallet>(
  wallet: W,
  count: number,
  finder: ActivityFinder,
  chain: 0 | 1,
): Promise<Extended<W>> {
  const { addresses } = await extendInTurns(wallet, count, chain);
  if (new Set(addresses.map(toHex)).size !== addresses.length) {
    throw new WalletFault("WALLET_ENTRY_INVALID", "duplicates addresses not allowed");
  }
  const keep = finder.areActive(addresses).lastIndexOf(true) + 1;
  // Made again, so that everything else about the wallet (lastSeed) is as if no more had ever been made.
  return extendInTurns(wallet, keep, chain);
}

/**
 * Where the change of a spend goes: the last change address while unused, else a new one.
 * Go: bip44wallet.PeekChangeAddress.
 */
export function peekChange<W extends Wallet>(wallet: W, finder: ActivityFinder): { wallet: W; address: Address } {
  const last = walletEntries(wallet, "change").at(-1);
  if (last !== undefined && finder.areActive([last.address])[0] !== true) return { wallet, address: last.address };
  const grown = extendWallet(wallet, 1, 1);
  const made = walletEntries(grown, "change").at(-1);
  if (made === undefined || (last !== undefined && equalBytes(made.address, last.address))) {
    throw new WalletFault("WALLET_ENTRY_INVALID", "no change address could be made");
  }
  return { wallet: grown, address: made.address };
}
