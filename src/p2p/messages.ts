import { readSignedBlock, type SignedBlock } from "../chain/block.ts";
import { encodeTransaction, readTransaction, type Transaction } from "../chain/transaction.ts";
import type { Hash } from "../cipher/hash.ts";
import { CodecError, Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { type Endpoint, ipv4Number, ipv4Text, isIPv4 } from "./address.ts";
import { WireError } from "./errors.ts";

/** Everything two nodes say to each other (p2p.md 3). Heights and counts above 2^53-1 read as 2^53-1. */
export type Message =
  | { readonly id: "INTR"; readonly introduction: Introduction }
  | { readonly id: "GETP" | "PING" | "PONG" }
  | { readonly id: "GIVP"; readonly peers: readonly Endpoint[] }
  | { readonly id: "GETB"; readonly last: number; readonly count: number }
  | { readonly id: "GIVB"; readonly blocks: readonly SignedBlock[] }
  | { readonly id: "ANNB"; readonly head: number }
  | { readonly id: "GETT" | "ANNT"; readonly txids: readonly Hash[] }
  | { readonly id: "GIVT"; readonly transactions: readonly Transaction[] }
  | { readonly id: "DISC"; readonly reason: number };

export type MessageId = Message["id"];

/** The fixed part of INTR; `extra` is read in introduction.ts, since its checks have an order and codes of their own. */
export interface Introduction {
  /** Random u32 per process start: tells self and duplicate connections. */
  readonly mirror: number;
  readonly listenPort: number;
  readonly protocolVersion: number;
  /** Empty when the frame ends before it. */
  readonly extra: Uint8Array;
}

export const PROTOCOL_VERSION = 2;
/** Prefix and id. */
export const FRAME_HEAD_BYTES = 8;
/** Largest frame we send, prefix included, as the reference's default. */
export const FRAME_BYTES_MAX = 262_144;

export const LIST_MAX = { GIVP: 512, GIVB: 128, GETT: 256, ANNT: 256, GIVT: 256 } as const;
/** ANNT is sent in portions of this many, as the reference does. */
export const ANNOUNCED_AT_ONCE = 16;

/** Largest (or only) value of the length prefix by type, id included (p2p.md 12.2): known when 8 bytes are in. */
export const LENGTH_MAX: Readonly<Record<MessageId, number>> = {
  INTR: 4096,
  GETP: 4,
  PING: 4,
  PONG: 4,
  DISC: 264,
  GETB: 20,
  ANNB: 12,
  GIVP: 3080,
  GETT: 8200,
  ANNT: 8200,
  GIVB: 1_048_576,
  GIVT: 1_048_576,
};

const IDS = Object.keys(LENGTH_MAX) as MessageId[];
const BY_NUMBER: ReadonlyMap<number, MessageId> = new Map(IDS.map((id) => [idNumber(id), id]));

function idNumber(id: string): number {
  return id.charCodeAt(0) + id.charCodeAt(1) * 0x100 + id.charCodeAt(2) * 0x1_0000 + id.charCodeAt(3) * 0x100_0000;
}

/** The message type of the four id bytes at `at`; undefined for one that does not exist. */
export function messageIdAt(bytes: Uint8Array, at: number): MessageId | undefined {
  const n =
    (bytes[at] as number) +
    (bytes[at + 1] as number) * 0x100 +
    (bytes[at + 2] as number) * 0x1_0000 +
    (bytes[at + 3] as number) * 0x100_0000;
  return BY_NUMBER.get(n);
}

/**
 * Reads one whole frame, length prefix included. The body must be used up exactly. Blocks, transactions and hashes
 * share the frame's memory.
 * @throws WireError P2P_UNKNOWN_ID, P2P_TRAILING_BYTES, P2P_MALFORMED
 */
export function decodeMessage(frame: Uint8Array): Message {
  const id = messageIdAt(frame, 4);
  if (id === undefined) throw new WireError("P2P_UNKNOWN_ID", "unknown message id");
  const r = new Reader(frame.subarray(FRAME_HEAD_BYTES));
  let message: Message;
  try {
    message = readBody(id, r);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new WireError("P2P_MALFORMED", cause.message, { id }, { cause });
  }
  if (r.remaining > 0) throw new WireError("P2P_TRAILING_BYTES", "bytes left over", { id, left: r.remaining });
  return message;
}

function readBody(id: MessageId, r: Reader): Message {
  switch (id) {
    case "INTR":
      return { id, introduction: readIntroduction(r) };
    case "GETP":
    case "PING":
    case "PONG":
      return { id };
    case "GIVP":
      return { id, peers: readList(r, LIST_MAX.GIVP, 6, () => ({ ip: ipv4Text(r.u32()), port: r.u16() })) };
    case "GETB":
      return { id, last: readHeight(r), count: readHeight(r) };
    case "GIVB":
      return { id, blocks: readList(r, LIST_MAX.GIVB, 193, () => readSignedBlock(r)) };
    case "ANNB":
      return { id, head: readHeight(r) };
    case "GETT":
    case "ANNT":
      return { id, txids: readList(r, LIST_MAX[id], 32, () => r.bytes(32) as Hash) };
    case "GIVT":
      return { id, transactions: readList(r, LIST_MAX.GIVT, 49, () => readTransaction(r)) };
    case "DISC": {
      const reason = r.u16();
      r.bytes(r.count(Number.MAX_SAFE_INTEGER));
      return { id, reason };
    }
  }
}

/** Go: IntroductionMessage; Extra is `omitempty`, so a frame may end before its count. */
function readIntroduction(r: Reader): Introduction {
  const mirror = r.u32();
  const listenPort = r.u16();
  const protocolVersion = r.i32();
  const extra = r.remaining === 0 ? new Uint8Array(0) : r.bytes(r.count(Number.MAX_SAFE_INTEGER));
  return { mirror, listenPort, protocolVersion, extra };
}

/** Count against bytes, then against the maximum, as the reference; then what the elements need at least. */
function readList<T>(r: Reader, max: number, elementBytesMin: number, read: () => T): T[] {
  const count = r.count(max);
  if (count * elementBytesMin > r.remaining) {
    throw new CodecError("CODEC_UNDERFLOW", "Not enough buffer data to deserialize", { count, left: r.remaining });
  }
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(read());
  return list;
}

/** Differs: heights are numbers; what is above 2^53-1 says "higher than anything" and is kept as that. */
function readHeight(r: Reader): number {
  const value = r.u64();
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

/** A frame of `bodyBytes` with prefix and id written; the caller fills the rest. */
function frame(id: MessageId, bodyBytes: number): Writer {
  return new Writer(FRAME_HEAD_BYTES + bodyBytes).u32(4 + bodyBytes).u32(idNumber(id));
}

export const encode = {
  introduction: ({ mirror, listenPort, protocolVersion, extra }: Introduction): Uint8Array =>
    frame("INTR", 14 + extra.length - (extra.length === 0 ? 4 : 0))
      .u32(mirror)
      .u16(listenPort)
      .u32(protocolVersion >>> 0)
      .bytes(extra.length === 0 ? extra : lengthPrefixed(extra))
      .finish(),
  empty: (id: "GETP" | "PING" | "PONG"): Uint8Array => frame(id, 0).finish(),
  /** IPv6 peers cannot be expressed and are left out. At most 512. */
  peers(list: readonly Endpoint[]): Uint8Array {
    const peers = list.filter(({ ip }) => isIPv4(ip)).slice(0, LIST_MAX.GIVP);
    const w = frame("GIVP", 4 + 6 * peers.length).u32(peers.length);
    for (const { ip, port } of peers) w.u32(ipv4Number(ip)).u16(port);
    return w.finish();
  },
  getBlocks: (last: number, count: number): Uint8Array => frame("GETB", 16).size(last).size(count).finish(),
  /** Blocks as stored: `encodeSignedBlock` of each. How many fit is `fitting`'s business. */
  blocks: (blocks: readonly Uint8Array[]): Uint8Array => list("GIVB", blocks),
  announceBlocks: (head: number): Uint8Array => frame("ANNB", 8).size(head).finish(),
  txids(id: "GETT" | "ANNT", txids: readonly Hash[]): Uint8Array {
    const w = frame(id, 4 + 32 * txids.length).u32(txids.length);
    for (const txid of txids) w.bytes(txid);
    return w.finish();
  },
  transactions: (txns: readonly Transaction[]): Uint8Array => list("GIVT", txns.map(encodeTransaction)),
  disconnect: (reason: number): Uint8Array => frame("DISC", 6).u16(reason).u32(0).finish(),
};

function list(id: MessageId, elements: readonly Uint8Array[]): Uint8Array {
  const w = frame(id, 4 + totalBytes(elements)).u32(elements.length);
  for (const element of elements) w.bytes(element);
  return w.finish();
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return new Writer(4 + bytes.length).u32(bytes.length).bytes(bytes).finish();
}

function totalBytes(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

/**
 * How many elements from the front make a frame within both maxima. The reference measures without the prefix when it
 * cuts and with it when it sends, so what lies between ends a connection there; ours counts the whole frame.
 */
export function fitting(sizes: Iterable<number>, countMax: number, frameBytesMax: number): number {
  let bytes = FRAME_HEAD_BYTES + 4;
  let count = 0;
  for (const size of sizes) {
    bytes += size;
    if (count === countMax || bytes > frameBytesMax) break;
    count++;
  }
  return count;
}
