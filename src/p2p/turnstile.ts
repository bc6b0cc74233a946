import type { Clock } from "../base/clock.ts";
import type { Turn } from "./deps.ts";

/** Somebody with items waiting. */
export interface Waiting {
  /** Handles one; false when there is none to handle now. Never throws. */
  handleOne(): boolean;
}

export interface TurnstileOptions {
  /** Longest run before other work gets its turn. */
  readonly turnMs: number;
  readonly turnFrames: number;
}

/** Lets sources in one after the other, one item each, and yields to the event loop between runs: nobody starves. */
export class Turnstile {
  readonly #options: TurnstileOptions;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #sources = new Set<Waiting>();
  #running = false;

  constructor(options: TurnstileOptions, deps: { readonly clock: Clock; readonly turn: Turn }) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#turn = deps.turn;
  }

  /** The source has something: at once when nobody is being served, else in turn. */
  ready(source: Waiting): void {
    this.#sources.add(source);
    if (this.#running) return;
    this.#running = true;
    this.#run();
  }

  #run(): void {
    const until = this.#clock.monotonicMs() + this.#options.turnMs;
    let handled = 0;
    for (const source of this.#sources) {
      this.#sources.delete(source);
      // Back to the end of the line: a Set iterates what is added meanwhile.
      if (source.handleOne()) this.#sources.add(source);
      handled++;
      if (handled >= this.#options.turnFrames || this.#clock.monotonicMs() >= until) break;
    }
    if (this.#sources.size === 0) {
      this.#running = false;
      return;
    }
    void this.#turn().then(() => this.#run());
  }
}
