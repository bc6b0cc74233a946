/** How long a message is tried, and how far apart. */
export const RETRY = {
  firstMs: 5000,
  factor: 3,
  capMs: 2 * 3600 * 1000,
  /** Given up after this, counted from the first attempt. */
  giveUpMs: 24 * 3600 * 1000,
} as const;

/**
 * Milliseconds to wait after the n-th failure in a row (1, 2, ...): 5 s, 15 s, 45 s ... 2 h, each between half and one
 * and a half of that, so that what failed together does not come back together. `random`: 0 to 1.
 */
export function backoffMs(failures: number, random: () => number): number {
  const step = Math.min(RETRY.capMs, RETRY.firstMs * RETRY.factor ** (failures - 1));
  return Math.round(step * (0.5 + random()));
}
