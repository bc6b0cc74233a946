import type { Clock } from "../../src/base/clock.ts";

interface Timer {
  readonly due: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** A clock that moves only when told, and runs what falls due in order. */
export class VirtualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  /** A binary heap; those cancelled stay in it until their time. */
  readonly #timers: Timer[] = [];
  #waiting = 0;
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
    const timer: Timer = { due: this.#monotonicMs + ms, order: this.#order++, run };
    this.#push(timer);
    this.#waiting++;
    return () => {
      if (timer.run !== undefined) this.#waiting--;
      timer.run = undefined;
    };
  }

  /** Timers waiting. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Moves both clocks by `ms`; promises started by a timer get their turn before the next timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonicMs + ms;
    for (;;) {
      await settle();
      const next = this.#nextBefore(until);
      if (next === undefined) break;
      const { due, run } = next;
      next.run = undefined;
      this.#waiting--;
      this.#move(due);
      run?.();
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

  /** Takes the first timer out of the heap that is due by then and not cancelled. */
  #nextBefore(until: number): Timer | undefined {
    const heap = this.#timers;
    for (let first = heap[0]; first !== undefined && first.due <= until; first = heap[0]) {
      const last = heap.pop() as Timer;
      if (last !== first) this.#sink(last);
      if (first.run !== undefined) return first;
    }
    return undefined;
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (isBefore(heap[above] as Timer, timer)) break;
      heap[at] = heap[above] as Timer;
      at = above;
    }
    heap[at] = timer;
  }

  /** Puts the timer in the place of the first. */
  #sink(timer: Timer): void {
    const heap = this.#timers;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Timer, heap[below] as Timer)) below++;
      if (isBefore(timer, heap[below] as Timer)) break;
      heap[at] = heap[below] as Timer;
      at = below;
    }
    heap[at] = timer;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** Lets promise chains of some depth run out. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}
