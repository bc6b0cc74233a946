/** What the unconfirmed pool may hold (p2p.md 12.2). The reference knows no limit (W9). */
export interface PoolLimits {
  readonly transactionsMax: number;
  /** Sum of transaction sizes. */
  readonly bytesMax: number;
  /** Of those transactions, how many may violate a soft rule. */
  readonly softInvalidMax: number;
}

export const POOL_LIMITS: PoolLimits = Object.freeze({
  transactionsMax: 4096,
  bytesMax: 32 * 1024 * 1024,
  softInvalidMax: 512,
});

/** What eviction looks at. */
export interface Evictable {
  readonly size: number;
  /** Hours burnt per byte; below zero when they cannot be computed. */
  readonly rate: number;
  /** Unix nanoseconds. */
  readonly received: bigint;
  readonly isValid: boolean;
}

/**
 * Who must go before `entries`, the newcomer among them, obey the limits: the lowest fee per byte, of equals the
 * oldest. Ask again after removing it; undefined when all is well.
 */
export function nextEvicted<T extends Evictable>(entries: Iterable<T>, limits: PoolLimits): T | undefined {
  let count = 0;
  let bytes = 0;
  let softInvalid = 0;
  let worst: T | undefined;
  let worstSoft: T | undefined;
  for (const entry of entries) {
    count++;
    bytes += entry.size;
    if (worst === undefined || isWorse(entry, worst)) worst = entry;
    if (entry.isValid) continue;
    softInvalid++;
    if (worstSoft === undefined || isWorse(entry, worstSoft)) worstSoft = entry;
  }
  if (softInvalid > limits.softInvalidMax) return worstSoft;
  return count > limits.transactionsMax || bytes > limits.bytesMax ? worst : undefined;
}

function isWorse(a: Evictable, b: Evictable): boolean {
  return a.rate < b.rate || (a.rate === b.rate && a.received < b.received);
}
