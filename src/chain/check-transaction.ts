import { equalBytes, isZero, toHex } from "../base/bytes.ts";
import { U64_MAX, wrap64 } from "../base/uint64.ts";
import { NULL_ADDRESS } from "../cipher/address.ts";
import { type Hash, NULL_HASH } from "../cipher/hash.ts";
import { type Distribution, isLocked } from "./distribution.ts";
import { checkPrecision } from "./droplet.ts";
import { checkFee, outputHours, transactionFee } from "./fee.ts";
import { coinHours, coinHoursOrZero } from "./hours.ts";
import type { VerifyParams } from "./params.ts";
import { RuleError } from "./rules.ts";
import type { Signers } from "./signatures.ts";
import {
  computeInnerHash,
  TRANSACTION_LIST_MAX,
  type Transaction,
  type TxOut,
  transactionSize,
  txid,
} from "./transaction.ts";
import { type UxOut, uxId } from "./uxout.ts";

/** `signed`: every input must be signed. `unsigned`: at least one must not be; null signatures are skipped. */
export type SignedMode = "signed" | "unsigned";

/** What a transaction is judged against: a tip, and the unspent set after it. */
export interface SpendState {
  readonly head: { readonly seq: number; readonly time: number };
  unspent(id: Hash): UxOut | undefined;
}

/** The outputs a transaction spends, in input order. @throws RuleError TX_INPUT_UNKNOWN, naming the first missing */
export function resolveInputs(txn: Transaction, state: SpendState): UxOut[] {
  return txn.inputs.map((id) => {
    const ux = state.unspent(id);
    if (ux !== undefined) return ux;
    const uxid = toHex(id);
    throw new RuleError("TX_INPUT_UNKNOWN", { uxid }, { args: [uxid] });
  });
}

/**
 * Rules of one transaction outside a block, in the reference's order (chain.md 6.2). Without `signers` it stops
 * where the first signature would be judged, having thrown everything that comes before: what can be said
 * without curve work. @throws RuleError (hard)
 */
export function checkSingle(txn: Transaction, state: SpendState, mode: SignedMode, signers?: Signers): UxOut[] {
  const inputs = resolveInputs(txn, state);
  outputHours(txn);
  for (const ux of inputs) coinHours(ux, state.head.time);
  if (signers === undefined) {
    checkShape(txn);
    if (mode === "signed" && isZero(txn.sigs[0] as Uint8Array)) throw new RuleError("TX_UNSIGNED_INPUT", { input: 0 });
    return inputs;
  }
  checkSpending(txn, inputs, state.head.time, mode, signers);
  checkCollisions(txn, state);
  return inputs;
}

/** Rules of a signed transaction inside a block (chain.md 6.3): as above, but hours may overflow. @throws RuleError (hard) */
export function checkInBlock(txn: Transaction, state: SpendState, signers: Signers): UxOut[] {
  const inputs = resolveInputs(txn, state);
  checkSpending(txn, inputs, state.head.time, "signed", signers);
  return inputs;
}

/** Well formed, signed by the owners, coins kept, hours not made. `inputs` are the outputs spent, in order. */
export function checkSpending(
  txn: Transaction,
  inputs: readonly UxOut[],
  headTime: number,
  mode: SignedMode,
  signers: Signers,
): void {
  checkWellFormed(txn, mode, signers);
  checkOwners(txn, inputs, signers);
  // Distinct outputs were checked with the shape; the reference does it once more here.
  checkCoinsPreserved(inputs, txn.outputs);
  checkHoursNotMade(inputs, txn.outputs, headTime);
}

/** Go: Transaction.Verify and VerifyUnsigned (chain.md 6.1). @throws RuleError (hard) */
export function checkWellFormed(txn: Transaction, mode: SignedMode, signers: Signers): void {
  checkShape(txn);
  let unsigned = 0;
  for (let i = 0; i < txn.sigs.length; i++) {
    if (isZero(txn.sigs[i] as Uint8Array)) {
      if (mode === "signed") throw new RuleError("TX_UNSIGNED_INPUT", { input: i });
      unsigned++;
      continue;
    }
    if (!signers.ok(i)) throw new RuleError("TX_SIGNATURE_UNRECOVERABLE", { input: i });
    if (!signers.strict(i)) throw new RuleError("TX_SIGNATURE_INVALID", { input: i });
  }
  if (mode === "unsigned" && unsigned === 0) throw new RuleError("TX_FULLY_SIGNED");
}

/** Steps 1 to 13 of 6.1: all that needs neither signatures nor state. @throws RuleError (hard) */
export function checkShape(txn: Transaction): void {
  const { inputs, outputs, sigs } = txn;
  if (inputs.length === 0) throw new RuleError("TX_NO_INPUTS");
  if (outputs.length === 0) throw new RuleError("TX_NO_OUTPUTS");
  if (sigs.length !== inputs.length) throw new RuleError("TX_SIGNATURE_COUNT");
  if (sigs.length > TRANSACTION_LIST_MAX) throw new RuleError("TX_TOO_MANY_INPUTS");
  if (outputs.length > TRANSACTION_LIST_MAX) throw new RuleError("TX_TOO_MANY_OUTPUTS");
  if (hasTwin(inputs, equalBytes, toHex)) throw new RuleError("TX_DUPLICATE_SPEND");
  if (txn.type !== 0) throw new RuleError("TX_TYPE", { type: txn.type });
  let coins = 0n;
  for (const out of outputs) if (out.coins === 0n) throw new RuleError("TX_ZERO_COINS");
  for (const out of outputs) coins += out.coins;
  if (coins > U64_MAX) throw new RuleError("TX_COINS_OVERFLOW");
  if (txn.length !== transactionSize(txn)) {
    throw new RuleError("TX_LENGTH", { claimed: txn.length, actual: transactionSize(txn) });
  }
  // Ids of outputs cover the txid and the output: two are equal exactly when address, coins and hours are.
  if (hasTwin(outputs, sameOutput, outputKey)) throw new RuleError("TX_DUPLICATE_OUTPUT");
  if (!equalBytes(computeInnerHash(txn), txn.innerHash)) throw new RuleError("TX_INNER_HASH");
}

