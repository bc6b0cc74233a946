/**
 * The thread behind `RecoveryPool`: takes a buffer of 97-byte records, answers with a buffer of 55-byte results,
 * in order. Both are transferred, never copied between threads.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/errors.ts";
import { recoverRecords } from "../chain/signatures.ts";
import { type BackendKind, installNativeBackend } from "./install.ts";

assert(parentPort !== null, "runs as a worker thread");
const port = parentPort;
const { backend } = workerData as { readonly backend: BackendKind };

// Records that arrive meanwhile wait in the port until a listener is there.
await installNativeBackend({ force: backend });
port.on("message", (records: ArrayBuffer) => {
  const results = recoverRecords(new Uint8Array(records)).buffer as ArrayBuffer;
  port.postMessage(results, [results]);
});
