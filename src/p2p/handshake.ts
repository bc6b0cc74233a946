import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type AddressRules, isPeerAddress } from "./address.ts";
import type { Connections } from "./connections.ts";
import { DISC, type DisconnectReason, LOCAL } from "./disconnect.ts";
import {
  type Capabilities,
  checkIntroduction,
  type Identity,
  type IntroductionRules,
  introductionOf,
  type PeerIntroduction,
} from "./introduction.ts";
import type { Limits } from "./limits.ts";
import { encode, type Introduction } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { PeerBook } from "./peer-book.ts";
import type { PeerExchange } from "./pex.ts";

export interface HandshakeOptions extends AddressRules {
  readonly identity: Identity;
  readonly legacyPeerCompat: boolean;
  readonly incomingMax: number;
  readonly outgoingMax: number;
  readonly webSocketMax: number;
  readonly limits: Pick<Limits, "silentDiallerMs" | "shadowMs" | "handOverMs" | "blocksPerAnswerOurs">;
}

export interface HandshakeDeps {
  readonly table: Connections;
  readonly book: PeerBook;
  readonly exchange: PeerExchange;
  readonly clock: Clock;
  readonly log: Logger;
  /** A peer takes part from now on. */
  readonly welcome: (peer: Peer) => void;
}

