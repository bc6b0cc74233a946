import type { Address } from "../cipher/address.ts";
import { headOf, QueryError, unknownUxOut } from "./queries.ts";
import type { ChainView } from "./store.ts";

/** What an output is worth follows from these. */
export interface Worth {
  readonly address: Address;
  readonly coins: bigint;
  readonly hours: bigint;
  /** Of the block that created it. */
  readonly time: number;
}

/** What one block did to the unspent set. */
export interface SetChange {
  readonly created: readonly Worth[];
  readonly spent: readonly Worth[];
}

/** A summary of the whole unspent set, kept up with the chain. */
export interface Summary {
  /** Forgets everything and reads the set as it is when this is called. */
  read(view: ChainView): Promise<void>;
  apply(change: SetChange): void;
  /** Keeping up has made it so large that reading anew is better. */
  isWorn(): boolean;
}

/** Further behind than this the set is read anew. */
const BLOCKS_BEHIND_MAX = 2000;
/** Blocks read in one go before other work gets its turn. */
const SLICE = 16;

/** Reads the set once, when a summary is first asked for, and then only the blocks that came since. */
export class Followed<Kind extends Summary> {
  readonly #view: ChainView;
  readonly #summary: Kind;
  readonly #pause: () => Promise<void>;
  /** Height that the summary is of; undefined before it is read. */
  #seq: number | undefined;
  #reading: Promise<void> | undefined;

  constructor(view: ChainView, summary: Kind, pause: () => Promise<void>) {
    this.#view = view;
    this.#summary = summary;
    this.#pause = pause;
  }

  /** What `ask` finds in the summary of the head. */
  async ask<Answer>(ask: (summary: Kind, view: ChainView) => Answer): Promise<Answer> {
    for (;;) {
      const { seq } = headOf(this.#view);
      if (this.#seq === undefined || seq - this.#seq > BLOCKS_BEHIND_MAX || this.#summary.isWorn()) {
        this.#reading ??= this.#read().finally(() => {
          this.#reading = undefined;
        });
        await this.#reading;
      } else if (this.#seq < seq) {
        this.#step(this.#seq, Math.min(seq, this.#seq + SLICE));
        if (this.#seq < seq) await this.#pause();
      } else return ask(this.#summary, this.#view);
    }
  }

  /** Whoever asks meanwhile waits: a summary that is half read is never asked. */
  async #read(): Promise<void> {
    this.#seq = undefined;
    const { seq } = headOf(this.#view);
    await this.#summary.read(this.#view); // of the head at the moment it begins
    this.#seq = seq;
  }

  #step(from: number, to: number): void {
    for (let seq = from + 1; seq <= to; seq++) {
      this.#summary.apply(changeOf(this.#view, seq));
      this.#seq = seq;
    }
  }
}

function changeOf(view: ChainView, seq: number): SetChange {
  const block = view.blockBySeq(seq);
  if (block === undefined) throw new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
  const { time } = block.header;
  const created = block.transactions.flatMap(({ outputs }) => outputs.map((output): Worth => ({ ...output, time })));
  const spent = block.transactions.flatMap(({ inputs }) =>
    inputs.map((id): Worth => {
      const ux = view.uxOut(id)?.ux;
      if (ux === undefined) throw unknownUxOut(id);
      const { address, coins, hours } = ux.body;
      return { address, coins, hours, time: ux.head.time };
    }),
  );
  return { created, spent };
}
