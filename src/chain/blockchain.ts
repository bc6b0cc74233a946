import { equalBytes } from "../base/bytes.ts";
import { Emitter } from "../base/emitter.ts";
import { assert } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { blockHash, type SignedBlock } from "./block.ts";
import { checkBlock, checkPublisher, type PreparedBlock } from "./check-block.ts";
import { checkSingle, checkSoft, type SignedMode, type SpendState } from "./check-transaction.ts";
import { ChainError } from "./errors.ts";
import { genesisChange, signedGenesis, verifyGenesis } from "./genesis.ts";
import type { ChainParams, VerifyParams } from "./params.ts";
import { RuleError } from "./rules.ts";
import { RecoveryBatch, type SignatureRecovery, type Signers } from "./signatures.ts";
import { SignerCache } from "./signer-cache.ts";
import type { BlockChange, ChainStore, ChainView, Head } from "./store.ts";
import { digestToSign, type Transaction, txid } from "./transaction.ts";
import type { UxOut } from "./uxout.ts";

export type { PreparedBlock } from "./check-block.ts";

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

/** How far checking may run ahead of the disk. */
export const STAGED_BLOCKS_MAX = 1024;

/**
 * The chain: judges blocks and transactions and moves the head. Reading is `store`, at the acknowledged head.
 *
 * Writing is prepare (signatures to keys, off this thread, any number at once), stage (all rules, synchronous,
 * against the head including staged blocks) and flush (durable, then events). A block that fails its rules stages
 * nothing, so what was staged before it stands. A flush that fails forgets everything staged. One writer at a
 * time: `execute`, `executePrepared` and the publisher take `exclusive` themselves; who calls `stagePrepared` and
 * `flush` directly does so inside it.
 */
export class Blockchain {
  readonly params: ChainParams;
  /** Acknowledged state, for readers. */
  readonly store: ChainView;
  /** Block 0 as stored. */
  readonly genesis: SignedBlock;
  readonly genesisHash: Hash;
  readonly onBlock = new Emitter<BlockEvent>();

  readonly #store: ChainStore;
  readonly #recovery: SignatureRecovery;
  readonly #log: Logger;
  readonly #signers = new SignerCache();
  readonly #spendState: SpendState;
  /** Staged and not yet handed to a flush. */
  #staged: BlockChange[] = [];
  #flushing: Promise<void> | undefined;
  #flushFailure: { readonly cause: unknown } | undefined;
  /** Blocks of failed flushes: a disk may have taken a write and then reported it as failed. */
  #doubtful: readonly BlockChange[] = [];
  #writers: Promise<unknown> = Promise.resolve();

