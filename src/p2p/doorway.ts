import { addressKey } from "../base/address-key.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type Endpoint, isLoopback } from "./address.ts";
import type { BlockServer } from "./block-server.ts";
import type { Connections } from "./connections.ts";
import { DISC, disconnectName, holdAfterDisconnect, INTERNAL, LOCAL } from "./disconnect.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Handshake } from "./handshake.ts";
import type { Limits } from "./limits.ts";
import { Peer } from "./peer.ts";
import type { PeerBook } from "./peer-book.ts";
import type { Penalties } from "./penalties.ts";
import type { Pools } from "./pools.ts";
import type { Statistics } from "./statistics.ts";
import type { BlockSync } from "./sync.ts";
import type { Connection, Refusal } from "./transport.ts";
import type { Turnstile } from "./turnstile.ts";

export interface DoorwayOptions {
  readonly limits: Limits;
  readonly localhostOnly: boolean;
  readonly socketsMax: number;
  readonly incomingMax: number;
  /** The same over WebSocket, which has places of its own: browsers cannot use up those of nodes. */
  readonly webSocketMax: number;
  /** Largest length prefix taken. */
  readonly lengthMax: number;
}

export interface DoorwayDeps {
  readonly table: Connections;
  readonly book: PeerBook;
  readonly penalties: Penalties;
  readonly handshake: Handshake;
  readonly dispatcher: Dispatcher;
  readonly server: BlockServer;
  readonly sync: BlockSync;
  readonly turnstile: Turnstile;
  readonly pools: Pools;
  readonly statistics: Statistics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where connections come and go: who may enter, and what an end says about the address it was with. */
export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #deps: DoorwayDeps;
  #nextId = 1;
  #isClosed = false;
  #emptied: (() => void) | undefined;

