import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { Slots } from "../base/slots.ts";
import { ChainError } from "../chain/errors.ts";
import { RuleError } from "../chain/rules.ts";
import { type Transaction, transactionSize, txid } from "../chain/transaction.ts";
import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";
import type { NetworkChain, NetworkPool } from "./deps.ts";
import type { Limits, Rate } from "./limits.ts";
import { ANNOUNCED_AT_ONCE, encode, fitting, LIST_MAX } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { Penalties } from "./penalties.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Turnstile } from "./turnstile.ts";

export interface GossipOptions {
  /** Largest frame to send. */
  readonly frameBytesMax: number;
  readonly limits: Limits;
}

export interface GossipDeps {
  readonly chain: Pick<NetworkChain, "store">;
  readonly pool: NetworkPool;
  /** Peers that take part. */
  readonly peers: () => readonly Peer[];
  readonly penalties: Penalties;
  /** Blocks are missing: what spends their outputs cannot be judged yet. */
  readonly isBehind: () => boolean;
  readonly clock: Clock;
  readonly turnstile: Pick<Turnstile, "pass">;
  readonly log: Logger;
}

/** A transaction somebody has and we asked for. */
interface Wanted {
  readonly id: Hash;
  askedAtMs: number;
  /** Who was asked; undefined while nobody was. */
  readonly asked: Peer | undefined;
  /** Others that have it too. */
  readonly others: Set<Peer>;
  /** Times it came and could not be judged yet. */
  readonly early: number;
}

interface Buckets {
  readonly announced: TokenBucket;
  readonly asked: TokenBucket;
  readonly given: TokenBucket;
}

/** How long a transaction of our own user is not asked back from those we just sent it to. */
const OWN_MS = 60_000;
const OWN_MAX = 4096;
const FLUSH_MS = 3_000;
/** Transactions being checked, of all peers: each may come back in the same round of the event loop. */
const CHECKED_AT_ONCE = 16;
const WANTED_OTHERS_MAX = 8;
/** A transaction that spends an output we do not know is asked for again so often. */
const EARLY_MAX = 3;
const EARLY_RETRY_MS = 2_000;
const MANY = 512;

/** Unconfirmed transactions among peers: announce, ask, give (p2p.md 10). */
export class Gossip {
  readonly #options: GossipOptions;
  readonly #deps: GossipDeps;
  readonly #wanted = new Map<HashHex, Wanted>();
  /** Sent by our own user, maybe not in the pool yet (p2p.md 8.5). */
  readonly #own = new Map<HashHex, number>();
  /** A peer has one frame handled at a time, so no more than peers ever wait. */
  readonly #checks = new Slots({ max: CHECKED_AT_ONCE, waitingMax: Number.POSITIVE_INFINITY });
  #announced = new Map<HashHex, Hash>();
  readonly #buckets = new WeakMap<Peer, Buckets>();
  #lastFlushMs = 0;