  private constructor(deps: BlockchainDeps, genesis: SignedBlock) {
    this.params = deps.params;
    this.store = deps.store;
    this.genesis = genesis;
    this.genesisHash = blockHash(genesis);
    this.#store = deps.store;
    this.#recovery = deps.recovery;
    this.#log = deps.log;
    const { store } = deps;
    this.#spendState = {
      get head() {
        return head(store);
      },
      unspent: (id) => store.unspent(id),
    };
  }

  /**
   * Opens the chain of a store. An empty store gets the genesis block, signed with the configured signature or
   * with `secretKey`; the genesis block of any other is held against the parameters.
   * @throws ChainError GENESIS_MISMATCH, GENESIS_SIGNATURE, GENESIS_UNSIGNED, PUBLISH_WRONG_KEY; StoreError
   */
  static async open(options: OpenOptions): Promise<Blockchain> {
    const { params, store, log } = options;
    if (store.head() === undefined) {
      const genesis = signedGenesis(params, options.secretKey);
      store.stage(genesisChange(genesis));
      await store.flush();
      log.info({ hash: hashHex(blockHash(genesis)) }, "genesis block stored");
    }
    const first = store.blockBySeq(0);
    if (first === undefined) throw new ChainError("GENESIS_MISMATCH", "the data folder has a head but no block 0");
    return new Blockchain(options, verifyGenesis(first, params));
  }

  /** The acknowledged tip. */
  head(): Head {
    return head(this.#store);
  }

  /** The tip including blocks staged and not yet durable: what the next block must build on. */
  stagedHead(): Head {
    return this.#store.stagedHead() ?? head(this.#store);
  }

  /**
   * Recovers the keys behind all signatures of the blocks, each once: first the publisher's, then those of the
   * transactions of blocks the publisher did sign. Signers known from the pool are not computed again. Judges
   * nothing else and may run while other blocks are checked or written.
   */
  async prepare(
    blocks: readonly SignedBlock[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<PreparedBlock[]> {
    signal?.throwIfAborted();
    const batch = new RecoveryBatch(blocks.length);
    for (const block of blocks) batch.add(blockHash(block), block.sig);
    const publishers = await batch.recover(this.#recovery);
    signal?.throwIfAborted();
    const genuine = blocks.map((_, i) => this.#isPublisher(publishers.slice(i, i + 1)));
    const signers = await this.recoverSigners(blocks.flatMap((block, i) => (genuine[i] ? block.transactions : [])));
    signal?.throwIfAborted();
    let next = 0;
    return blocks.map((block, i) => {
      const from = next;
      if (genuine[i]) next += block.transactions.length;
      return {
        block,
        hash: blockHash(block),
        publisher: publishers.slice(i, i + 1),
        signers: signers.slice(from, next),
      };
    });
  }

  /** Whether the publisher's key made the block's signature; says nothing of the block's rules. */
  async isSignedByPublisher(block: SignedBlock): Promise<boolean> {
    const batch = new RecoveryBatch(1);
    batch.add(blockHash(block), block.sig);
    return this.#isPublisher(await batch.recover(this.#recovery));
  }

  #isPublisher(publisher: Signers): boolean {
    try {
      checkPublisher(publisher, this.params.publisherKey);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * All rules of a block against the staged head, then stages it. Synchronous, so nothing changes midway.
   * @throws RuleError, and then nothing is staged; ChainError CHAIN_TOO_MANY_STAGED when a flush is overdue
   */
  stagePrepared(prepared: PreparedBlock): void {
    if (this.#store.stagedCount() >= STAGED_BLOCKS_MAX) {
      throw new ChainError("CHAIN_TOO_MANY_STAGED", "too many blocks are staged and not written");
    }
    const change = checkBlock(prepared, {
      publisherKey: this.params.publisherKey,
      genesisHash: this.genesisHash,
      head: this.stagedHead(),
      unspent: (id) => this.#store.stagedUnspent(id),
    });
    this.#store.stage(change);
    this.#staged.push(change);
  }

  /**
   * Makes everything staged durable, then emits `onBlock` for each block in order. Blocks may be staged meanwhile;
   * they belong to the next flush. When the store fails, all staged blocks are forgotten.
   * @throws StoreError
   */
  async flush(): Promise<void> {
    const failureBefore = this.#flushFailure;
    while (this.#flushing !== undefined) await this.#flushing.catch(() => {});
    // Another caller's failed flush took what we had staged with it.
    if (this.#flushFailure !== failureBefore && this.#flushFailure !== undefined) throw this.#flushFailure.cause;
    if (this.#staged.length === 0) return;
    this.#flushing = this.#write(this.#staged);
    this.#staged = [];
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  async #write(changes: readonly BlockChange[]): Promise<void> {
    try {
      await this.#store.flush();
    } catch (cause) {
      this.#flushFailure = { cause };
      this.#store.discardStaged();
      this.#staged = [];
      const fresh = changes.filter(({ hash }) => !this.#doubtful.some((other) => equalBytes(other.hash, hash)));
      this.#doubtful = [...this.#doubtful, ...fresh].slice(-STAGED_BLOCKS_MAX);
      throw cause;
    }
    this.#tellDoubtful(changes[0]?.block.header.seq);
    this.#doubtful = []; // a write has succeeded, so what is not stored by now never will be
    for (const change of changes) this.#tell(change);
  }

  /**
   * Tells blocks of a failed flush that turned out to be stored when the database was opened again; below `next`,
   * since a second attempt may just have stored the same ones.
   */
  #tellDoubtful(next = Number.POSITIVE_INFINITY): void {
    if (this.#doubtful.length === 0) return;
    const stored = this.#doubtful.filter((change) => change.block.header.seq < next && this.#isStored(change));
    if (stored.length === 0) return;
    this.#doubtful = [];
    for (const change of stored) this.#tell(change);
  }

  #isStored({ block, hash }: BlockChange): boolean {
    const stored = this.#store.blockHashAt(block.header.seq);
    return stored !== undefined && equalBytes(stored, hash);
  }

  #tell(change: BlockChange): void {
    if (this.#signers.size > 0) for (const id of change.txids) this.#signers.delete(hashHex(id));
    const { seq } = change.block.header;
    this.#log.debug({ seq, txns: change.txids.length, hash: hashHex(change.hash) }, "block executed");
    this.onBlock.emit({ block: change.block, hash: change.hash, change });
  }

  /** Prepares, checks and writes one block. @throws RuleError, StoreError */
  async execute(block: SignedBlock, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { error } = await this.executePrepared(await this.prepare([block], options));
    if (error !== undefined) throw error;
  }

  /**
   * Checks and writes prepared blocks in order, in one batch, up to the first that violates a rule.
   * `executed` blocks are durable. @throws StoreError, and then none is
   */
  async executePrepared(
    blocks: readonly PreparedBlock[],
  ): Promise<{ readonly executed: number; readonly error?: RuleError }> {
    return this.exclusive(async () => {
      let executed = 0;
      let error: RuleError | undefined;
      for (const block of blocks) {
        try {
          this.stagePrepared(block);
        } catch (thrown) {
          if (!(thrown instanceof RuleError)) throw thrown;
          error = thrown;
          break;
        }
        executed++;
      }
      await this.flush();
      return error === undefined ? { executed } : { executed, error };
    });
  }

  /** Runs `work` while no other writer runs; waiters are served in order. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#writers.then(() => {
      this.#tellDoubtful();
      return work();
    });
    this.#writers = result.catch(() => {});
    return result;
  }

  /** The acknowledged head and unspent set, as the transaction rules want them. Always current. */
  get spendState(): SpendState {
    return this.#spendState;
  }

  /** Hard rules of a single transaction at the acknowledged head (chain.md 6.2). @throws RuleError (hard) */
  async checkHard(txn: Transaction, mode: SignedMode = "signed"): Promise<CheckedTransaction> {
    return this.checkHardWith(txn, await this.signersOf(txn, mode), mode);
  }

  /**
   * The keys behind a transaction's signatures. What can be refused without curve work is refused before it.
   * @throws RuleError (hard)
   */
  async signersOf(txn: Transaction, mode: SignedMode = "signed"): Promise<Signers> {
    checkSingle(txn, this.#spendState, mode);
    const [signers] = await this.recoverSigners([txn]);
    assert(signers !== undefined, "one list of signers per transaction");
    return signers;
  }

  /**
   * As `checkHard` with the signers at hand: synchronous, so that the answer still holds when the caller acts on
   * it. The signers of a transaction that passes are remembered for its block. @throws RuleError (hard)
   */
  checkHardWith(txn: Transaction, signers: Signers, mode: SignedMode = "signed"): CheckedTransaction {
    const checked = { head: this.head(), inputs: checkSingle(txn, this.#spendState, mode, signers) };
    if (mode === "signed") this.#signers.set(hashHex(txid(txn)), signers);
    return checked;
  }

  /** Hard, then soft rules (chain.md 6.2, 6.4). @throws RuleError (hard or soft) */
  async checkSoftHard(
    txn: Transaction,
    policy: VerifyParams,
    mode: SignedMode = "signed",
  ): Promise<CheckedTransaction> {
    const checked = await this.checkHard(txn, mode);
    this.checkSoft(txn, checked, policy);
    return checked;
  }

  /** Soft rules of a transaction that passed the hard ones. @throws RuleError (soft) */
  checkSoft(txn: Transaction, { head, inputs }: CheckedTransaction, policy: VerifyParams): void {
    checkSoft(txn, inputs, head.time, this.params.distribution, policy);
  }

  /** The keys behind the signatures of each transaction, in order. None for one whose counts do not match. */
  async recoverSigners(txns: readonly Transaction[]): Promise<Signers[]> {
    const known = txns.map((txn) => (this.#signers.size > 0 ? this.#signers.get(hashHex(txid(txn))) : undefined));
    let wanted = 0;
    for (let i = 0; i < txns.length; i++) if (known[i] === undefined) wanted += signatureCount(txns[i] as Transaction);
    const batch = new RecoveryBatch(wanted);
    for (let i = 0; i < txns.length; i++) if (known[i] === undefined) addSignatures(batch, txns[i] as Transaction);
    const found = await batch.recover(this.#recovery);
    let next = 0;
    return txns.map((txn, i) => {
      const signers = known[i];
      if (signers !== undefined) return signers;
      const from = next;
      next += signatureCount(txn);
      return found.slice(from, next);
    });
  }
}

function head(store: ChainView): Head {
  const tip = store.head();
  assert(tip !== undefined, "an open chain has a head");
  return tip;
}

/** Signatures worth recovering: a transaction whose counts differ is refused before any is looked at. */
function signatureCount(txn: Transaction): number {
  return txn.sigs.length === txn.inputs.length ? txn.sigs.length : 0;
}

function addSignatures(batch: RecoveryBatch, txn: Transaction): void {
  const count = signatureCount(txn);
  for (let i = 0; i < count; i++) {
    batch.add(digestToSign(txn.innerHash, txn.inputs[i] as Hash), txn.sigs[i] as Uint8Array);
  }
}
