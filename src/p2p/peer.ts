import { addressKey } from "../base/address-key.ts";
import type { Clock } from "../base/clock.ts";
import { AssertionFailure, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { VerifyParams } from "../chain/params.ts";
import { type Endpoint, endpointText } from "./address.ts";
import { DISC, type DisconnectReason, disconnectName, INTERNAL, LOCAL } from "./disconnect.ts";
import { WireError } from "./errors.ts";
import { FrameSplitter, lengthPrefix } from "./frame.ts";
import type { PeerIntroduction } from "./introduction.ts";
import { KnownIds } from "./known-ids.ts";
import type { Limits } from "./limits.ts";
import { decodeMessage, encode, LENGTH_MAX, type Message, type MessageId, messageIdAt } from "./messages.ts";
import { type Holdings, NOTHING_HELD, type Pools } from "./pools.ts";
import { type FrameKind, SendQueue } from "./send-queue.ts";
import type { Statistics } from "./statistics.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Connection } from "./transport.ts";
import type { Waiting } from "./turnstile.ts";

export interface PeerOptions {
  /** Counted from 1 for each connection of this process. */
  readonly id: number;
  readonly outgoing: boolean;
  readonly limits: Limits;
  /** Largest length prefix taken from it, `max-in-msg-len`. */
  readonly lengthMax: number;
}

export interface PeerDeps {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pools: Pools;
  readonly statistics: Statistics;
  /** A message arrived whole. The next waits until a returned promise settles. */
  readonly message: (peer: Peer, message: Message, frameBytes: number) => void | Promise<void>;
  /** It sent what cannot be read. */
  readonly broken: (peer: Peer, error: WireError) => void;
  /** Frames wait to be handled. */
  readonly ready: (source: Waiting) => void;
  /** Queued answers have left; there is room for more. */
  readonly drained: (peer: Peer) => void;
  /** Gone; exactly once. */
  readonly ended: (peer: Peer) => void;
}

/** How it came or went: what has limits of its own. */
export type Door = "socket" | "websocket";

const HEAVY: ReadonlySet<MessageId> = new Set(["GIVB", "GIVT"]);

/**
 * One connection: bytes to messages on the way in, a bounded paced queue on the way out, and what is known of the other
 * side. Who may do what is decided by its owners; they set the fields below.
 */
export class Peer implements Waiting {
  readonly id: number;
  readonly outgoing: boolean;
  readonly transport: Connection["transport"];
  readonly remote: Endpoint;
  /** `ip:port` of the socket's other end: its name in tables, logs and the API. */
  readonly address: string;
  /** What limits and bans go by: its IPv4 address, or the IPv6 network it is in. */
  readonly host: string;
  readonly connectedAtMs: number;

  /** Set once it introduced itself properly. */
  introduction: PeerIntroduction | undefined;
  /** Our INTR is on its way. */
  introduced = false;
  /** The dialled port, or the announced one; 0 while unknown. */
  listenPort: number;
  /** A second link to the same node, waiting to be chosen or dropped (M5). */
  shadow = false;
  trusted = false;
  /** Highest block it is known to have (B1). */
  height = 0;
  /** It has said how far it is. */
  saidHeight = false;
  readonly known: KnownIds;
  /** Why it ended; undefined while it lives. */
  endReason: DisconnectReason | undefined;
  /** The other side, not we, said or caused it. */
  endedByPeer = false;
  #closing: DisconnectReason | undefined;

  readonly #options: PeerOptions;
  readonly #deps: PeerDeps;
  readonly #splitter: FrameSplitter;
  readonly #queue: SendQueue;
  readonly #inbox: (Uint8Array | WireError)[] = [];
  #inboxBytes = 0;
  /** Read and not cut into frames yet: there was no room for more of them. The first is being cut. */
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #cutting: Iterator<Uint8Array, void, undefined> | undefined;
  #isBroken = false;
  #held: Holdings = NOTHING_HELD;
  #sawIntroduction = false;
  #handling = false;
  #paused = false;
  #gone = false;
  #frameBucket: TokenBucket;
  readonly #byteBucket: TokenBucket;
  #drops: number[] = [];
  /** Monotonic milliseconds. */
  #lastByteMs: number;
  #lastFrameMs: number;
  #lastSentMs: number;
  #frameBegunMs: number | undefined;
  /** What a message that is still coming says it will be. */
  #messageBytes: number | undefined;
  #unsentSinceMs: number | undefined;
  readonly connectedMs: number;
  /** Wall clock, for display; 0 for never. */
  lastSentAtMs = 0;
  lastReceivedAtMs = 0;
  /** Until then large frames come because we asked for them. */
  #expectedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: PeerOptions, deps: PeerDeps) {
    const { connection, clock } = deps;
    this.#options = options;
    this.#deps = deps;
    this.id = options.id;
    this.outgoing = options.outgoing;
    this.transport = connection.transport;
    this.remote = connection.remote;
    this.address = endpointText(connection.remote);
    this.host = addressKey(connection.remote.ip);
    this.listenPort = options.outgoing && this.door === "socket" ? connection.remote.port : 0;
    this.connectedAtMs = clock.nowMs();
    const now = clock.monotonicMs();
    this.connectedMs = now;
    this.#lastByteMs = now;
    this.#lastFrameMs = now;
    this.#lastSentMs = now;
    this.known = new KnownIds(options.limits.knownIdsMax);
    this.#frameBucket = new TokenBucket(options.limits.frames, clock);
    this.#byteBucket = new TokenBucket(options.limits.unsolicitedBytes, clock);
    this.#splitter = new FrameSplitter({
      lengthMax: options.lengthMax,
      // Strangers cannot make us hold large frames; who has sent an INTR is judged when that is read.
      allowed: (id) => (this.#sawIntroduction || !HEAVY.has(id) ? LENGTH_MAX[id] : undefined),
    });
    this.#queue = new SendQueue(options.limits, {
      clock,
      send: (frame) => this.#transmit(frame),
      bufferedBytes: () => connection.bufferedBytes,
    });
    // Whole messages come out whole, however they travel.
    this.#queue.paced = connection.framing === "stream";
  }

  /** Begins to read. */
  open(): void {
    this.#deps.pools.join();
    this.#deps.connection.open({
      data: (bytes) => this.#receive(bytes),
      partial: (head) => this.#begun(head),
      drain: () => this.#drained(),
      closed: (reason) => {
        if (reason !== undefined) this.#endWith(reason, true);
        this.#finish(reason ?? LOCAL.CLOSED_BY_PEER);
      },
    });
    this.#adjustReading();
  }

  get door(): Door {
    return this.transport === "websocket" ? "websocket" : "socket";
  }

  get isIntroduced(): boolean {
    return this.introduction !== undefined && this.endReason === undefined;
  }

  /** Its IP is its own. Who came over WebSocket may have come by a proxy, whose IP all behind it share. */
  get isAtItsIp(): boolean {
    return this.door === "socket" || this.outgoing;
  }

  /** Introduced, alive, and not the lesser of two links to the same node. */
  get isActive(): boolean {
    return this.isIntroduced && !this.shadow;
  }

  /** One of our own implementation, with all that follows from it. */
  get isOurs(): boolean {
    return this.introduction?.capabilities?.steadyDecoder === true;
  }

  /** Introduced without naming a chain: releases up to 0.24. */
  get isLegacy(): boolean {
    return this.introduction !== undefined && this.introduction.userAgent === undefined;
  }

  get state(): "connected" | "introduced" {
    return this.introduction === undefined ? "connected" : "introduced";
  }

  /** `ip:port` where it listens; undefined while unknown or when it does not. */
  get listenAddress(): string | undefined {
    return this.listenPort === 0 ? undefined : endpointText({ ip: this.remote.ip, port: this.listenPort });
  }

  get userAgent(): string {
    const agent = this.introduction?.userAgent;
    if (agent === undefined) return "";
    return `${agent.coin}:${agent.version}${agent.remark === "" ? "" : `(${agent.remark})`}`;
  }

  get verify(): VerifyParams | undefined {
    return this.introduction?.verify;
  }

  /** Sender rules no longer bind us, and it may talk faster. */
  relax(): void {
    this.#queue.paced = false;
    this.#frameBucket = new TokenBucket(this.#options.limits.framesOurs, this.#deps.clock);
  }

  /** It was asked for blocks or transactions: for so long they come without being slowed down. */
  expect(ms: number): void {
    this.#expectedUntilMs = this.#deps.clock.monotonicMs() + ms;
  }

  /** What it makes us hold: not read to the end, not handled, not sent. */
  get held(): Holdings {
    return this.#held;
  }

  /** After whatever may have changed it. */
  #account(): void {
    const before = this.#held;
    this.#held = this.#gone
      ? NOTHING_HELD
      : {
          frames: this.#inbox.length,
          inputBytes: this.#partBytes + this.#inboxBytes + this.#unreadBytes,
          outputBytes: this.#queue.bytes,
        };
    this.#deps.pools.change(before, this.#held);
  }

  /** Of a frame that is not complete. */
  get #partBytes(): number {
    return this.#splitter.heldBytes + (this.#deps.connection.heldBytes ?? 0);
  }

  /** Bytes on their way out. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Queues a frame; false when it was dropped because the other side does not read. One that drops too many is closed.
   */
  send(frame: Uint8Array, kind: FrameKind = "data"): boolean {
    if (this.endReason !== undefined) return false;
    if (this.#queue.push(frame, kind)) {
      this.#account();
      return true;
    }
    this.#deps.statistics.dropped(this.transport);
    const now = this.#deps.clock.monotonicMs();
    const { sendDropsMax, sendDropWindowMs } = this.#options.limits;
    this.#drops = [...this.#drops.filter((at) => at > now - sendDropWindowMs), now];
    if (this.#drops.length >= sendDropsMax) this.drop(LOCAL.SLOW_READER);
    return false;
  }

  /**
   * Says DISC behind what is queued, then closes; within `disconnectFlushMs` in any case. `closing` is what the
   * transport says, when that is not the same.
   */
  disconnect(reason: DisconnectReason, closing = reason): void {
    if (this.endReason !== undefined) return;
    this.#closing = closing;
    this.#queue.push(encode.disconnect(reason), "control");
    this.#endWith(reason, false);
    this.#deps.connection.resume();
    if (this.#queue.isEmpty) this.#deps.connection.end(closing);
    const { disconnectFlushMs } = this.#options.limits;
    this.#deps.clock.after(disconnectFlushMs, () => this.#finish(reason));
  }

  /** Closes at once, without a word. */
  drop(reason: DisconnectReason, byPeer = false): void {
    this.#endWith(reason, byPeer);
    this.#finish(reason);
  }

  /** Deadlines that do not depend on the introduction; called about once a second. */
  checkDeadlines(): void {
    if (this.endReason !== undefined) return;
    this.#adjustReading(); // what kept it from being read may have passed
    const now = this.#deps.clock.monotonicMs();
    if (this.#paused) this.#lastByteMs = now; // whom we do not read is not silent
    const { introductionMs, idleMs, silenceMs, frameMs, writeMs, pingAfterMs } = this.#options.limits;
    const frameTime = frameMs + ((this.#splitter.wantedBytes ?? this.#messageBytes ?? 0) / 16_384) * 1000;
    if (this.introduction === undefined && now - this.connectedMs >= introductionMs) {
      this.disconnect(DISC.INTRODUCTION_TIMEOUT);
    } else if (now - this.#lastByteMs >= silenceMs) this.drop(INTERNAL.DEADLINE);
    else if (this.#frameBegunMs !== undefined && now - this.#frameBegunMs >= frameTime) this.drop(INTERNAL.DEADLINE);
    else if (this.#unsentSinceMs !== undefined && now - this.#unsentSinceMs >= writeMs) this.drop(INTERNAL.DEADLINE);
    else if (now - this.#lastFrameMs >= idleMs) this.disconnect(DISC.IDLE);
    else if (this.introduction !== undefined && now - this.#lastSentMs >= pingAfterMs) {
      // Only then: a reference node punishes a PING before introduction, though it sends some itself (S4).
      if (this.#queue.isEmpty) this.send(encode.empty("PING"), "control");
    }
  }

  handleOne(): boolean {
    if (this.#handling || this.endReason !== undefined || this.#answersPile()) return false;
    const next = this.#inbox.shift();
    if (next === undefined) return false;
    if (next instanceof WireError) {
      this.#deps.broken(this, next);
      return false;
    }
    this.#inboxBytes -= next.length;
    const waitMs = this.#charge(next);
    this.#handle(next);
    this.#cut();
    this.#adjustReading();
    if (waitMs > 0) {
      this.#handling = true;
      this.#deps.clock.after(waitMs, () => this.#handled());
    }
    return !this.#handling && this.#inbox.length > 0;
  }

  /** Counts a frame against its rates; milliseconds to wait before the next. */
  #charge(frame: Uint8Array): number {
    const isExpected = this.#deps.clock.monotonicMs() < this.#expectedUntilMs;
    if (isExpected && HEAVY.has(messageIdAt(frame, 4) as MessageId)) return 0;
    this.#frameBucket.spend(1);
    this.#byteBucket.spend(frame.length);
    return Math.max(this.#frameBucket.waitMs, this.#byteBucket.waitMs);
  }

  #handle(frame: Uint8Array): void {
    let message: Message;
    try {
      message = decodeMessage(frame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#deps.broken(this, error);
      return;
    }
    let work: void | Promise<void>;
    try {
      work = this.#deps.message(this, message, frame.length);
    } catch (error) {
      this.#failed(message.id, error);
      return;
    }
    if (work === undefined) return;
    this.#handling = true;
    work
      .catch((error: unknown) => this.#failed(message.id, error))
      .then(() => {
        this.#handled();
      });
  }

  /** Nothing a peer says may end the process; that it could not be served is worth knowing. */
  #failed(id: MessageId, error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    this.#deps.log.error({ peer: this.address, id, error: errorText(error) }, "handling a message failed");
  }

  #handled(): void {
    this.#handling = false;
    this.#cut();
    this.#adjustReading();
    if (this.#inbox.length > 0) this.#deps.ready(this);
  }

  #receive(bytes: Uint8Array): void {
    if (this.endReason !== undefined || this.#isBroken) return;
    this.#lastByteMs = this.#deps.clock.monotonicMs();
    this.#messageBytes = undefined;
    if (this.#deps.connection.framing === "message" && !isOneFrame(bytes)) {
      this.#breakOff(new WireError("P2P_FRAME_LENGTH", "a message must be one whole frame", { bytes: bytes.length }));
    } else {
      this.#unread.push(bytes);
      this.#unreadBytes += bytes.length;
      this.#cut();
    }
    if (this.#splitter.heldBytes === 0) this.#frameBegunMs = undefined;
    else this.#frameBegunMs ??= this.#lastByteMs;
    if (this.#inbox.length > 0) this.#deps.ready(this);
    this.#adjustReading();
  }

  /** Cuts what was read into frames, as many as may wait: a small frame costs more memory waiting than unread. */
  #cut(): void {
    if (this.endReason !== undefined) return;
    const { pools } = this.#deps;
    try {
      while (this.#unread.length > 0 && !this.#isBroken) {
        if (this.#inbox.length >= pools.framesPerConnection) {
          // Nothing is queued for strangers once others wait: whoever comes on top is closed at once.
          if (this.introduction === undefined && pools.isCrowded) this.drop(LOCAL.CROWDED);
          break;
        }
        this.#cutting ??= this.#splitter.push(this.#unread[0] as Uint8Array);
        const next = this.#cutting.next();
        if (next.done) this.#cutDone();
        else this.#accept(next.value);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#breakOff(error);
    }
    this.#account();
  }

  /** Part of a message is here: it is judged by its head before the rest comes. */
  #begun(head: Uint8Array): void {
    if (this.endReason !== undefined || this.#isBroken) return;
    this.#lastByteMs = this.#deps.clock.monotonicMs();
    this.#frameBegunMs ??= this.#lastByteMs;
    try {
      this.#messageBytes = this.#splitter.judge(head);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#breakOff(error);
      this.#deps.ready(this);
    }
    this.#account();
  }

  /** Nothing more is read; what came before the error is still handled. */
  #breakOff(error: WireError): void {
    this.#isBroken = true;
    this.#inbox.push(error);
    this.#unread.length = 0;
    this.#unreadBytes = 0;
    this.#deps.connection.pause();
  }

  #cutDone(): void {
    this.#cutting = undefined;
    this.#unreadBytes -= (this.#unread.shift() as Uint8Array).length;
  }

  #accept(frame: Uint8Array): void {
    const { clock, statistics } = this.#deps;
    const id = messageIdAt(frame, 4) as MessageId;
    this.#lastFrameMs = clock.monotonicMs();
    this.lastReceivedAtMs = clock.nowMs();
    this.#frameBegunMs = undefined;
    if (id === "INTR") this.#sawIntroduction = true;
    statistics.received(id, frame.length);
    this.#inbox.push(frame);
    this.#inboxBytes += frame.length;
  }

  /** Back-pressure: frames that wait, or answers that pile up, stop reading until there is room. */
  #adjustReading(): void {
    if (this.endReason !== undefined || this.#isBroken) return;
    const { pools, connection } = this.#deps;
    const isFull = this.#unread.length > 0 || this.#inbox.length >= pools.framesPerConnection || this.#answersPile();
    const mustWait = isFull || (this.introduction === undefined && pools.isTight);
    if (mustWait === this.#paused) return;
    this.#paused = mustWait;
    if (mustWait) connection.pause();
    else connection.resume();
  }

  /** It asks faster than it reads. */
  #answersPile(): boolean {
    return this.#queue.frames >= this.#options.limits.sendFramesMax / 2;
  }

  #transmit(frame: Uint8Array): void {
    const { clock, connection } = this.#deps;
    this.#lastSentMs = clock.monotonicMs();
    this.lastSentAtMs = clock.nowMs();
    connection.send(frame);
    this.#deps.statistics.sent(frame.length);
    if (connection.bufferedBytes > 0) this.#unsentSinceMs ??= this.#lastSentMs;
  }

  #drained(): void {
    if (this.#gone) return;
    this.#unsentSinceMs = undefined;
    this.#queue.drained();
    this.#account();
    if (this.endReason !== undefined) {
      if (this.#queue.isEmpty) this.#deps.connection.end(this.#closing);
      return;
    }
    this.#adjustReading();
    if (this.#inbox.length > 0) this.#deps.ready(this);
    this.#deps.drained(this);
  }

  #endWith(reason: DisconnectReason, byPeer: boolean): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    this.endedByPeer = byPeer;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#unread.length = 0;
    this.#unreadBytes = 0;
    this.#cutting = undefined;
    this.#deps.log.debug({ peer: this.address, id: this.id, reason: disconnectName(reason), byPeer }, "peer leaves");
  }

  #finish(reason: DisconnectReason): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#endWith(reason, reason === LOCAL.CLOSED_BY_PEER);
    this.#queue.close();
    this.#deps.connection.destroy(this.endedByPeer ? LOCAL.CLOSED_BY_PEER : (this.#closing ?? reason));
    this.#account();
    this.#deps.pools.leave();
    this.#deps.ended(this);
  }
}

/** L is the size of the message without itself (p2p.md 13). */
function isOneFrame(message: Uint8Array): boolean {
  return message.length >= 8 && lengthPrefix(message) === message.length - 4;
}

/** The end reason of what cannot be read. */
export function reasonOf({ code, data }: WireError, door: Door): DisconnectReason {
  switch (code) {
    case "P2P_FRAME_LENGTH":
      return door === "websocket" && "max" in data ? LOCAL.TOO_BIG : INTERNAL.LENGTH;
    case "P2P_UNKNOWN_ID":
      return INTERNAL.UNKNOWN_ID;
    case "P2P_TRAILING_BYTES":
      return INTERNAL.LEFTOVER;
    default:
      return INTERNAL.MALFORMED;
  }
}