  constructor(options: GossipOptions, deps: GossipDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** A newcomer is told of everything valid. */
  welcome(peer: Peer): void {
    this.#announceTo(peer, this.#deps.pool.validIds());
  }

  /** Tells everybody who has not heard of them. */
  announce(ids: readonly Hash[], except?: Peer): void {
    for (const peer of this.#deps.peers()) if (peer !== except) this.#announceTo(peer, ids);
  }

  #announceTo(peer: Peer, ids: readonly Hash[]): void {
    const unheard = ids.filter((id) => !peer.known.has(hashHex(id)));
    // Small portions of a large pool would fill the queue.
    const portion = peer.isOurs || unheard.length > MANY ? LIST_MAX.ANNT : ANNOUNCED_AT_ONCE;
    for (let from = 0; from < unheard.length; from += portion) {
      const some = unheard.slice(from, from + portion);
      const count = fitting(
        some.map(() => 32),
        LIST_MAX.ANNT,
        this.#options.frameBytesMax,
      );
      if (!peer.send(encode.txids("ANNT", some.slice(0, count)))) return;
      for (const id of some) this.#passed(peer, id);
    }
  }

  /** A whole transaction to everybody; the peers whose queue took it. */
  give(txn: Transaction): Peer[] {
    const id = txid(txn);
    this.#own.delete(hashHex(id));
    this.#own.set(hashHex(id), this.#deps.clock.monotonicMs());
    if (this.#own.size > OWN_MAX) this.#own.delete(this.#own.keys().next().value as HashHex);
    const frame = encode.transactions([txn]);
    const reached = this.#deps.peers().filter((peer) => peer.send(frame));
    for (const peer of reached) this.#passed(peer, id);
    return reached;
  }

  #passed(peer: Peer, id: Hash): void {
    peer.known.add(hashHex(id));
    this.#announced.set(hashHex(id), id);
  }

  /** ANNT: asks for what is neither in the pool, nor confirmed, nor on its way; later, while blocks are missing. */
  announcedBy(peer: Peer, ids: readonly Hash[]): void {
    if (!this.#bucketsOf(peer).announced.take()) return;
    const isBehind = this.#deps.isBehind();
    const unknown: Hash[] = [];
    for (const id of ids) {
      const key = hashHex(id);
      peer.known.add(key);
      if (this.#has(id, key)) continue;
      const wanted = this.#wanted.get(key);
      if (wanted !== undefined && (isBehind || !isHopeless(wanted))) {
        if (wanted.others.size < WANTED_OTHERS_MAX) wanted.others.add(peer);
      } else if (isBehind) this.#want(id, peer, 0);
      else unknown.push(id);
    }
    this.#ask(peer, unknown);
  }

  /** Remembers to ask this peer for it when the time has come. */
  #want(id: Hash, peer: Peer, early: number): void {
    if (this.#wanted.size >= this.#options.limits.transactionsWantedMax) return;
    const { transactionRetryMs } = this.#options.limits;
    // While blocks are missing nothing is asked anyway; of what came too early a second look is due soon.
    const dueInMs = early === 0 ? 0 : EARLY_RETRY_MS;
    const askedAtMs = this.#deps.clock.monotonicMs() - transactionRetryMs + dueInMs;
    this.#wanted.set(hashHex(id), { id, askedAtMs, asked: undefined, others: new Set([peer]), early });
  }

  #has(id: Hash, key: HashHex): boolean {
    if (this.#deps.pool.has(id) || this.#own.has(key)) return true;
    return this.#deps.chain.store.transaction(id) !== undefined;
  }

  #ask(peer: Peer, ids: readonly Hash[]): void {
    if (ids.length === 0) return;
    const sizes = ids.map(() => 32);
    const asked = ids.slice(0, fitting(sizes, LIST_MAX.GETT, this.#options.frameBytesMax));
    if (!peer.send(encode.txids("GETT", asked))) return;
    peer.expect(this.#options.limits.transactionRetryMs);
    const askedAtMs = this.#deps.clock.monotonicMs();
    for (const id of asked) {
      const key = hashHex(id);
      const { others = new Set<Peer>(), early = 0 } = this.#wanted.get(key) ?? {};
      others.delete(peer);
      if (this.#wanted.size >= this.#options.limits.transactionsWantedMax && !this.#wanted.has(key)) break;
      this.#wanted.set(key, { id, askedAtMs, asked: peer, others, early });
    }
  }

  /** GETT: what is in the pool, each as often as asked, as the reference; more frames when one does not hold it all. */
  askedBy(peer: Peer, ids: readonly Hash[]): void {
    if (!this.#bucketsOf(peer).asked.take()) {
      this.#deps.penalties.punish(peer, "flood");
      return;
    }
    let txns: Transaction[] = [];
    for (const id of ids) {
      const record = this.#deps.pool.get(id);
      if (record !== undefined) txns.push(record.txn);
    }
    while (txns.length > 0) {
      const some = txns.slice(0, fitting(txns.map(transactionSize), LIST_MAX.GIVT, this.#options.frameBytesMax));
      if (some.length === 0 || !peer.send(encode.transactions(some))) return;
      for (const txn of some) this.#passed(peer, txid(txn));
      txns = txns.slice(some.length);
    }
  }

  /** GIVT: checked one by one; what is new is announced to all others, what only breaks policy too, but once. */
  async givenBy(peer: Peer, txns: readonly Transaction[]): Promise<void> {
    if (!this.#bucketsOf(peer).given.take()) {
      this.#deps.penalties.punish(peer, "flood");
      return;
    }
    const fresh: Hash[] = [];
    for (const txn of txns) {
      await this.#checks.take();
      try {
        await this.#deps.turnstile.pass();
        if (await this.#take(peer, txn)) fresh.push(txid(txn));
      } finally {
        this.#checks.give();
      }
      if (peer.endReason !== undefined) break;
    }
    this.announce(fresh, peer);
  }

  /** True when it is new here. */
  async #take(peer: Peer, txn: Transaction): Promise<boolean> {
    const id = txid(txn);
    const key = hashHex(id);
    peer.known.add(key);
    const early = this.#wanted.get(key)?.early ?? 0;
    this.#wanted.delete(key);
    // A transaction that a block has taken is no offence, only late.
    if (this.#deps.chain.store.transaction(id) !== undefined) return false;
    const { pool, log, penalties } = this.#deps;
    try {
      const { known, softError } = await pool.injectFromPeer(txn);
      if (softError !== undefined) log.debug({ txid: key, code: softError.code }, "transaction violates policy");
      return !known;
    } catch (error) {
      log.debug({ peer: peer.address, txid: key, error: errorText(error) }, "transaction refused");
      if (error instanceof RuleError) {
        if (!isBadTiming(error)) penalties.punish(peer, "hardInvalidTransaction");
        else if (early < EARLY_MAX) this.#want(id, peer, early + 1);
      } else if (!(error instanceof ChainError)) {
        log.warn({ error: errorText(error) }, "transaction could not be kept");
        if (early < EARLY_MAX) this.#want(id, peer, early + 1); // the disk may take it the next time
      }
      return false;
    }
  }

  /** Once a second: asks others for what did not come, and lets the pool know what was announced. */
  tick(): void {
    const now = this.#deps.clock.monotonicMs();
    if (!this.#deps.isBehind()) this.#askAgain(now);
    for (const [key, sentAtMs] of this.#own) {
      if (now - sentAtMs < OWN_MS) break;
      this.#own.delete(key);
    }
    if (now - this.#lastFlushMs >= FLUSH_MS) {
      this.#lastFlushMs = now;
      void this.flush();
    }
  }

  /** Asks somebody else for what did not come; of those that can be asked, each once for all. */
  #askAgain(now: number): void {
    const byPeer = new Map<Peer, Hash[]>();
    for (const [key, wanted] of this.#wanted) {
      if (now - wanted.askedAtMs < this.#options.limits.transactionRetryMs && !isHopeless(wanted)) continue;
      const other = [...wanted.others].find((peer) => peer.isIntroduced); // the second link to a peer serves, too
      if (other === undefined || this.#has(wanted.id, key)) {
        this.#wanted.delete(key);
        continue;
      }
      const ids = byPeer.get(other) ?? [];
      byPeer.set(other, ids);
      if (ids.length < LIST_MAX.GETT) ids.push(wanted.id);
    }
    for (const [peer, ids] of byPeer) this.#ask(peer, ids);
  }

  /** Writes down when the transactions sent out lately were. */
  async flush(): Promise<void> {
    if (this.#announced.size === 0) return;
    const ids = [...this.#announced.values()];
    this.#announced = new Map();
    try {
      await this.#deps.pool.markAnnounced(ids, BigInt(Math.floor(this.#deps.clock.nowMs())) * 1_000_000n);
    } catch (error) {
      this.#deps.log.warn({ error: errorText(error) }, "announcement times could not be stored");
    }
  }

  #bucketsOf(peer: Peer): Buckets {
    let buckets = this.#buckets.get(peer);
    if (buckets === undefined) {
      const { announceTransactions, getTransactions, giveTransactions, transactionsOurs } = this.#options.limits;
      const bucket = (rate: Rate): TokenBucket =>
        new TokenBucket(peer.isOurs ? transactionsOurs : rate, this.#deps.clock);
      buckets = {
        announced: bucket(announceTransactions),
        asked: bucket(getTransactions),
        given: bucket(giveTransactions),
      };
      this.#buckets.set(peer, buckets);
    }
    return buckets;
  }
}

/** Violations an honest peer may send: its chain is ahead of ours or behind. Hours grow with the time of the head. */
const BAD_TIMING: ReadonlySet<string> = new Set(["TX_INPUT_UNKNOWN", "TX_OUTPUT_COLLIDES", "TX_HOURS_INSUFFICIENT"]);

function isBadTiming(error: RuleError): boolean {
  return BAD_TIMING.has(error.code);
}

/** Whoever was asked for it is gone and will not answer. */
function isHopeless({ asked }: Wanted): boolean {
  return asked !== undefined && asked.endReason !== undefined;
}
