import { toHex } from "../base/bytes.ts";
import { CoinError } from "../base/errors.ts";
import type { Hash } from "../cipher/hash.ts";
import { coinHours } from "./hours.ts";
import type { ChainView, Head, IdentifiedUxOut, UnconfirmedRecord } from "./store.ts";
import type { Transaction } from "./transaction.ts";
import type { Hours, UxOut } from "./uxout.ts";

/**
 * Questions about chain and pool that the API, the CLI and wallets ask. Functions over a view and a pool listing,
 * all of it read without awaiting in between, so an answer belongs to one head.
 */
export type QueryErrorCode =
  | "QUERY_NO_CHAIN"
  | "QUERY_UXOUT_UNKNOWN"
  | "QUERY_BLOCK_UNKNOWN"
  | "QUERY_HOURS_NEGATIVE"
  | "QUERY_OVERFLOW"
  | "QUERY_PAGE";

export class QueryError extends CoinError<QueryErrorCode> {}

/** The part of the pool that queries read; `UnconfirmedPool` fits. */
export interface PoolView {
  readonly size: number;
  /** Another one after every change of what the methods below return for one head. */
  readonly revision: number;
  get(id: Hash): UnconfirmedRecord | undefined;
  /** In txid byte order. */
  all(): readonly UnconfirmedRecord[];
  /** Outputs it would create, dated as if in the head block. */
  incoming(): readonly IdentifiedUxOut[];
  /** Confirmed outputs it would spend. */
  outgoing(): readonly IdentifiedUxOut[];
}

/** The tip. @throws QueryError QUERY_NO_CHAIN before the genesis block is stored */
export function headOf(view: ChainView): Head {
  const head = view.head();
  if (head === undefined) throw new QueryError("QUERY_NO_CHAIN", "no head block");
  return head;
}

/** Time of a stored block, read from the bytes of its header. @throws QueryError QUERY_BLOCK_UNKNOWN */
export function blockTime(view: ChainView, seq: number): number {
  const bytes = view.signedBlockBytes(seq);
  if (bytes === undefined) throw new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Number(data.getBigUint64(4, true));
}

/** An output a transaction spends, with the hours it is worth there. */
export interface SpentInput extends IdentifiedUxOut {
  readonly calculatedHours: Hours;
}

/**
 * The outputs a transaction spends, spent or not, worth what they are at unix second `at`. An overflow counts as no
 * hours, as `NewTransactionInput` of the reference does. @throws QueryError QUERY_UXOUT_UNKNOWN
 */
export function transactionInputs(view: ChainView, txn: Transaction, at: number): SpentInput[] {
  return txn.inputs.map((id) => {
    const ux = view.uxOut(id)?.ux;
    if (ux === undefined) throw unknownUxOut(id);
    return { id, ux, calculatedHours: hoursOrNone(ux, at) };
  });
}

export function unknownUxOut(id: Hash): QueryError {
  return new QueryError("QUERY_UXOUT_UNKNOWN", `uxout of ${toHex(id)} does not exist`, { uxid: toHex(id) });
}

/** Hours at unix second `at`, 0 for any overflow: what shows a transaction must not fail for an old defect. */
export function hoursOrNone(ux: UxOut, at: number): Hours {
  try {
    return coinHours(ux, at);
  } catch {
    return 0n as Hours;
  }
}
