import assert from "node:assert/strict";
import { test } from "node:test";
import { FundingBudget } from "../../../src/login/funding-budget.ts";
import { RateLimit } from "../../../src/login/limits.ts";
import type { Caller } from "../../../src/login/service.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const clock = () => Object.assign(new VirtualClock(), { epoch: "test" });
const HOUR = 3_600_000;

test("a bucket gives its burst, then one for each wait, and takes back what is returned", async () => {
  const time = clock();
  const limit = new RateLimit({ burst: 2, everyMs: 1_000 }, time);
  assert.deepEqual(
    [1, 2, 3].map(() => limit.take("a")),
    [true, true, false],
  );
  assert.equal(limit.waitMs("a"), 1_000);
  assert.equal(limit.take("b"), true);
  assert.equal(limit.take(undefined), true, "this machine is not limited");
  await time.advance(1_000);
  assert.deepEqual([limit.take("a"), limit.take("a")], [true, false]);
  limit.give("a");
  assert.equal(limit.take("a"), true);
});

test("clients are remembered up to a bound, the one not seen for longest is forgotten first", () => {
  const limit = new RateLimit({ burst: 1, everyMs: HOUR }, clock());
  for (let i = 0; i < 50_000; i++) limit.take(`client ${i}`);
  assert.equal(limit.take("client 0"), false);
  limit.take("one more");
  assert.equal(limit.take("client 0"), true);
  assert.equal(limit.take("one more"), false);
});

const FUNDINGS = {
  fundings: { burst: 2, everyMs: HOUR },
  fundingsOfService: { burst: 4, everyMs: HOUR },
  fundingsInAll: { burst: 9, everyMs: HOUR },
};

test("a service has coins out for its visitors up to a limit of its own", () => {
  const budget = new FundingBudget(FUNDINGS, clock());
  const service: Caller = { key: "rewards", ip: "198.51.100.1", isService: true };
  const lend = (challenge: string): string | undefined => {
    budget.remember(challenge, service);
    return budget.spend(challenge)?.code;
  };
  for (const challenge of ["a", "b", "c", "d"]) assert.equal(lend(challenge), undefined);
  assert.throws(() => budget.check(service), { code: "rate_limited" });
  assert.equal(lend("e"), "funding_exhausted");
  budget.check({ key: "rewards", ip: "" });
  budget.returned("a");
  assert.equal(lend("e"), undefined);
});

test("coins that are out count for a client and for all; one that comes back gives its place back", () => {
  const budget = new FundingBudget({ ...FUNDINGS, fundingsInAll: { burst: 3, everyMs: HOUR } }, clock());
  const [greedy, other] = ["198.51.100.1", "198.51.100.2"].map((ip) => ({ key: ip, ip })) as [Caller, Caller];
  const lend = (challenge: string, caller: Caller): string | undefined => {
    budget.remember(challenge, caller);
    return budget.spend(challenge)?.code;
  };
  assert.deepEqual([lend("a", greedy), lend("b", greedy)], [undefined, undefined]);
  assert.equal(budget.spend("b"), undefined, "a challenge pays once");
  assert.throws(() => budget.check(greedy), { code: "rate_limited" });
  assert.equal(lend("c", greedy), "funding_exhausted");
  budget.check(other);
  assert.equal(lend("d", other), undefined);
  assert.throws(() => budget.check(other), { code: "busy" });
  assert.equal(lend("e", other), "funding_exhausted");
  budget.returned("a");
  budget.check(greedy);
  assert.equal(lend("f", greedy), undefined);
  budget.forget("b");
  budget.returned("b");
  assert.throws(() => budget.check(greedy), { code: "rate_limited" }, "what ended without a return stays out");
});
