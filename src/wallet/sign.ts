import { equalBytes, isZero, toHex } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { computeInnerHash, signInput, type Transaction } from "../chain/transaction.ts";
import type { Address } from "../cipher/address.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { hasSecret } from "./entry.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { isLocked, type Wallet, walletEntries } from "./wallet.ts";

/** No null signature is left, and there is at least one. */
export function isFullySigned(txn: Transaction): boolean {
  return txn.sigs.length > 0 && !txn.sigs.some(isZero);
}

/**
 * Signs inputs with an open wallet's keys (Go: wallet.SignTransaction; wallet.md 10). Without indexes every input
 * still unsigned is signed; with indexes only these, and the result may be partial. Existing signatures stay.
 * `owners` are the addresses of the outputs spent, in input order.
 * @throws WalletError WALLET_CANNOT_SIGN, WALLET_ENCRYPTED, SIGN_*; WalletFault SIGN_UXOUT_COUNT
 */
export function signWithWallet(
  wallet: Wallet,
  txn: Transaction,
  owners: readonly Address[],
  indexes: readonly number[] = [],
): Transaction {
  if (wallet.type === "xpub") throw new WalletError("WALLET_CANNOT_SIGN");
  if (isLocked(wallet)) throw new WalletError("WALLET_ENCRYPTED");
  if (!equalBytes(computeInnerHash(txn), txn.innerHash)) throw new WalletError("SIGN_INNER_HASH");
  if (txn.sigs.length === 0) throw new WalletError("SIGN_NO_SIGNATURES");
  if (isFullySigned(txn)) throw new WalletError("SIGN_NOTHING_MISSING");
  if (txn.inputs.length === 0) throw new WalletError("SIGN_NO_INPUTS");
  if (owners.length !== txn.inputs.length || txn.sigs.length !== txn.inputs.length) {
    throw new WalletFault("SIGN_UXOUT_COUNT", "len(uxOuts) != len(txn.In)");
  }
  validateIndexes(indexes, txn.inputs.length);

  const keys = keysByAddress(wallet);
  let signed = txn;
  for (const [index, key] of wantedInputs(txn, indexes).map(
    (i) => [i, keys.get(toHex(owners[i] as Address))] as const,
  )) {
    if (key === undefined) throw new WalletError("SIGN_KEYS_MISSING");
    signed = signInput(signed, index, key);
  }
  assert(equalBytes(computeInnerHash(signed), txn.innerHash), "signing keeps the inner hash");
  return signed;
}

function validateIndexes(indexes: readonly number[], inputCount: number): void {
  if (indexes.length > inputCount) throw new WalletError("SIGN_INDEXES_TOO_MANY");
  if (indexes.some((i) => !Number.isInteger(i) || i < 0 || i >= inputCount)) throw new WalletError("SIGN_INDEX_RANGE");
  if (new Set(indexes).size !== indexes.length) throw new WalletError("SIGN_INDEX_DUPLICATE");
}

/** Inputs to sign, in order. @throws WalletError SIGN_ALREADY_SIGNED */
function wantedInputs(txn: Transaction, indexes: readonly number[]): readonly number[] {
  const unsigned = (i: number): boolean => isZero(txn.sigs[i] as Uint8Array);
  if (indexes.length === 0) return txn.sigs.map((_, i) => i).filter(unsigned);
  const signed = indexes.find((i) => !unsigned(i));
  if (signed !== undefined) throw new WalletError("SIGN_ALREADY_SIGNED", [signed]);
  return indexes;
}

function keysByAddress(wallet: Wallet): ReadonlyMap<string, SecretKey> {
  return new Map(
    walletEntries(wallet)
      .filter(hasSecret)
      .map((entry) => [toHex(entry.address), entry.secretKey]),
  );
}
