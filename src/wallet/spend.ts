import { compareBytes, equalBytes, isZero, toHex } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import { requiredFee } from "../chain/fee.ts";
import { newTransaction, type Transaction, type TxOut } from "../chain/transaction.ts";
import type { Hours } from "../chain/uxout.ts";
import { type Address, addressBytes25 } from "../cipher/address.ts";
import { byHours, chooseSpends, type SpendCandidate } from "./choose-spends.ts";
import { distributeProportional, requireInt64, requireUint64 } from "./distribute-hours.ts";
import { SpendError, WalletFault } from "./errors.ts";
import { isAboveOne, isNegative, type ShareFactor, shareOf, WHOLE } from "./share-factor.ts";

/** How receivers get hours, as asked: `auto` with mode `share` and a factor, or `manual`. */
export interface HoursSelection {
  readonly type: string;
  /** Empty with `manual`. */
  readonly mode: string;
  readonly shareFactor?: ShareFactor | undefined;
}

/** What to make (Go: transaction.Params). Hours of receivers must be 0 with `auto`. */
export interface SpendParams {
  readonly hoursSelection: HoursSelection;
  readonly to: readonly TxOut[];
  readonly changeAddress?: Address | undefined;
}

/** A transaction and, in input order, what it spends. */
export interface CreatedTransaction {
  readonly txn: Transaction;
  readonly inputs: readonly SpendCandidate[];
}

/** The reference's Params.Validate, in its order (wallet.md 9.1). @throws SpendError */
export function validateSpendParams(p: SpendParams): void {
  if (p.changeAddress !== undefined && isZero(p.changeAddress)) throw new SpendError("SPEND_NULL_CHANGE_ADDRESS");
  if (p.to.length === 0) throw new SpendError("SPEND_NO_RECEIVERS");
  for (const out of p.to) {
    if (out.coins === 0n) throw new SpendError("SPEND_ZERO_COINS");
    if (isZero(out.address)) throw new SpendError("SPEND_NULL_RECEIVER");
  }
  if (new Set(p.to.map(outputKey)).size !== p.to.length) throw new SpendError("SPEND_DUPLICATE_RECEIVER");
  validateHoursSelection(p.hoursSelection, p.to);
}

function outputKey(out: TxOut): string {
  return `${toHex(out.address)} ${out.coins} ${out.hours}`;
}

function validateHoursSelection({ type, mode, shareFactor }: HoursSelection, to: readonly TxOut[]): void {
  if (type === "auto") {
    if (to.some((out) => out.hours !== 0n)) throw new SpendError("SPEND_HOURS_WITH_AUTO");
    if (mode === "") throw new SpendError("SPEND_MODE_MISSING");
    if (mode !== "share") throw new SpendError("SPEND_MODE_INVALID");
  } else if (type === "manual") {
    if (mode !== "") throw new SpendError("SPEND_MODE_WITH_MANUAL");
  } else {
    throw new SpendError("SPEND_TYPE_INVALID");
  }
  if (shareFactor === undefined) {
    if (mode === "share") throw new SpendError("SPEND_FACTOR_MISSING");
    return;
  }
  if (mode !== "share") throw new SpendError("SPEND_FACTOR_UNUSED");
  if (isNegative(shareFactor) || isAboveOne(shareFactor)) throw new SpendError("SPEND_FACTOR_RANGE");
}

/**
 * Makes an unsigned transaction out of the candidates (Go: transaction.Create; wallet.md 9.3). Receivers keep their
 * order, change comes last and goes to the change address, else to the smallest owner (25 byte form) of what is
 * spent. Candidates must be distinct; not all of them need to be used.
 * @throws SpendError, WalletFault SPEND_ARITHMETIC
 */
