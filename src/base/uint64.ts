export const U64_MAX = (1n << 64n) - 1n;
export const I64_MAX = (1n << 63n) - 1n;
export const U32_MAX = 0xffff_ffff;

/** Sum of one bigint per item; cannot wrap, so the caller range-checks once (`> U64_MAX`). */
export function sum<T>(items: Iterable<T>, value: (item: T) => bigint): bigint {
  let total = 0n;
  for (const item of items) total += value(item);
  return total;
}

/** What Go's unchecked uint64 arithmetic leaves: the low 64 bits. */
export function wrap64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
