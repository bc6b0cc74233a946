import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ClientWebhook } from "../login/clients.ts";
import type { EventFeed } from "../login/events/feed.ts";
import { type Cursor, type TopicEvent, wants } from "../login/events/topics.ts";
import type { Change, Json, LoginStore } from "../login/store.ts";
import { backoffMs, RETRY } from "./backoff.ts";
import { deliver, parseTarget, type WebhookTarget } from "./delivery.ts";
import { WebhookError } from "./errors.ts";
import { parseWebhookSecret, webhookHeaders } from "./signature.ts";

export const OUTLET_LIMITS = {
  /** Taken out of the feed and not delivered yet; the rest stays in the feed. */
  queuedMax: 1000,
  /** Posts to one receiver at a time. */
  parallelMax: 8,
  /** Blocks a receiver may be behind before some are left out. */
  blocksMax: 10_000,
} as const;

export interface OutletDeps {
  readonly feed: EventFeed;
  readonly store: LoginStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1. */
  readonly random: () => number;
  readonly deliver?: typeof deliver;
}

/** A message on its way; JSON as stored. */
interface Message {
  readonly event: TopicEvent;
  readonly attempts: number;
  /** Unix milliseconds. */
  readonly sinceMs: number;
  readonly nextMs: number;
}

/**
 * Everything one receiver is to be told: at least once each, in order for each key. What has been taken from the feed
 * is stored in the same step as how far the feed was read, so a crash neither loses nor reorders anything.
 */
export class Outlet {
  delivered = 0;
  failures = 0;
  /** Given up after a day, or left out because the receiver was too far behind. */
  abandoned = 0;

  readonly #hook: ClientWebhook;
  readonly #target: WebhookTarget;
  readonly #keys: readonly Uint8Array[];
  readonly #deps: OutletDeps;
  readonly #stop = new AbortController();
  /** In order of the feed, by row key. */
  readonly #queue = new Map<string, Message>();
  /** Keys of events with a post under way. */
  readonly #busy = new Set<string>();
  readonly #posts = new Set<Promise<void>>();
  #cursor: Cursor = { seq: 0, entry: 0 };
  #number = 0;
  #intake: Promise<void> | undefined;
  #hungry = false;
  /** The receiver as a whole does not answer. */
  #outage = { failures: 0, untilMs: 0 };
  #cancelTimer: (() => void) | undefined;
  #unsubscribe: () => void = () => {};

  /** @throws WebhookError WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_ADDRESS_REFUSED */
  constructor(hook: ClientWebhook, deps: OutletDeps) {
    this.#hook = hook;
    this.#target = parseTarget(hook.url, hook);
    this.#keys = hook.secrets.map(parseWebhookSecret);
    this.#deps = deps;
  }

