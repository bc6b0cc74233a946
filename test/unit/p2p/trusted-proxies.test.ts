import assert from "node:assert/strict";
import { test } from "node:test";
import { TrustedProxies } from "../../../src/p2p/trusted-proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);

for (const { why, socket, forwarded, client } of [
  { why: "a stranger's word counts for nothing", socket: "9.9.9.9", forwarded: "1.1.1.1", client: "9.9.9.9" },
  { why: "a proxy names its client", socket: "10.1.2.3", forwarded: "1.1.1.1", client: "1.1.1.1" },
  {
    why: "the right-most one that is no proxy",
    socket: "10.1.2.3",
    forwarded: "6.6.6.6, 1.1.1.1, 10.9.9.9",
    client: "1.1.1.1",
  },
  { why: "a proxy that says nothing is the client", socket: "10.1.2.3", forwarded: undefined, client: "10.1.2.3" },
  { why: "what is no address ends the chain", socket: "10.1.2.3", forwarded: "1.1.1.1, unknown", client: "10.1.2.3" },
  { why: "proxies all the way", socket: "127.0.0.1", forwarded: "10.0.0.7", client: "10.0.0.7" },
  { why: "IPv4 in IPv6 clothes", socket: "::ffff:10.1.2.3", forwarded: "::ffff:1.1.1.1", client: "1.1.1.1" },
  { why: "IPv6, brackets and ports", socket: "fd00::1", forwarded: "[2001:DB8::1]:443", client: "2001:db8::1" },
  { why: "an IPv4 address with a port", socket: "fd00::1", forwarded: "1.1.1.1:443", client: "1.1.1.1" },
]) {
  test(why, () => assert.equal(proxies.clientIp(socket, forwarded), client));
}

for (const text of ["10.0.0.0/33", "10.0.0/8", "fd00::/129", "proxy", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"]) {
  test(`${text} is no network`, () => assert.throws(() => new TrustedProxies([text]), { code: "P2P_ADDRESS" }));
}
