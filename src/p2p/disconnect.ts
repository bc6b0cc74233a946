/** Reasons of a DISC message, as numbered on the wire (p2p.md 7). */
export const DISC = {
  UNKNOWN: 0,
  VERSION: 1,
  INTRODUCTION_TIMEOUT: 2,
  BLACKLISTED: 3,
  SELF: 4,
  CONNECTED_TWICE: 5,
  IDLE: 6,
  NO_INTRODUCTION: 7,
  IP_LIMIT: 8,
  UNEXPECTED: 9,
  MAX_OUTGOING: 10,
  PUBLIC_KEY: 11,
  EXTRA: 12,
  RECEIVED_DISC: 13,
  USER_AGENT: 14,
  OPERATOR: 15,
  PEER_LIST_FULL: 16,
  BURN_FACTOR: 17,
  TRANSACTION_SIZE: 18,
  DECIMALS: 19,
} as const;

/** Ends without a DISC message; the numbers are reserved by the reference and never sent. */
export const INTERNAL = {
  DEADLINE: 1001,
  LENGTH: 1002,
  MALFORMED: 1003,
  UNKNOWN_ID: 1004,
  SHUTDOWN: 1005,
  LEFTOVER: 1006,
  SHORT_ID: 1007,
} as const;

/**
 * Our own: the connection ended from the other side, a duplicate was dropped before we spoke, it or another had to make
 * room, it read too slowly, its place was given to a newer one, too much waits to be handled, or its message was too big.
 */
export const LOCAL = {
  CLOSED_BY_PEER: 2000,
  SILENT_DUPLICATE: 2001,
  FULL: 2002,
  SLOW_READER: 2003,
  HANDED_OVER: 2004,
  CROWDED: 2005,
  TOO_BIG: 2006,
} as const;

/** A number of one of the three tables above, or any u16 a peer sent. */
export type DisconnectReason = number;

const NAMES: ReadonlyMap<number, string> = new Map(
  [...Object.entries(DISC), ...Object.entries(INTERNAL), ...Object.entries(LOCAL)].map(([name, code]) => [
    code,
    name.toLowerCase().replaceAll("_", " "),
  ]),
);

/** For logs. */
export function disconnectName(reason: DisconnectReason): string {
  return NAMES.get(reason) ?? `reason ${reason}`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * How long not to dial a peer that left with this reason; 0 leaves it to the usual back-off (p2p.md 7, last column).
 */
export function holdAfterDisconnect(reason: DisconnectReason): number {
  switch (reason) {
    case DISC.INTRODUCTION_TIMEOUT:
    case DISC.SELF:
    case DISC.CONNECTED_TWICE:
    case DISC.IDLE:
    case DISC.NO_INTRODUCTION:
    case DISC.RECEIVED_DISC:
      return 0;
    case DISC.IP_LIMIT:
    case DISC.MAX_OUTGOING:
    case DISC.OPERATOR:
      return 10 * MINUTE;
    case DISC.UNEXPECTED:
    case DISC.PEER_LIST_FULL:
    case DISC.PUBLIC_KEY:
      return HOUR;
    default:
      return reason >= 1001 ? 0 : DAY;
  }
}
