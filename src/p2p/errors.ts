import { CoinError } from "../base/errors.ts";

export type WireErrorCode =
  | "P2P_FRAME_LENGTH"
  | "P2P_FRAME_NOT_ALLOWED"
  | "P2P_UNKNOWN_ID"
  | "P2P_MALFORMED"
  | "P2P_TRAILING_BYTES"
  | "P2P_USER_AGENT"
  | "P2P_ADDRESS"
  | "P2P_DIAL_FAILED"
  | "P2P_LISTEN_FAILED"
  | "P2P_PEERS_FILE"
  | "P2P_PEERS_DOWNLOAD"
  | "P2P_LIMIT";

/** A peer's bytes, an address or a socket that will not do. Costs the peer, never the node. */
export class WireError extends CoinError<WireErrorCode> {}

const NETWORK_ERRORS = {
  NETWORK_DISABLED: ["Networking is disabled", 503],
  NETWORK_NO_ADDRESSES: ["No addresses provided", 503],
  NETWORK_POOL_EMPTY: ["Connection pool is empty after filtering connections", 503],
  NETWORK_NO_CONNECTIONS: ["No connections found for broadcast addresses", 503],
  NETWORK_UNREACHABLE: ["All pool connections are unreachable at this time", 503],
  NETWORK_NO_PEER_ACCEPTS: ["No peer will propagate this transaction", 500],
  NETWORK_CLOSED: ["Connection pool is closed", 500],
} as const;

export type NetworkErrorCode = keyof typeof NETWORK_ERRORS;

/** A broadcast reached nobody. Texts and statuses are the reference's (p2p.md 8.3). */
export class NetworkError extends CoinError<NetworkErrorCode> {
  readonly httpStatus: number;

  constructor(code: NetworkErrorCode) {
    super(code, NETWORK_ERRORS[code][0]);
    this.httpStatus = NETWORK_ERRORS[code][1];
  }
}
