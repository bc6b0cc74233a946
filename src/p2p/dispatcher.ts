import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { BlockServer } from "./block-server.ts";
import { DISC, disconnectName, INTERNAL } from "./disconnect.ts";
import type { WireError } from "./errors.ts";
import type { Gossip } from "./gossip.ts";
import type { Handshake } from "./handshake.ts";
import type { Limits } from "./limits.ts";
import { encode, type Message } from "./messages.ts";
import { type Peer, reasonOf } from "./peer.ts";
import type { Penalties } from "./penalties.ts";
import type { PeerExchange } from "./pex.ts";
import type { BlockSync } from "./sync.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface DispatcherDeps {
  readonly handshake: Handshake;
  readonly exchange: PeerExchange;
  readonly sync: BlockSync;
  readonly server: BlockServer;
  readonly gossip: Gossip;
  readonly penalties: Penalties;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Buckets {
  readonly pings: TokenBucket;
  readonly flood: TokenBucket;
  readonly heads: TokenBucket;
}

/** Hands each message to the part it concerns, and sends away who speaks out of turn or cannot be read. */
export class Dispatcher {
  readonly #limits: Limits;
  readonly #deps: DispatcherDeps;
  readonly #buckets = new WeakMap<Peer, Buckets>();

  constructor(limits: Limits, deps: DispatcherDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  /** The next message of the peer waits until a returned promise settles. */
  message(peer: Peer, message: Message, frameBytes: number): void | Promise<void> {
    if (message.id === "DISC") {
      this.#deps.log.debug({ peer: peer.address, reason: disconnectName(message.reason) }, "peer says why it leaves");
      peer.drop(message.reason, true);
      return;
    }
    if (message.id === "INTR") {
      this.#deps.handshake.received(peer, message.introduction);
      return;
    }
    if (!peer.isIntroduced) {
      // A GIVP of a stranger is nothing to us, and PONG is harmless; all else is out of turn.
      if (message.id !== "GIVP" && message.id !== "PONG") this.#outOfTurn(peer);
      return;
    }
    switch (message.id) {
      case "PING":
        this.#ping(peer);
        return;
      case "PONG":
        return;
      case "GETP":
        this.#deps.exchange.asked(peer);
        return;
      case "GIVP":
        this.#deps.exchange.told(peer, message.peers);
        return;
      case "GETB":
        this.#deps.sync.noteHeight(peer, message.last);
        this.#deps.server.asked(peer, message.last, message.count);
        return;
      case "GIVB":
        this.#deps.sync.receive(peer, message.blocks, frameBytes);
        return;
      case "ANNB":
        if (this.#bucketsOf(peer).heads.take()) this.#deps.sync.announcedBy(peer, message.head);
        return;
      case "ANNT":
        this.#deps.gossip.announcedBy(peer, message.txids);
        return;
      case "GETT":
        this.#deps.gossip.askedBy(peer, message.txids);
        return;
      case "GIVT":
        return this.#deps.gossip.givenBy(peer, message.transactions);
    }
  }

  #ping(peer: Peer): void {
    const { pings, flood } = this.#bucketsOf(peer);
    if (!flood.take()) {
      this.#deps.penalties.punish(peer, "flood");
      peer.drop(INTERNAL.DEADLINE);
    } else if (pings.take()) peer.send(encode.empty("PONG"), "control");
  }

  #bucketsOf(peer: Peer): Buckets {
    let buckets = this.#buckets.get(peer);
    if (buckets === undefined) {
      const { clock } = this.#deps;
      const { pings, pingFloodPerSecond, announceBlocks, framesOurs } = this.#limits;
      const flood = { perSecond: pingFloodPerSecond, burst: 10 * pingFloodPerSecond };
      buckets = {
        pings: new TokenBucket(pings, clock),
        flood: new TokenBucket(flood, clock),
        heads: new TokenBucket(peer.isOurs ? framesOurs : announceBlocks, clock),
      };
      this.#buckets.set(peer, buckets);
    }
    return buckets;
  }

  /** It sent what cannot be read. */
  broken(peer: Peer, error: WireError): void {
    this.#deps.log.debug({ peer: peer.address, code: error.code, ...error.data }, "peer sends what cannot be read");
    if (error.code === "P2P_FRAME_NOT_ALLOWED") {
      this.#outOfTurn(peer);
      return;
    }
    this.#deps.penalties.punish(peer, error.code === "P2P_UNKNOWN_ID" ? "unknownId" : "malformed");
    peer.drop(reasonOf(error, peer.door));
  }

  #outOfTurn(peer: Peer): void {
    this.#deps.penalties.punish(peer, "beforeIntroduction");
    peer.disconnect(DISC.NO_INTRODUCTION);
  }
}
