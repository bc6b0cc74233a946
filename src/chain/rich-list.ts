import { toHex } from "../base/bytes.ts";
import type { Address } from "../cipher/address.ts";
import { type Distribution, isLocked } from "./distribution.ts";
import type { SetChange, Summary } from "./followed.ts";
import type { ChainView } from "./store.ts";

export interface Holder {
  readonly address: Address;
  readonly coins: bigint;
  readonly locked: boolean;
}

interface Ranked extends Holder {
  readonly key: string;
}

/** Every address with coins, richest first, locked before unlocked, then by key and version. Go: GetRichlist. */
export class RichList implements Summary {
  readonly #distribution: Distribution;
  readonly #distributed: ReadonlySet<string>;
  #ranked: readonly Ranked[] = [];
  /** What they hold may have changed. */
  readonly #touched = new Map<string, Address>();

  constructor(distribution: Distribution) {
    this.#distribution = distribution;
    this.#distributed = new Set(distribution.addresses.map(toHex));
  }

  async read(view: ChainView): Promise<void> {
    this.#touched.clear();
    const all: Ranked[] = [];
    for await (const chunk of view.holdings())
      for (const { address, coins } of chunk) all.push(this.#of(address, coins));
    this.#ranked = all.sort(byRank);
  }

  apply({ created, spent }: SetChange): void {
    for (const { address } of [...created, ...spent]) this.#touched.set(toHex(address), address);
  }

  isWorn(): boolean {
    return false;
  }

  /** The first `count` at the head, or all. Without `withDistribution` addresses of the distribution are left out. */
  first(count: number | undefined, withDistribution: boolean, view: ChainView): Holder[] {
    this.#update(view);
    const found: Holder[] = [];
    for (const holder of this.#ranked) {
      if (found.length === count) break;
      if (withDistribution || !this.#distributed.has(holder.key)) found.push(holder);
    }
    return found;
  }

  /** Takes those touched out and merges them in where they belong now. */
  #update(view: ChainView): void {
    if (this.#touched.size === 0) return;
    const moved: Ranked[] = [];
    for (const address of this.#touched.values()) {
      const { coins, unspents } = view.addressSummary(address);
      if (unspents > 0) moved.push(this.#of(address, coins));
    }
    moved.sort(byRank);
    const merged: Ranked[] = [];
    let next = 0;
    for (const holder of this.#ranked) {
      if (this.#touched.has(holder.key)) continue;
      for (; next < moved.length && byRank(moved[next] as Ranked, holder) < 0; next++)
        merged.push(moved[next] as Ranked);
      merged.push(holder);
    }
    for (; next < moved.length; next++) merged.push(moved[next] as Ranked);
    this.#ranked = merged;
    this.#touched.clear();
  }

  #of(address: Address, coins: bigint): Ranked {
    return { address, coins, locked: isLocked(this.#distribution, address), key: toHex(address) };
  }
}

function byRank(a: Ranked, b: Ranked): number {
  if (a.coins !== b.coins) return a.coins > b.coins ? -1 : 1;
  if (a.locked !== b.locked) return a.locked ? -1 : 1;
  return byKey(a.key, b.key);
}

/** By the reference's 25 bytes, which lead with the key hash; the checksum behind it never decides. */
function byKey(a: string, b: string): number {
  const [left, right] = [a.slice(2) + a.slice(0, 2), b.slice(2) + b.slice(0, 2)];
  return left < right ? -1 : left > right ? 1 : 0;
}