/**
 * From a connection to a peer that takes part: introductions, and the choice between two links to one node (p2p.md 4
 * and 6.4). The dialler speaks first; who accepts answers, so that duplicates and strangers are known before a word is
 * said (M4).
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #deps: HandshakeDeps;
  readonly #rules: IntroductionRules;
  readonly #capabilities: Capabilities;

  constructor(options: HandshakeOptions, deps: HandshakeDeps) {
    this.#options = options;
    this.#deps = deps;
    const { mirror, publisherKey, genesisHash } = options.identity;
    this.#rules = { mirror, publisherKey, genesisHash, legacyPeerCompat: options.legacyPeerCompat };
    this.#capabilities = { steadyDecoder: true, blocksPerAnswer: options.limits.blocksPerAnswerOurs };
  }

  /** A connection is up. */
  begin(peer: Peer): void {
    if (peer.outgoing) {
      this.#introduceTo(peer, true);
      return;
    }
    // Two that both wait for the other to speak would wait for ever.
    this.#deps.clock.after(this.#options.limits.silentDiallerMs, () => {
      if (peer.endReason === undefined) this.#introduceTo(peer, false);
    });
  }

  /** INTR. A second one is ignored, as by the reference. */
  received(peer: Peer, introduction: Introduction): void {
    if (peer.introduction !== undefined) return;
    const checked = checkIntroduction(introduction, this.#rules);
    if (!checked.ok) {
      this.#refuse(peer, checked.reason, introduction);
      return;
    }
    // A dialled WebSocket has a port that is nobody's but a browser's or proxy's: the announced one counts there too.
    if (!peer.outgoing || peer.door === "websocket") peer.listenPort = checked.peer.listenPort;
    const address = peer.listenAddress;
    const isUnreachable = peer.door === "websocket" && (peer.outgoing || peer.listenPort === 0);
    if (!isUnreachable && (address === undefined || !isPeerAddress(address, this.#options))) {
      peer.disconnect(DISC.UNEXPECTED);
      return;
    }
    this.#admit(peer, checked.peer, isUnreachable ? undefined : address);
  }

  #admit(peer: Peer, introduction: PeerIntroduction, address: string | undefined): void {
    const { table, book } = this.#deps;
    const { mirror } = introduction;
    if (address !== undefined && peer.isAtItsIp) book.setMirror(address, mirror);
    const [link] = table.linksTo(mirror, peer.remote.ip);
    const isDuplicate = link !== undefined;
    if (isDuplicate && !peer.introduced) {
      if (isPreferred(peer, { link, introduction, address })) this.#handOver(link, peer, introduction, address);
      else peer.drop(LOCAL.SILENT_DUPLICATE);
      return;
    }
    if (!isDuplicate && !this.#hasRoomFor(peer, introduction)) {
      peer.drop(LOCAL.FULL);
      return;
    }
    peer.introduction = introduction;
    peer.trusted ||= address !== undefined && peer.isAtItsIp && book.isTrusted(address);
    if (!isDuplicate && address !== undefined && !this.#remember(peer, address)) return;
    if (peer.isOurs) peer.relax();
    if (!peer.introduced) this.#introduceTo(peer, introduction.capabilities !== undefined);
    if (isDuplicate) this.#park(peer, mirror);
    else this.#takesPart(peer);
  }

  /**
   * Gives up our link for the one a reference node has just dialled: it counts its own dials only, and without one it
   * would dial on, every few seconds, for ever. It must see the old link end before it hears from us on the new one.
   */
  #handOver(link: Peer, peer: Peer, introduction: PeerIntroduction, address: string | undefined): void {
    link.drop(LOCAL.HANDED_OVER);
    this.#deps.clock.after(this.#options.limits.handOverMs, () => {
      if (peer.endReason === undefined) this.#admit(peer, introduction, address);
    });
  }

  /** False: too many of its kind. */
  #hasRoomFor(peer: Peer, { userAgent }: PeerIntroduction): boolean {
    const { table } = this.#deps;
    const { incomingMax, outgoingMax, webSocketMax } = this.#options;
    const { door, outgoing } = peer;
    if (!outgoing) return table.countIntroduced(door) < (door === "websocket" ? webSocketMax : incomingMax);
    if (userAgent !== undefined) return true;
    // Legacy peers prove nothing when they introduce themselves: they never fill our own dials.
    return table.count((p) => p.outgoing && p.isIntroduced && p.isLegacy) < outgoingMax / 2;
  }

  /** Into the peer list; false when that is full and the newcomer was sent away with what it needs to find others. */
  #remember(peer: Peer, address: string): boolean {
    const { book, exchange } = this.#deps;
    if (peer.outgoing) {
      book.reached(address, peer.userAgent);
      return true;
    }
    if (book.addIncoming(address, peer.userAgent) === "ok") return true;
    exchange.tell(peer);
    peer.disconnect(DISC.PEER_LIST_FULL);
    return false;
  }

  #takesPart(peer: Peer): void {
    peer.shadow = false;
    this.#deps.log.info(
      { peer: peer.address, outgoing: peer.outgoing, port: peer.listenPort, ours: peer.isOurs },
      "peer introduced",
    );
    this.#deps.welcome(peer);
  }

  /** Both have spoken on both links: whoever is not ours chooses now; what still stands after a while we decide (M5). */
  #park(peer: Peer, mirror: number): void {
    peer.shadow = true;
    this.#deps.log.debug({ peer: peer.address }, "second link to a peer");
    this.#deps.clock.after(this.#options.limits.shadowMs, () => this.#choose(mirror, peer.remote.ip));
  }

  /** Keeps TCP; the link dialled by the side with the larger mirror; of two dialled by one side the older (M6). */
  #choose(mirror: number, ip: string): void {
    const links = this.#deps.table.linksTo(mirror, ip);
    const weDecide = this.#options.identity.mirror > mirror;
    const [kept, ...others] = links.sort(
      (a, b) =>
        Number(a.door === "websocket") - Number(b.door === "websocket") ||
        Number(b.outgoing === weDecide) - Number(a.outgoing === weDecide) ||
        a.id - b.id,
    );
    if (kept === undefined) return;
    for (const other of others) other.disconnect(DISC.CONNECTED_TWICE);
    if (kept.shadow) this.#takesPart(kept);
  }

  /** A connection has ended: a second link to the same node takes its place. */
  ended(peer: Peer): void {
    const mirror = peer.introduction?.mirror;
    if (mirror === undefined || peer.shadow) return;
    const [next] = this.#deps.table.linksTo(mirror, peer.remote.ip);
    if (next?.shadow) this.#takesPart(next);
  }

  #refuse(peer: Peer, reason: DisconnectReason, { listenPort }: Introduction): void {
    this.#deps.log.debug({ peer: peer.address, reason }, "introduction refused");
    if (reason === DISC.SELF) {
      // Seen from the accepting side it is the announced port that leads back here.
      if (!peer.outgoing) peer.listenPort = listenPort;
      if (peer.listenAddress !== undefined) this.#deps.book.markSelf(peer.listenAddress);
    }
    peer.disconnect(reason);
  }

  #introduceTo(peer: Peer, withCapabilities: boolean): void {
    if (peer.introduced) return;
    peer.introduced = true;
    const introduction = introductionOf(this.#options.identity, withCapabilities ? this.#capabilities : undefined);
    peer.send(encode.introduction(introduction), "control");
  }
}

/** A second link is worth more than the first when we dialled a reference node and it dials us (M9). */
function isPreferred(
  peer: Peer,
  { link, introduction, address }: { link: Peer; introduction: PeerIntroduction; address: string | undefined },
): boolean {
  const isCrossing = link.outgoing && !peer.outgoing && link.door === peer.door;
  // Who listens where we dialled is who we dialled: nobody else can take its link away.
  return isCrossing && link.listenAddress === address && introduction.capabilities === undefined;
}
