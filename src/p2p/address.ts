import { ipv6Groups } from "../base/address-key.ts";
import { WireError } from "./errors.ts";

/** One end of a connection. `ip` is text, IPv4 or IPv6 without brackets. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** `ip:port`, with brackets around IPv6: what the tables and the API use as a name. */
export function endpointText({ ip, port }: Endpoint): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Without the prefix of an IPv4 address in IPv6 clothes, as dual-stack sockets report them. */
export function plainIp(ip: string): string {
  return ip.startsWith("::ffff:") && isIPv4(ip.slice(7)) ? ip.slice(7) : ip;
}

export function isIPv4(text: string): boolean {
  const parts = text.split(".");
  // Leading zeros are refused as Go's net.ParseIP does: some readers take them for octal.
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

export function isLoopback(ip: string): boolean {
  return ip === "::1" || ip === "localhost" || (isIPv4(ip) && ip.startsWith("127."));
}

export interface AddressRules {
  /** Localhost-only mode. */
  readonly allowLoopback: boolean;
}

/**
 * A peer list entry: blanks removed, one colon, IPv4, global unicast (private ranges pass), port from 1024.
 * Go: pex.validateAddress. @throws WireError P2P_ADDRESS with the reference's texts
 */
export function checkPeerAddress(text: string, { allowLoopback }: AddressRules): string {
  const address = text.replaceAll(/\s/g, "");
  const [ip = "", port = "", ...more] = address.split(":");
  if (more.length > 0 || !isIPv4(ip)) throw bad("Invalid address", address);
  if (isLoopback(ip)) {
    if (!allowLoopback) throw bad("Localhost address is not allowed", address);
  } else if (!isGlobalUnicast(ip)) {
    throw bad("IP is not a valid external IP", address);
  }
  if (!/^\d+$/.test(port) || Number(port) > 65535) throw bad("Invalid address", address);
  if (Number(port) < 1024) throw bad("Port must be >= 1024", address);
  return address;
}

/** Like `checkPeerAddress`, without the reason. */
export function isPeerAddress(text: string, rules: AddressRules): boolean {
  try {
    checkPeerAddress(text, rules);
    return true;
  } catch {
    return false;
  }
}

/** `ip:port` of a checked peer address. */
export function splitPeerAddress(address: string): Endpoint {
  const colon = address.lastIndexOf(":");
  return { ip: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** The first three octets, for limits that a whole network shares; for IPv6 the /48 that one customer may be given. */
export function subnetOf(ip: string): string {
  return isIPv4(ip) ? ip.slice(0, ip.lastIndexOf(".")) : ipv6Groups(ip, 3);
}

/** Octet `a.b.c.d` as a number with `a` most significant, the form of GIVP. */
export function ipv4Number(ip: string): number {
  return ip.split(".").reduce((n, octet) => n * 256 + Number(octet), 0);
}

export function ipv4Text(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** Go: net.IP.IsGlobalUnicast, for IPv4. */
function isGlobalUnicast(ip: string): boolean {
  const [a = 0, b = 0] = ip.split(".").map(Number);
  const linkLocal = a === 169 && b === 254;
  const multicast = a >= 224 && a <= 239;
  return !linkLocal && !multicast && ip !== "0.0.0.0" && ip !== "255.255.255.255";
}

function bad(message: string, address: string): WireError {
  return new WireError("P2P_ADDRESS", message, { address });
}
