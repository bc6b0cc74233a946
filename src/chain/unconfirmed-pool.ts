import { equalBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";
import type { Blockchain, BlockEvent, CheckedTransaction } from "./blockchain.ts";
import { checkUser } from "./check-transaction.ts";
import { ChainError } from "./errors.ts";
import { transactionFee } from "./fee.ts";
import type { ChainParams } from "./params.ts";
import { POOL_LIMITS, type PoolLimits } from "./pool-limits.ts";
import { type Prediction, predict } from "./pool-prediction.ts";
import { type PoolEntry, PoolTable } from "./pool-table.ts";
import { type PoolStore, PoolWriter } from "./pool-writer.ts";
import { RuleError } from "./rules.ts";
import type { Signers } from "./signatures.ts";
import { type IdentifiedUxOut, NEVER_ANNOUNCED, type UnconfirmedRecord } from "./store.ts";
import { detachTransaction, type Transaction, transactionSize, txid } from "./transaction.ts";

export interface PoolDeps {
  readonly chain: Blockchain;
  readonly store: PoolStore;
  readonly params: ChainParams;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: PoolLimits;
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

/** Transactions looked at in one go before other work gets its turn. */
const SLICE = 256;

/**
 * Transactions not in a block yet (chain.md 9). Memory is what counts, the store follows. Conflicting transactions
 * may coexist: the first block decides. Bounded as p2p.md 12.2 says, where the reference grows without limit.
 */
export class UnconfirmedPool {
  /** After every change of membership. */
  readonly onChange = new Emitter<PoolChange>();

  readonly #deps: PoolDeps;
  readonly #table: PoolTable;
  readonly #writer: PoolWriter;
  readonly #unsubscribe: () => void;
  #prediction: (Prediction & { readonly head: Hash; readonly membership: number }) | undefined;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#table = new PoolTable(deps.limits ?? POOL_LIMITS);
    this.#writer = new PoolWriter(deps.store, (key) => this.#table.get(key)?.record);
    this.#unsubscribe = deps.chain.onBlock.on((event) => this.#onBlock(event));
  }

  /**
   * Reads the stored pool and drops what became invalid while the node was off. Call once, before anything else.
   * `readOnly` keeps the stored pool as it is.
   */
  async load({ readOnly = false }: { readonly readOnly?: boolean } = {}): Promise<void> {
    for (const record of this.#deps.store.unconfirmed()) this.#table.add(this.#entryOf(record));
    if (readOnly) return;
    const invalid = await this.removeInvalid();
    const evicted = this.#table.evict();
    await this.#save(evicted);
    this.#deps.log.info({ size: this.size, removed: invalid.length + evicted.length }, "unconfirmed pool loaded");
  }

  /** Stops following the chain and waits for writes under way. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#writer.settle();
  }

  get size(): number {
    return this.#table.size;
  }

  /** Another one after every change of a record. */
  get revision(): number {
    return this.#table.revision;
  }

  has(id: Hash): boolean {
    return this.#table.has(hashHex(id));
  }

  get(id: Hash): UnconfirmedRecord | undefined {
    return this.#table.get(hashHex(id))?.record;
  }

  /** Every record, in txid byte order. */
  all(): readonly UnconfirmedRecord[] {
    return this.#table.records();
  }

  /** Ids of those without violation, in txid byte order. */
  validIds(): Hash[] {
    return this.all().flatMap((record) => (record.isValid ? [txid(record.txn)] : []));
  }

  /**
   * Takes a transaction from the network: a hard violation refuses it, a soft one only marks it. One that is known
   * gets new times. @throws RuleError (hard), ChainError POOL_FULL, StoreError
   */
  async injectFromPeer(txn: Transaction): Promise<PeerInjection> {
    const { chain, params } = this.#deps;
    const signers = await chain.signersOf(txn);
    const checked = chain.checkHardWith(txn, signers);
    const softError = violation(() => chain.checkSoft(txn, checked, params.unconfirmed));
    const known = await this.#admit(txn, checked, softError === undefined);
    return softError === undefined ? { known } : { known, softError };
  }

  /**
   * Takes a transaction of this node's user: user, hard and soft rules with the user's policy, any violation
   * refuses. `broadcast` runs after the checks and before it is stored: when it throws, nothing is stored.
   * @throws RuleError, ChainError POOL_FULL, StoreError, whatever `broadcast` throws
   */
  async injectFromUser(
    txn: Transaction,
    { broadcast }: { readonly broadcast?: (txn: Transaction) => void | Promise<void> } = {},
  ): Promise<UserInjection> {
    const { chain, params } = this.#deps;
    checkUser(txn);
    const signers = await chain.signersOf(txn);
    const check = () => {
      const checked = chain.checkHardWith(txn, signers);
      chain.checkSoft(txn, checked, params.user);
      return checked;
    };
    let checked = check();
    if (broadcast !== undefined) {
      await broadcast(txn);
      // A block may have taken it while peers were told. Then it is where it should be.
      if (chain.store.transaction(txid(txn)) !== undefined) return { ...checked, known: false };
      checked = check();
    }
    const known = await this.#admit(txn, checked, true);
    return { ...checked, known };
  }

  /**
   * Re-checks all; any violation marks one not valid. Returns those that became valid.
   * Differs: the time of the check is stored only with a change of validity, so that a full pool is not written
   * anew each minute.
   */
  async refresh(): Promise<Hash[]> {
    const { chain, params } = this.#deps;
    const becameValid: Hash[] = [];
    const turned: PoolEntry[] = [];
    await this.#forEach((key, entry, signers) => {
      const bad = violation(() => {
        const checked = chain.checkHardWith(entry.record.txn, signers);
        chain.checkSoft(entry.record.txn, checked, params.unconfirmed);
      });
      const isValid = bad === undefined;
      if (isValid !== entry.isValid) turned.push(entry);
      if (isValid && !entry.isValid) becameValid.push(entry.id);
      this.#table.renew(key, { ...entry.record, checked: this.#now(), isValid });
    });
    await this.#save(turned);
    return becameValid;
  }

  /** Drops those that violate a hard rule; returns them. */
  async removeInvalid(): Promise<Hash[]> {
    const { chain } = this.#deps;
    const removed: PoolEntry[] = [];
    await this.#forEach((key, entry, signers) => {
      if (violation(() => chain.checkHardWith(entry.record.txn, signers)) === undefined) return;
      this.#table.delete(key);
      removed.push(entry);
    });
    this.#changed([], removed);
    await this.#save(removed);
    return removed.map((entry) => entry.id);
  }

  /** Notes that peers were told, `ns` unix nanoseconds; only forward in time. Unknown ids are ignored. */
  async markAnnounced(ids: readonly Hash[], ns: bigint): Promise<void> {
    const marked: PoolEntry[] = [];
    for (const id of ids) {
      const key = hashHex(id);
      const entry = this.#table.get(key);
      if (entry === undefined || entry.record.announced >= ns) continue;
      this.#table.renew(key, { ...entry.record, announced: ns });
      marked.push(entry);
    }
    await this.#save(marked);
  }

  /** Outputs the pool would create, dated as if in the head block, transactions in txid order. */
  incoming(): readonly IdentifiedUxOut[] {
    return this.#predict().incoming;
  }

  /** Confirmed outputs the pool would spend, in the same order; one spent by two transactions appears twice. */
  outgoing(): readonly IdentifiedUxOut[] {
    return this.#predict().outgoing;
  }

  #predict(): Prediction {
    const { chain } = this.#deps;
    const { membership } = this.#table;
    const head = chain.head();
    const before = this.#prediction;
    if (before !== undefined && before.membership === membership && equalBytes(before.head, head.hash)) return before;
    const txns = this.all().map((record) => record.txn);
    this.#prediction = { ...predict(txns, chain.store, head), head: head.hash, membership };
    return this.#prediction;
  }

  /** Adds or updates; true when it was known. Nothing is awaited before memory holds it. */
  async #admit(txn: Transaction, checked: CheckedTransaction, isValid: boolean): Promise<boolean> {
    const id = txid(txn);
    const key = hashHex(id);
    const now = this.#now();
    const before = this.#table.get(key);
    if (before !== undefined) {
      this.#table.renew(key, { ...before.record, received: now, checked: now, isValid });
      // New times alone are not worth a synced write: a peer may send the same transaction all day.
      if (before.isValid === isValid) this.#writer.mark(key, id);
      else await this.#save([before]);
      return true;
    }
    // Detached: it came as part of a message that must not live as long as the pool keeps it.
    const record = { txn: detachTransaction(txn), received: now, checked: now, announced: NEVER_ANNOUNCED, isValid };
    const entry = this.#entryOf(record, checked);
    this.#table.add(entry);
    const evicted = this.#table.evict();
    if (evicted.includes(entry)) {
      // Whoever went before the newcomer itself had to go, went for nothing.
      for (const other of evicted) if (other !== entry) this.#table.add(other);
      throw new ChainError("POOL_FULL", "the unconfirmed pool is full of transactions that pay more", { txid: key });
    }
    this.#changed([entry], evicted);
    try {
      await this.#save([entry, ...evicted]);
    } catch (error) {
      if (this.#table.delete(key) !== undefined) this.#changed([], [entry]); // what cannot be kept was not accepted
      throw error;
    }
    return false;
  }

  #entryOf(record: UnconfirmedRecord, checked?: CheckedTransaction): PoolEntry {
    const { txn, received, isValid } = record;
    const size = transactionSize(txn);
    return { id: txid(txn), record, size, rate: this.#feeRate(txn, checked, size), received, isValid };
  }

  /** Hours burnt per byte; -1 when they cannot be computed, so that such a transaction goes first. */
  #feeRate(txn: Transaction, checked: CheckedTransaction | undefined, size: number): number {
    const { chain } = this.#deps;
    const inputs = checked?.inputs ?? txn.inputs.map((id) => chain.store.unspent(id));
    if (!inputs.every((ux) => ux !== undefined)) return -1;
    let fee = -1n;
    violation(() => {
      fee = transactionFee(txn, inputs, (checked?.head ?? chain.head()).time);
    });
    return fee < 0n ? -1 : Number(fee) / size;
  }

  /** Every entry with its signers, in slices that leave room for other work; those gone meanwhile are skipped. */
  async #forEach(visit: (key: HashHex, entry: PoolEntry, signers: Signers) => void): Promise<void> {
    const keys = this.#table.keys();
    for (let from = 0; from < keys.length; from += SLICE) {
      if (from > 0) await new Promise<void>((resolve) => this.#deps.clock.after(0, resolve));
      const slice = keys.slice(from, from + SLICE).filter((key) => this.#table.has(key));
      const txns = slice.map((key) => (this.#table.get(key) as PoolEntry).record.txn);
      const signers = await this.#deps.chain.recoverSigners(txns);
      slice.forEach((key, i) => {
        const entry = this.#table.get(key);
        if (entry !== undefined) visit(key, entry, signers[i] as Signers);
      });
    }
  }

  #onBlock({ change }: BlockEvent): void {
    if (this.#table.size === 0) return; // every block of a catch-up passes here
    const removed = change.txids.flatMap((id) => this.#table.delete(hashHex(id)) ?? []);
    if (removed.length === 0) return;
    this.#changed([], removed);
    // Not awaited: what stays stored by a failure is dropped at the next start, its inputs being spent.
    this.#save(removed).catch((error) => {
      this.#deps.log.warn({ error: errorText(error) }, "confirmed transactions stay in the stored pool");
    });
  }

  #changed(added: readonly PoolEntry[], removed: readonly PoolEntry[]): void {
    if (added.length + removed.length === 0) return;
    this.onChange.emit({ added: added.map((entry) => entry.id), removed: removed.map((entry) => entry.id) });
  }

  async #save(entries: Iterable<PoolEntry>): Promise<void> {
    const ids = [...entries].map((entry) => [hashHex(entry.id), entry.id] as const);
    if (ids.length > 0) await this.#writer.save(ids);
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#deps.clock.nowMs())) * 1_000_000n;
  }
}

/** The rule a check violates, if any; other errors pass through. */
function violation(check: () => unknown): RuleError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
}
