import type { SignedBlock } from "../chain/block.ts";
import type { Peer } from "./peer.ts";

/** A block received and not yet handed to checking. */
export interface HeldBlock {
  readonly block: SignedBlock;
  readonly from: Peer;
  readonly bytes: number;
}

/** Blocks ahead of the chain, by height, waiting for those before them. */
export class SyncWindow {
  readonly #held = new Map<number, HeldBlock>();
  #bytes = 0;

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(seq: number): boolean {
    return this.#held.has(seq);
  }

  senders(): ReadonlySet<Peer> {
    return new Set([...this.#held.values()].map(({ from }) => from));
  }

  put(seq: number, held: HeldBlock): void {
    this.take(seq);
    this.#held.set(seq, held);
    this.#bytes += held.bytes;
  }

  /** Removes and returns it. */
  take(seq: number): HeldBlock | undefined {
    const held = this.#held.get(seq);
    if (held === undefined) return undefined;
    this.#held.delete(seq);
    this.#bytes -= held.bytes;
    return held;
  }

  /** Forgets what is at or below `seq`, and what `unwanted` says. */
  drop(unwanted: (seq: number, held: HeldBlock) => boolean): void {
    for (const [seq, held] of this.#held) if (unwanted(seq, held)) this.take(seq);
  }

  clear(): void {
    this.#held.clear();
    this.#bytes = 0;
  }
}
