import { availableParallelism } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { assert, errorText } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import {
  RECOVERY_RECORD_BYTES,
  RECOVERY_RESULT_BYTES,
  recoverRecords,
  type SignatureRecovery,
} from "../chain/signatures.ts";
import { NativeError } from "./errors.ts";
import { type BackendKind, installedBackend } from "./install.ts";

export interface RecoveryPoolOptions {
  /** Threads to recover on. Default: one a core, 4 at most; a core is about 14,000 signatures a second. */
  readonly workers?: number;
  /** Backend of the threads. Default: the kind installed here, so both sides give the same name in the log. */
  readonly backend?: BackendKind;
  /** Signatures that may wait before a further call is refused. Default 65,536: 6 MiB, some 3 seconds of work. */
  readonly waitingMax?: number;
  /** The thread's program; tests put a failing one here. */
  readonly program?: URL;
}

export interface RecoveryPoolDeps {
  readonly log?: Logger;
}

/** Below this a thread's round trip costs more than the work. */
const INLINE_BELOW = 4;
/** Signatures in one message to a thread: fewer waste messages, more keep the other threads idle at the end. */
const BATCH_MIN = 8;
const BATCH_MAX = 256;
/** Batches given to a thread ahead of its answers, so that it never waits for the event loop here. */
const AHEAD_MAX = 2;
/** Threads lost in a row, without one answer between, after which this thread does all work itself. */
const LOSSES_MAX = 3;

interface Call {
  readonly results: Uint8Array;
  /** Batches not yet answered. */
  open: number;
  readonly resolve: (results: Uint8Array) => void;
  readonly reject: (reason: unknown) => void;
}

interface Batch {
  readonly call: Call;
  readonly records: Uint8Array;
  /** Index of the first record in its call. */
  readonly first: number;
}

interface Thread {
  readonly worker: Worker;
  /** Given and unanswered, oldest first: a thread answers in order. */
  readonly given: Batch[];
}

/**
 * `SignatureRecovery` over worker threads. Threads start with the first work, do not keep the process alive while
 * idle, and are replaced when lost, their work done again. Few signatures at once are recovered on this thread.
 */
export class RecoveryPool implements SignatureRecovery {
  readonly name: string;
  readonly #options: Required<RecoveryPoolOptions>;
  readonly #log: Logger;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Batch[] = [];
  #waitingRecords = 0;
  #lossesInARow = 0;
  #working = false;
  #closed = false;

