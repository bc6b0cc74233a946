import { toHex } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import type { Address } from "../cipher/address.ts";
import {
  addressInitialBalance,
  type Distribution,
  isLocked,
  lockedAddresses,
  unlockedAddresses,
} from "./distribution.ts";
import type { Followed, SetChange, Summary, Worth } from "./followed.ts";
import { coinHoursOrZero } from "./hours.ts";
import { HoursLog } from "./hours-log.ts";
import { headOf, QueryError } from "./queries.ts";
import type { ChainView } from "./store.ts";

const DROPLETS_PER_COIN = 1_000_000n;

export interface CoinSupply {
  /** Droplets that left the unlocked distribution addresses. */
  readonly current: bigint;
  /** Droplets the unlocked addresses were given. */
  readonly total: bigint;
  readonly max: bigint;
  /** Hours outside all distribution addresses. */
  readonly currentHours: bigint;
  /** Hours outside the locked ones. */
  readonly totalHours: bigint;
  readonly unlocked: readonly Address[];
  readonly locked: readonly Address[];
}

/**
 * Supply by the parameters, less what the distribution addresses still hold (chain.md 12).
 * Differs: `current` stops at zero; on a chain whose genesis volume does not fit its parameters the reference wraps.
 * @throws QueryError QUERY_OVERFLOW
 */
export async function coinSupply(
  view: ChainView,
  distribution: Distribution,
  outputs: Followed<OutputHours>,
): Promise<CoinSupply> {
  const totals = (await outputs.ask((hours) => hours.totals(view))) ?? (await scannedTotals(view, distribution));
  const { held, unlockedHours, otherHours } = totals;
  const totalHours = unlockedHours + otherHours;
  if (totalHours > U64_MAX || held > U64_MAX) throw new QueryError("QUERY_OVERFLOW", "uint64 addition overflow");
  const unlocked = unlockedAddresses(distribution);
  const total = BigInt(unlocked.length) * addressInitialBalance(distribution) * DROPLETS_PER_COIN;
  const current = held > total ? 0n : total - held;
  const max = distribution.maxCoinSupply * DROPLETS_PER_COIN;
  return { current, total, max, currentHours: otherHours, totalHours, unlocked, locked: lockedAddresses(distribution) };
}

/** At the head. */
interface Totals {
  /** Droplets of the unlocked distribution addresses. */
  readonly held: bigint;
  readonly unlockedHours: bigint;
  /** Outside all distribution addresses. */
  readonly otherHours: bigint;
}

/** 16 bytes each; beyond it the set is scanned for each head. */
const OUTPUTS_MAX = 1_000_000;
const WORN_MIN = 4096;

/** The hours of all outputs but the locked ones, without a walk over the set for each head. */
export class OutputHours implements Summary {
  readonly #unlockedAddresses: readonly Address[];
  readonly #unlockedKeys: ReadonlySet<string>;
  readonly #distribution: Distribution;
  #unlocked = new HoursLog();
  #others = new HoursLog();
  #unspents = 0;

  constructor(distribution: Distribution) {
    this.#distribution = distribution;
    this.#unlockedAddresses = unlockedAddresses(distribution);
    this.#unlockedKeys = new Set(this.#unlockedAddresses.map(toHex));
  }

  async read(view: ChainView): Promise<void> {
    [this.#unlocked, this.#others, this.#unspents] = [new HoursLog(), new HoursLog(), 0];
    if (view.unspentCount() > OUTPUTS_MAX) return;
    for await (const chunk of view.scanUnspents()) {
      for (const { ux } of chunk) this.#note({ ...ux.body, time: ux.head.time }, 1);
    }
  }

  apply({ created, spent }: SetChange): void {
    for (const worth of created) this.#note(worth, 1);
    for (const worth of spent) this.#note(worth, -1);
  }

  isWorn(): boolean {
    return this.#unlocked.length + this.#others.length > 2 * this.#unspents + WORN_MIN;
  }

  /** Undefined: only a walk can tell. */
  totals(view: ChainView): Totals | undefined {
    if (view.unspentCount() > OUTPUTS_MAX) return undefined;
    const { time } = headOf(view);
    const [unlockedHours, otherHours] = [this.#unlocked.at(time), this.#others.at(time)];
    if (unlockedHours === undefined || otherHours === undefined) return undefined;
    let held = 0n;
    for (const address of this.#unlockedAddresses) held += view.addressSummary(address).coins;
    return { held, unlockedHours, otherHours };
  }

  #note({ address, coins, hours, time }: Worth, sign: 1 | -1): void {
    if (isLocked(this.#distribution, address)) return;
    this.#unspents += sign;
    const log = this.#unlockedKeys.has(toHex(address)) ? this.#unlocked : this.#others;
    log.note(coins, hours, time, sign);
  }
}

/** The same from every output, by the rule for one. */
export async function scannedTotals(view: ChainView, distribution: Distribution): Promise<Totals> {
  const { time } = headOf(view);
  const unlockedKeys = new Set(unlockedAddresses(distribution).map(toHex));
  let [held, unlockedHours, otherHours] = [0n, 0n, 0n];
  for await (const chunk of view.scanUnspents()) {
    for (const { ux } of chunk) {
      const { address, coins } = ux.body;
      const isUnlocked = unlockedKeys.has(toHex(address));
      if (isUnlocked) held += coins;
      if (isLocked(distribution, address)) continue;
      const hours = coinHoursOrZero(ux, time);
      if (isUnlocked) unlockedHours += hours;
      else otherHours += hours;
    }
  }
  return { held, unlockedHours, otherHours };
}
