import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { CoinError, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export class ProfilingError extends CoinError<"PROFILING_LISTEN"> {}

/** What the thread is given. */
export interface ProfilingOrder {
  readonly address: string;
  readonly port: number;
  readonly argv: readonly string[];
  /** `VITALS` in their order, written by the main thread. */
  readonly vitals: SharedArrayBuffer;
}

/** Signs of life of the main thread: the thread reads them while that one is busy. */
export const VITALS = ["beat_ms", "rss_bytes", "heap_used_bytes", "heap_total_bytes", "external_bytes"] as const;

const PROGRAM = new URL("../node/profiling-worker.js", import.meta.url);
const BEAT_MS = 100;

/**
 * `/debug/pprof/` on a listener of its own, in a thread of its own: it answers while the node is busy, which is when
 * it is wanted, and watches the main thread through V8's inspector. Off unless asked for.
 */
export class Profiling {
  readonly url: string;
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #vitals: Float64Array;
  #cancel: (() => void) | undefined;

  private constructor(url: string, worker: Worker, vitals: Float64Array, clock: Clock) {
    this.url = url;
    this.#worker = worker;
    this.#vitals = vitals;
    this.#clock = clock;
  }

  /** @throws ProfilingError PROFILING_LISTEN */
  static async start(
    { address, port }: Pick<ProfilingOrder, "address" | "port">,
    { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ): Promise<Profiling> {
    const vitals = new SharedArrayBuffer(VITALS.length * Float64Array.BYTES_PER_ELEMENT);
    const order: ProfilingOrder = { address, port, argv: process.argv, vitals };
    const worker = new Worker(PROGRAM, { name: "profiling", workerData: order });
    try {
      const [bound] = (await once(worker, "message")) as [{ readonly port: number }];
      const url = `http://${address.includes(":") ? `[${address}]` : address}:${bound.port}/debug/pprof/`;
      log.info({ url }, "profiling");
      worker.on("error", (error) => log.error({ error: errorText(error) }, "profiling has ended"));
      worker.unref();
      const profiling = new Profiling(url, worker, new Float64Array(vitals), clock);
      profiling.#beat();
      return profiling;
    } catch (cause) {
      await worker.terminate();
      const taken = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
      const reason = taken ? "the port is taken. Choose another with -http-prof-host" : errorText(cause);
      const message = `cannot listen for profiling on ${address}:${port}: ${reason}`;
      throw new ProfilingError("PROFILING_LISTEN", message, { address, port }, { cause });
    }
  }

  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#worker.terminate();
  }

  #beat(): void {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    this.#vitals.set([this.#clock.nowMs(), rss, heapUsed, heapTotal, external]);
    this.#cancel = this.#clock.after(BEAT_MS, () => this.#beat());
  }
}
