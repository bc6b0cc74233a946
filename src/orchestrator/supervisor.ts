import { errorText } from "../base/errors.ts";
import { type ChildNode, exitText } from "./child-node.ts";

export interface SupervisorOptions {
  readonly restartDelayMs: number;
  readonly restartDelayMsMax: number;
  /** A child that stayed up this long has earned a fresh count. */
  readonly stableAfterMs: number;
  /** Starts in a row that may fail or end early before giving up. */
  readonly attemptsMax: number;
}

export const SUPERVISOR_DEFAULTS: SupervisorOptions = {
  restartDelayMs: 250,
  restartDelayMsMax: 10_000,
  stableAfterMs: 30_000,
  attemptsMax: 8,
};

/**
 * Keeps one child running: an end that nobody ordered is reported and followed by a restart, with a growing
 * pause. Gives up after `attemptsMax` in a row, and says so.
 */
export class Supervisor {
  readonly #child: ChildNode;
  readonly #options: SupervisorOptions;
  readonly #report: (line: string) => void;
  readonly #gaveUp: (reason: string) => void;
  #stopping = false;
  #cancelPause: (() => void) | undefined;
  #watching: Promise<void> = Promise.resolve();
  #restarts = 0;

  constructor(
    child: ChildNode,
    options: SupervisorOptions,
    deps: { readonly report: (line: string) => void; readonly gaveUp: (reason: string) => void },
  ) {
    this.#child = child;
    this.#options = options;
    this.#report = deps.report;
    this.#gaveUp = deps.gaveUp;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** First start: its failure is the caller's to report. Afterwards the child is watched. */
  async start(): Promise<void> {
    await this.#child.start();
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelPause?.();
    await this.#child.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    let failures = 0;
    let startedAt = performance.now();
    for (;;) {
      const exit = await this.#child.exited;
      if (this.#stopping) return;
      if (performance.now() - startedAt > this.#options.stableAfterMs) failures = 0;
      let reason = exitText(exit);
      for (;;) {
        failures += 1;
        if (failures > this.#options.attemptsMax) {
          this.#gaveUp(`the ${this.#child.name} ended ${failures} times in a row (${reason})`);
          return;
        }
        const delayMs = Math.min(this.#options.restartDelayMs * 2 ** (failures - 1), this.#options.restartDelayMsMax);
        this.#report(`${this.#child.name} ended (${reason}), restarting in ${delayMs / 1000} s`);
        await this.#pause(delayMs);
        if (this.#stopping) return;
        try {
          startedAt = performance.now();
          await this.#child.start();
          this.#restarts += 1;
          this.#report(`${this.#child.name} is back after ${Math.round(performance.now() - startedAt)} ms`);
          break;
        } catch (error) {
          if (this.#stopping) return;
          reason = errorText(error);
        }
      }
      if (this.#stopping) {
        await this.#child.stop();
        return;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#cancelPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
