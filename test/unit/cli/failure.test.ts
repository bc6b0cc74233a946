import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CoinError } from "../../../src/base/errors.ts";
import { failureText } from "../../../src/cli/failure.ts";
import { lockDirectory } from "../../../src/orchestrator/directory-lock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => failureText(error),
  );

test("what the system refuses is one line that names the place and the way out", async (t) => {
  const file = join(tempDir(t), "a file");
  await writeFile(file, "");
  assert.equal(
    await failureOf(lockDirectory(join(file, "chain"))),
    `ENOTDIR: not a directory, mkdir '${file}/chain': something that is no directory stands in the way: choose another directory`,
  );
  const refused = Object.assign(new Error("EROFS: read-only file system, open '/x/up.pid'"), {
    code: "EROFS",
    syscall: "open",
  });
  const made = Object.assign(new Error("ENOENT: no such file or directory, mkdir '/x/up'"), {
    code: "ENOENT",
    syscall: "mkdir",
  });
  assert.match(failureText(made), /'\/x\/up': it may be mounted read-only/);
  assert.match(failureText(refused), /^EROFS.*up\.pid': it is mounted read-only: choose another directory$/);
});

test("expected failures are their message, bugs show where they are", () => {
  assert.equal(failureText(new CoinError("X", "one line")), "one line");
  assert.match(failureText(new TypeError("no function")), /^TypeError: no function\n +at /);
  assert.equal(failureText("text"), "text");
});
