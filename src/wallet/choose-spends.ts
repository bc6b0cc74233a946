import { compareBytes } from "../base/bytes.ts";
import { remainingHours } from "../chain/fee.ts";
import { coinHours } from "../chain/hours.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import type { Droplets, Hours } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { SpendError } from "./errors.ts";

/** An output that may be spent, with what it is worth at the head (Go: transaction.UxBalance). */
export interface SpendCandidate {
  readonly id: Hash;
  /** Height of the block that made it. */
  readonly seq: number;
  /** Unix seconds of that block. */
  readonly time: number;
  readonly address: Address;
  readonly coins: Droplets;
  /** Hours it was made with. */
  readonly initialHours: Hours;
  /** Hours it holds at the head's time. */
  readonly hours: Hours;
  /** The null hash for outputs of block 0: they are spent like any other. */
  readonly srcTransaction: Hash;
}

/** Values an output at the head's time. @throws RuleError HOURS_* */
export function spendCandidate({ id, ux }: IdentifiedUxOut, headTime: number): SpendCandidate {
  return candidateWorth({ id, ux }, coinHours(ux, headTime));
}

/** As `spendCandidate`, with the hours already known. */
export function candidateWorth({ id, ux }: IdentifiedUxOut, hours: Hours): SpendCandidate {
  const { head, body } = ux;
  return {
    id,
    seq: head.seq,
    time: head.time,
    address: body.address,
    coins: body.coins,
    initialHours: body.hours,
    hours,
    srcTransaction: body.srcTransaction,
  };
}

/** `fewest` spends large outputs first and keeps transactions small; `most` tidies up small ones. */
export type SpendStrategy = "fewest" | "most";

type Order = (a: SpendCandidate, b: SpendCandidate) => number;

function compare(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const byAge: Order = (a, b) => compare(a.seq, b.seq) || compareBytes(a.id, b.id);
const byCoins: Readonly<Record<SpendStrategy, Order>> = {
  fewest: (a, b) => compare(b.coins, a.coins) || compare(a.hours, b.hours) || byAge(a, b),
  most: (a, b) => compare(a.coins, b.coins) || compare(a.hours, b.hours) || byAge(a, b),
};

/** Fewest hours first, then fewest coins, oldest, smallest id: the cheapest output to add for making change. */
export const byHours: Order = (a, b) => compare(a.hours, b.hours) || compare(a.coins, b.coins) || byAge(a, b);

/** What a choice must reach. */
export interface SpendGoal {
  readonly coins: bigint;
  /** Hours that must be left after the fee. */
  readonly hours: bigint;
  readonly burnFactor: number;
  readonly strategy?: SpendStrategy;
}

/**
 * Picks outputs worth at least the goal (Go: transaction.ChooseSpends; wallet.md 9.4): the one with most coins among
 * those with hours, then those without hours, then more with hours. The order of choice is the order of inputs.
 * @throws SpendError SPEND_ZERO_SPEND, SPEND_NO_UNSPENTS, SPEND_NO_FEE, SPEND_BALANCE, SPEND_HOURS
 */
export function chooseSpends(candidates: readonly SpendCandidate[], goal: SpendGoal): SpendCandidate[] {
  if (goal.coins === 0n) throw new SpendError("SPEND_ZERO_SPEND");
  if (candidates.length === 0) throw new SpendError("SPEND_NO_UNSPENTS");
  const order = byCoins[goal.strategy ?? "fewest"];
  const withHours = candidates.filter((c) => c.hours > 0n).sort(byCoins.fewest);
  const without = candidates.filter((c) => c.hours === 0n).sort(order);
  const [first, ...rest] = withHours;
  if (first === undefined) throw new SpendError("SPEND_NO_FEE"); // nothing to burn: cannot be spent yet

  const chosen: SpendCandidate[] = [];
  let [coins, hours] = [0n, 0n];
  const take = (c: SpendCandidate): void => {
    chosen.push(c);
    coins += c.coins;
    hours += c.hours;
  };
  const reached = (): boolean => coins >= goal.coins && remainingHours(hours as Hours, goal.burnFactor) >= goal.hours;

  take(first);
  if (reached()) return chosen;
  for (const c of without) {
    take(c);
    // Tested after adding: with coins already enough and only hours short, one needless output is still taken.
    if (coins >= goal.coins) break;
  }
  if (reached()) return chosen;
  for (const c of rest.sort(order)) {
    take(c);
    if (reached()) return chosen;
  }
  throw new SpendError(coins < goal.coins ? "SPEND_BALANCE" : "SPEND_HOURS");
}
