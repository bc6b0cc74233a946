import { addressKey } from "../base/address-key.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { isLoopback } from "./address.ts";
import { DISC } from "./disconnect.ts";
import type { Limits, Points } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Statistics } from "./statistics.ts";

type PenaltyLimits = Pick<Limits, "points" | "pointsBan" | "pointsHalveMs" | "banMs" | "bannedMax" | "loopbackCounts">;

/**
 * Points for misbehaviour, halved as time goes by. Enough of them end the connection, and shut the address out for a
 * while. Loopback and trusted peers are only disconnected: the operator's own machines lock nobody out, so theirs count
 * by connection.
 */
export class Penalties {
  readonly #limits: PenaltyLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #statistics: Statistics;
  readonly #points = new Map<string, { points: number; atMs: number }>();
  readonly #bans = new Map<string, number>();

  constructor(
    limits: PenaltyLimits,
    deps: { readonly clock: Clock; readonly log: Logger; readonly statistics: Statistics },
  ) {
    this.#limits = limits;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#statistics = deps.statistics;
  }

  /** Counts against the peer; disconnects it with DISC 3 when it is too much. */
  punish(peer: Peer, offence: keyof Points): void {
    const isExempt = peer.trusted || (isLoopback(peer.remote.ip) && !this.#limits.loopbackCounts);
    this.#statistics.offence(offence);
    const key = isExempt ? `#${peer.id}` : peer.host;
    const points = this.#decayed(key) + this.#limits.points[offence];
    this.#points.delete(key);
    this.#points.set(key, { points, atMs: this.#clock.monotonicMs() });
    if (this.#points.size > this.#limits.bannedMax) this.#points.delete(this.#points.keys().next().value as string);
    if (points < this.#limits.pointsBan) return;
    this.#log.info({ peer: peer.address, offence, points }, "peer misbehaves");
    if (!isExempt) this.#ban(peer.host);
    peer.disconnect(DISC.BLACKLISTED);
  }

  /** Bans in force. */
  get bans(): number {
    for (const host of [...this.#bans.keys()]) this.#isInForce(host);
    return this.#bans.size;
  }

  isBanned(ip: string): boolean {
    return this.#isInForce(addressKey(ip));
  }

  #isInForce(host: string): boolean {
    const until = this.#bans.get(host);
    if (until === undefined) return false;
    if (until > this.#clock.monotonicMs()) return true;
    this.#bans.delete(host);
    return false;
  }

  #ban(host: string): void {
    this.#bans.delete(host);
    this.#bans.set(host, this.#clock.monotonicMs() + this.#limits.banMs);
    this.#statistics.banned();
    if (this.#bans.size > this.#limits.bannedMax) this.#bans.delete(this.#bans.keys().next().value as string);
  }

  #decayed(key: string): number {
    const entry = this.#points.get(key);
    if (entry === undefined) return 0;
    const halvings = Math.floor((this.#clock.monotonicMs() - entry.atMs) / this.#limits.pointsHalveMs);
    return entry.points * 0.5 ** halvings;
  }
}
