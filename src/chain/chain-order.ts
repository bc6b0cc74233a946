import { compareBytes } from "../base/bytes.ts";
import { headOf, QueryError } from "./queries.ts";
import type { Place } from "./queries-transactions.ts";
import type { ChainView } from "./store.ts";
import { txid } from "./transaction.ts";

/** Blocks read between two pauses. */
const SLICE = 500;

/**
 * The numbering of all confirmed transactions, by height and then id, kept as the chain grows: a page of a long
 * chain is found without reading the blocks before it. Four bytes of memory per block or so.
 */
export class ChainOrder {
  readonly #view: ChainView;
  readonly #pause: () => Promise<void>;
  /** Transactions up to and including block i. */
  readonly #totals: number[] = [];
  #highest: Place | undefined;
  /** Blocks whose ids went into `#highest`. */
  #idsRead = 0;

  /** `pause` lets other work run; a long chain takes seconds to read once. */
  constructor(view: ChainView, pause: () => Promise<void>) {
    this.#view = view;
    this.#pause = pause;
  }

  /** Reads what is missing, so that the questions below need little more. `ids`: also for `highest`. */
  async catchUp({ ids }: { readonly ids: boolean }): Promise<void> {
    const step = (): number => Math.min(headOf(this.#view).seq, this.#totals.length - 1 + SLICE);
    for (; this.#totals.length <= headOf(this.#view).seq; await this.#pause()) this.upTo(step());
    if (!ids) return;
    for (; this.#idsRead <= headOf(this.#view).seq; await this.#pause()) {
      this.#readIds(Math.min(headOf(this.#view).seq, this.#idsRead - 1 + SLICE));
    }
  }

  /** Transactions in the blocks 0 to `seq`. */
  upTo(seq: number): number {
    for (let at = this.#totals.length; at <= seq; at++) {
      this.#totals.push((this.#totals[at - 1] ?? 0) + this.#countIn(at));
    }
    return this.#totals[seq] ?? 0;
  }

  /** The block that holds the transaction with this number, and the number of its first one. */
  blockOf(position: number): { seq: number; first: number } {
    let [low, high] = [0, this.#totals.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#totals[middle] as number) > position) high = middle;
      else low = middle + 1;
    }
    return { seq: low, first: this.#totals[low - 1] ?? 0 };
  }

  /** The transaction with the greatest id in the chain. */
  highest(): Place {
    this.#readIds(headOf(this.#view).seq);
    return this.#highest as Place;
  }

  #readIds(head: number): void {
    for (; this.#idsRead <= head; this.#idsRead++) {
      const seq = this.#idsRead;
      const block = this.#view.blockBySeq(seq);
      if (block === undefined) throw missing(seq);
      for (const id of block.transactions.map(txid)) {
        if (this.#highest === undefined || compareBytes(id, this.#highest.id) > 0) this.#highest = { id, seq };
      }
    }
  }

  /** The count stands behind the 124 bytes of the header; the rest of the block need not be decoded. */
  #countIn(seq: number): number {
    const bytes = this.#view.signedBlockBytes(seq);
    if (bytes === undefined) throw missing(seq);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(124, true);
  }
}

function missing(seq: number): QueryError {
  return new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
}
