import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type Endpoint, endpointText, splitPeerAddress } from "./address.ts";
import type { Random } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { encode, fitting } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { PeerBook } from "./peer-book.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface PexOptions {
  readonly enabled: boolean;
  /** Largest frame to send. */
  readonly frameBytesMax: number;
  readonly limits: Pick<Limits, "pexKeepMax" | "pexSolicitedMs" | "pexUnsolicitedMs" | "getPeers">;
}

export interface PexDeps {
  readonly book: PeerBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Peers told at once. */
const TOLD_MAX = 30;
const BYTES_PER_PEER = 6;

interface Talk {
  readonly asks: TokenBucket;
  /** Monotonic; when we last asked it, and when it last told us something unasked. */
  askedAtMs: number;
  toldAtMs: number;
}

/** Peer exchange: who else is there. Takes little from anybody, so that no single peer fills the list (W8). */
export class PeerExchange {
  readonly #options: PexOptions;
  readonly #deps: PexDeps;
  readonly #talks = new WeakMap<Peer, Talk>();

  constructor(options: PexOptions, deps: PexDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Asks everybody, unless there is no room for an answer. */
  ask(peers: readonly Peer[]): void {
    if (!this.#options.enabled || this.#deps.book.isFull) return;
    for (const peer of peers) {
      this.#talk(peer).askedAtMs = this.#deps.clock.monotonicMs();
      peer.send(encode.empty("GETP"));
    }
  }

  /** GETP. */
  asked(peer: Peer): void {
    if (this.#options.enabled && this.#talk(peer).asks.take()) this.tell(peer);
  }

  /** GIVP of up to 30 random peers known to take connections, the asker left out (M7); nothing when there are none. */
  tell(peer: Peer): void {
    const others = this.#deps.book.exchangeable().filter((address) => address !== peer.listenAddress);
    const told = others.slice(0, TOLD_MAX).map(splitPeerAddress);
    const count = fitting(
      told.map(() => BYTES_PER_PEER),
      TOLD_MAX,
      this.#options.frameBytesMax,
    );
    if (count > 0) peer.send(encode.peers(told.slice(0, count)));
  }

  /** GIVP. Before introduction, out of turn or when exchange is off it is ignored, as by the reference when off. */
  told(peer: Peer, peers: readonly Endpoint[]): void {
    if (!this.#options.enabled || !peer.isIntroduced || peers.length === 0) return;
    const talk = this.#talk(peer);
    const now = this.#deps.clock.monotonicMs();
    const { pexSolicitedMs, pexUnsolicitedMs, pexKeepMax } = this.#options.limits;
    if (now - talk.askedAtMs > pexSolicitedMs) {
      if (now - talk.toldAtMs < pexUnsolicitedMs) return;
      talk.toldAtMs = now;
    }
    talk.askedAtMs = Number.NEGATIVE_INFINITY; // one answer for one question
    const kept = this.#sample(peers.map(endpointText), pexKeepMax);
    const taken = this.#deps.book.addHeard(kept, peer.host);
    this.#deps.log.debug({ peer: peer.address, told: peers.length, taken }, "peers received");
  }

  #sample(list: string[], count: number): string[] {
    for (let i = 0; i < Math.min(count, list.length - 1); i++) {
      const k = i + Math.floor(this.#deps.random.fraction() * (list.length - i));
      [list[i], list[k]] = [list[k] as string, list[i] as string];
    }
    return list.slice(0, count);
  }

  #talk(peer: Peer): Talk {
    let talk = this.#talks.get(peer);
    if (talk === undefined) {
      const asks = new TokenBucket(this.#options.limits.getPeers, this.#deps.clock);
      talk = { asks, askedAtMs: Number.NEGATIVE_INFINITY, toldAtMs: Number.NEGATIVE_INFINITY };
      this.#talks.set(peer, talk);
    }
    return talk;
  }
}