export function createTransaction(
  params: SpendParams,
  candidates: readonly SpendCandidate[],
  burnFactor: number,
): CreatedTransaction {
  validateSpendParams(params);
  const coins = params.to.reduce((sum, out) => sum + out.coins, 0n);
  if (coins > U64_MAX) throw new SpendError("SPEND_COINS_OVERFLOW");
  const hours = params.to.reduce((sum, out) => sum + out.hours, 0n);
  if (hours > U64_MAX) throw new SpendError("SPEND_HOURS_OVERFLOW");

  const chosen = chooseSpends(candidates, { coins, hours, burnFactor });
  const spent = requireUint64(total(chosen, (c) => c.coins));
  const totalHours = requireUint64(total(chosen, (c) => c.hours)) as Hours;
  const fee = requiredFee(totalHours, burnFactor);
  const outputs = withHours(params, totalHours - fee);
  const change = { coins: spent - coins, hours: totalHours - fee - total(outputs, (out) => out.hours) };

  if (change.coins === 0n && change.hours > 0n) {
    const extra = changeMaker(candidates, chosen, { totalHours, fee, changeHours: change.hours, burnFactor });
    if (extra !== undefined) {
      chosen.push(extra.candidate);
      change.coins = extra.candidate.coins;
      change.hours = requireUint64(change.hours + extra.hoursGained);
    } else if (params.hoursSelection.type === "auto") {
      // No change can be made, so hours would be lost: give the receivers all of them.
      const everything = { ...params.hoursSelection, shareFactor: WHOLE };
      return createTransaction({ ...params, hoursSelection: everything }, candidates, burnFactor);
    }
  }
  if (change.coins > 0n) {
    const address = params.changeAddress ?? smallestOwner(chosen);
    outputs.push({ address, coins: change.coins, hours: change.hours } as TxOut);
  }
  const txn = newTransaction(
    chosen.map((c) => c.id),
    outputs,
  );
  holdInvariants(params, txn, chosen, burnFactor);
  return { txn, inputs: chosen };
}

function total<T>(items: readonly T[], value: (item: T) => bigint): bigint {
  return items.reduce((sum, item) => sum + value(item), 0n);
}

/** The receivers' outputs: hours as given, or their share of what the fee leaves. */
function withHours({ hoursSelection, to }: SpendParams, remaining: bigint): TxOut[] {
  if (hoursSelection.type === "manual") return [...to];
  const allocated = shareOf(hoursSelection.shareFactor as ShareFactor, requireInt64(remaining));
  const shares = distributeProportional(
    to.map((out) => out.coins),
    allocated,
  );
  return to.map((out, i) => ({ ...out, hours: shares[i] as Hours }));
}

/**
 * With exact coins but hours left over: the cheapest unused output that can carry them as change, if its own fee
 * costs less than they are.
 */
function changeMaker(
  candidates: readonly SpendCandidate[],
  chosen: readonly SpendCandidate[],
  now: { totalHours: bigint; fee: bigint; changeHours: bigint; burnFactor: number },
): { candidate: SpendCandidate; hoursGained: bigint } | undefined {
  const used = new Set(chosen);
  const [candidate] = candidates.filter((c) => !used.has(c)).sort(byHours);
  if (candidate === undefined) return undefined;
  const more = requireUint64(now.totalHours + candidate.hours) as Hours;
  const additionalFee = requiredFee(more, now.burnFactor) - now.fee;
  if (additionalFee >= now.changeHours) return undefined;
  return { candidate, hoursGained: candidate.hours - additionalFee };
}

function smallestOwner(chosen: readonly SpendCandidate[]): Address {
  const owners = chosen.map((c) => ({ address: c.address, key: addressBytes25(c.address) }));
  owners.sort((a, b) => compareBytes(a.key, b.key));
  return (owners[0] as { address: Address }).address;
}

/** The reference's last look at its own work. @throws WalletFault SPEND_INVARIANT */
function holdInvariants(
  { to }: SpendParams,
  txn: Transaction,
  inputs: readonly SpendCandidate[],
  burnFactor: number,
): void {
  const hold = (holds: boolean, text: string): void => {
    const why = `Created transaction that violates invariants, this is a bug: ${text}`;
    if (!holds) throw new WalletFault("SPEND_INVARIANT", why);
  };
  hold(txn.outputs.length - to.length <= 1, "Transaction has unexpected number of outputs");
  for (const [i, asked] of to.entries()) {
    const made = txn.outputs[i] as TxOut;
    hold(equalBytes(made.address, asked.address), "Output address does not match requested address");
    hold(made.coins === asked.coins, "Output coins does not match requested coins");
    hold(asked.hours === 0n || made.hours === asked.hours, "Output hours does not match requested hours");
  }
  for (const c of inputs) {
    hold(c.hours >= c.initialHours, "Calculated input hours are unexpectedly less than the initial hours");
    // Outputs of block 0 have no source, all others do; both may be spent.
    if (c.seq === 0) {
      hold(isZero(c.srcTransaction), "Input is the genesis UTXO but its source transaction hash is not null");
    } else {
      hold(!isZero(c.srcTransaction), "Input's source transaction hash is null");
    }
  }
  hold(new Set(inputs.map((c) => toHex(c.id))).size === inputs.length, "Duplicate input in array");
  const spent = total(inputs, (c) => c.hours) as Hours;
  const made = requireUint64(total(txn.outputs, (out) => out.hours));
  hold(spent >= made, "Total input hours is less than the output hours");
  hold(spent - made >= requiredFee(spent, burnFactor), "Transaction will not satisfy required fee");
}
