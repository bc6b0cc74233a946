import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import type { Hash } from "../cipher/hash.ts";

/** The reference refreshes and cleans its pool each minute. */
const PERIOD_MS = 60_000;

export interface MaintenanceDeps {
  readonly pool: Pick<UnconfirmedPool, "refresh" | "removeInvalid">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells the peers about transactions that became valid. */
  readonly announce: (ids: readonly Hash[]) => void;
}

/** Keeps the unconfirmed pool true to the head. */
export class Maintenance {
  readonly #deps: MaintenanceDeps;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancel = this.#deps.clock.after(PERIOD_MS, () => void this.#run());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #run(): Promise<void> {
    const { pool, log, announce } = this.#deps;
    try {
      const valid = await pool.refresh();
      if (valid.length > 0) announce(valid);
      const removed = await pool.removeInvalid();
      if (removed.length > 0) log.info({ removed: removed.length }, "invalid transactions removed from the pool");
    } catch (error) {
      log.error({ error: errorText(error) }, "pool not refreshed");
    }
    if (!this.#stopped) this.start();
  }
}
