import { type Clock, unixSeconds } from "../base/clock.ts";
import { CoinError, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SignedBlock } from "../chain/block.ts";
import type { Publisher } from "../chain/publisher.ts";
import type { PublisherGuard } from "../chain/publisher-guard.ts";

/** How a publisher decides when to make a block (login-service.md 2). */
export type PublishOptions =
  | {
      readonly mode: "on-demand";
      /** A burst within this time shares one block. */
      readonly companyWindowMs: number;
      /**
       * How far block times may run ahead of the wall clock, since they must be whole and strictly increasing. The
       * more of it is used, the longer a block waits after the one before, up to a second: bursts are quick, and a
       * load that lasts settles at a block a second.
       */
      readonly leadSecondsMax: number;
    }
  | { readonly mode: "interval"; readonly intervalMs: number };

export interface PublishingDeps {
  readonly publisher: Pick<Publisher, "createBlock" | "buildBlock">;
  /** Says whether a block may be made at all. */
  readonly guard: Pick<PublisherGuard, "state" | "waitMs" | "made" | "onChange">;
  /** Remembers a finished block, synced, before anybody is told of it. */
  readonly record: (block: SignedBlock) => Promise<void>;
  readonly chain: { head(): { readonly time: number } };
  readonly pool: { readonly size: number; readonly onChange: { on(listener: () => void): () => void } };
  /** Pushes a finished block to the peers. A failure leaves the block in the chain: peers fetch it later. */
  readonly broadcast: (block: SignedBlock) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** After a failure other than "nothing to publish", so that a full disk does not spin. */
const RETRY_MS = 1000;
/** A pool that held nothing publishable is looked at again: hours accrue and conditions change. */
const RECHECK_MS = 10_000;
/** Between blocks once the lead is used up. */
const PACE_MS = 1000;
/** While the wall clock is behind the chain. */
const CLOCK_CHECK_MS = 1000;
/** While another publisher is given its chance. */
const TAKEOVER_CHECK_MS = 1000;

/** Makes blocks out of the pool, one at a time, on demand or by timer. `stop` waits for a block under way. */
export class Publishing {
  readonly #options: PublishOptions;
  readonly #deps: PublishingDeps;
  #cancelTimer: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  /** Monotonic time of the last block made here. */
  #madeAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #askedWhileRunning = false;
  #stopped = true;
  #failing = false;
  /** In the chain, and not yet remembered and sent. */
  #unsent: SignedBlock | undefined;

  constructor(options: PublishOptions, deps: PublishingDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    if (this.#options.mode === "interval") {
      this.#schedule(this.#options.intervalMs);
      return;
    }
    const off = [this.#deps.pool.onChange.on(() => this.#ask()), this.#deps.guard.onChange.on(() => this.#ask())];
    this.#unsubscribe = () => {
      for (const remove of off) remove();
    };
    this.#ask();
  }

  /** The last attempt failed, and not for want of something to publish. */
  get failing(): boolean {
    return this.#failing;
  }