/** Every signature present was made by the owner of the output spent. @throws RuleError TX_SIGNER_NOT_OWNER */
function checkOwners(txn: Transaction, inputs: readonly UxOut[], signers: Signers): void {
  for (let i = 0; i < inputs.length; i++) {
    if (isZero(txn.sigs[i] as Uint8Array)) continue; // refused before in signed mode
    if (!signers.owns(i, (inputs[i] as UxOut).body.address)) throw new RuleError("TX_SIGNER_NOT_OWNER", { input: i });
  }
}

/** Coins are neither made nor lost. @throws RuleError TX_*_COINS_OVERFLOW, TX_COINS_INSUFFICIENT, TX_COINS_DESTROYED */
export function checkCoinsPreserved(inputs: readonly UxOut[], outputs: readonly TxOut[]): void {
  // bigint cannot wrap and no term is negative, so one range check fails exactly when Go's checked adds do.
  let spent = 0n;
  for (const ux of inputs) spent += ux.body.coins;
  if (spent > U64_MAX) throw new RuleError("TX_INPUT_COINS_OVERFLOW", { spent });
  let made = 0n;
  for (const out of outputs) made += out.coins;
  if (made > U64_MAX) throw new RuleError("TX_OUTPUT_COINS_OVERFLOW", { made });
  if (spent < made) throw new RuleError("TX_COINS_INSUFFICIENT", { spent, made });
  if (spent > made) throw new RuleError("TX_COINS_DESTROYED", { spent, made });
}

/**
 * Hours are not made. The output sum wraps, since old blocks contain overflows; outside blocks that was refused
 * before. @throws RuleError HOURS_*, TX_INPUT_HOURS_OVERFLOW, TX_HOURS_INSUFFICIENT
 */
export function checkHoursNotMade(inputs: readonly UxOut[], outputs: readonly TxOut[], headTime: number): void {
  let spent = 0n;
  for (const ux of inputs) {
    spent += coinHoursOrZero(ux, headTime);
    if (spent > U64_MAX) throw new RuleError("TX_INPUT_HOURS_OVERFLOW", { spent });
  }
  let made = 0n;
  for (const out of outputs) made += out.hours;
  if (spent < wrap64(made)) throw new RuleError("TX_HOURS_INSUFFICIENT", { spent, made: wrap64(made) });
}

/**
 * No output to be created exists already. The reference computes their ids as if in the head's own block: while
 * that is the genesis block, with the null hash as source, so an exact copy of the genesis output is refused.
 * @throws RuleError TX_OUTPUT_COLLIDES
 */
export function checkCollisions(txn: Transaction, state: SpendState): void {
  const srcTransaction = state.head.seq === 0 ? NULL_HASH : txid(txn);
  for (const out of txn.outputs) {
    const id = uxId({ srcTransaction, address: out.address, coins: out.coins, hours: out.hours });
    if (state.unspent(id) !== undefined) throw new RuleError("TX_OUTPUT_COLLIDES", { uxid: toHex(id) });
  }
}

/** Policy (chain.md 6.4), in order: size, fee, locked addresses, decimals. @throws RuleError (soft) */
export function checkSoft(
  txn: Transaction,
  inputs: readonly UxOut[],
  headTime: number,
  distribution: Distribution,
  policy: VerifyParams,
): void {
  const size = transactionSize(txn);
  if (size > policy.maxTransactionSize) throw new RuleError("TX_SIZE", { size, max: policy.maxTransactionSize });
  try {
    const fee = transactionFee(txn, inputs, headTime);
    checkFee(outputHours(txn), fee, policy.burnFactor);
  } catch (error) {
    throw error instanceof RuleError ? error.as("soft") : error;
  }
  for (const ux of inputs) if (isLocked(distribution, ux.body.address)) throw new RuleError("TX_LOCKED");
  for (const out of txn.outputs) checkPrecision(policy.maxDecimals, out.coins);
}

/** Extra care for what this node's user makes (chain.md 6.5). @throws RuleError TX_NULL_ADDRESS (user) */
export function checkUser(txn: Transaction): void {
  for (const out of txn.outputs) {
    if (equalBytes(out.address, NULL_ADDRESS)) throw new RuleError("TX_NULL_ADDRESS");
  }
}

function sameOutput(a: TxOut, b: TxOut): boolean {
  return a.coins === b.coins && a.hours === b.hours && equalBytes(a.address, b.address);
}

function outputKey(out: TxOut): string {
  return `${toHex(out.address)} ${out.coins} ${out.hours}`;
}

/** Two equal items in the list. Pairs for short lists, which nearly all are; a set of keys for long ones. */
function hasTwin<T>(items: readonly T[], same: (a: T, b: T) => boolean, key: (item: T) => string): boolean {
  if (items.length > 8) return new Set(items.map(key)).size !== items.length;
  for (let i = 1; i < items.length; i++) {
    for (let k = 0; k < i; k++) if (same(items[i] as T, items[k] as T)) return true;
  }
  return false;
}
