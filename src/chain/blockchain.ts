import { Emitter } from "../base/emitter.ts";
import type { Logger } from "../base/log.ts";
import type { Hash } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";
import type { SignedBlock } from "./block.ts";
import type { SignedMode } from "./check-transaction.ts";
import type { ChainParams, VerifyParams } from "./params.ts";
import type { SignatureRecovery, Signers } from "./signatures.ts";
import type { BlockChange, ChainStore, ChainView, Head } from "./store.ts";
import type { Transaction } from "./transaction.ts";
import type { UxOut } from "./uxout.ts";

export interface BlockchainDeps {
  readonly params: ChainParams;
  readonly store: ChainStore;
  readonly recovery: SignatureRecovery;
  readonly log: Logger;
}

export interface OpenOptions extends BlockchainDeps {
  /** A publisher's key: signs the genesis block of an empty store when the parameters carry no signature. */
  readonly secretKey?: SecretKey;
}

/** A block with its signatures turned into keys; says nothing yet about whether it is valid. */
export interface PreparedBlock {
  readonly block: SignedBlock;
  readonly hash: Hash;
  /** Of the block's own signature (count 1). */
  readonly publisher: Signers;
  /** Per transaction; empty when the publisher's signature already fails, so a forged block costs one recovery. */
  readonly signers: readonly Signers[];
}

/** A block that has become durable. */
export interface BlockEvent {
  readonly block: SignedBlock;
  readonly hash: Hash;
  readonly change: BlockChange;
}

/** A transaction that passed, with what it was judged against. */
export interface CheckedTransaction {
  readonly head: Head;
  /** The outputs spent, in input order. */
  readonly inputs: readonly UxOut[];
}

export class Blockchain {
  readonly params: ChainParams;
  /** Acknowledged state, for readers. */
  readonly store: ChainView;
  readonly onBlock = new Emitter<BlockEvent>();

  private constructor(deps: BlockchainDeps) {
    this.params = deps.params;
    this.store = deps.store;
  }

  static async open(options: OpenOptions): Promise<Blockchain> {
    return new Blockchain(options);
  }

  /** Block 0 as stored. */
  get genesis(): SignedBlock {
    throw new Error("not yet");
  }

  /** The acknowledged tip. */
  head(): Head {
    throw new Error("not yet");
  }

  /** The tip including blocks staged and not yet durable: what the next block must build on. */
  stagedHead(): Head {
    throw new Error("not yet");
  }

  async prepare(
    _blocks: readonly SignedBlock[],
    _options?: { readonly signal?: AbortSignal },
  ): Promise<PreparedBlock[]> {
    throw new Error("not yet");
  }

  stagePrepared(_prepared: PreparedBlock): void {
    throw new Error("not yet");
  }

  async flush(): Promise<void> {
    throw new Error("not yet");
  }

  async execute(_block: SignedBlock): Promise<void> {
    throw new Error("not yet");
  }

  /** Runs `work` while no other writer runs; waiters are served in order. */
  async exclusive<T>(_work: () => Promise<T>): Promise<T> {
    throw new Error("not yet");
  }

  /** Hard rules for a single transaction at the acknowledged head (chain.md 6.2). @throws RuleError */
  async checkHard(_txn: Transaction, _mode?: SignedMode): Promise<CheckedTransaction> {
    throw new Error("not yet");
  }

  /** Hard, then soft rules (chain.md 6.2, 6.4). @throws RuleError */
  async checkSoftHard(_txn: Transaction, _policy: VerifyParams, _mode?: SignedMode): Promise<CheckedTransaction> {
    throw new Error("not yet");
  }

  /** The keys behind the signatures of each transaction, in order. */
  async recoverSigners(_txns: readonly Transaction[]): Promise<Signers[]> {
    throw new Error("not yet");
  }
}
