import type { Clock } from "../../base/clock.ts";
import { statusOf } from "../../login/challenge.ts";
import type { LoginService } from "../../login/service.ts";

/** Proved logins in each of the last minutes: what the plot shows. How many in all is `challenges.counts()`. */
export class LoginTally {
  readonly #minutes: number;
  readonly #byMinute = new Map<number, number>();

  constructor(login: Pick<LoginService, "onEvent"> | undefined, clock: Clock, minutes: number) {
    this.#minutes = minutes;
    login?.onEvent.on((event) => {
      if (event.type === "login.status" && statusOf(event.challenge) === "confirmed") this.#add(clock.nowMs());
    });
  }

  /** Oldest first. */
  perMinute(nowSeconds: number): number[] {
    const last = Math.floor(nowSeconds / 60);
    return Array.from({ length: this.#minutes }, (_, i) => this.#byMinute.get(last - this.#minutes + 1 + i) ?? 0);
  }

  #add(nowMs: number): void {
    const minute = Math.floor(nowMs / 60_000);
    this.#byMinute.set(minute, (this.#byMinute.get(minute) ?? 0) + 1);
    for (const old of this.#byMinute.keys()) if (old <= minute - this.#minutes) this.#byMinute.delete(old);
  }
}