  constructor(options: RecoveryPoolOptions = {}, deps: RecoveryPoolDeps = {}) {
    this.#options = {
      workers: options.workers ?? Math.max(1, Math.min(availableParallelism(), 4)),
      backend: options.backend ?? installedBackend()?.kind ?? "noble",
      waitingMax: options.waitingMax ?? 65_536,
      program: options.program ?? new URL("../native/recovery-worker.js", import.meta.url),
    };
    this.#log = deps.log ?? silentLogger;
    this.name = `${this.#options.workers} recovery threads (${this.#options.backend})`;
  }

  /** @throws NativeError RECOVERY_QUEUE_FULL while more than `waitingMax` signatures wait; RECOVERY_CLOSED */
  async recover(records: Uint8Array): Promise<Uint8Array> {
    assert(records.length % RECOVERY_RECORD_BYTES === 0, "whole recovery records");
    if (this.#closed) throw closedError();
    const count = records.length / RECOVERY_RECORD_BYTES;
    if (count < INLINE_BELOW) return recoverRecords(records);
    if (this.#waitingRecords > this.#options.waitingMax)
      throw new NativeError("RECOVERY_QUEUE_FULL", "too many signatures wait", { waiting: this.#waitingRecords });
    return new Promise((resolve, reject) => {
      this.#enqueue(records, count, { resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads. Calls still open reject with RECOVERY_CLOSED. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const batch of [...threads.flatMap((thread) => thread.given), ...this.#waiting.splice(0)])
      batch.call.reject(closedError());
    this.#waitingRecords = 0;
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #enqueue(records: Uint8Array, count: number, { resolve, reject }: Pick<Call, "resolve" | "reject">): void {
    const size = Math.min(BATCH_MAX, Math.max(BATCH_MIN, Math.ceil(count / this.#options.workers)));
    const results = new Uint8Array(count * RECOVERY_RESULT_BYTES);
    const call: Call = { results, open: Math.ceil(count / size), resolve, reject };
    for (let first = 0; first < count; first += size) {
      const part = records.subarray(first * RECOVERY_RECORD_BYTES, (first + size) * RECOVERY_RECORD_BYTES);
      this.#waiting.push({ call, records: part, first });
    }
    this.#waitingRecords += count;
  }

  /** Gives waiting batches to the least busy threads, starting threads as long as there is work for them. */
  #dispatch(): void {
    if (this.#lossesInARow >= LOSSES_MAX) {
      void this.#workHere();
      return;
    }
    while (this.#waiting.length > 0) {
      const thread = this.#freeThread();
      if (thread === undefined) return;
      this.#give(thread, this.#takeWaiting());
    }
  }

  #freeThread(): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#threads)
      if (best === undefined || thread.given.length < best.given.length) best = thread;
    if (best !== undefined && best.given.length === 0) return best;
    if (this.#threads.size < this.#options.workers) return this.#startThread();
    return best !== undefined && best.given.length < AHEAD_MAX ? best : undefined;
  }

  #takeWaiting(): Batch {
    const batch = this.#waiting.shift() as Batch;
    this.#waitingRecords -= batch.records.length / RECOVERY_RECORD_BYTES;
    return batch;
  }

  #startThread(): Thread {
    const worker = new Worker(this.#options.program, {
      name: "signature-recovery",
      workerData: { backend: this.#options.backend },
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }, // its garbage is small and short-lived
    });
    const thread: Thread = { worker, given: [] };
    this.#threads.add(thread);
    worker.on("message", (results: ArrayBuffer) => this.#answered(thread, new Uint8Array(results)));
    let failure: unknown;
    worker.on("error", (error) => {
      failure = error; // "exit" follows
    });
    worker.on("exit", (code) => this.#lost(thread, failure ?? `exit code ${code}`));
    return thread;
  }

  /** A thread keeps the process alive exactly while it owes an answer. */
  #give(thread: Thread, batch: Batch): void {
    if (thread.given.length === 0) thread.worker.ref();
    thread.given.push(batch);
    const copy = batch.records.slice().buffer; // the original stays here, for another try if the thread is lost
    thread.worker.postMessage(copy, [copy]);
  }

  #answered(thread: Thread, results: Uint8Array): void {
    if (!this.#threads.has(thread)) return;
    this.#lossesInARow = 0;
    const batch = thread.given.shift() as Batch;
    if (thread.given.length === 0) thread.worker.unref();
    finish(batch, results);
    this.#dispatch();
  }

  #lost(thread: Thread, reason: unknown): void {
    if (!this.#threads.delete(thread)) return; // closed
    this.#lossesInARow++;
    this.#log.warn({ reason: errorText(reason), redone: thread.given.length }, "signature recovery thread lost");
    this.#waiting.unshift(...thread.given);
    for (const batch of thread.given) this.#waitingRecords += batch.records.length / RECOVERY_RECORD_BYTES;
    if (this.#lossesInARow === LOSSES_MAX)
      this.#log.error({ losses: LOSSES_MAX }, "signature recovery threads keep failing, working without them");
    this.#dispatch();
  }

  /** The waiting batches one by one, letting the event loop turn between them. */
  async #workHere(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeWaiting();
      try {
        finish(batch, recoverRecords(batch.records));
      } catch (error) {
        batch.call.reject(error); // what three threads died of
      }
      await turn();
    }
    this.#working = false;
  }
}

function finish({ call, first }: Batch, results: Uint8Array): void {
  call.results.set(results, first * RECOVERY_RESULT_BYTES);
  call.open--;
  if (call.open === 0) call.resolve(call.results);
}

function closedError(): NativeError {
  return new NativeError("RECOVERY_CLOSED", "signature recovery is closed");
}
