import { U64_MAX } from "../base/uint64.ts";
import { coinHours } from "./hours.ts";
import { RuleError } from "./rules.ts";
import type { Transaction } from "./transaction.ts";
import type { Hours, UxOut } from "./uxout.ts";

/** Sum of the hours of all outputs. @throws RuleError TX_OUTPUT_HOURS_OVERFLOW */
export function outputHours(txn: Pick<Transaction, "outputs">): Hours {
  let total = 0n;
  for (const out of txn.outputs) total += out.hours;
  if (total > U64_MAX) throw new RuleError("TX_OUTPUT_HOURS_OVERFLOW");
  return total as Hours;
}

/** Sum of the hours of outputs at unix second `at`. @throws RuleError HOURS_*, FEE_INPUT_HOURS_OVERFLOW */
export function inputHours(inputs: readonly UxOut[], at: number): Hours {
  let total = 0n;
  for (const ux of inputs) {
    total += coinHours(ux, at);
    if (total > U64_MAX) throw new RuleError("FEE_INPUT_HOURS_OVERFLOW"); // before a later output's own error
  }
  return total as Hours;
}

/**
 * Hours a transaction burns (Go: fee.TransactionFee), inputs valued at unix second `at`.
 * @throws RuleError HOURS_*, FEE_INPUT_HOURS_OVERFLOW, TX_OUTPUT_HOURS_OVERFLOW, FEE_NEGATIVE
 */
export function transactionFee(txn: Pick<Transaction, "outputs">, inputs: readonly UxOut[], at: number): Hours {
  const spent = inputHours(inputs, at);
  const made = outputHours(txn);
  if (spent < made) throw new RuleError("FEE_NEGATIVE", { spent, made });
  return (spent - made) as Hours;
}

/** The least hours to burn out of `total` (outputs and fee together): ceil(total / burnFactor). */
export function requiredFee(total: Hours, burnFactor: number): Hours {
  const factor = BigInt(burnFactor);
  return ((total + factor - 1n) / factor) as Hours;
}

/** What is left of `total` hours after the required fee. */
export function remainingHours(total: Hours, burnFactor: number): Hours {
  return (total - requiredFee(total, burnFactor)) as Hours;
}

/** `hours` in the outputs, `fee` burnt. @throws RuleError FEE_ZERO, FEE_OVERFLOW, FEE_TOO_LOW */
export function checkFee(hours: Hours, fee: Hours, burnFactor: number): void {
  if (fee === 0n) throw new RuleError("FEE_ZERO");
  const total = (hours + fee) as Hours;
  if (total > U64_MAX) throw new RuleError("FEE_OVERFLOW", { hours, fee });
  const required = requiredFee(total, burnFactor);
  if (fee < required) throw new RuleError("FEE_TOO_LOW", { fee, required });
}

/**
 * Order of transactions in a block, highest first: floor(min(fee * 1024, 2^64-1) / size) (Go: coin.SortTransactions).
 */
export function feePriority(fee: Hours, size: number): bigint {
  const scaled = fee * 1024n;
  return (scaled > U64_MAX ? U64_MAX : scaled) / BigInt(size);
}
