import assert from "node:assert/strict";
import { test } from "node:test";
import { formatUserAgent, parseUserAgent, sanitizeUserAgent } from "../../../src/p2p/user-agent.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

for (const [text, parsed] of [
  ["skycoin:0.27.1", { coin: "skycoin", version: "0.27.1", remark: "" }],
  ["skycoin:0.27.1(loop test)", { coin: "skycoin", version: "0.27.1", remark: "loop test" }],
  ["a-b_c+d:1.2.3-rc1+build.5(x;:!$%,.=?~)", { coin: "a-b_c+d", version: "1.2.3-rc1+build.5", remark: "x;:!$%,.=?~" }],
] as const) {
  test(`reads ${text} and writes it again`, () => {
    assert.deepEqual(parseUserAgent(text), parsed);
    assert.equal(formatUserAgent(parsed), text);
  });
}

for (const text of [
  "",
  "skycoin",
  "skycoin:0.27",
  "skycoin:01.2.3",
  "skycoin:1.2.3-01",
  "skycoin:1.2.3-",
  "skycoin:1.2.3+",
  "skycoin:1.2.3-a..b",
  "skycoin:1.2.3()",
  "skycoin:1.2.3(foo",
  "skycoin:1.2.3(a(b))",
  "sky coin:1.2.3",
  "skycoin:99999999999999999999.0.0",
  `skycoin:0.27.1(${"a".repeat(241)})`,
]) {
  test(`refuses ${text.slice(0, 40)}`, () => assert.throws(() => parseUserAgent(text), { code: "P2P_USER_AGENT" }));
}

test("what is not printable ASCII, or could end up in markup, is removed", () => {
  assert.equal(sanitizeUserAgent(bytes("ts<no>de:0.1.0\n\u00e9`{|}")), "tsnode:0.1.0");
});
