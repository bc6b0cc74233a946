import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPeerAddress, endpointText, ipv4Number, ipv4Text, plainIp, subnetOf } from "../../../src/p2p/address.ts";

const far = { allowLoopback: false };

for (const [text, message] of [
  ["1.2.3.4", "Invalid address"],
  ["1.2.3.4:", "Invalid address"],
  ["1.2.3.4:99999", "Invalid address"],
  ["1.2.3.4:+600", "Invalid address"],
  ["1.2.3:6000", "Invalid address"],
  ["1.2.3.04:6000", "Invalid address"],
  ["[::1]:6000", "Invalid address"],
  ["example.com:6000", "Invalid address"],
  ["127.0.0.1:6000", "Localhost address is not allowed"],
  ["0.0.0.0:6000", "IP is not a valid external IP"],
  ["255.255.255.255:6000", "IP is not a valid external IP"],
  ["169.254.1.1:6000", "IP is not a valid external IP"],
  ["224.0.0.1:6000", "IP is not a valid external IP"],
  ["1.2.3.4:1023", "Port must be >= 1024"],
] as const) {
  test(`refuses ${text}`, () => assert.throws(() => checkPeerAddress(text, far), { code: "P2P_ADDRESS", message }));
}

test("takes private ranges, the lowest port, blanks, and loopback where it is allowed", () => {
  assert.equal(checkPeerAddress(" 10.0.0.1 :1024\n", far), "10.0.0.1:1024");
  assert.equal(checkPeerAddress("127.0.0.1:65535", { allowLoopback: true }), "127.0.0.1:65535");
});

test("addresses have one text and one number", () => {
  assert.equal(endpointText({ ip: "::1", port: 1 }), "[::1]:1");
  assert.equal(plainIp("::ffff:10.1.2.3"), "10.1.2.3");
  assert.equal(plainIp("fe80::1"), "fe80::1");
  assert.equal(ipv4Number("127.0.0.1"), 2130706433);
  assert.equal(ipv4Text(0xffff_ffff), "255.255.255.255");
  assert.equal(subnetOf("10.1.2.3"), "10.1.2");
  assert.equal(subnetOf("2001:db8:1:2::3"), "2001:db8:1");
});
