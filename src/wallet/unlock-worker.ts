import { parentPort } from "node:worker_threads";
import type { CryptoType } from "./meta.ts";
import { nodeSealingTools } from "./node-sealing.ts";
import { seal, unseal } from "./sealing.ts";

/** One piece of work for the thread. Passwords arrive as copies, which are overwritten here. */
export type UnlockJob =
  | { readonly kind: "seal"; readonly type: CryptoType; readonly plain: Uint8Array; readonly password: Uint8Array }
  | { readonly kind: "open"; readonly type: CryptoType; readonly sealed: string; readonly password: Uint8Array };

/** Failures say nothing: whatever is wrong with a sealed text, the user hears "invalid password". */
export type UnlockAnswer =
  | { readonly ok: true; readonly sealed: string }
  | { readonly ok: true; readonly plain: Uint8Array }
  | { readonly ok: false };

function work(job: UnlockJob): UnlockAnswer {
  try {
    return job.kind === "seal"
      ? { ok: true, sealed: seal(job.type, job.plain, job.password, nodeSealingTools) }
      : { ok: true, plain: new Uint8Array(unseal(job.type, job.sealed, job.password, nodeSealingTools)) };
  } catch {
    return { ok: false };
  } finally {
    job.password.fill(0);
    if (job.kind === "seal") job.plain.fill(0);
  }
}

parentPort?.on("message", (job: UnlockJob) => parentPort?.postMessage(work(job)));
