import { addressKey } from "../base/address-key.ts";
import { isLoopback } from "./host-check.ts";

/**
 * What counts as one client (`addressKey`). Undefined for loopback: limits per client do not hold there unless asked
 * for.
 */
export function clientKey(address: string | undefined, loopbackCounts: boolean): string | undefined {
  if (address === undefined) return ""; // gone already; all of those together are one client
  if (isLoopback(address)) return loopbackCounts ? "loopback" : undefined;
  return addressKey(address);
}

/** How many of something each client has at the moment. */
export class ClientCounts {
  readonly #counts = new Map<string, number>();

  /** False: that would be more than `max`. Without a key nothing is counted. */
  take(key: string | undefined, max: number): boolean {
    if (key === undefined) return true;
    const count = this.#counts.get(key) ?? 0;
    if (count >= max) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  give(key: string | undefined): void {
    if (key === undefined) return;
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
