import type { Clock } from "../base/clock.ts";
import type { Limits } from "./limits.ts";

export type FrameKind =
  /** INTR, PING, PONG, DISC: a few bytes the connection lives by; never dropped. */
  | "control"
  /** All else: dropped when the queue is full. */
  | "data";

export interface SendQueueDeps {
  readonly clock: Clock;
  /** Hands a frame to the connection. */
  readonly send: (frame: Uint8Array) => void;
  /** Bytes handed over and not yet gone. */
  readonly bufferedBytes: () => number;
}

type QueueLimits = Pick<
  Limits,
  "sendFramesMax" | "sendBytesMax" | "isolateAboveBytes" | "isolateMs" | "burstFrames" | "burstMs"
>;

/** Handed to the connection without waiting for it to drain, when the reader is known to be steady. */
const AHEAD_BYTES = 256 * 1024;

/**
 * Frames on their way to one peer: bounded, in order, and paced. Toward a reader whose decoder may lose frames
 * (p2p.md 1.2) large frames stand alone in time (S2) and small ones do not come in bursts (S3).
 */
export class SendQueue {
  /** True until the peer is known to read without losses. */
  paced = true;
  readonly #limits: QueueLimits;
  readonly #deps: SendQueueDeps;
  readonly #frames: Uint8Array[] = [];
  #queuedBytes = 0;
  /** When the last frame was handed over, and when the last large one had left. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #lastLargeMs = Number.NEGATIVE_INFINITY;
  #largeLeaving = false;
  /** Hand-over times of the last `burstFrames` frames, oldest first. */
  readonly #recentMs: number[] = [];
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(limits: QueueLimits, deps: SendQueueDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  get frames(): number {
    return this.#frames.length;
  }

  /** Bytes waiting here and in the connection. */
  get bytes(): number {
    return this.#queuedBytes + this.#deps.bufferedBytes();
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#deps.bufferedBytes() === 0;
  }

  /** False: full, and the frame is dropped. */
  push(frame: Uint8Array, kind: FrameKind): boolean {
    if (this.#closed) return false;
    const { sendFramesMax, sendBytesMax } = this.#limits;
    // One frame always fits: the largest is well below the bound, whatever the bound is set to.
    const isFull = this.#frames.length >= sendFramesMax || (this.bytes > 0 && this.bytes + frame.length > sendBytesMax);
    if (kind === "data" && isFull) return false;
    this.#frames.push(frame);
    this.#queuedBytes += frame.length;
    this.#pump();
    return true;
  }

  /** The connection has nothing left of what it was given. */
  drained(): void {
    if (this.#largeLeaving) {
      this.#largeLeaving = false;
      this.#lastLargeMs = this.#deps.clock.monotonicMs();
      this.#lastSentMs = this.#lastLargeMs;
    }
    this.#pump();
  }

  /** Forgets what is queued; nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#frames.length = 0;
    this.#queuedBytes = 0;
    this.#cancelTimer?.();
  }

  #pump(): void {
    while (this.#frames.length > 0) {
      const wait = this.#waitMs(this.#frames[0] as Uint8Array);
      if (wait === undefined) return; // `drained` goes on
      if (wait > 0) {
        this.#cancelTimer?.();
        this.#cancelTimer = this.#deps.clock.after(wait, () => {
          this.#cancelTimer = undefined;
          this.#pump();
        });
        return;
      }
      this.#hand(this.#frames.shift() as Uint8Array);
    }
  }

  /** Milliseconds until this frame may go; undefined: not before the connection has drained. */
  #waitMs(frame: Uint8Array): number | undefined {
    if (!this.paced) return this.#deps.bufferedBytes() < AHEAD_BYTES ? 0 : undefined;
    const { isolateAboveBytes, isolateMs, burstFrames, burstMs } = this.#limits;
    if (this.#largeLeaving) return undefined;
    const now = this.#deps.clock.monotonicMs();
    const isLarge = frame.length > isolateAboveBytes;
    if (isLarge && this.#deps.bufferedBytes() > 0) return undefined;
    const silenceSince = isLarge ? this.#lastSentMs : this.#lastLargeMs;
    const alone = silenceSince + isolateMs - now;
    const first = this.#recentMs.length < burstFrames ? Number.NEGATIVE_INFINITY : (this.#recentMs[0] as number);
    return Math.max(0, Math.ceil(alone), Math.ceil(first + burstMs - now));
  }

  #hand(frame: Uint8Array): void {
    this.#queuedBytes -= frame.length;
    const now = this.#deps.clock.monotonicMs();
    this.#lastSentMs = now;
    if (this.paced) {
      if (this.#recentMs.length >= this.#limits.burstFrames) this.#recentMs.shift();
      this.#recentMs.push(now);
      if (frame.length > this.#limits.isolateAboveBytes) {
        this.#largeLeaving = true;
        this.#lastLargeMs = now;
      }
    }
    this.#deps.send(frame);
  }
}
