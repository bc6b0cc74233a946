import type { Clock } from "../base/clock.ts";
import type { PreparedBlock } from "../chain/check-block.ts";
import { RuleError } from "../chain/rules.ts";
import type { SyncChain, Turn } from "./deps.ts";
import type { Limits } from "./limits.ts";
import type { HeldBlock, SyncWindow } from "./sync-window.ts";

export interface BlockPipelineDeps {
  readonly chain: SyncChain;
  readonly clock: Clock;
  readonly turn: Turn;
  /** Blocks have become durable. */
  readonly advanced: () => void;
  /** A block broke a rule. Nothing of it, and nothing `behind` it, stays in the pipeline. */
  readonly rejected: (held: HeldBlock, error: RuleError, behind: readonly HeldBlock[]) => void;
  /** Recovery or the disk failed; the pipeline is empty. */
  readonly failed: (error: unknown) => void;
  /** It can take more. */
  readonly room: () => void;
}

/** Consecutive blocks whose signatures are recovered together. */
interface Batch {
  readonly held: readonly HeldBlock[];
  prepared: PreparedBlock[] | undefined;
  failure: { readonly cause: unknown } | undefined;
  /** Settles when either of the two is set; never rejects. */
  readonly done: Promise<void>;
  /** How many are staged. */
  staged: number;
}

/** Blocks in one recovery call at most, however few signatures they carry. */
const BATCH_BLOCKS_MAX = 256;

/**
 * From blocks in order to blocks on disk: signatures of several batches are recovered while blocks before them are
 * checked, and checking goes on while others are written. One write takes many blocks while more are coming, a lone
 * block at the tip is written at once. No turn of the event loop holds more than a few blocks (B6).
 */
export class BlockPipeline {
  readonly #limits: Limits;
  readonly #deps: BlockPipelineDeps;
  readonly #abort = new AbortController();
  #batches: Batch[] = [];
  #nextSeq: number;
  #applying: Promise<void> | undefined;

  constructor(limits: Limits, deps: BlockPipelineDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#nextSeq = deps.chain.stagedHead().seq + 1;
  }

  /** The first block not in the pipeline and not in the chain. */
  get nextSeq(): number {
    // Somebody else may have written while nothing was under way here: a publisher its own block.
    if (this.isIdle) this.#nextSeq = this.#deps.chain.stagedHead().seq + 1;
    return this.#nextSeq;
  }

  get isIdle(): boolean {
    return this.#batches.length === 0 && this.#applying === undefined;
  }

