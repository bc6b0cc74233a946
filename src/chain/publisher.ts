import { equalBytes } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";
import { publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import { signHash } from "../cipher/sign.ts";
import { type Block, blockHash, computeBodyHash, type SignedBlock } from "./block.ts";
import type { Blockchain } from "./blockchain.ts";
import { ChainError } from "./errors.ts";
import { feePriority, transactionFee } from "./fee.ts";
import type { ChainParams } from "./params.ts";
import { RuleError } from "./rules.ts";
import type { Signers } from "./signatures.ts";
import type { Head } from "./store.ts";
import { TRANSACTION_LIST_MAX, type Transaction, transactionSize, txid } from "./transaction.ts";
import type { UnconfirmedPool } from "./unconfirmed-pool.ts";
import type { Hours, UxOut } from "./uxout.ts";

export interface PublisherDeps {
  readonly chain: Blockchain;
  readonly pool: UnconfirmedPool;
  readonly params: ChainParams;
  readonly secretKey: SecretKey;
  /** Asked last, when nothing can move the head any more: why no block may be signed; undefined: one may. */
  readonly refusal?: () => string | undefined;
}

interface Candidate {
  readonly txn: Transaction;
  readonly signers: Signers;
  readonly fee: Hours;
  readonly priority: bigint;
  readonly size: number;
  readonly key: HashHex;
}

/** Makes blocks out of the pool (chain.md 10). When to make one is decided elsewhere. */
export class Publisher {
  readonly #deps: PublisherDeps;
  #lastMade: Hash | undefined;

  /** @throws ChainError PUBLISH_WRONG_KEY when the secret key is not the chain's */
  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    if (!equalBytes(publicKeyOf(deps.secretKey), deps.params.publisherKey)) {
      throw new ChainError("PUBLISH_WRONG_KEY", "Cannot run as block publisher: invalid seckey for pubkey");
    }
  }

  /** Whether this is the last block signed here, known before it is in the chain. */
  madeLast(hash: Hash): boolean {
    return this.#lastMade !== undefined && equalBytes(this.#lastMade, hash);
  }

  /**
   * Makes, signs and executes the next block, dated `whenSeconds`; when this resolves it is durable and may be sent
   * out. Never leaves a signed block behind that the chain does not hold.
   * @throws ChainError PUBLISH_NO_TRANSACTIONS, PUBLISH_NOTHING_VALID, PUBLISH_NOTHING_LEFT,
   *   PUBLISH_TIME_NOT_FORWARD, PUBLISH_FEES, PUBLISH_HELD; StoreError
   */
  async createBlock(whenSeconds: number): Promise<SignedBlock> {
    const { chain, secretKey } = this.#deps;
    return chain.exclusive(async () => {
      await chain.flush();
      const block = await this.buildBlock(whenSeconds);
      const refusal = this.#deps.refusal?.();
      if (refusal !== undefined) throw new ChainError("PUBLISH_HELD", refusal);
      this.#lastMade = blockHash(block);
      const signed: SignedBlock = { ...block, sig: signHash(this.#lastMade, secretKey) };
      // Judged like anybody's: the rules see it again, strictly, and the signers are still at hand.
      const [prepared] = await chain.prepare([signed]);
      chain.stagePrepared(prepared as NonNullable<typeof prepared>);
      await chain.flush();
      return signed;
    });
  }

  /** The block `createBlock` would sign on the present head. Changes nothing. @throws as `createBlock` */
  async buildBlock(whenSeconds: number): Promise<Block> {
    const { chain, pool } = this.#deps;
    const txns = pool.all().map((record) => record.txn);
    if (txns.length === 0) throw new ChainError("PUBLISH_NO_TRANSACTIONS", "No transactions");
    const signers = await chain.recoverSigners(txns);
    const candidates = this.#byPriority(txns, signers);
    const chosen = withoutConflicts(this.#choose(candidates));
    const head = chain.head();
    if (whenSeconds <= head.time) throw new ChainError("PUBLISH_TIME_NOT_FORWARD", "Time can only move forward");
    return this.#assemble(chosen, head, whenSeconds);
  }

  /** Sorted by fee per size, then txid; those whose fee cannot be computed are left out. */
  #byPriority(txns: readonly Transaction[], signers: readonly Signers[]): Candidate[] {
    const { time } = this.#deps.chain.head();
    const candidates: Candidate[] = [];
    txns.forEach((txn, i) => {
      const fee = this.#fee(txn, time);
      if (fee === undefined) return;
      const size = transactionSize(txn);
      const [key, priority] = [hashHex(txid(txn)), feePriority(fee, size)];
      candidates.push({ txn, signers: signers[i] as Signers, fee, priority, size, key });
    });
    return candidates.sort((a, b) => {
      if (a.priority !== b.priority) return a.priority > b.priority ? -1 : 1;
      return a.key < b.key ? -1 : 1;
    });
  }

  #fee(txn: Transaction, headTime: number): Hours | undefined {
    const inputs: UxOut[] = [];
    for (const id of txn.inputs) {
      const ux = this.#deps.chain.store.unspent(id);
      if (ux === undefined) return undefined;
      inputs.push(ux);
    }
    try {
      return transactionFee(txn, inputs, headTime);
    } catch (error) {
      if (error instanceof RuleError) return undefined;
      throw error;
    }
  }

  /**
   * From the top: those that obey the rules for new blocks, up to the first that does not fit. The reference checks
   * the whole pool, then sorts and cuts; the outcome is the same, the work is that of one block.
   */
  #choose(candidates: readonly Candidate[]): Candidate[] {
    const { chain, params } = this.#deps;
    const chosen: Candidate[] = [];
    let bytes = 0;
    let valid = 0;
    for (const candidate of candidates) {
      if (chosen.length === TRANSACTION_LIST_MAX) break;
      try {
        const checked = chain.checkHardWith(candidate.txn, candidate.signers);
        chain.checkSoft(candidate.txn, checked, params.createBlock);
      } catch (error) {
        if (error instanceof RuleError) continue;
        throw error;
      }
      valid++;
      bytes += candidate.size;
      if (bytes > params.maxBlockTransactionsSize) break;
      chosen.push(candidate);
    }
    if (valid === 0) {
      throw new ChainError("PUBLISH_NOTHING_VALID", "No transactions after filtering for constraint violations", {
        pool: this.#deps.pool.size,
      });
    }
    if (chosen.length === 0) {
      throw new ChainError("PUBLISH_NOTHING_LEFT", "Refusing to create block with no transactions");
    }
    return chosen;
  }

  #assemble(chosen: readonly Candidate[], head: Head, time: number): Block {
    const previous = this.#deps.chain.store.blockByHash(head.hash) as SignedBlock;
    let fee = 0n;
    for (const candidate of chosen) fee += candidate.fee;
    if (fee > U64_MAX) {
      throw new ChainError("PUBLISH_FEES", "Invalid transaction fees: Transactions fee totals overflow");
    }
    const transactions = chosen.map((candidate) => candidate.txn);
    const header = {
      version: previous.header.version,
      time,
      seq: head.seq + 1,
      fee: fee as Hours,
      prevHash: head.hash,
      bodyHash: computeBodyHash(transactions),
      uxHash: head.setHash,
    };
    return { header, transactions };
  }
}

/**
 * Arbitration: of transactions spending the same output the first stays. One that loses still blocks what comes
 * after it, since the reference compares with those already dropped too (chain.md 7.2).
 */
function withoutConflicts(candidates: readonly Candidate[]): Candidate[] {
  const spent = new Set<HashHex>();
  return candidates.filter(({ txn }) => {
    const inputs = txn.inputs.map(hashHex);
    const free = inputs.every((input) => !spent.has(input));
    for (const input of inputs) spent.add(input);
    return free;
  });
}
