export interface MeterLimits {
  /** Fragments of one message. */
  readonly fragmentsMax: number;
  /** Payload of one message. */
  readonly bytesMax: number;
  /** Pings and pongs in one second. */
  readonly controlPerSecond: number;
}

export interface MeterHandlers {
  /** Part of a message is here, and more of it is to come. */
  partial(head: Uint8Array): void;
  /** It is, or says it will be, longer than allowed, or in more fragments. */
  tooBig(): void;
  /** Too many control frames. */
  flood(): void;
}

const HEAD_BYTES = 8;
const CONTROL = 8;
const FRAME_HEAD_MAX = 14;

/**
 * Reads along with a WebSocket (RFC 6455 5.2) and knows how much of a message has come, and its first bytes, before the
 * library hands it out whole: so the limits of a frame hold while it arrives, as they do over TCP. What is wrong
 * otherwise is the library's business.
 */
export class MessageMeter {
  readonly #limits: MeterLimits;
  readonly #handlers: MeterHandlers;
  readonly #nowMs: () => number;
  readonly #frameHead = new Uint8Array(FRAME_HEAD_MAX);
  #frameHeadBytes = 0;
  /** Payload of the present frame that is still to come. */
  #left = 0;
  #offset = 0;
  #mask: Uint8Array | undefined;
  #isControl = false;
  #isFinal = true;
  readonly #head = new Uint8Array(HEAD_BYTES);
  /** Of the present message: payload come, payload announced, fragments. */
  #come = 0;
  #announced = 0;
  #fragments = 0;
  #controls = 0;
  #controlsSinceMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(limits: MeterLimits, handlers: MeterHandlers, nowMs: () => number) {
    this.#limits = limits;
    this.#handlers = handlers;
    this.#nowMs = nowMs;
  }

  /** Bytes of a message that is not complete. */
  get heldBytes(): number {
    return this.#come;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#stopped; ) {
      at = this.#left > 0 ? this.#payload(chunk, at) : this.#header(chunk, at);
    }
    if (this.#fragments > 0 && !this.#stopped) {
      this.#handlers.partial(this.#head.subarray(0, Math.min(this.#come, HEAD_BYTES)));
    }
  }

  #header(chunk: Uint8Array, at: number): number {
    this.#frameHead[this.#frameHeadBytes++] = chunk[at] as number;
    if (this.#frameHeadBytes >= 2) {
      const size = frameHeadSize(this.#frameHead);
      if (this.#frameHeadBytes === size) this.#begin();
    }
    return at + 1;
  }

  #begin(): void {
    const view = new DataView(this.#frameHead.buffer);
    const [first, second] = [view.getUint8(0), view.getUint8(1)];
    const short = second & 0x7f;
    // A length that says nothing sensible is above every limit as a number too.
    const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
    this.#isControl = (first & CONTROL) !== 0;
    this.#isFinal = (first & 0x80) !== 0;
    this.#mask =
      (second & 0x80) === 0 ? undefined : this.#frameHead.slice(this.#frameHeadBytes - 4, this.#frameHeadBytes);
    this.#frameHeadBytes = 0;
    this.#left = length;
    this.#offset = 0;
    if (this.#isControl) this.#countControl();
    else {
      this.#announced += length;
      this.#fragments++;
      const { bytesMax, fragmentsMax } = this.#limits;
      if (this.#announced > bytesMax || this.#fragments > fragmentsMax) this.#stop("tooBig");
      else if (length === 0) this.#ended();
    }
  }

  #payload(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#left, chunk.length - at);
    if (!this.#isControl) {
      for (let i = 0; i < taken && this.#come + i < HEAD_BYTES; i++) {
        const byte = chunk[at + i] as number;
        const mask = this.#mask?.[(this.#offset + i) & 3] ?? 0;
        this.#head[this.#come + i] = byte ^ mask;
      }
      this.#come += taken;
    }
    this.#offset += taken;
    this.#left -= taken;
    if (this.#left === 0) this.#ended();
    return at + taken;
  }

  #ended(): void {
    if (this.#isControl || !this.#isFinal) return;
    this.#come = 0;
    this.#announced = 0;
    this.#fragments = 0;
  }

  #countControl(): void {
    const now = this.#nowMs();
    if (now - this.#controlsSinceMs >= 1_000) {
      this.#controlsSinceMs = now;
      this.#controls = 0;
    }
    if (++this.#controls > this.#limits.controlPerSecond) this.#stop("flood");
  }

  #stop(why: "tooBig" | "flood"): void {
    this.#stopped = true;
    this.#come = 0;
    this.#handlers[why]();
  }
}

/** Bytes of a frame's head, by its first two. */
function frameHeadSize(head: Uint8Array): number {
  const second = head[1] as number;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4);
}
