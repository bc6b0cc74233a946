import type { Clock } from "../base/clock.ts";
import type { Rate } from "./limits.ts";

/** Allows `perSecond` on average and `burst` at once. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#atMs = clock.monotonicMs();
  }

  /** Takes `n` when they are there. */
  take(n = 1): boolean {
    this.#refill();
    if (this.#tokens < n) return false;
    this.#tokens -= n;
    return true;
  }

  /** Takes `n` whether or not they are there: what has already arrived cannot be refused, only slowed down. */
  spend(n: number): void {
    this.#refill();
    this.#tokens -= n;
  }

  /** Milliseconds until a token is there; 0 when one is. */
  get waitMs(): number {
    this.#refill();
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rate.perSecond);
  }

  #refill(): void {
    const now = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#atMs) * this.#rate.perSecond) / 1000);
    this.#atMs = now;
  }
}
