import { type DisconnectReason, INTERNAL, LOCAL } from "./disconnect.ts";

const NORMAL = 1000;
const GOING_AWAY = 1001;
/** Text where only binary messages are known. */
export const CLOSE_TEXT = 1003;
export const CLOSE_POLICY = 1008;
export const CLOSE_TOO_BIG = 1009;
const TRY_AGAIN_LATER = 1013;

const DISC_BASE = 4000;
const DISC_MAX = 4019;
/** 4101 to 4107 are the internal reasons 1001 to 1007. */
const INTERNAL_BASE = 3100;

/** What a WebSocket close frame says for a reason (p2p.md 13). A DISC goes before it, where the reason has one. */
export function closeCode(reason: DisconnectReason): number {
  switch (reason) {
    case INTERNAL.SHUTDOWN:
      return GOING_AWAY;
    case LOCAL.CLOSED_BY_PEER:
    case LOCAL.HANDED_OVER:
      return NORMAL;
    case LOCAL.SILENT_DUPLICATE: // no DISC, as on TCP; but what has a close frame has to say something in it
      return DISC_BASE + 5;
    case LOCAL.FULL:
    case LOCAL.CROWDED:
      return TRY_AGAIN_LATER;
    case LOCAL.TOO_BIG:
      return CLOSE_TOO_BIG;
    case LOCAL.SLOW_READER:
      return CLOSE_POLICY;
    default:
      if (reason >= INTERNAL.DEADLINE && reason <= INTERNAL.SHORT_ID) return INTERNAL_BASE + reason;
      return DISC_BASE + (DISC_BASE + reason <= DISC_MAX ? reason : 0);
  }
}

/** What the other side's close code says; undefined when it says nothing that its DISC would not. */
export function reasonOfClose(code: number): DisconnectReason | undefined {
  if (code >= DISC_BASE && code <= DISC_MAX) return code - DISC_BASE;
  const internal = code - INTERNAL_BASE;
  if (internal >= INTERNAL.DEADLINE && internal <= INTERNAL.SHORT_ID) return internal;
  return code === TRY_AGAIN_LATER ? LOCAL.FULL : undefined;
}
