import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricsText, Sample } from "./metrics-text.ts";

const QUANTILES = [0.5, 0.9, 0.99] as const;
const RESOLUTION_MS = 10;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;

/** Processor, memory and event loop of this process. The delay's quantiles are those since the last time asked. */
export class ProcessMetrics {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  /** Measures until `stop`; does not keep the process alive. */
  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  write(text: MetricsText): void {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    text
      .counter("process_cpu_seconds_total", "User and system CPU time spent.", (user + system) / US_PER_SECOND)
      .gauge("process_resident_memory_bytes", "Resident memory.", memory.rss)
      .gauge("process_start_time_seconds", "Start of the process, unix time.", Date.now() / 1000 - process.uptime())
      .gauge("nodejs_heap_size_total_bytes", "Heap taken from the system.", memory.heapTotal)
      .gauge("nodejs_heap_size_used_bytes", "Heap in use.", memory.heapUsed)
      .gauge("nodejs_external_memory_bytes", "Memory outside the heap that objects hold.", memory.external)
      .gauge("nodejs_eventloop_delay_seconds", "Delay of timers since the last scrape.", this.#quantiles());
    this.#delay.reset();
  }

  #quantiles(): Sample[] {
    // Before the first tick the histogram has no values: its largest is 0 then, its percentiles are not.
    const seconds = (ns: number): number =>
      this.#delay.max === 0 ? 0 : Math.max(0, ns / NS_PER_SECOND - RESOLUTION_MS / 1000);
    const quantiles = QUANTILES.map((q): Sample => [{ quantile: q }, seconds(this.#delay.percentile(q * 100))]);
    return [...quantiles, [{ quantile: 1 }, seconds(this.#delay.max)]];
  }
}
