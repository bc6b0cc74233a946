// Sends a handle back as often as it is asked to, and ends with its parent: see twins.ts.
import type { SendHandle } from "node:child_process";

process.on("message", (count: number, handle: SendHandle) => {
  for (let i = 0; i < count; i++) process.send?.(i, handle);
});
process.once("disconnect", () => process.exit());
