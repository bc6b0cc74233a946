import { equalBytes } from "../base/bytes.ts";
import { Emitter } from "../base/emitter.ts";
import { hashHex } from "../cipher/hash.ts";
import { blockHash, type SignedBlock } from "./block.ts";
import type { Blockchain } from "./blockchain.ts";

/** Two blocks of one height on one parent, both signed with the publisher's key: what must never be. */
export interface Equivocation {
  /** The one in this chain. */
  readonly ours: SignedBlock;
  readonly theirs: SignedBlock;
}

/**
 * How a block relates to the chain here. `sibling`: same parent as a block we hold, and another one. `unlinked`: it
 * differs, and so does its parent: the fork is further down, or it belongs to another chain of the same key.
 */
export type Relation = "ahead" | "held" | "sibling" | "unlinked";

export type Verdict = "harmless" | "forged" | "equivocation";

/** Proofs kept: one is enough to act, a few to see a pattern. */
export const EQUIVOCATIONS_MAX = 16;
/** Signatures checked at a time: a sibling that is forged costs its sender dearly, so few are waiting. */
const CHECKS_OPEN_MAX = 8;

type WatchedChain = Pick<Blockchain, "isSignedByPublisher"> & {
  readonly store: Pick<Blockchain["store"], "head" | "blockHashAt" | "blockBySeq">;
};

/**
 * Compares blocks that peers show with those here. Only siblings are proof: a key that once signed another chain with
 * another genesis block can be shown its old blocks by anybody, and they hang on parents we never had.
 */
export class EquivocationWatch {
  /** A new proof. */
  readonly onFound = new Emitter<Equivocation>();
  readonly #chain: WatchedChain;
  readonly #known: Set<string>;
  #kept: number;
  #open = 0;

  /**
   * Hashes in hex: `kept` of blocks whose proofs are kept already, `settled` of those on which the operator has decided.
   * Anybody may hold their chain and show it for ever; that is no news.
   */
  constructor(chain: WatchedChain, kept: readonly string[] = [], settled: readonly string[] = []) {
    this.#chain = chain;
    this.#known = new Set([...kept, ...settled]);
    this.#kept = kept.length;
  }

  /** Without curve work. */
  relation(block: SignedBlock): Relation {
    const { store } = this.#chain;
    const { seq, prevHash } = block.header;
    const held = store.blockHashAt(seq);
    if (held === undefined) return "ahead";
    if (equalBytes(held, blockHash(block))) return "held";
    const parent = seq === 0 ? undefined : store.blockHashAt(seq - 1);
    return parent !== undefined && equalBytes(parent, prevHash) ? "sibling" : "unlinked";
  }

  /** Checks the signature of a sibling; `onFound` tells what is new. */
  async examine(block: SignedBlock): Promise<Verdict> {
    const hash = hashHex(blockHash(block));
    if (this.#known.has(hash)) return "equivocation";
    if (this.relation(block) !== "sibling" || this.#open >= CHECKS_OPEN_MAX) return "harmless";
    this.#open++;
    try {
      if (!(await this.#chain.isSignedByPublisher(block))) return "forged";
    } finally {
      this.#open--;
    }
    const ours = this.#chain.store.blockBySeq(block.header.seq);
    if (ours === undefined || this.#known.has(hash)) return "equivocation";
    if (this.#kept < EQUIVOCATIONS_MAX) {
      this.#kept++;
      this.#known.add(hash);
      this.onFound.emit({ ours, theirs: block });
    }
    return "equivocation";
  }
}
