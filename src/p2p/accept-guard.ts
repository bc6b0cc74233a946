import type { Logger } from "../base/log.ts";

export interface AcceptGuardOptions {
  /** After a failed accept newcomers are dropped for so long. */
  readonly pauseMs: number;
}

/** Accept errors that end a listener; all others pass. */
const FATAL: ReadonlySet<string> = new Set(["EBADF", "EINVAL", "EACCES", "EADDRINUSE", "ENOTSOCK"]);
const LOG_MS = 10_000;

/**
 * What a listener does about failed accepts. A passing one (no descriptors left) costs a pause and a line of log now and
 * then; the reference tries again at once, burns a processor and fills the log (W1).
 */
export class AcceptGuard {
  readonly #pauseMs: number;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #passed = 0;

  constructor({ pauseMs }: AcceptGuardOptions, deps: { readonly log: Logger; readonly nowMs: () => number }) {
    this.#pauseMs = pauseMs;
    this.#log = deps.log;
    this.#nowMs = deps.nowMs;
  }

  /** Newcomers are to be dropped unseen. */
  get isPaused(): boolean {
    return this.#nowMs() < this.#pausedUntilMs;
  }

  /** True when accepting cannot go on. */
  isFatal(error: NodeJS.ErrnoException): boolean {
    if (FATAL.has(error.code ?? "")) return true;
    const now = this.#nowMs();
    this.#pausedUntilMs = now + this.#pauseMs;
    this.#passed++;
    if (now - this.#loggedAtMs >= LOG_MS) {
      this.#log.warn({ code: error.code, times: this.#passed }, "accepting a connection failed");
      this.#loggedAtMs = now;
      this.#passed = 0;
    }
    return false;
  }
}
