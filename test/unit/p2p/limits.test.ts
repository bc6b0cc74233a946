import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LIMIT_TABLE, LIMITS, limitEntries, parseLimits } from "../../../src/p2p/limits.ts";
import { repositoryRoot } from "../../support/repository.ts";

test("docs/operating.md lists every limit with its value", () => {
  const page = readFileSync(join(repositoryRoot(), "docs", "operating.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([\w.]+)` \| (\S+) \|/gm)].map(([, name, value]) => `${name} ${value}`);
  const table = limitEntries(LIMITS).map(
    ([name, value]) => `${name} ${typeof value === "object" ? `${value.perSecond}/${value.burst}` : value}`,
  );
  assert.deepEqual(rows, table);
});

test("every limit has a unit and a reason, and no value is nothing", () => {
  for (const [name, { value, unit, why }] of Object.entries(LIMIT_TABLE)) {
    assert.ok(unit.length > 0 && why.length > 5, name);
    if (typeof value === "object") assert.ok(value.perSecond > 0 && value.burst > 0, name);
    else if (typeof value === "number") assert.ok(value > 0, name);
  }
});

test("a text changes what it names and nothing else", () => {
  assert.deepEqual(parseLimits(""), LIMITS);
  const changed = parseLimits(" perIpMax=5, frames=10/20 ,loopbackCounts=true,points.malformed=7,getPeers=0.5/1,");
  const rates = { frames: { perSecond: 10, burst: 20 }, getPeers: { perSecond: 0.5, burst: 1 } };
  const points = { ...LIMITS.points, malformed: 7 };
  assert.deepEqual(changed, { ...LIMITS, perIpMax: 5, loopbackCounts: true, ...rates, points });
});

test("every row can be said as it is", () => {
  const text = limitEntries(LIMITS).map(([name, value]) => {
    return `${name}=${typeof value === "object" ? `${value.perSecond}/${value.burst}` : value}`;
  });
  assert.deepEqual(parseLimits(text.join(",")), LIMITS);
});

for (const text of [
  "nothing=1",
  "perIpMax",
  "perIpMax=",
  "perIpMax=0",
  "perIpMax=-1",
  "perIpMax=1.5",
  "perIpMax=1=2",
  "perIpMax=99999999999999999999",
  "frames=10",
  "frames=10/0",
  "frames=1/2/3",
  "loopbackCounts=1",
  "points=1",
  "constructor=1",
]) {
  test(`refuses ${text}`, () => assert.throws(() => parseLimits(text), { code: "P2P_LIMIT" }));
}
