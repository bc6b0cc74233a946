import { toHex } from "../base/bytes.ts";
import { CoinError } from "../base/errors.ts";
import type { Address } from "../cipher/address.ts";

/** Who got the first coins, and who of them may spend (chain.md 12). */
export interface Distribution {
  /** Whole coins. */
  readonly maxCoinSupply: bigint;
  readonly initialUnlockedCount: number;
  /** Read and shown, used by no rule. */
  readonly unlockAddressRate: number;
  /** Seconds; read and shown, used by no rule. */
  readonly unlockTimeInterval: number;
  readonly addresses: readonly Address[];
}

export class DistributionError extends CoinError<"DISTRIBUTION_INVALID"> {
  constructor(message: string, data = {}) {
    super("DISTRIBUTION_INVALID", message, data);
  }
}

/** Go: Distribution.Validate. An empty list is refused where the reference divides by zero (G16). @throws DistributionError */
export function validateDistribution(d: Distribution): void {
  const count = d.addresses.length;
  if (d.initialUnlockedCount > count) {
    throw new DistributionError("unlocked addresses > total distribution addresses", { count });
  }
  if (count === 0) throw new DistributionError("distribution addresses must not be empty");
  if (d.maxCoinSupply % BigInt(count) !== 0n) {
    throw new DistributionError("MaxCoinSupply should be perfectly divisible by len(addresses)", { count });
  }
}

/** Whole coins each address begins with. */
export function addressInitialBalance(d: Distribution): bigint {
  return d.maxCoinSupply / BigInt(d.addresses.length);
}

/** The first `initialUnlockedCount` addresses. Nothing unlocks with time. */
export function unlockedAddresses(d: Distribution): readonly Address[] {
  return d.addresses.slice(0, d.initialUnlockedCount);
}

/** The rest: outputs of these may not be spent, as policy. */
export function lockedAddresses(d: Distribution): readonly Address[] {
  return d.addresses.slice(d.initialUnlockedCount);
}

const lockedSets = new WeakMap<Distribution, ReadonlySet<string>>();

/** True for the addresses of `lockedAddresses`; constant time per call. */
export function isLocked(d: Distribution, address: Address): boolean {
  let set = lockedSets.get(d);
  if (set === undefined) {
    set = new Set(lockedAddresses(d).map(toHex));
    lockedSets.set(d, set);
  }
  return set.has(toHex(address));
}
