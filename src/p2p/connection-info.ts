import { DEFAULT_VERIFY, type VerifyParams } from "../chain/params.ts";
import type { PendingDial } from "./connections.ts";
import type { Peer } from "./peer.ts";

/** One connection as the API shows it (api.md 13.16). Times are unix seconds, 0 for never. */
export interface ConnectionInfo {
  /** 0 while it is being dialled. */
  readonly id: number;
  readonly address: string;
  readonly lastSent: number;
  readonly lastReceived: number;
  readonly connectedAt: number;
  readonly outgoing: boolean;
  readonly state: "pending" | "connected" | "introduced";
  readonly mirror: number;
  readonly listenPort: number;
  readonly height: number;
  readonly userAgent: string;
  readonly trusted: boolean;
  readonly unconfirmedVerify: VerifyParams;
}

const UNSAID: VerifyParams = { burnFactor: 0, maxTransactionSize: 0, maxDecimals: 0 };

/** What is known of a dial that has not succeeded yet. */
export function pendingInfo({ address, remote }: PendingDial, trusted: boolean): ConnectionInfo {
  const unset = { id: 0, lastSent: 0, lastReceived: 0, connectedAt: 0, mirror: 0, height: 0, userAgent: "" };
  const known = { address, outgoing: true, state: "pending", listenPort: remote.port, trusted } as const;
  return { ...unset, ...known, unconfirmedVerify: UNSAID };
}

export function connectionInfo(peer: Peer): ConnectionInfo {
  return {
    id: peer.id,
    address: peer.address,
    lastSent: Math.floor(peer.lastSentAtMs / 1000),
    lastReceived: Math.floor(peer.lastReceivedAtMs / 1000),
    connectedAt: Math.floor(peer.connectedAtMs / 1000),
    outgoing: peer.outgoing,
    state: peer.state,
    mirror: peer.introduction?.mirror ?? 0,
    listenPort: peer.listenPort,
    height: peer.height,
    userAgent: peer.userAgent,
    trusted: peer.trusted,
    unconfirmedVerify: peer.verify ?? (peer.state === "introduced" ? DEFAULT_VERIFY : UNSAID),
  };
}
