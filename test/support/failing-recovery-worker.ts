/**
 * A recovery thread that fails as the variable TEST_THREAD_FAILS says: `exit` or `throw` on the first message, `hang`
 * (never answers). Where TEST_THREAD_MARKER names a file, it fails only while the file exists, and removes it, so
 * that its successors work as they should.
 */
import { existsSync, rmSync } from "node:fs";
import { parentPort } from "node:worker_threads";

const { TEST_THREAD_FAILS: mode, TEST_THREAD_MARKER: marker } = process.env;

if (marker === undefined || existsSync(marker)) {
  if (marker !== undefined) rmSync(marker, { force: true });
  parentPort?.on("message", () => {
    if (mode === "exit") process.exit(7);
    if (mode === "throw") throw new Error("made to fail");
  });
} else {
  await import("../../src/native/recovery-worker.ts");
}
