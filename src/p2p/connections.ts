import { type Endpoint, endpointText, subnetOf } from "./address.ts";
import type { Door, Peer } from "./peer.ts";

/** A dial under way. */
export interface PendingDial {
  /** `ip:port` dialled. */
  readonly address: string;
  readonly remote: Endpoint;
  readonly startedAtMs: number;
}

/** Every connection and every dial, and the questions asked about them. */
export class Connections {
  readonly #peers = new Map<number, Peer>();
  /** Those of the TCP door: looked through for each newcomer, of which there may be thousands a second. */
  readonly #sockets = new Set<Peer>();
  readonly #pending = new Map<string, PendingDial>();

  /** Sockets of the TCP door and dials under way: WebSocket has places of its own. */
  get socketSize(): number {
    return this.#sockets.size + this.#pending.size;
  }

  add(peer: Peer): void {
    this.#peers.set(peer.id, peer);
    if (peer.door === "socket") this.#sockets.add(peer);
  }

  remove(peer: Peer): void {
    this.#peers.delete(peer.id);
    this.#sockets.delete(peer);
  }

  addPending(dial: PendingDial): void {
    this.#pending.set(dial.address, dial);
  }

  removePending(address: string): void {
    this.#pending.delete(address);
  }

  all(): Peer[] {
    return [...this.#peers.values()];
  }

  pending(): PendingDial[] {
    return [...this.#pending.values()];
  }

  isPending(address: string): boolean {
    return this.#pending.has(address);
  }

  byId(id: number): Peer | undefined {
    return this.#peers.get(id);
  }

  byAddress(address: string): Peer | undefined {
    return this.find((peer) => peer.address === address);
  }

  find(wanted: (peer: Peer) => boolean): Peer | undefined {
    for (const peer of this.#peers.values()) if (wanted(peer)) return peer;
    return undefined;
  }

  count(wanted: (peer: Peer) => boolean): number {
    let n = 0;
    for (const peer of this.#peers.values()) if (wanted(peer)) n++;
    return n;
  }

  /** The same among those of the TCP door. */
  countSockets(wanted: (peer: Peer) => boolean): number {
    let n = 0;
    for (const peer of this.#sockets) if (wanted(peer)) n++;
    return n;
  }

  /** Those that take part: introduced, alive, one per node. */
  active(): Peer[] {
    return this.all().filter((peer) => peer.isActive);
  }

  /** Introduced links to the node with this mirror at this address, the one in use first. */
  linksTo(mirror: number, ip: string): Peer[] {
    return this.all()
      .filter((peer) => peer.isIntroduced && peer.introduction?.mirror === mirror && peer.remote.ip === ip)
      .sort((a, b) => Number(a.shadow) - Number(b.shadow) || a.id - b.id);
  }

  /** Introduced links to whoever has this mirror, or says so. */
  withMirror(mirror: number): Peer[] {
    return this.all().filter((peer) => peer.isIntroduced && peer.introduction?.mirror === mirror);
  }

  /** An introduced connection leads to whoever listens there (M1). */
  reaches({ ip, port }: Endpoint): boolean {
    const leads = (peer: Peer): boolean => peer.remote.ip === ip && peer.listenPort === port;
    return this.find((peer) => peer.isIntroduced && peer.isAtItsIp && leads(peer)) !== undefined;
  }

  /** A socket to exactly this address exists, in whatever state. */
  isConnectedTo(remote: Endpoint): boolean {
    const address = endpointText(remote);
    return this.find((peer) => peer.door === "socket" && peer.outgoing && peer.address === address) !== undefined;
  }

  countHost(host: string, door: Door): number {
    return this.count((peer) => peer.door === door && peer.host === host);
  }

  countSubnet(ip: string): number {
    const subnet = subnetOf(ip);
    return this.countSockets((peer) => subnetOf(peer.remote.ip) === subnet);
  }

  /** Peers that came in by this door. */
  countIntroduced(door: Door): number {
    return this.count((peer) => peer.door === door && !peer.outgoing && peer.isIntroduced);
  }

  /** The oldest incoming connection of the TCP door that has not introduced itself. */
  oldestStranger(): Peer | undefined {
    for (const peer of this.#sockets) {
      if (!peer.outgoing && peer.introduction === undefined && peer.endReason === undefined) return peer;
    }
    return undefined;
  }
}
