/**
 * The login service's time. Lifetimes are measured on a clock that only the passing of time moves; the wall clock
 * counts where that one has been reset, and is what is shown.
 */
export interface LoginClock {
  /** Unix milliseconds. May jump. */
  nowMs(): number;
  /** Milliseconds since something fixed by `epoch`; never goes back. */
  monotonicMs(): number;
  /** Names the start of the monotonic clock: the same text means the same start, over restarts of the process. */
  readonly epoch: string;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

/** A moment in the future as it was when made; JSON. */
export interface Deadline {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly epoch: string;
  /** How far ahead it was. */
  readonly lifetimeMs: number;
}

export function deadlineIn(clock: LoginClock, lifetimeMs: number): Deadline {
  return {
    wallMs: clock.nowMs() + lifetimeMs,
    monotonicMs: clock.monotonicMs() + lifetimeMs,
    epoch: clock.epoch,
    lifetimeMs,
  };
}

/**
 * Milliseconds left, 0 when past. Within one epoch the wall clock plays no part. After the machine was started
 * again the wall clock decides; one that stands before the deadline was even set proves nothing, so that counts as past.
 */
export function remainingMs(deadline: Deadline, clock: LoginClock): number {
  if (deadline.epoch === clock.epoch) return Math.max(0, deadline.monotonicMs - clock.monotonicMs());
  const left = deadline.wallMs - clock.nowMs();
  return left > deadline.lifetimeMs ? 0 : Math.max(0, left);
}

export function isPast(deadline: Deadline, clock: LoginClock): boolean {
  return remainingMs(deadline, clock) === 0;
}
