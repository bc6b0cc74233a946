import type { Clock } from "../base/clock.ts";
import { AssertionFailure, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

/** Work done again and again until `stop`. What fails is logged and done again next time. */
export class Schedule {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cancels = new Map<() => void, () => void>();

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** `ms` after now for the first time, then `ms` after each end. */
  every(ms: number, run: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#run(run);
      if (this.#cancels.has(run)) this.every(ms, run);
    });
    this.#cancels.set(run, cancel);
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #run(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      this.#log.error({ error: errorText(error) }, "periodic work failed");
    }
  }
}
