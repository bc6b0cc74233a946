import { toHex } from "../base/bytes.ts";
import { headOf, type PoolView } from "../chain/queries.ts";
import type { ChainView, IdentifiedUxOut } from "../chain/store.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { type SpendCandidate, spendCandidate } from "../wallet/choose-spends.ts";
import { SpendError } from "../wallet/errors.ts";

/** What may be spent: everything of some addresses, or chosen outputs. One of both is given. */
export interface SpendSource {
  readonly addresses: readonly Address[];
  readonly uxOuts: readonly Hash[];
  /** Outputs that pool transactions spend are left out; otherwise they are an error. */
  readonly ignoreUnconfirmed: boolean;
}

/**
 * Candidates for a new transaction, valued at the head. Go: getCreateTransactionAuxsAddress and ...UxOut.
 * @throws SpendError SPEND_NO_UNSPENTS, SPEND_PENDING, SPEND_ALL_PENDING, SPEND_UNKNOWN_UXOUT
 * @throws RuleError HOURS_*
 */
export function spendCandidates(view: ChainView, pool: PoolView, source: SpendSource): SpendCandidate[] {
  const wanted = source.uxOuts.length > 0 ? source.uxOuts : idsOf(view, source.addresses);
  if (wanted.length === 0) throw new SpendError("SPEND_NO_UNSPENTS");
  // Inputs of every pool transaction count, also of one that can no longer be confirmed.
  const pending = new Set(pool.all().flatMap(({ txn }) => txn.inputs.map(toHex)));
  const free = wanted.filter((id) => !pending.has(toHex(id)));
  if (free.length < wanted.length && !source.ignoreUnconfirmed) throw new SpendError("SPEND_PENDING");
  if (free.length === 0) throw new SpendError("SPEND_ALL_PENDING");
  const { time } = headOf(view);
  return free.map((id) => spendCandidate(unspentOutput(view, id), time));
}

function idsOf(view: ChainView, addresses: readonly Address[]): Hash[] {
  return addresses.flatMap((address) => view.unspentsOf(address)).map(({ id }) => id);
}

function unspentOutput(view: ChainView, id: Hash): IdentifiedUxOut {
  const ux = view.unspent(id);
  if (ux === undefined) throw new SpendError("SPEND_UNKNOWN_UXOUT", [toHex(id)], { uxid: toHex(id) });
  return { id, ux };
}
