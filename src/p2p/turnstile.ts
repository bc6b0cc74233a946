import type { Clock } from "../base/clock.ts";
import type { Turn } from "./deps.ts";

/** Somebody with items waiting. */
export interface Waiting {
  /** Handles one; false when there is none to handle now. Never throws. */
  handleOne(): boolean;
}

export interface TurnstileOptions {
  /** Time taken of one round of the event loop. */
  readonly roundMs: number;
  readonly turnFrames: number;
}

interface Round {
  readonly untilMs: number;
  handled: number;
  /** Resolves when the next one may begin. */
  readonly over: Promise<void>;
}

/**
 * Lets sources in one after the other, one item each. However many become ready in one round of the event loop, what
 * is done for them in it is bounded, and a full round is followed by a pause of the same length: hundreds of busy
 * peers have half of the thread at most, and the loop goes round often enough to accept newcomers.
 */
export class Turnstile {
  readonly #options: TurnstileOptions;
  readonly #clock: Clock;
  readonly #turn: Turn;
  readonly #sources = new Set<Waiting>();
  #round: Round | undefined;
  #running = false;

  constructor(options: TurnstileOptions, deps: { readonly clock: Clock; readonly turn: Turn }) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#turn = deps.turn;
  }

  /** The source has something: it is handled at once while there is time in this round, else in turn. */
  ready(source: Waiting): void {
    this.#sources.add(source);
    if (!this.#running) this.#run();
  }

  /** For work that is no source's: goes on at once while there is time in this round, else in one of the next. */
  async pass(): Promise<void> {
    while (this.#isSpent) await this.#present().over;
    this.#present().handled++;
  }

  get #isSpent(): boolean {
    const { untilMs, handled } = this.#present();
    return handled >= this.#options.turnFrames || this.#clock.monotonicMs() >= untilMs;
  }

  #present(): Round {
    this.#round ??= {
      untilMs: this.#clock.monotonicMs() + this.#options.roundMs,
      handled: 0,
      over: this.#turn()
        .then(() => (this.#isSpent ? this.#rest() : undefined))
        .then(() => {
          this.#round = undefined;
          if (this.#sources.size > 0) this.#run();
        }),
    };
    return this.#round;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(this.#options.roundMs, resolve));
  }

  #run(): void {
    this.#running = true;
    for (const source of this.#sources) {
      if (this.#isSpent) break;
      this.#present().handled++;
      this.#sources.delete(source);
      // Back to the end of the line: a Set iterates what is added meanwhile.
      if (source.handleOne()) this.#sources.add(source);
    }
    this.#running = false;
  }
}
