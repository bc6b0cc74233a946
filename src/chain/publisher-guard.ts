import { equalBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import type { BlockHeader } from "./block.ts";
import type { Head } from "./store.ts";

/** The last block a publisher made, remembered outside of its database. */
export interface PublisherMark {
  readonly seq: number;
  readonly hash: Hash;
}

/** What a peer says of its chain. */
export interface HeardHead {
  readonly height: number;
  readonly trusted: boolean;
}

/**
 * `checking`: the head is compared with the mark and with peers. `publishing`: the head is ours to build on.
 * `takeover`: somebody else made the head; the first block waits. `halted`: until the operator decides.
 */
export const GUARD_STATES = ["checking", "publishing", "takeover", "halted"] as const;
export type GuardState = (typeof GUARD_STATES)[number];

export interface PublisherGuardOptions {
  readonly mark: PublisherMark | undefined;
  /** Some peers are configured or known, trusted ones among them. */
  readonly knowsPeers: boolean;
  readonly knowsTrusted: boolean;
  /** How long to wait for a first peer to say how far it is. */
  readonly waitMs: number;
  /** How long a publishable transaction must stay unpublished by others before this node takes over. */
  readonly takeoverMs: number;
  /** The operator has said: build on this head. */
  readonly accepted: boolean;
}

export interface PublisherGuardDeps {
  readonly chain: { head(): Head; readonly store: { blockHashAt(seq: number): Hash | undefined } };
  readonly genesisTime: number;
  readonly clock: Clock;
}

/** Claims of strangers that no block comes from for so long are set aside. */
const STALL_MS = 15_000;
/** A higher claim is given as long again, and all of them together so long: else they would be raised for ever. */
const CLAIMS_MS = 60_000;
/** Nobody can hold more than the genesis block of a chain this young. */
const NEW_CHAIN_SECONDS = 60;

/**
 * Decides whether this node may make a block. One key must never sign two blocks of one height: two publishers with
 * the same key, or one that was restored from an old backup, would. Nothing here is undone by itself once halted.
 */
export class PublisherGuard {
  readonly onChange = new Emitter<GuardState>();
  readonly #options: PublisherGuardOptions;
  readonly #deps: PublisherGuardDeps;
  readonly #startedMs: number;
  #state: GuardState = "checking";
  #reason = "the head is being checked";
  #best = 0;
  /** When a block last came, and when a claim last rose. */
  #blockMs: number;
  #claimMs: number;
  #lastSeq: number;
  #sinceSeconds = Number.POSITIVE_INFINITY;
  /** The head when the check ended. */
  #settledSeq = -1;
  #waitingSinceMs: number | undefined;

  constructor(options: PublisherGuardOptions, deps: PublisherGuardDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
    this.#blockMs = this.#startedMs;
    this.#claimMs = this.#startedMs;
    this.#lastSeq = deps.chain.head().seq;
    if (options.accepted) this.#settle("publishing");
    else this.look([]);
  }

  get state(): GuardState {
    return this.#state;
  }

  /** Why no block is made, for the operator; undefined when one may be. */
  get refusal(): string | undefined {
    return this.#state === "publishing" || this.#state === "takeover" ? undefined : this.#reason;
  }

  /** While checking: what the peers of the moment say. */
  look(heard: readonly HeardHead[]): void {
    if (this.#state !== "checking" || this.#contradictsMark()) return;
    const { waitMs, knowsTrusted } = this.#options;
    const { seq } = this.#deps.chain.head();
    const now = this.#deps.clock.monotonicMs();
    const best = heard.reduce((most, { height }) => Math.max(most, height), 0);
    if (seq > this.#lastSeq) this.#blockMs = now;
    if (best > this.#best) this.#claimMs = now;
    this.#lastSeq = seq;
    this.#best = Math.max(this.#best, best);
    if (this.#isBelowMark(seq) || this.#isBehind(heard, seq, now)) return;
    const isHeard = knowsTrusted ? heard.some(({ trusted }) => trusted) : heard.length > 0;
    if (isHeard || now - this.#startedMs >= waitMs || !this.#needsPeers(seq)) {
      this.#settle(this.#isOwn() ? "publishing" : "takeover");
      return;
    }
    this.#reason = "waiting for a peer to say how far the chain is";
  }

  /** A block that was not made here has become durable. */
  foreignBlock({ seq, time }: Pick<BlockHeader, "seq" | "time">): void {
    if (this.#state === "checking" || this.#state === "halted") return;
    // Already judged with the head. The chain tells late of blocks that a failed write turns out to have stored.
    if (seq <= this.#settledSeq) return;
    if (time >= this.#sinceSeconds) {
      this.halt(`block ${seq} was signed with this publisher's key by another node: two publishers are running`);
      return;
    }
    this.#waitingSinceMs = undefined;
    this.#enter("takeover", "");
  }

  /** A block was made here. */
  made(): void {
    if (this.#state === "takeover") this.#enter("publishing", "");
  }

  /** Stays so until the operator decides. */
  halt(reason: string): void {
    if (this.#state === "halted") return;
    this.#enter("halted", reason);
  }

  /**
   * Milliseconds until a block may be made; undefined while none may. `publishable`: there is something to put into
   * one. Another publisher that lives would have done so: only what stays lying proves that nobody does.
   */
  waitMs(publishable: boolean): number | undefined {
    if (this.refusal !== undefined) return undefined;
    if (this.#state === "publishing") return 0;
    const { takeoverMs } = this.#options;
    if (!publishable) {
      this.#waitingSinceMs = undefined;
      return takeoverMs;
    }
    const now = this.#deps.clock.monotonicMs();
    this.#waitingSinceMs ??= now;
    return Math.max(0, this.#waitingSinceMs + takeoverMs - now);
  }

  /** A block of ours is remembered, and the chain has another one in its place: halts. */
  #contradictsMark(): boolean {
    const { mark } = this.#options;
    const held = mark === undefined ? undefined : this.#deps.chain.store.blockHashAt(mark.seq);
    if (mark === undefined || held === undefined || equalBytes(held, mark.hash)) return false;
    this.halt(`block ${mark.seq} here is ${hashHex(held)}, this publisher made ${hashHex(mark.hash)}`);
    return true;
  }

  #isBelowMark(seq: number): boolean {
    const { mark } = this.#options;
    if (mark === undefined || seq >= mark.seq) return false;
    this.#reason =
      `the database ends at block ${seq}, this publisher has made blocks up to ${mark.seq}: ` +
      "it is an old backup, and the rest must come from peers";
    return true;
  }

  #isBehind(heard: readonly HeardHead[], seq: number, now: number): boolean {
    const isClaimOld = now - this.#claimMs >= STALL_MS && now - this.#blockMs >= STALL_MS;
    const stalled = isClaimOld || now - this.#blockMs >= CLAIMS_MS;
    const ahead = heard.filter(({ height, trusted }) => height > seq && (trusted || !stalled));
    if (ahead.length === 0) return false;
    this.#reason = `behind: peers say they hold block ${Math.max(...ahead.map(({ height }) => height))}, here is ${seq}`;
    return true;
  }

  #needsPeers(seq: number): boolean {
    const { clock, genesisTime } = this.#deps;
    if (seq === 0 && clock.nowMs() / 1000 - genesisTime < NEW_CHAIN_SECONDS) return false;
    return this.#options.knowsPeers || this.#options.mark === undefined;
  }

  /** Nobody but this publisher can have made the head. */
  #isOwn(): boolean {
    const head = this.#deps.chain.head();
    const { mark } = this.#options;
    return head.seq === 0 || (mark !== undefined && equalBytes(mark.hash, head.hash));
  }

  #settle(state: "publishing" | "takeover"): void {
    this.#sinceSeconds = Math.floor(this.#deps.clock.nowMs() / 1000);
    this.#settledSeq = this.#deps.chain.head().seq;
    this.#enter(state, "");
  }

  #enter(state: GuardState, reason: string): void {
    const changed = state !== this.#state;
    this.#state = state;
    this.#reason = reason;
    if (changed) this.onChange.emit(state);
  }
}
