import { BlockList, isIP } from "node:net";
import { plainIp } from "./address.ts";
import { WireError } from "./errors.ts";

/** Proxies whose word about the client's address counts (p2p.md 13). */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** Networks as `10.0.0.0/8`, `fd00::/8` or single addresses. @throws WireError P2P_ADDRESS */
  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const [address = "", bits, ...more] = text.split("/");
      const family = isIP(address);
      const longest = family === 6 ? 128 : 32;
      const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
      if (family === 0 || !(prefix <= longest) || more.length > 0) {
        const message = `-ws-trusted-proxy ${JSON.stringify(text)} is no network; 10.0.0.0/8 is one`;
        throw new WireError("P2P_ADDRESS", message, { text });
      }
      this.#list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4");
    }
  }

  /**
   * Whose request it is: the right-most address of `forwarded` (X-Forwarded-For) that is no proxy of ours, if the
   * socket is one's. What stands left of it, and everything strangers say, could be made up.
   */
  clientIp(socketIp: string, forwarded: string | undefined): string {
    let client = plainIp(socketIp);
    const named = forwarded?.split(",").map((text) => withoutPort(text.trim())) ?? [];
    while (this.#has(client)) {
      const next = named.pop();
      if (next === undefined || isIP(next) === 0) break;
      client = plainIp(next.toLowerCase());
    }
    return client;
  }

  #has(ip: string): boolean {
    return this.#list.check(ip, isIP(ip) === 6 ? "ipv6" : "ipv4");
  }
}

/** Some proxies add the port, and brackets around IPv6. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
}
