import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Limits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Connection } from "./transport.ts";

export interface UrlDialerOptions {
  readonly urls: readonly string[];
  readonly limits: Pick<Limits, "dialMs" | "backoffFirstMs" | "backoffMaxMs">;
}

export interface UrlDialerDeps {
  readonly dial: (url: string, options: { readonly signal: AbortSignal }) => Promise<Connection>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly connected: (connection: Connection) => Peer | undefined;
}

interface Target {
  readonly url: string;
  peer: Peer | undefined;
  isDialling: boolean;
  failures: number;
  notBeforeMs: number;
}

/** Keeps a link to each WebSocket address it was told (`-ws-connect`); after failures it waits longer and longer (M8). */
export class UrlDialer {
  readonly #limits: UrlDialerOptions["limits"];
  readonly #deps: UrlDialerDeps;
  readonly #targets: readonly Target[];
  readonly #abort = new AbortController();

  constructor({ urls, limits }: UrlDialerOptions, deps: UrlDialerDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#targets = urls.map((url) => ({ url, peer: undefined, isDialling: false, failures: 0, notBeforeMs: 0 }));
  }

  /** Called about once a second. */
  tick(): void {
    for (const target of this.#targets) {
      this.#judge(target);
      const isDue = this.#deps.clock.monotonicMs() >= target.notBeforeMs;
      if (target.peer === undefined && !target.isDialling && isDue && !this.#abort.signal.aborted) {
        void this.#dial(target);
      }
    }
  }

  /** Dials under way are given up. For good. */
  stop(): void {
    this.#abort.abort(new Error("the dialler stops"));
  }

  /** A link that led to an introduction clears the failures before it. */
  #judge(target: Target): void {
    const { peer } = target;
    if (peer === undefined) return;
    if (peer.isIntroduced) target.failures = 0;
    if (peer.endReason === undefined) return;
    target.peer = undefined;
    this.#rest(target);
  }

  async #dial(target: Target): Promise<void> {
    const { dial, clock, log, connected } = this.#deps;
    const attempt = new AbortController();
    const stop = (): void => attempt.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener("abort", stop, { once: true });
    const cancelTimeout = clock.after(this.#limits.dialMs, () => attempt.abort(new Error("dial timed out")));
    target.isDialling = true;
    try {
      const connection = await dial(target.url, { signal: attempt.signal });
      if (this.#abort.signal.aborted) connection.destroy();
      else target.peer = connected(connection);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#rest(target);
      log.info({ url: target.url, error: errorText(error) }, "websocket peer not reached");
    } finally {
      target.isDialling = false;
      cancelTimeout();
      this.#abort.signal.removeEventListener("abort", stop);
    }
  }

  #rest(target: Target): void {
    const { backoffFirstMs, backoffMaxMs } = this.#limits;
    const wait = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(target.failures, 30));
    target.failures++;
    target.notBeforeMs = this.#deps.clock.monotonicMs() + wait;
  }
}
