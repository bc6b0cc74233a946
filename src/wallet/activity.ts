import type { Address } from "../cipher/address.ts";

/** Finds out which addresses were ever used, on the chain or in the pool. */
export interface ActivityFinder {
  /** One answer per address, in order. */
  areActive(addresses: readonly Address[]): readonly boolean[];
}
