import type { Emitter } from "../base/emitter.ts";
import type { LoginClock } from "./deadline.ts";
import type { LoginEvent } from "./service.ts";

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

/** Logins of the last hour, by the minute, on the monotonic clock. From the start of the process on. */
export class LoginRate {
  readonly #clock: Pick<LoginClock, "monotonicMs">;
  readonly #minutes = new Map<number, number>();

  constructor(onEvent: Emitter<LoginEvent>, clock: Pick<LoginClock, "monotonicMs">) {
    this.#clock = clock;
    onEvent.on((event) => this.#count(event));
  }

  lastHour(): number {
    this.#drop();
    return [...this.#minutes.values()].reduce((sum, count) => sum + count, 0);
  }

  #count(event: LoginEvent): void {
    if (event.type !== "login.session") return;
    this.#drop();
    const minute = this.#minute();
    this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + 1);
  }

  #drop(): void {
    for (const minute of this.#minutes.keys()) {
      if (minute > this.#minute() - HOUR_MINUTES) return;
      this.#minutes.delete(minute);
    }
  }

  #minute(): number {
    return Math.floor(this.#clock.monotonicMs() / MINUTE_MS);
  }
}
