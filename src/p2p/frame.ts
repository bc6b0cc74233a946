import { WireError } from "./errors.ts";
import { LENGTH_MAX, type MessageId, messageIdAt } from "./messages.ts";

const PREFIX_BYTES = 4;
const ID_BYTES = 4;
const HEAD_BYTES = PREFIX_BYTES + ID_BYTES;

export interface FrameLimits {
  /** Largest length prefix at all; the reference's `max-in-msg-len`. */
  readonly lengthMax: number;
  /** What one type may claim at present; undefined refuses it (P2P_FRAME_NOT_ALLOWED). */
  readonly allowed: (id: MessageId) => number | undefined;
}

export const OPEN_LIMITS: FrameLimits = { lengthMax: 1_048_576, allowed: (id) => LENGTH_MAX[id] };

/**
 * Cuts a byte stream into frames, keeping both whole frames and the tail, however the stream was cut on its way.
 * The length is judged when five bytes are in (the reference needs more than four), type and size when eight are:
 * nobody makes us keep what would be refused. Memory follows what arrived, never what was claimed.
 */
export class FrameSplitter {
  readonly #limits: FrameLimits;
  /** Bytes of a frame that is not complete, at the front of a buffer that grows as they come. */
  #buffer = new Uint8Array(0);
  #held = 0;
  /** Bytes of the begun frame, prefix included; undefined before its head is complete. */
  #wanted: number | undefined;

  constructor(limits: FrameLimits = OPEN_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes of a frame that is not complete. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Size of the begun frame, prefix included; undefined while unknown. */
  get wantedBytes(): number | undefined {
    return this.#wanted;
  }

  /**
   * Takes a chunk, which must not change afterwards, and gives the frames it completes, prefix included, in order.
   * They may share the chunk's memory. After a throw the stream is of no use any more.
   * @throws WireError P2P_FRAME_LENGTH, P2P_UNKNOWN_ID, P2P_FRAME_NOT_ALLOWED
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#held === 0) {
        const size = this.judge(rest);
        if (size !== undefined && size <= rest.length) {
          yield rest.subarray(0, size);
          rest = rest.subarray(size);
          continue;
        }
      }
      const taken = Math.min((this.#wanted ?? HEAD_BYTES) - this.#held, rest.length);
      this.#hold(rest.subarray(0, taken));
      rest = rest.subarray(taken);
      this.#wanted ??= this.judge(this.#buffer.subarray(0, this.#held));
      if (this.#held === this.#wanted) yield this.#take();
    }
  }

  /**
   * Size of a frame by its head; undefined while the head is incomplete.
   * @throws WireError P2P_FRAME_LENGTH (with `max` when it is too long for its type), P2P_UNKNOWN_ID, P2P_FRAME_NOT_ALLOWED
   */
  judge(head: Uint8Array): number | undefined {
    if (head.length <= PREFIX_BYTES) return undefined;
    const length = lengthPrefix(head);
    if (length < ID_BYTES || length > this.#limits.lengthMax) {
      throw new WireError("P2P_FRAME_LENGTH", "frame length out of range", { length });
    }
    if (head.length < HEAD_BYTES) return undefined;
    const id = messageIdAt(head, PREFIX_BYTES);
    if (id === undefined) throw new WireError("P2P_UNKNOWN_ID", "unknown message id");
    const max = this.#limits.allowed(id);
    if (max === undefined) throw new WireError("P2P_FRAME_NOT_ALLOWED", "message out of turn", { id });
    if (length > max) throw new WireError("P2P_FRAME_LENGTH", "frame too long for its type", { id, length, max });
    return PREFIX_BYTES + length;
  }

  #hold(bytes: Uint8Array): void {
    const needed = this.#held + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(Math.max(2 * needed, HEAD_BYTES), this.#wanted ?? 2 * needed));
      grown.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#held);
    this.#held = needed;
  }

  #take(): Uint8Array {
    const frame = this.#buffer.subarray(0, this.#held);
    this.#buffer = new Uint8Array(0);
    this.#held = 0;
    this.#wanted = undefined;
    return frame;
  }
}

/** L, the u32 in front: id and body, not itself. */
export function lengthPrefix(frame: Uint8Array): number {
  return (
    (frame[0] as number) +
    (frame[1] as number) * 0x100 +
    (frame[2] as number) * 0x1_0000 +
    (frame[3] as number) * 0x100_0000
  );
}
