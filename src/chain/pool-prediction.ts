import type { ChainView, Head, IdentifiedUxOut } from "./store.ts";
import type { Transaction } from "./transaction.ts";
import { predictUnspents } from "./unspents.ts";

/** What the unspent set would gain and lose if the pool were confirmed. */
export interface Prediction {
  /** Outputs that would be created, dated as if in the head block. */
  readonly incoming: readonly IdentifiedUxOut[];
  /** Confirmed outputs that would be spent; one spent by two transactions appears twice. */
  readonly outgoing: readonly IdentifiedUxOut[];
}

/**
 * In the order of `txns`.
 * Differs: a transaction whose inputs a block has spent counts for nothing; the reference fails altogether (G6).
 */
export function predict(txns: Iterable<Transaction>, view: Pick<ChainView, "unspent">, head: Head): Prediction {
  const incoming: IdentifiedUxOut[] = [];
  const outgoing: IdentifiedUxOut[] = [];
  for (const txn of txns) {
    const spent: IdentifiedUxOut[] = [];
    for (const id of txn.inputs) {
      const ux = view.unspent(id);
      if (ux !== undefined) spent.push({ id, ux });
    }
    if (spent.length < txn.inputs.length) continue;
    outgoing.push(...spent);
    incoming.push(...predictUnspents(txn, { time: head.time, seq: head.seq }));
  }
  return { incoming, outgoing };
}
