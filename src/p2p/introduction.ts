import { equalBytes } from "../base/bytes.ts";
import {
  BURN_FACTOR_MIN,
  DECIMALS_MAX,
  DEFAULT_VERIFY,
  TRANSACTION_SIZE_MIN,
  type VerifyParams,
} from "../chain/params.ts";
import type { Hash } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { DISC, type DisconnectReason } from "./disconnect.ts";
import { type Introduction, PROTOCOL_VERSION } from "./messages.ts";
import { parseUserAgent, sanitizeUserAgent, USER_AGENT_BYTES_MAX, type UserAgent } from "./user-agent.ts";

/** What our own nodes tell each other behind the genesis hash, where others look no further (docs/protocol.md). */
export interface Capabilities {
  /** It reads bursts and large frames without losing any: sender rules S1 to S3 do not apply. */
  readonly steadyDecoder: boolean;
  /** Blocks it answers one GETB with. */
  readonly blocksPerAnswer: number;
}

/** What a node says of itself. */
export interface Identity {
  readonly mirror: number;
  readonly listenPort: number;
  readonly publisherKey: PublicKey;
  readonly verify: VerifyParams;
  readonly userAgent: string;
  readonly genesisHash: Hash;
}

/** What a peer said of itself, checked. */
export interface PeerIntroduction {
  readonly mirror: number;
  readonly listenPort: number;
  readonly protocolVersion: number;
  readonly verify: VerifyParams;
  /** Undefined for a legacy peer. */
  readonly userAgent: UserAgent | undefined;
  /** Undefined: it did not say. */
  readonly genesisHash: Hash | undefined;
  /** Undefined: not one of ours. */
  readonly capabilities: Capabilities | undefined;
}

export interface IntroductionRules {
  readonly mirror: number;
  readonly publisherKey: PublicKey;
  readonly genesisHash: Hash;
  /** Accept peers that send no Extra at all (p2p.md 14). */
  readonly legacyPeerCompat: boolean;
}

export type CheckedIntroduction =
  | { readonly ok: true; readonly peer: PeerIntroduction }
  | { readonly ok: false; readonly reason: DisconnectReason };

const KEY_BYTES = 33;
const VERIFY_BYTES = 9;
const HASH_BYTES = 32;
/** ASCII "LgC1", then the length of what follows: later versions may add to it. */
const TRAILER_MAGIC = Uint8Array.of(0x4c, 0x67, 0x43, 0x31);
const TRAILER_BODY_BYTES = 6;
const STEADY_DECODER = 1;

/** The INTR body of a node. Capabilities are added only for those who may read them. */
export function introductionOf(identity: Identity, capabilities?: Capabilities): Introduction {
  const agent = new TextEncoder().encode(identity.userAgent);
  const { verify } = identity;
  const trailerBytes = capabilities === undefined ? 0 : TRAILER_MAGIC.length + 2 + TRAILER_BODY_BYTES;
  const w = new Writer(KEY_BYTES + VERIFY_BYTES + 4 + agent.length + HASH_BYTES + trailerBytes)
    .bytes(identity.publisherKey)
    .u32(verify.burnFactor)
    .u32(verify.maxTransactionSize)
    .u8(verify.maxDecimals)
    .u32(agent.length)
    .bytes(agent)
    .bytes(identity.genesisHash);
  if (capabilities !== undefined) {
    w.bytes(TRAILER_MAGIC).u16(TRAILER_BODY_BYTES);
    w.u32(capabilities.steadyDecoder ? STEADY_DECODER : 0).u16(capabilities.blocksPerAnswer);
  }
  const { mirror, listenPort } = identity;
  return { mirror, listenPort, protocolVersion: PROTOCOL_VERSION, extra: w.finish() };
}

/**
 * The checks of IntroductionMessage.Verify in its order; the first that fails names the DISC code. What needs the
 * table of connections or the peer list (5, 9, 16) comes after.
 * Differs: a genesis hash that is present and not ours is refused with 11; the reference stores it unseen.
 */
export function checkIntroduction(introduction: Introduction, rules: IntroductionRules): CheckedIntroduction {
  const { mirror, listenPort, protocolVersion, extra } = introduction;
  if (mirror === rules.mirror) return refused(DISC.SELF);
  if (protocolVersion < PROTOCOL_VERSION) return refused(DISC.VERSION);
  if (extra.length === 0) {
    if (!rules.legacyPeerCompat) return refused(DISC.UNKNOWN);
    const unsaid = { userAgent: undefined, genesisHash: undefined, capabilities: undefined };
    return { ok: true, peer: { mirror, listenPort, protocolVersion, verify: DEFAULT_VERIFY, ...unsaid } };
  }
  if (extra.length < KEY_BYTES) return refused(DISC.EXTRA);
  if (!equalBytes(extra.subarray(0, KEY_BYTES), rules.publisherKey)) return refused(DISC.PUBLIC_KEY);
  if (extra.length < KEY_BYTES + VERIFY_BYTES) return refused(DISC.EXTRA);
  const r = new Reader(extra);
  r.bytes(KEY_BYTES);
  const verify = { burnFactor: r.u32(), maxTransactionSize: r.u32(), maxDecimals: r.u8() };
  if (verify.burnFactor < BURN_FACTOR_MIN) return refused(DISC.BURN_FACTOR);
  if (verify.maxTransactionSize < TRANSACTION_SIZE_MIN) return refused(DISC.TRANSACTION_SIZE);
  if (verify.maxDecimals > DECIMALS_MAX) return refused(DISC.DECIMALS);
  const agentBytes = readShortString(r);
  if (agentBytes === undefined) return refused(DISC.EXTRA);
  const userAgent = agentOf(agentBytes);
  if (userAgent === undefined) return refused(DISC.USER_AGENT);
  if (r.remaining > 0 && r.remaining < HASH_BYTES) return refused(DISC.EXTRA);
  const genesisHash = r.remaining === 0 ? undefined : (r.bytes(HASH_BYTES) as Hash);
  if (genesisHash !== undefined && !equalBytes(genesisHash, rules.genesisHash)) return refused(DISC.PUBLIC_KEY);
  const capabilities = readCapabilities(r);
  return { ok: true, peer: { mirror, listenPort, protocolVersion, verify, userAgent, genesisHash, capabilities } };
}

function refused(reason: DisconnectReason): CheckedIntroduction {
  return { ok: false, reason };
}

/** Bytes behind a u32 length of at most 256; undefined when either is not there. */
function readShortString(r: Reader): Uint8Array | undefined {
  if (r.remaining < 4) return undefined;
  const length = r.u32();
  return length > r.remaining || length > USER_AGENT_BYTES_MAX ? undefined : r.bytes(length);
}

function agentOf(bytes: Uint8Array): UserAgent | undefined {
  try {
    return parseUserAgent(sanitizeUserAgent(bytes));
  } catch {
    return undefined;
  }
}

/** Anything but our trailer is nobody's business: room for later versions of whoever sent it. */
function readCapabilities(r: Reader): Capabilities | undefined {
  if (r.remaining < TRAILER_MAGIC.length + 2 + TRAILER_BODY_BYTES) return undefined;
  if (!equalBytes(r.bytes(TRAILER_MAGIC.length), TRAILER_MAGIC)) return undefined;
  const length = r.u16();
  if (length < TRAILER_BODY_BYTES || length > r.remaining) return undefined;
  return { steadyDecoder: (r.u32() & STEADY_DECODER) !== 0, blocksPerAnswer: r.u16() };
}
