import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import type { Logger } from "../base/log.ts";
import type { Hash } from "../cipher/hash.ts";
import type { Blockchain, CheckedTransaction } from "./blockchain.ts";
import type { ChainParams } from "./params.ts";
import type { RuleError } from "./rules.ts";
import type { ChainStore, IdentifiedUxOut, UnconfirmedRecord } from "./store.ts";
import type { Transaction } from "./transaction.ts";

export interface PoolDeps {
  readonly chain: Blockchain;
  readonly store: Pick<ChainStore, "unconfirmed" | "putUnconfirmed" | "removeUnconfirmed">;
  readonly params: ChainParams;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface PeerInjection {
  /** It was in the pool before; only its times and validity were updated. */
  readonly known: boolean;
  /** Stored all the same, marked not valid. */
  readonly softError?: RuleError;
}

export interface UserInjection extends CheckedTransaction {
  readonly known: boolean;
}

export interface PoolChange {
  readonly added: readonly Hash[];
  readonly removed: readonly Hash[];
}

export class UnconfirmedPool {
  /** After every change of membership. */
  readonly onChange = new Emitter<PoolChange>();

  constructor(_deps: PoolDeps) {}

  /** Reads the stored pool and drops what became invalid while the node was off. Call once, before anything else. */
  async load(): Promise<void> {}

  get size(): number {
    throw new Error("not yet");
  }

  has(_id: Hash): boolean {
    throw new Error("not yet");
  }

  get(_id: Hash): UnconfirmedRecord | undefined {
    throw new Error("not yet");
  }

  /** Every record, in txid byte order. */
  all(): readonly UnconfirmedRecord[] {
    throw new Error("not yet");
  }

  /** Ids of those without violation, in txid byte order. */
  validIds(): Hash[] {
    throw new Error("not yet");
  }

  /** @throws RuleError (hard) when refused, ChainError POOL_FULL */
  async injectFromPeer(_txn: Transaction): Promise<PeerInjection> {
    throw new Error("not yet");
  }

  /**
   * User, hard and soft rules with the user's policy; any violation refuses. `broadcast` runs after the checks and
   * before the transaction is stored: when it throws, nothing is stored.
   * @throws RuleError, ChainError POOL_FULL, whatever `broadcast` throws
   */
  async injectFromUser(
    _txn: Transaction,
    _options?: { readonly broadcast?: (txn: Transaction) => void | Promise<void> },
  ): Promise<UserInjection> {
    throw new Error("not yet");
  }

  /** Re-checks all; returns those that became valid. */
  async refresh(): Promise<Hash[]> {
    throw new Error("not yet");
  }

  /** Drops those that violate a hard rule; returns them. */
  async removeInvalid(): Promise<Hash[]> {
    throw new Error("not yet");
  }

  /** Notes that peers were told, `ns` unix nanoseconds; only forward in time. */
  async markAnnounced(_ids: readonly Hash[], _ns: bigint): Promise<void> {
    throw new Error("not yet");
  }

  /** Outputs the pool would create, as if in a block on the head. */
  incoming(): readonly IdentifiedUxOut[] {
    throw new Error("not yet");
  }

  /** Confirmed outputs the pool would spend. */
  outgoing(): readonly IdentifiedUxOut[] {
    throw new Error("not yet");
  }
}
