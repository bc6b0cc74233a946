import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../../../src/base/emitter.ts";
import { LoginRate } from "../../../src/login/login-rate.ts";
import type { LoginEvent } from "../../../src/login/service.ts";

const MINUTE_MS = 60_000;

test("sessions that began count in their minute, for an hour; nothing else does", () => {
  const onEvent = new Emitter<LoginEvent>();
  let nowMs = 7 * MINUTE_MS + 59_000;
  const rate = new LoginRate(onEvent, { monotonicMs: () => nowMs });
  const happens = (type: LoginEvent["type"]): void => onEvent.emit({ type } as LoginEvent);

  happens("login.session");
  happens("login.status");
  nowMs += 1_000;
  happens("login.session");
  happens("login.session");
  assert.deepEqual(rate.perMinute().slice(-3), [0, 1, 2]);
  assert.equal(rate.perMinute().length, 60);

  nowMs += 58 * MINUTE_MS;
  assert.deepEqual(rate.perMinute().slice(0, 3), [1, 2, 0]);
  nowMs += MINUTE_MS;
  assert.deepEqual(rate.perMinute().slice(0, 2), [2, 0], "the oldest minute is forgotten");
});
