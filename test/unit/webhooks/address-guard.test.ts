import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPublicAddress } from "../../../src/webhooks/address-guard.ts";

const outside = ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"];
outside.push("128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255");
outside.push("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111");
outside.push("2001:4860:4860::8888", "2a00::1", "2003::1");

const inside = ["0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1"];
inside.push("127.255.255.254", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1");
inside.push("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9");
inside.push("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255");
inside.push("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1");
inside.push("64:ff9b:1::1", "100::1", "2001::1", "2001:0:1::", "2001:10::1", "2001:db8::1", "2002:7f00:1::1");
inside.push("2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1");
inside.push("ff02::1", "2606:4700::1%1");

for (const address of outside) test(`public: ${address}`, () => assert.equal(isPublicAddress(address), true));
for (const address of inside) test(`not public: ${address}`, () => assert.equal(isPublicAddress(address), false));

test("an IPv4 address hidden in IPv6 is never public", () => {
  fc.assert(
    fc.property(fc.ipV4(), (v4) => {
      assert.equal(isPublicAddress(`::ffff:${v4}`), false);
      assert.equal(isPublicAddress(`64:ff9b::${v4}`), false);
    }),
  );
});

test("what is no address is not public", () => {
  for (const text of [
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "0x7f000001",
    "2130706433",
    "127.1",
    "[::1]",
    "1.1.1.1 ",
  ]) {
    assert.equal(isPublicAddress(text), false, text);
  }
});
