import type { Clock } from "../../src/base/clock.ts";

/** A clock that moves only when told, and runs what falls due in order. */
export class VirtualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #timers: { due: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#monotonicMs + ms, order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers waiting. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves both clocks by `ms`; promises started by a timer get their turn before the next timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonicMs + ms;
    for (;;) {
      await settle();
      const [next] = this.#timers
        .filter((timer) => timer.due <= until)
        .sort((a, b) => a.due - b.due || a.order - b.order);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#move(next.due);
      next.run();
    }
    this.#move(until);
    await settle();
  }

  /** Only the wall clock: a correction by the operator or by NTP. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  #move(to: number): void {
    this.#wallMs += to - this.#monotonicMs;
    this.#monotonicMs = to;
  }
}

/** Lets promise chains of some depth run out. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