  /** No block is begun after this; one under way is finished first. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#clearTimer();
    await this.#running;
  }

  /** On demand: something may be publishable. Keeps the earliest due time, so company never postpones a block. */
  #ask(): void {
    if (this.#stopped || this.#options.mode !== "on-demand" || this.#deps.pool.size === 0) return;
    if (this.#running !== undefined) {
      this.#askedWhileRunning = true;
      return;
    }
    // Looked at again before its time: a clock that was set back may be set right again.
    const waitMs = Math.max(this.#waitForLeadMs(), this.#waitForPaceMs());
    this.#schedule(Math.max(this.#options.companyWindowMs, Math.min(waitMs, CLOCK_CHECK_MS)));
  }

  /** How far a block after the head would lead the wall clock; at most 0: it would not. */
  #leadMs(): number {
    return (this.#deps.chain.head().time + 1) * 1000 - this.#deps.clock.nowMs();
  }

  /** Milliseconds until a block after the head would lead the wall clock by no more than allowed. */
  #waitForLeadMs(): number {
    if (this.#options.mode !== "on-demand") return 0;
    return Math.max(0, this.#leadMs() - this.#options.leadSecondsMax * 1000);
  }

  /** Milliseconds until as much of a second has gone by since the last block as is used up of the lead. */
  #waitForPaceMs(): number {
    if (this.#options.mode !== "on-demand" || this.#options.leadSecondsMax === 0) return 0;
    const used = Math.min(1, Math.max(0, this.#leadMs() / 1000 / this.#options.leadSecondsMax));
    return Math.max(0, this.#madeAtMs + used * PACE_MS - this.#deps.clock.monotonicMs());
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    const due = this.#deps.clock.monotonicMs() + delayMs;
    if (due >= this.#dueAtMs) return;
    this.#clearTimer();
    this.#dueAtMs = due;
    this.#cancelTimer = this.#deps.clock.after(delayMs, () => {
      this.#clearTimer();
      this.#running = this.#publish().finally(() => {
        this.#running = undefined;
        if (this.#askedWhileRunning) {
          this.#askedWhileRunning = false;
          this.#ask();
        }
      });
    });
  }

  #clearTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
  }

  async #publish(): Promise<void> {
    const { options, deps } = { options: this.#options, deps: this.#deps };
    let again = options.mode === "interval" ? options.intervalMs : undefined;
    try {
      await this.#sendMade();
      if (options.mode === "on-demand" && this.#waitForLeadMs() > 0) {
        this.#askedWhileRunning = true; // the clock went back since this was scheduled
        return;
      }
      const now = unixSeconds(deps.clock);
      const when = options.mode === "on-demand" ? Math.max(now, deps.chain.head().time + 1) : now;
      const holdMs = await this.#holdMs(when);
      if (holdMs === 0) {
        const startedAtMs = deps.clock.monotonicMs();
        const block = await deps.publisher.createBlock(when);
        this.#madeAtMs = startedAtMs;
        this.#failing = false;
        deps.guard.made();
        deps.log.info({ seq: block.header.seq, txns: block.transactions.length }, "block created");
        this.#unsent = block;
        await this.#sendMade();
        this.#askedWhileRunning = true; // what did not fit goes into the next one
      } else if (holdMs !== undefined && options.mode === "on-demand") {
        again = Math.min(holdMs, TAKEOVER_CHECK_MS);
      }
    } catch (error) {
      const empty = error instanceof CoinError && NOTHING_TO_PUBLISH.has(error.code);
      this.#failing = !empty;
      if (!empty) deps.log.error({ error: errorText(error) }, "block not created");
      else deps.log.debug({ reason: errorText(error) }, "nothing to publish");
      const waits = deps.pool.size > 0 || this.#unsent !== undefined;
      if (options.mode === "on-demand" && waits) again = empty ? RECHECK_MS : RETRY_MS;
    }
    if (again !== undefined) this.#schedule(again);
  }

  /** 0: make it; undefined: not before the guard says so. A takeover counts only while there is something to publish. */
  async #holdMs(when: number): Promise<number | undefined> {
    const { guard, publisher } = this.#deps;
    if (guard.state !== "takeover") return guard.waitMs(true);
    try {
      await publisher.buildBlock(when);
    } catch (error) {
      guard.waitMs(false);
      throw error;
    }
    return guard.waitMs(true);
  }

  async #sendMade(): Promise<void> {
    const block = this.#unsent;
    if (block === undefined) return;
    await this.#deps.record(block);
    this.#unsent = undefined;
    this.#deps.broadcast(block);
  }
}

/** Codes of the chain's publisher that mean "no block now", not a fault. */
const NOTHING_TO_PUBLISH: ReadonlySet<string> = new Set([
  "PUBLISH_NO_TRANSACTIONS",
  "PUBLISH_NOTHING_VALID",
  "PUBLISH_NOTHING_LEFT",
  "PUBLISH_TIME_NOT_FORWARD",
  "PUBLISH_HELD",
]);
