import { BlockList, isIP } from "node:net";

/**
 * IPv4 that is nobody's public server: IANA's special-purpose registry, plus what mapped and translated forms of
 * IPv6 are refused for by the rule below.
 */
const SPECIAL_V4: readonly [string, number][] = [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // carrier-grade NAT
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, cloud metadata among it
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments
  ["192.0.2.0", 24], // documentation
  ["192.31.196.0", 24], // AS112
  ["192.52.193.0", 24], // AMT
  ["192.88.99.0", 24], // 6to4 relay
  ["192.168.0.0", 16], // private
  ["192.175.48.0", 24], // AS112
  ["198.18.0.0", 15], // benchmarking
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 3], // multicast, reserved, broadcast
];

/** Inside 2000::/3, the only part of IPv6 that is public: what is special or carries an IPv4 address within. */
const SPECIAL_V6: readonly [string, number][] = [
  ["2001::", 23], // protocol assignments, Teredo among them
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4
  ["2620:4f:8000::", 48], // AS112
  ["3fff::", 20], // documentation
];

const refused = new BlockList();
for (const [net, prefix] of SPECIAL_V4) refused.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of SPECIAL_V6) refused.addSubnet(net, prefix, "ipv6");
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");

/**
 * An address of the open internet: not private, local, reserved, or a way round to such (mapped, 6to4, NAT64,
 * Teredo, with a zone). Text that is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !refused.check(address, "ipv4");
  if (family !== 6 || address.includes("%")) return false;
  return globalV6.check(address, "ipv6") && !refused.check(address, "ipv6");
}
