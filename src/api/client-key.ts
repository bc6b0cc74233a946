import { isLoopback } from "./host-check.ts";

/**
 * What counts as one client: an IPv4 address, or the /64 an IPv6 address is in, since whoever has one of those has
 * all of it. Undefined for loopback: limits per client do not hold there unless asked for.
 */
export function clientKey(address: string | undefined, loopbackCounts: boolean): string | undefined {
  if (address === undefined) return ""; // gone already; all of those together are one client
  if (isLoopback(address)) return loopbackCounts ? "loopback" : undefined;
  return addressKey(address);
}

/** The same of each address, loopback or not. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  return address.includes(":") ? prefix64(address) : address;
}

/** The first four groups, as numbers: `2001:db8::1` is `2001:db8:0:0`. */
function prefix64(address: string): string {
  const [left = "", right] = (address.split("%", 1)[0] as string).split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [head, tail] = [groups(left), groups(right ?? "")];
  const zeros = right === undefined ? [] : new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
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
