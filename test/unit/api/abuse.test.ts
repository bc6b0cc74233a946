import assert from "node:assert/strict";
import { test } from "node:test";
import { GUESS_LIMITS, GuessLimit } from "../../../src/api/guess-limit.ts";
import { Slots } from "../../../src/base/slots.ts";
import { apiFixture } from "../../support/api.ts";
import { ManualClock } from "../../support/chain.ts";

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

test("after ten wrong passwords a client waits, right password or not, and others do not", async () => {
  const { app, clock } = await apiFixture({ credentials: { username: "u", password: "p" } });
  const ask = async (authorization: string | undefined, remoteAddress = "10.0.0.1"): Promise<[number, unknown]> => {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await app.inject({ url: "/api/v1/version", headers, remoteAddress });
    return [answer.statusCode, answer.headers["retry-after"]];
  };
  for (let i = 0; i < 20; i++) assert.deepEqual(await ask(undefined), [401, undefined], "asking without is no guess");
  for (let i = 0; i < 10; i++) assert.deepEqual(await ask(basic(`u:${i}`)), [401, undefined]);
  assert.deepEqual(await ask(basic("u:10")), [429, "60"]);
  assert.deepEqual(await ask(basic("u:p")), [429, "60"], "or the right one could be told from the wrong");
  assert.deepEqual(await ask(basic("u:p"), "10.0.0.2"), [200, undefined]);
  clock.advance(59_000);
  assert.deepEqual(await ask(basic("u:p")), [429, "1"]);
  clock.advance(1_000);
  assert.deepEqual(await ask(basic("u:p")), [200, undefined]);
});

test("the memory of guesses is bounded, the oldest go first", () => {
  const guesses = new GuessLimit({ ...GUESS_LIMITS, guessesMax: 1, clientsMax: 2 }, new ManualClock());
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) guesses.wrong(address);
  assert.deepEqual(
    ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => guesses.waitSeconds(address) > 0),
    [false, true, true],
  );
});

test("slots go to who waited longest, and a full line refuses at once", async () => {
  const slots = new Slots({ max: 1, waitingMax: 2 });
  assert.equal(await slots.take(), true);
  const order: number[] = [];
  const waiting = [1, 2].map((i) => slots.take().then(() => order.push(i)));
  assert.equal(await slots.take(), false);
  slots.give();
  await waiting[0];
  assert.deepEqual(order, [1]);
  slots.give();
  await Promise.all(waiting);
  slots.give();
  assert.equal(await slots.take(), true, "all slots came back");
});
