import type { Clock } from "../../base/clock.ts";
import { Emitter } from "../../base/emitter.ts";
import { errorText } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { BlockEvent } from "../../chain/blockchain.ts";
import type { ChainView } from "../../chain/store.ts";
import type { Transaction } from "../../chain/transaction.ts";
import type { Hash } from "../../cipher/hash.ts";
import type { Change, Json, LoginStore, Row } from "../store.ts";
import { eventsOfBlock, eventsOfPending } from "./chain-events.ts";
import { type Cursor, formatCursor, type TopicEvent } from "./topics.ts";

/** What the feed listens to. */
export interface FeedSources {
  readonly view: ChainView;
  readonly onBlock: Emitter<BlockEvent>;
  readonly pool: {
    readonly onChange: { on(listener: (change: { readonly added: readonly Hash[] }) => void): () => void };
    get(id: Hash): { readonly txn: Transaction } | undefined;
  };
}

export interface FeedDeps extends FeedSources {
  readonly store: LoginStore;
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Logger;
}

export const FEED_LIMITS = {
  /** How long what is not in a block is kept for replay. */
  keepMs: 24 * 3600 * 1000,
  /** Not yet in the store: beyond it entries are dropped and counted, the disk being the cause. */
  waitingMax: 10_000,
  /** Entries of the log read at a time. */
  page: 256,
  /** Pages kept for other readers until there is news. */
  pagesShared: 64,
} as const;

export interface Page {
  readonly events: readonly TopicEvent[];
  /** Where the reader stands after them. */
  readonly next: Cursor;
  /** There is more to read at once. */
  readonly more: boolean;
}

type Note = Pick<TopicEvent, "topic" | "data" | "key"> & { readonly id?: string };

/**
 * Everything that happens, readable from any point. Blocks are told from the chain itself, so they cost nothing to
 * keep and none is ever missed; what is not in a block goes into a log of a day. Readers pull at their own pace:
 * a slow one holds no memory here.
 */
export class EventFeed {
  /** There may be something to read. */
  readonly onNews = new Emitter<void>();
  /** Entries lost because the store would not take them. */
  dropped = 0;

  readonly #deps: FeedDeps;
  readonly #unsubscribe: readonly (() => void)[];
  /** Number of the newest stored entry. */
  #stored: number;
  #waiting: { readonly time: string; readonly seq: number; readonly note: Note }[] = [];
  #writing: Promise<void> | undefined;
  readonly #pages = new Map<string, Promise<Page>>();

