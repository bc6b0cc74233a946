import assert from "node:assert/strict";
import { test } from "node:test";
import { unixSeconds } from "../../../src/base/clock.ts";
import { Emitter } from "../../../src/base/emitter.ts";
import { AssertionFailure, CoinError, errorText, assert as hold } from "../../../src/base/errors.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { I64_MAX, sum, U32_MAX, U64_MAX, wrap64 } from "../../../src/base/uint64.ts";

test("limits are what their names say", () => {
  assert.equal(U64_MAX, 18446744073709551615n);
  assert.equal(I64_MAX, 9223372036854775807n);
  assert.equal(U32_MAX, 4294967295);
});

test("sum does not wrap, wrap64 does", () => {
  assert.equal(
    sum([U64_MAX, 1n], (n) => n),
    U64_MAX + 1n,
  );
  assert.equal(
    sum([], (n: bigint) => n),
    0n,
  );
  assert.equal(wrap64(U64_MAX + 1n), 0n);
  assert.equal(wrap64(U64_MAX), U64_MAX);
});

test("an emitter calls listeners in order until they are removed", () => {
  const emitter = new Emitter<number>();
  const seen: string[] = [];
  const off = emitter.on((n) => seen.push(`a${n}`));
  emitter.on((n) => {
    seen.push(`b${n}`);
    if (n === 1) off(); // leaving while events go out must not skip a neighbour
  });
  emitter.emit(1);
  emitter.emit(2);
  assert.deepEqual(seen, ["a1", "b1", "b2"]);
});

test("a throwing listener surfaces to whoever emits", () => {
  const emitter = new Emitter<void>();
  emitter.on(() => {
    throw new Error("bug");
  });
  assert.throws(() => emitter.emit(), /bug/);
});

test("a coin error carries code, data, cause and the name of its class", () => {
  class SpecialError extends CoinError<"A"> {}
  const cause = new Error("origin");
  const error = new SpecialError("A", "text", { n: 1 }, { cause });
  assert.deepEqual(
    [error.name, error.code, error.message, error.data, error.cause],
    ["SpecialError", "A", "text", { n: 1 }, cause],
  );
  assert.ok(error instanceof Error);
});

test("assert throws its own class, so that input errors are never taken for bugs", () => {
  hold(true, "fine");
  assert.throws(() => hold(0, "the sky is up"), AssertionFailure);
  assert.throws(() => hold(undefined, "the sky is up"), /does not hold: the sky is up/);
});

test("errorText takes anything", () => {
  assert.equal(errorText(new Error("x")), "x");
  assert.equal(errorText("y"), "y");
  assert.equal(errorText(undefined), "undefined");
});

test("unix seconds are whole, rounded down", () => {
  const clock = { nowMs: () => 1_999.9, monotonicMs: () => 0, after: () => () => {} };
  assert.equal(unixSeconds(clock), 1);
});

test("the silent logger answers to everything", () => {
  silentLogger.child({ module: "x" }).info({}, "nothing");
});
