import type { Emitter } from "../base/emitter.ts";
import type { LoginClock } from "./deadline.ts";
import type { LoginEvent } from "./service.ts";

const MINUTE_MS = 60_000;
const MINUTES = 60;

/**
 * Logins of the last hour, by the minute, on the monotonic clock. From the start of the process on. A login is a
 * session that began: a proof nobody claimed has signed nobody in.
 */
export class LoginRate {
  readonly #clock: Pick<LoginClock, "monotonicMs">;
  readonly #byMinute = new Map<number, number>();

  constructor(onEvent: Emitter<LoginEvent>, clock: Pick<LoginClock, "monotonicMs">) {
    this.#clock = clock;
    onEvent.on(({ type }) => {
      if (type === "login.session") this.#count();
    });
  }

  /** Oldest first; the last one has only begun. */
  perMinute(): readonly number[] {
    const first = this.#minute() - MINUTES + 1;
    return Array.from({ length: MINUTES }, (_, i) => this.#byMinute.get(first + i) ?? 0);
  }

  #count(): void {
    const minute = this.#minute();
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + 1);
    for (const old of this.#byMinute.keys()) if (old <= minute - MINUTES) this.#byMinute.delete(old);
  }

  #minute(): number {
    return Math.floor(this.#clock.monotonicMs() / MINUTE_MS);
  }
}