  get id(): string {
    return this.#hook.id;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Takes up what an earlier run left. @throws CoinError LOGIN_STORE */
  async start(): Promise<void> {
    const { store, feed } = this.#deps;
    const stored = (await store.get("webhook", this.#cursorKey)) as unknown as Cursor | undefined;
    this.#cursor = stored ?? feed.end();
    if (stored === undefined) await store.write([this.#cursorChange(this.#cursor)]);
    await this.#loadQueue();
    this.#unsubscribe = feed.onNews.on(() => this.#wake());
    this.#pump(); // a full queue takes nothing in before something is delivered
    this.#wake();
  }

  async #loadQueue(): Promise<void> {
    const prefix = this.#queuePrefix;
    for (let after: string | undefined; ; ) {
      const rows = await this.#deps.store.list("webhook", { prefix, ...(after !== undefined && { after }) });
      for (const { key, value } of rows) this.#queue.set(key, value as unknown as Message);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.key;
      this.#number = Number(last.key.slice(prefix.length));
    }
  }

  /** Ends posts under way; they are made again after the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.#stop.abort();
    await this.#intake;
    await Promise.all(this.#posts);
  }

  get #cursorKey(): string {
    return `cursor/${this.#hook.id}`;
  }

  get #queuePrefix(): string {
    return `queue/${this.#hook.id}/`;
  }

  #cursorChange(cursor: Cursor): Change {
    return { table: "webhook", key: this.#cursorKey, value: { ...cursor } };
  }

  #wake(): void {
    this.#hungry = true;
    this.#intake ??= this.#take().finally(() => {
      this.#intake = undefined;
      if (this.#isReady()) this.#wake();
    });
  }

  #isReady(): boolean {
    return this.#hungry && this.#queue.size < OUTLET_LIMITS.queuedMax && !this.#stop.signal.aborted;
  }

  /** From the feed into the queue, as far as there is room. */
  async #take(): Promise<void> {
    const { feed, store, log } = this.#deps;
    try {
      while (this.#isReady()) {
        this.#hungry = false; // before reading: news that come meanwhile make it true again
        const { cursor, skipped } = feed.within(this.#cursor, OUTLET_LIMITS);
        const { blocks } = skipped;
        if (blocks > 0) {
          this.abandoned += blocks;
          log.warn({ webhook: this.id, blocks }, "webhook too far behind, blocks left out");
        }
        const page = await feed.read(cursor);
        const taken = page.events.filter((event) => wants(this.#hook, event)).map((event) => this.#row(event));
        await store.write([
          ...taken.map(([key, message]) => ({ table: "webhook" as const, key, value: message as unknown as Json })),
          this.#cursorChange(page.next),
        ]);
        for (const [key, message] of taken) this.#queue.set(key, message);
        this.#cursor = page.next;
        this.#hungry ||= page.more;
        this.#pump();
      }
    } catch (error) {
      // Nothing is lost: what was not stored is read again, with the next news.
      this.#hungry = false;
      log.warn({ webhook: this.id, error: errorText(error) }, "webhook queue cannot be stored");
    }
  }

  #row(event: TopicEvent): readonly [string, Message] {
    const key = `${this.#queuePrefix}${String(++this.#number).padStart(15, "0")}`;
    return [key, { event, attempts: 0, sinceMs: 0, nextMs: 0 }];
  }

  /** Starts every post that is due; sets the timer for the next. */
  #pump(): void {
    if (this.#stop.signal.aborted) return;
    this.#cancelTimer?.();
    const now = this.#deps.clock.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    const lanes = new Set(this.#busy);
    for (const [row, message] of this.#queue) {
      if (this.#posts.size >= OUTLET_LIMITS.parallelMax) break;
      const { key } = message.event;
      if (lanes.has(key)) continue;
      lanes.add(key); // later ones of the key wait, also for one that is not due
      const dueMs = Math.max(message.nextMs, this.#outage.untilMs);
      if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
      else this.#start(row, message);
    }
    if (nextMs < Number.POSITIVE_INFINITY) {
      // Not longer than a minute, so that a wall clock that jumps does little harm.
      this.#cancelTimer = this.#deps.clock.after(Math.min(nextMs - now, 60_000), () => this.#pump());
    }
  }

  #start(row: string, message: Message): void {
    const { key } = message.event;
    this.#busy.add(key);
    const post = this.#post(row, message).finally(() => {
      this.#busy.delete(key);
      this.#posts.delete(post);
      this.#pump();
      if (this.#isReady()) this.#wake();
    });
    this.#posts.add(post);
  }

  async #post(row: string, message: Message): Promise<void> {
    const { clock } = this.#deps;
    const { id, topic, time, data } = message.event;
    const body = JSON.stringify({ type: topic, timestamp: time, data });
    const begunMs = clock.nowMs();
    const seconds = Math.floor(begunMs / 1000);
    try {
      const send = this.#deps.deliver ?? deliver;
      const headers = webhookHeaders({ id, seconds, body }, this.#keys);
      await send(this.#target, { headers, body }, { signal: this.#stop.signal });
      this.delivered++;
      this.#outage = { failures: 0, untilMs: 0 };
      await this.#settle(row, undefined);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failures++;
      await this.#settle(row, this.#afterFailure(message, error, begunMs));
    }
  }

  /** What becomes of a message that could not be delivered; undefined: it is given up. */
  #afterFailure(message: Message, error: unknown, begunMs: number): Message | undefined {
    const { clock, random, log } = this.#deps;
    const now = clock.nowMs();
    const sinceMs = message.attempts === 0 ? now : message.sinceMs;
    const attempts = message.attempts + 1;
    const fields = { webhook: this.id, event: message.event.id, attempts, error: errorText(error) };
    // Posts that were under way together tell of one outage, not of several.
    if (isOutage(error) && begunMs >= this.#outage.untilMs) {
      const failures = this.#outage.failures + 1;
      this.#outage = { failures, untilMs: now + backoffMs(failures, random) };
    }
    if (now - sinceMs >= RETRY.giveUpMs) {
      this.abandoned++;
      log.warn(fields, "webhook message given up");
      return undefined;
    }
    if (attempts === 1) log.info(fields, "webhook message not delivered, will be tried again");
    return { ...message, attempts, sinceMs, nextMs: now + backoffMs(attempts, random) };
  }

  async #settle(row: string, message: Message | undefined): Promise<void> {
    if (message === undefined) this.#queue.delete(row);
    else this.#queue.set(row, message);
    try {
      await this.#deps.store.write([{ table: "webhook", key: row, value: message as unknown as Json | undefined }]);
    } catch (error) {
      // At worst it is told once more after a restart.
      this.#deps.log.warn({ webhook: this.id, error: errorText(error) }, "webhook queue cannot be stored");
    }
  }
}

/** The receiver as a whole is in trouble, not this message. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof WebhookError) || error.code !== "WEBHOOK_STATUS") return true;
  const status = error.data.status as number;
  return status >= 500 || status === 429 || status === 408;
}
