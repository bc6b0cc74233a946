import type { Clock } from "../base/clock.ts";
import { clientKey } from "./client-key.ts";

export interface GuessLimits {
  readonly windowMs: number;
  /** Wrong passwords of one client within the window. */
  readonly guessesMax: number;
  /** The same for loopback: a reverse proxy brings everybody's, and its operator's mistakes must not lock everybody out. */
  readonly guessesLoopbackMax: number;
  /** Clients remembered; beyond it the oldest are forgotten. */
  readonly clientsMax: number;
}

export const GUESS_LIMITS: GuessLimits = {
  windowMs: 60_000,
  guessesMax: 10,
  guessesLoopbackMax: 100,
  clientsMax: 10_000,
};

/** Slows down who tries passwords. Each client has so many wrong ones per window, then not even the right one passes. */
export class GuessLimit {
  readonly #limits: GuessLimits;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #clients = new Map<string, { readonly since: number; count: number }>();

  constructor(limits: GuessLimits, clock: Pick<Clock, "monotonicMs">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Seconds until this client may try again; 0 when it may now. */
  waitSeconds(address: string | undefined): number {
    if (this.#clients.size === 0) return 0;
    const key = keyOf(address);
    const entry = this.#clients.get(key);
    if (entry === undefined) return 0;
    const left = entry.since + this.#limits.windowMs - this.#clock.monotonicMs();
    if (left <= 0) {
      this.#clients.delete(key);
      return 0;
    }
    const max = key === LOOPBACK ? this.#limits.guessesLoopbackMax : this.#limits.guessesMax;
    return entry.count < max ? 0 : Math.ceil(left / 1000);
  }

  wrong(address: string | undefined): void {
    const key = keyOf(address);
    const entry = this.#clients.get(key);
    if (entry !== undefined) {
      entry.count++;
      return;
    }
    this.#clients.set(key, { since: this.#clock.monotonicMs(), count: 1 });
    if (this.#clients.size <= this.#limits.clientsMax) return;
    this.#clients.delete(this.#clients.keys().next().value as string);
  }
}

const LOOPBACK = "loopback";

function keyOf(address: string | undefined): string {
  return clientKey(address, true) ?? LOOPBACK;
}