  /** Takes what the window holds in order, as far as there is room. */
  feed(window: SyncWindow): void {
    if (this.#abort.signal.aborted) return;
    let next = this.nextSeq;
    while (this.#batches.length < this.#limits.syncPreparesOpen) {
      const held = takeBatch(window, next, this.#limits.syncPrepareSignatures);
      if (held.length === 0) break;
      next += held.length;
      this.#nextSeq = next;
      this.#prepare(held);
    }
  }

  /** Waits for what is being written; the rest is forgotten. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#batches = [];
    await this.#applying;
  }

  #prepare(held: readonly HeldBlock[]): void {
    const { signal } = this.#abort;
    const blocks = held.map(({ block }) => block);
    const done = this.#deps.chain.prepare(blocks, { signal }).then(
      (prepared) => {
        batch.prepared = prepared;
      },
      (cause: unknown) => {
        batch.failure = { cause };
      },
    );
    const batch: Batch = { held, prepared: undefined, failure: undefined, done, staged: 0 };
    this.#batches.push(batch);
    void done.then(() => this.#apply());
  }

  #apply(): void {
    if (this.#applying !== undefined || this.#batches.length === 0 || this.#abort.signal.aborted) return;
    const { chain } = this.#deps;
    this.#applying = chain
      .exclusive(() => this.#applyAll())
      .then(
        () => this.#applied(),
        (error: unknown) => {
          this.#reset();
          this.#applied();
          if (!this.#abort.signal.aborted) this.#deps.failed(error);
        },
      );
  }

  #applied(): void {
    this.#applying = undefined;
    if (this.#abort.signal.aborted) return;
    this.#apply();
    this.#deps.room();
  }

  /** Stages and writes until nothing is left. Runs as the chain's only writer. */
  async #applyAll(): Promise<void> {
    const { chain, clock, turn } = this.#deps;
    const { syncFlushBlocks, syncFlushMs, syncStagedMax } = this.#limits;
    const writing = new Writing(chain, this.#deps.advanced);
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      if (batch.prepared === undefined && batch.failure === undefined) {
        // The wait is a chance to write what is there.
        if (writing.isWorthwhile(1, syncFlushMs, clock.monotonicMs())) writing.begin();
        await batch.done;
        continue;
      }
      if (batch.failure !== undefined) throw batch.failure.cause;
      writing.count(this.#stageSome(batch), clock.monotonicMs());
      if (writing.isWorthwhile(syncFlushBlocks, syncFlushMs, clock.monotonicMs())) writing.begin();
      if (writing.unwritten >= syncStagedMax) await writing.idle();
      if (this.#batches.length > 0) await turn();
    }
    await writing.finish();
  }

  /** One turn's worth of a batch; returns how many blocks were staged. A batch that is done leaves the line. */
  #stageSome(batch: Batch): number {
    const { chain, clock } = this.#deps;
    const { turnBlocks, turnTransactions, turnMs } = this.#limits;
    const prepared = batch.prepared as PreparedBlock[];
    const until = clock.monotonicMs() + turnMs;
    let staged = 0;
    let transactions = 0;
    while (batch.staged < prepared.length) {
      const block = prepared[batch.staged] as PreparedBlock;
      const { seq } = block.block.header;
      const headSeq = chain.stagedHead().seq;
      if (seq > headSeq + 1) {
        this.#reset(); // a failed write took the blocks before it
        return staged;
      }
      if (seq === headSeq + 1) {
        const error = violation(() => chain.stagePrepared(block));
        if (error !== undefined) {
          const [refused, ...behind] = this.#batches.flatMap(({ held, staged }) => held.slice(staged));
          this.#reset();
          this.#deps.rejected(refused as HeldBlock, error, behind);
          return staged;
        }
        const { from } = batch.held[batch.staged] as HeldBlock;
        from.height = Math.max(from.height, seq);
        staged++;
        transactions += block.block.transactions.length;
      }
      batch.staged++;
      if (staged >= turnBlocks || transactions >= turnTransactions || clock.monotonicMs() >= until) break;
    }
    if (batch.staged === prepared.length) {
      this.#batches.shift();
      this.#deps.room();
    }
    return staged;
  }

  #reset(): void {
    this.#batches = [];
    this.#nextSeq = this.#deps.chain.stagedHead().seq + 1;
  }
}

/** Writes one after the other, while staging goes on. */
class Writing {
  readonly #chain: SyncChain;
  readonly #advanced: () => void;
  #running: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #sinceMs = 0;
  /** Staged and not yet handed to a write. */
  unwritten = 0;

  constructor(chain: SyncChain, advanced: () => void) {
    this.#chain = chain;
    this.#advanced = advanced;
  }

  count(blocks: number, nowMs: number): void {
    if (blocks > 0 && this.unwritten === 0) this.#sinceMs = nowMs;
    this.unwritten += blocks;
  }

  isWorthwhile(blocks: number, ms: number, nowMs: number): boolean {
    if (this.#running !== undefined || this.unwritten === 0) return false;
    return this.unwritten >= blocks || nowMs - this.#sinceMs >= ms;
  }

  begin(): void {
    this.unwritten = 0;
    this.#running = this.#chain.flush().then(
      () => {
        this.#running = undefined;
        this.#advanced();
      },
      (cause: unknown) => {
        this.#running = undefined;
        this.#failure = { cause };
      },
    );
  }

  /** @throws what a write failed with */
  async idle(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  async finish(): Promise<void> {
    await this.idle();
    if (this.unwritten > 0) {
      this.begin();
      await this.idle();
    }
  }
}

function takeBatch(window: SyncWindow, from: number, signaturesMax: number): HeldBlock[] {
  const held: HeldBlock[] = [];
  let signatures = 0;
  for (let seq = from; signatures < signaturesMax && held.length < BATCH_BLOCKS_MAX; seq++) {
    const next = window.take(seq);
    if (next === undefined) break;
    held.push(next);
    signatures++;
    for (const txn of next.block.transactions) signatures += txn.sigs.length;
  }
  return held;
}

function violation(check: () => void): RuleError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
}
