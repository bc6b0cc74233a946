import type { Emitter } from "../base/emitter.ts";
import type { BlockEvent } from "../chain/blockchain.ts";
import type { ChainParams } from "../chain/params.ts";
import type { ChainView, Head, IdentifiedUxOut, UnconfirmedRecord } from "../chain/store.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { PoolChange } from "../chain/unconfirmed-pool.ts";
import type { Hash } from "../cipher/hash.ts";

/** The verifying node's own validated chain (V4): what is read here has passed every rule. `Blockchain` fits. */
export interface LoginChain {
  readonly params: ChainParams;
  readonly store: ChainView;
  readonly onBlock: Emitter<BlockEvent>;
  head(): Head;
}

/** `UnconfirmedPool` fits. */
export interface LoginPool {
  readonly onChange: Emitter<PoolChange>;
  get(id: Hash): UnconfirmedRecord | undefined;
  all(): readonly UnconfirmedRecord[];
  incoming(): readonly IdentifiedUxOut[];
  outgoing(): readonly IdentifiedUxOut[];
}

/** Checks a transaction, puts it into the pool and tells the peers; again for one that is there. */
export type Submit = (txn: Transaction) => Promise<void>;
