import { equalBytes } from "../base/bytes.ts";
import type { TxOut } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Cause } from "./challenge.ts";

/** What a transaction must do to prove the login address of a challenge. */
export interface ReturnTerms {
  readonly loginAddress: Address;
  readonly returnAddress: Address;
  /** Droplets, at least. */
  readonly amount: bigint;
}

/** Proves it, has nothing to do with it, or nearly does: then what the visitor did differently. */
export type Judgement = "proves" | "unrelated" | Cause;

/**
 * V2 and the amount of V3: every input is owned by the login address, and one output pays the return address at
 * least the asked amount. A transaction that only nearly proves changes nothing but what the visitor is told:
 * anybody may send coins to a return address.
 */
export function judgeReturn(inputs: readonly UxOut[], outputs: readonly TxOut[], terms: ReturnTerms): Judgement {
  const paid = outputs.filter(({ address }) => equalBytes(address, terms.returnAddress));
  if (paid.length === 0) return "unrelated";
  const own = inputs.filter(({ body }) => equalBytes(body.address, terms.loginAddress)).length;
  if (own === 0 || inputs.length === 0) return OTHER_SENDER;
  if (own < inputs.length) return MIXED_INPUTS;
  return paid.some(({ coins }) => coins >= terms.amount) ? "proves" : TOO_SMALL;
}

const OTHER_SENDER: Cause = {
  code: "other_sender",
  text: "A return came in, but from another address: send it from the login address.",
};
const MIXED_INPUTS: Cause = {
  code: "mixed_inputs",
  text: "A return came in that spends coins of other addresses too: send it from the login address alone.",
};
const TOO_SMALL: Cause = {
  code: "amount_too_small",
  text: "A return came in, but of a smaller amount: send the amount shown.",
};