  private constructor(deps: FeedDeps, stored: number) {
    this.#deps = deps;
    this.#stored = stored;
    this.#unsubscribe = [
      deps.onBlock.on(() => this.#news()),
      deps.pool.onChange.on(({ added }) => this.#pending(added)),
    ];
  }

  /** @throws CoinError LOGIN_STORE */
  static async open(deps: FeedDeps): Promise<EventFeed> {
    const last = await deps.store.get("meta", LAST_ENTRY);
    return new EventFeed(deps, typeof last === "number" ? last : 0);
  }

  /** The present end: a reader that starts here hears only what is new. */
  end(): Cursor {
    return { seq: this.#headSeq(), entry: this.#stored };
  }

  /**
   * No further back than so many blocks and entries of the log, and not beyond the end (a chain begun anew). `skipped`:
   * what is left out.
   */
  within(
    cursor: Cursor,
    { blocksMax, entriesMax = Number.POSITIVE_INFINITY }: { readonly blocksMax: number; readonly entriesMax?: number },
  ): { readonly cursor: Cursor; readonly skipped: { readonly blocks: number; readonly entries: number } } {
    const end = this.end();
    if (cursor.seq > end.seq || cursor.entry > end.entry) return { cursor: end, skipped: { blocks: 0, entries: 0 } };
    const seq = Math.max(cursor.seq, end.seq - blocksMax);
    const entry = Math.max(cursor.entry, end.entry - entriesMax);
    return { cursor: { seq, entry }, skipped: { blocks: seq - cursor.seq, entries: entry - cursor.entry } };
  }

  /** Adds an entry that is not of the chain. It can be read as soon as it is stored, and `onNews` says so. */
  note(note: Note): void {
    if (this.#waiting.length >= FEED_LIMITS.waitingMax) {
      this.dropped++;
      return;
    }
    const time = new Date(this.#deps.clock.nowMs()).toISOString();
    this.#waiting.push({ time, seq: this.#headSeq(), note });
    this.#writing ??= this.#write();
  }

  /**
   * The next events: one block's, or entries of the log up to where the next block belongs. Readers that stand at the
   * same place, as most do, share one look.
   * @throws CoinError LOGIN_STORE
   */
  read(cursor: Cursor): Promise<Page> {
    const key = formatCursor(cursor);
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = this.#read(cursor);
    this.#pages.set(key, page);
    page.catch(() => this.#pages.delete(key));
    if (this.#pages.size > FEED_LIMITS.pagesShared) this.#pages.delete(this.#pages.keys().next().value as string);
    return page;
  }

  async #read(cursor: Cursor): Promise<Page> {
    const rows = await this.#deps.store.list("event", { after: entryKey(cursor.entry), limit: FEED_LIMITS.page });
    const head = this.#headSeq();
    // An entry made when the head was n belongs before block n + 1.
    const upTo = cursor.seq < head ? rows.findIndex((row) => seqOf(row) > cursor.seq) : -1;
    const due = upTo < 0 ? rows : rows.slice(0, upTo);
    const last = due.at(-1);
    if (last !== undefined) {
      const next = { seq: cursor.seq, entry: Number(last.key) };
      return { events: due.map(eventOf), next, more: cursor.seq < head || rows.length === FEED_LIMITS.page };
    }
    if (cursor.seq >= head) return { events: [], next: cursor, more: false };
    const next = { seq: cursor.seq + 1, entry: cursor.entry };
    return { events: eventsOfBlock(this.#deps.view, next.seq), next, more: true };
  }

  /** Waits for entries under way. May be called twice. */
  async close(): Promise<void> {
    for (const off of this.#unsubscribe) off();
    await this.#writing;
  }

  #news(): void {
    this.#pages.clear();
    this.onNews.emit();
  }

  #headSeq(): number {
    return this.#deps.view.head()?.seq ?? 0;
  }

  #pending(added: readonly Hash[]): void {
    const { view, pool, clock } = this.#deps;
    const time = new Date(clock.nowMs()).toISOString();
    for (const id of added) {
      const record = pool.get(id);
      if (record === undefined) continue;
      for (const event of eventsOfPending(view, record.txn, time)) this.note(event);
    }
  }

  /** Everything that waits, in one write after the other. */
  async #write(): Promise<void> {
    await Promise.resolve(); // what is noted in the same breath goes into the same write
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, FEED_LIMITS.page);
      const forgetAtMs = this.#deps.clock.nowMs() + FEED_LIMITS.keepMs;
      const last = this.#stored + batch.length;
      const rows = batch.map(({ time, seq, note }, i): Change => {
        const number = this.#stored + 1 + i;
        const { topic, data, key, id = `entry-${number}` } = note;
        return { table: "event", key: entryKey(number), value: { id, topic, time, key, seq, data }, forgetAtMs };
      });
      try {
        await this.#deps.store.write([...rows, { table: "meta", key: LAST_ENTRY, value: last }]);
        this.#stored = last;
        this.#news();
      } catch (error) {
        this.dropped += batch.length;
        this.#deps.log.warn({ entries: batch.length, error: errorText(error) }, "events not stored");
      }
    }
    this.#writing = undefined;
  }
}

const LAST_ENTRY = "event-last";

/** Sorted as numbers are. */
function entryKey(entry: number): string {
  return String(entry).padStart(15, "0");
}

function seqOf({ value }: Row): number {
  return (value as { readonly seq: number }).seq;
}

function eventOf({ value }: Row): TopicEvent {
  const { id, topic, time, key, data } = value as unknown as TopicEvent & Record<string, Json>;
  return { id, topic, time, key, data };
}
