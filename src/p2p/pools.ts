import type { Limits } from "./limits.ts";

type PoolLimits = Pick<Limits, "framesWaitingMax" | "inboxFramesMax" | "inputBytesMax" | "outputBytesMax"> &
  Pick<Limits, "strangersBelowPercent">;

/** What one connection makes the node hold. */
export interface Holdings {
  /** Decoded and waiting to be handled. */
  readonly frames: number;
  /** Read and not handled, decoded or not. */
  readonly inputBytes: number;
  /** Waiting to leave. */
  readonly outputBytes: number;
}

export const NOTHING_HELD: Holdings = { frames: 0, inputBytes: 0, outputBytes: 0 };

/** What all connections together hold, and what that means for each. */
export class Pools {
  readonly #limits: PoolLimits;
  readonly #overfull: (pool: "inputBytes" | "outputBytes") => void;
  #members = 0;
  #frames = 0;
  #inputBytes = 0;
  #outputBytes = 0;

  /** `overfull` is told at once when one of the two byte pools is above its bound: it has to make room. */
  constructor(limits: PoolLimits, overfull: (pool: "inputBytes" | "outputBytes") => void) {
    this.#limits = limits;
    this.#overfull = overfull;
  }

  get held(): Holdings {
    return { frames: this.#frames, inputBytes: this.#inputBytes, outputBytes: this.#outputBytes };
  }

  join(): void {
    this.#members++;
  }

  leave(): void {
    this.#members--;
  }

  /** A connection that held `before` now holds `after`. */
  change(before: Holdings, after: Holdings): void {
    this.#frames += after.frames - before.frames;
    this.#inputBytes += after.inputBytes - before.inputBytes;
    this.#outputBytes += after.outputBytes - before.outputBytes;
    const { inputBytesMax, outputBytesMax } = this.#limits;
    if (after.inputBytes > before.inputBytes && this.#inputBytes > inputBytesMax) this.#overfull("inputBytes");
    if (after.outputBytes > before.outputBytes && this.#outputBytes > outputBytesMax) this.#overfull("outputBytes");
  }

  isOver(pool: "inputBytes" | "outputBytes"): boolean {
    return this.held[pool] > this.#limits[`${pool}Max`];
  }

  /** So many frames wait that each connection gets its share only, and strangers nothing. */
  get isCrowded(): boolean {
    // Half: the shares make up the other half, so that the whole is a bound.
    return this.#frames >= this.#limits.framesWaitingMax / 2;
  }

  /** Frames one connection may have waiting now. */
  get framesPerConnection(): number {
    const { inboxFramesMax, framesWaitingMax } = this.#limits;
    if (!this.isCrowded) return inboxFramesMax;
    return Math.max(1, Math.min(inboxFramesMax, Math.floor(framesWaitingMax / 2 / Math.max(1, this.#members))));
  }

  /** No memory to spare for strangers. */
  get isTight(): boolean {
    const { inputBytesMax, outputBytesMax, strangersBelowPercent } = this.#limits;
    const share = strangersBelowPercent / 100;
    return this.#inputBytes > share * inputBytesMax || this.#outputBytes > share * outputBytesMax;
  }
}