  constructor(options: DoorwayOptions, deps: DoorwayDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Nobody enters any more; everybody is told to go and has `flushMs` for it. */
  async close(flushMs: number): Promise<void> {
    const { table, clock } = this.#deps;
    this.#isClosed = true;
    for (const peer of table.all()) peer.disconnect(DISC.OPERATOR, INTERNAL.SHUTDOWN);
    if (table.all().length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(flushMs, () => {
        for (const peer of table.all()) peer.drop(INTERNAL.SHUTDOWN);
        resolve();
      });
      this.#emptied = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Somebody dialled us. */
  accept(connection: Connection): void {
    const refusal = this.#refusal(connection.remote);
    if (refusal === undefined) {
      this.#deps.statistics.accepted();
      this.add(connection, { outgoing: false, trusted: false });
    } else {
      this.#deps.statistics.refused("socket", refusal);
      connection.destroy();
    }
  }

  /** The same over WebSocket, where `webSocketRefusal` was asked before. */
  acceptWebSocket(connection: Connection): void {
    this.#deps.statistics.accepted();
    this.add(connection, { outgoing: false, trusted: false });
  }

  /** Asked before an upgrade is answered. How many sockets there may be is the transport's business. */
  webSocketRefusal({ ip }: Endpoint): Refusal | undefined {
    const { limits, localhostOnly, webSocketMax } = this.#options;
    const { table, penalties } = this.#deps;
    if (this.#isClosed) return "stopping";
    if (penalties.isBanned(ip)) return "banned";
    const counts = limits.loopbackCounts || !localhostOnly || !isLoopback(ip);
    if (counts && table.countHost(addressKey(ip), "websocket") >= limits.wsPerIpMax) return "address";
    return table.countIntroduced("websocket") < webSocketMax ? undefined : "full";
  }

  /** Over a limit a socket is closed without a word, before anything is spent on it (p2p.md 12.2). */
  #refusal({ ip }: Endpoint): Refusal | undefined {
    const { perIpMax, perIpUnintroducedMax, perSubnetMax, strangerMs, loopbackCounts } = this.#options.limits;
    const { table, penalties } = this.#deps;
    if (this.#isClosed) return "stopping";
    if (table.socketSize >= this.#options.socketsMax) return "sockets";
    if (penalties.isBanned(ip)) return "banned";
    if (loopbackCounts || !this.#options.localhostOnly || !isLoopback(ip)) {
      const host = addressKey(ip);
      if (table.countHost(host, "socket") >= perIpMax) return "address";
      if (table.countSubnet(ip) >= perSubnetMax) return "subnet";
      const strangers = table.countSockets((peer) => peer.host === host && peer.introduction === undefined);
      if (strangers >= perIpUnintroducedMax) return "strangers of address";
    }
    if (table.countSockets((peer) => !peer.outgoing) < this.#options.incomingMax) return undefined;
    const stranger = table.oldestStranger();
    const { clock } = this.#deps;
    if (stranger === undefined || clock.monotonicMs() - stranger.connectedMs < strangerMs) return "full";
    stranger.drop(LOCAL.FULL);
    return undefined;
  }

  /** A connection that was accepted or dialled; undefined when it comes too late. */
  add(connection: Connection, { outgoing, trusted }: { outgoing: boolean; trusted: boolean }): Peer | undefined {
    if (this.#isClosed) {
      connection.destroy();
      return undefined;
    }
    const { clock, log, dispatcher, turnstile, server, handshake, pools, statistics } = this.#deps;
    const { limits, lengthMax } = this.#options;
    const peer = new Peer(
      { id: this.#nextId++, outgoing, limits, lengthMax },
      {
        connection,
        clock,
        log,
        pools,
        statistics,
        message: (from, message, bytes) => dispatcher.message(from, message, bytes),
        broken: (from, error) => dispatcher.broken(from, error),
        ready: (source) => turnstile.ready(source),
        drained: (from) => server.serve(from),
        ended: (gone) => this.#ended(gone),
      },
    );
    peer.trusted = trusted;
    this.#deps.table.add(peer);
    peer.open();
    handshake.begin(peer);
    return peer;
  }

  #ended(peer: Peer): void {
    this.#deps.table.remove(peer);
    const reason = peer.endReason ?? LOCAL.CLOSED_BY_PEER;
    this.#deps.statistics.ended(reason, peer.endedByPeer);
    if (peer.introduction !== undefined) {
      this.#deps.log.info(
        { peer: peer.address, reason: disconnectName(reason), byPeer: peer.endedByPeer },
        "peer gone",
      );
    }
    if (peer.outgoing && peer.door === "socket") this.#judgeDial(peer, reason);
    this.#deps.sync.peerEnded(peer);
    this.#deps.handshake.ended(peer);
    if (this.#deps.table.all().length === 0) this.#emptied?.();
  }

  /** What the end of a connection we dialled says about the address (p2p.md 7). */
  #judgeDial(peer: Peer, reason: number): void {
    const { address } = peer;
    const hold = holdAfterDisconnect(reason);
    if (peer.endedByPeer && reason === DISC.SELF) this.#deps.book.markSelf(address);
    const isStranger = peer.introduction === undefined;
    const isEarlyEnd = reason === LOCAL.CLOSED_BY_PEER || reason === DISC.VERSION || reason === DISC.SELF;
    if (isStranger || isEarlyEnd || hold === 0) this.#deps.book.failed(address, { counts: isEarlyEnd });
    // A trusted peer that stops says the same as one whose operator wants us gone; it is expected back.
    if (hold > 0 && !(reason === DISC.OPERATOR && peer.trusted)) this.#deps.book.hold(address, hold);
    const isHopeless = [DISC.PUBLIC_KEY, DISC.EXTRA, DISC.USER_AGENT, DISC.INTRODUCTION_TIMEOUT].some(
      (r) => r === reason,
    );
    if (isHopeless && (!peer.endedByPeer || reason === DISC.PUBLIC_KEY)) this.#deps.book.dismiss(address, hold);
  }
}
