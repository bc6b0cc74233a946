import assert from "node:assert/strict";
import { test } from "node:test";
import { type Logger, silentLogger } from "../../../src/base/log.ts";
import { AcceptGuard } from "../../../src/p2p/accept-guard.ts";

function rig() {
  let now = 0;
  const lines: object[] = [];
  const log: Logger = { ...silentLogger, warn: (fields) => void lines.push(fields) };
  const guard = new AcceptGuard({ pauseMs: 50 }, { log, nowMs: () => now });
  return {
    guard,
    lines,
    move: (ms: number) => {
      now += ms;
    },
  };
}

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

test("errors that pass cost a pause, and one line in ten seconds with a count", () => {
  const { guard, lines, move } = rig();
  assert.equal(guard.isPaused, false);
  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED", "EINTR"]) {
    assert.equal(guard.isFatal(failure(code)), false, code);
  }
  assert.deepEqual(lines, [{ code: "EMFILE", times: 1 }]);
  move(49);
  assert.equal(guard.isPaused, true);
  move(1);
  assert.equal(guard.isPaused, false);
  move(10_000);
  guard.isFatal(failure("EMFILE"));
  assert.deepEqual(lines[1], { code: "EMFILE", times: 6 });
});

for (const code of ["EBADF", "EINVAL", "EACCES", "EADDRINUSE"]) {
  test(`${code} ends a listener`, () => assert.equal(rig().guard.isFatal(failure(code)), true));
}
