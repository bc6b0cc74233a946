import type { Endpoint } from "./address.ts";
import type { DisconnectReason } from "./disconnect.ts";

/** What a connection tells its one owner. Nothing is called before `open`, nothing after `closed`. */
export interface ConnectionHandlers {
  /** The next bytes; they are the owner's and never change. */
  data(bytes: Uint8Array): void;
  /**
   * "message" framing: a part of a message has come, `head` is its first bytes, at most eight. `heldBytes` says how
   * much of it there is.
   */
  partial?(head: Uint8Array): void;
  /** Everything handed to `send` has left this process. */
  drain(): void;
  /** The connection is gone. Exactly once, whoever ended it. `reason` is what the peer's side told, if it could. */
  closed(reason?: DisconnectReason): void;
}

/**
 * A connection that is up. The contract of TCP, WebSocket and in-process connections:
 * - bytes arrive in order and unchanged, in chunks of any size when `framing` is "stream"; with "message" every chunk
 *   is what one `send` of the other side was given.
 * - `send` never blocks and never fails: bytes wait in `bufferedBytes` until `drain`, or are lost with the connection.
 * - after `pause` at most what was already read still arrives, until `resume`.
 * - `end` and `destroy` may be called at any time, more than once.
 */
export interface Connection {
  readonly transport: "tcp" | "websocket" | "memory";
  readonly framing: "stream" | "message";
  readonly remote: Endpoint;
  /** Accepted by `send` and still in this process. */
  readonly bufferedBytes: number;
  /** Read, and kept until the rest of its message is here. */
  readonly heldBytes?: number;
  /** Begins delivery. Called once. */
  open(handlers: ConnectionHandlers): void;
  /** Takes one frame; the bytes must not change any more. */
  send(frame: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Closes after everything sent has left. `reason` reaches the other side where the transport can say it. */
  end(reason?: DisconnectReason): void;
  /** Closes at once; unsent bytes are lost. `reason` reaches the other side where that costs no waiting. */
  destroy(reason?: DisconnectReason): void;
}

export interface Listener {
  /** Where it really listens: port 0 has become a number. */
  readonly local: Endpoint;
  /** Takes no more connections; those accepted live on. May be called twice. */
  close(): Promise<void>;
}

export interface ListenHandlers {
  accept(connection: Connection): void;
  /** Accepting does not go on. What can pass (no descriptors left) is waited out and not reported here. */
  failed(error: unknown): void;
  /** Why somebody is not to be let in, asked before anything is spent on it, where the transport can say no. */
  refusal?(remote: Endpoint): Refusal | undefined;
  /** The transport itself let somebody not in. */
  refused?(why: Refusal): void;
}

/** Why a socket was not let in. */
export type Refusal =
  | "stopping"
  | "sockets"
  | "banned"
  | "address"
  | "strangers of address"
  | "subnet"
  | "full"
  | "websocket request";

/** The same over WebSocket (p2p.md 13); websocket.ts has it. */
export interface WebSocketSide extends Transport {
  /** Connections that other HTTP listeners hand over go to these handlers from now on; undefined: they are refused. */
  admit(handlers: ListenHandlers | undefined): void;
  /** Dials an address as TLS and proxies need it. @throws WireError P2P_DIAL_FAILED; the signal's reason when aborted */
  dialUrl(url: string, options: { readonly signal: AbortSignal }): Promise<Connection>;
}

export interface Transport {
  /** @throws WireError P2P_LISTEN_FAILED, with the system's code in `data.cause` */
  listen(local: Endpoint, handlers: ListenHandlers): Promise<Listener>;
  /** @throws WireError P2P_DIAL_FAILED; the signal's reason when aborted. Never leaves a socket behind. */
  dial(remote: Endpoint, options: { readonly signal: AbortSignal }): Promise<Connection>;
}
