import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Endpoint } from "./address.ts";
import type { NetworkChain, NetworkPool, PeersFile, Random, RivalBlocks, Turn } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { FRAME_BYTES_MAX } from "./messages.ts";
import type { Transport, WebSocketSide } from "./transport.ts";

/** The flags of p2p.md 6.5 to 6.8 and 11.1; `node` maps the configuration. */
export interface NetworkOptions {
  /** Empty: every interface, or loopback in localhost-only mode. */
  readonly listenIp: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly localhostOnly: boolean;
  readonly incoming: boolean;
  readonly outgoing: boolean;
  readonly peerExchange: boolean;
  readonly legacyPeerCompat: boolean;
  readonly userAgent: string;
  /** Checked `ip:port`. */
  readonly defaultConnections: readonly string[];
  readonly customPeers: readonly string[];
  readonly peerListSize: number;
  readonly connectionRateMs: number;
  readonly connectionsMax: number;
  readonly outgoingMax: number;
  readonly incomingMax: number;
  readonly defaultPeerOutgoingMax: number;
  /** Where WebSocket peers are taken, beside what other listeners hand over; undefined: nowhere. */
  readonly webSocketListen: Endpoint | undefined;
  /** Peers that may take part over WebSocket. */
  readonly webSocketMax: number;
  /** Addresses to keep a WebSocket link to, `ws://` or `wss://`; trusted. */
  readonly webSocketUrls: readonly string[];
  /** Largest frame sent, prefix included. */
  readonly outgoingMessageBytesMax: number;
  /** Largest length prefix received. */
  readonly incomingMessageBytesMax: number;
  readonly limits?: Partial<Limits>;
}

export const NETWORK_DEFAULTS: NetworkOptions = Object.freeze({
  listenIp: "",
  port: 6000,
  localhostOnly: false,
  incoming: true,
  outgoing: true,
  peerExchange: true,
  legacyPeerCompat: false,
  userAgent: "skycoin:0.27.1",
  defaultConnections: [],
  customPeers: [],
  peerListSize: 65_535,
  connectionRateMs: 5_000,
  connectionsMax: 128,
  outgoingMax: 8,
  incomingMax: 120,
  defaultPeerOutgoingMax: 2,
  webSocketListen: undefined,
  webSocketMax: 512,
  webSocketUrls: [],
  outgoingMessageBytesMax: FRAME_BYTES_MAX,
  incomingMessageBytesMax: 1_048_576,
});

export interface NetworkDeps {
  readonly chain: NetworkChain;
  readonly pool: NetworkPool;
  readonly transport: Transport;
  /** Absent: no peers over WebSocket. */
  readonly webSocket?: WebSocketSide;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Absent: the peer list lives and dies with the process. */
  readonly peersFile?: PeersFile;
  /** Fetches a list of peers, one `ip:port` a line. Absent: none is fetched. */
  readonly downloadPeers?: (signal: AbortSignal) => Promise<string>;
  readonly turn: Turn;
  /** Is shown blocks that differ from ours. Absent: they are passed over. */
  readonly rivals?: RivalBlocks;
}
