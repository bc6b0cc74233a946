import { isIP } from "node:net";
import { unescapePercent } from "./form.ts";

/** The address a server listens on, as the operating system reports it. */
export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/** Which Host and Origin headers are ours, and which origins may read answers. Source: api.md 4 and 6. */
export class HostCheck {
  readonly #loopback: boolean;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** For CORS: only the address bound, only http, lower case. */
  readonly corsOrigins: ReadonlySet<string>;

  constructor(bound: BoundAddress, whitelist: readonly string[]) {
    const local = [`127.0.0.1:${bound.port}`, `localhost:${bound.port}`];
    this.#loopback = isLoopback(bound.address);
    this.#hosts = new Set([...whitelist, ...local]);
    this.#origins = new Set([...whitelist, ...(this.#loopback ? local : boundNames(bound))]);
    this.corsOrigins = new Set([...boundNames(bound), ...whitelist].map((host) => `http://${host}`.toLowerCase()));
  }

  /** On a loopback listener a foreign Host header means that a page rebound its name to us. */
  hostRefusal(host: string): string | undefined {
    return this.#loopback && host !== "" && !this.#hosts.has(host) ? "Invalid Host" : undefined;
  }

  originRefusal(origin: string, referer: string): string | undefined {
    const text = origin === "" ? referer : origin;
    if (text === "") return undefined;
    const host = urlHost(text);
    if (host === undefined) return "Invalid URL in Origin or Referer header";
    return this.#origins.has(host) ? undefined : "Invalid Origin or Referer";
  }
}

/** Go binds the IPv4 wildcard as a dual-stack socket and calls it `[::]`. */
function boundNames({ address, port }: BoundAddress): string[] {
  if (address === "0.0.0.0" || address === "::") return [`[::]:${port}`, `0.0.0.0:${port}`];
  return [isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`];
}

export function isLoopback(address: string): boolean {
  if (address === "localhost" || address === "::1") return true;
  return isIP(address.replace(/^::ffff:/i, "")) === 4 && /^(::ffff:)?127\./i.test(address);
}

/**
 * The host (and port as written) of a URL, by the rules of Go's `url.Parse`: empty when there is none, undefined
 * when Go would not parse it. Not `new URL`: that normalizes the host and drops default ports.
 */
export function urlHost(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go refuses exactly these
  if (/[\x00-\x1f\x7f]/.test(text) || text.startsWith(":")) return undefined;
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?([^?#]*)[^#]*#?(.*)$/s.exec(text) as RegExpExecArray;
  const [, scheme = "", rest = "", fragment = ""] = found;
  if (unescapePercent(fragment) === undefined) return undefined;
  if (scheme !== "" && !rest.startsWith("/")) return ""; // opaque, like "localhost:6420"
  if (scheme === "" && /^[^/]*:/.test(rest)) return undefined;
  if (!rest.startsWith("//") || (scheme === "" && rest.startsWith("///"))) {
    return unescapePercent(rest) === undefined ? undefined : "";
  }
  const [, authority = "", path = ""] = /^\/\/([^/]*)(.*)$/.exec(rest) as RegExpExecArray;
  if (unescapePercent(path) === undefined) return undefined;
  return hostOf(authority);
}

function hostOf(authority: string): string | undefined {
  const at = authority.lastIndexOf("@");
  if (at >= 0 && !/^(?:[A-Za-z0-9._:~!$&'()*+,;=-]|%[0-9a-fA-F]{2}|@)*$/.test(authority.slice(0, at))) return undefined;
  const host = authority.slice(at + 1);
  const port = host.startsWith("[") ? host.slice(host.lastIndexOf("]") + 1) : (/:[^:]*$/.exec(host)?.[0] ?? "");
  if (host.startsWith("[") && !host.includes("]")) return undefined;
  if (!/^(:[0-9]*)?$/.test(port)) return undefined;
  // Escapes are allowed for bytes outside ASCII only; no listed host holds such, so the text may stay as it is.
  return /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]|[^\x20-\x7e]|%[89a-fA-F][0-9a-fA-F]|%25)*$/.test(host)
    ? host
    : undefined;
}
