/** The only source of time. `system-clock` in the node, virtual ones in tests and the simulator. */
export interface Clock {
  /** Wall clock, unix milliseconds. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Calls back once after `ms`; the returned function cancels. Timers never keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** Whole unix seconds of a clock: what block times are made of. */
export function unixSeconds(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000);
}
