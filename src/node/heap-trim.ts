import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../base/clock.ts";

/** Garbage is left alone below this: a node at the tip never gets here. */
const HEAP_SOFT_BYTES = 48 * 1024 * 1024;
const CHECK_MS = 100;

export interface HeapTrimDeps {
  readonly clock: Clock;
  readonly heapUsed: () => number;
  readonly collect: () => void;
}

/**
 * Keeps the heap near what is in use. V8 lets garbage grow to several times the live data before it collects, and
 * catching up makes garbage fast: 300 MB resident where 30 MB are live. Asking for a collection at half above the live
 * size, 48 MB at least, costs about 1 % of the time and keeps the process below 250 MB. A command line flag would do
 * the same, but a program cannot give itself one.
 */
export class HeapTrim {
  readonly #deps: HeapTrimDeps;
  #limit = HEAP_SOFT_BYTES;
  #cancel: (() => void) | undefined;

  constructor(deps: HeapTrimDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancel = this.#deps.clock.after(CHECK_MS, () => {
      this.#check();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #check(): void {
    const { heapUsed, collect } = this.#deps;
    if (heapUsed() <= this.#limit) return;
    collect();
    this.#limit = Math.max(HEAP_SOFT_BYTES, 1.5 * heapUsed());
  }
}

/** V8's own collector, which is hidden unless asked for. */
export function processHeap(): Pick<HeapTrimDeps, "heapUsed" | "collect"> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  return { heapUsed: () => process.memoryUsage().heapUsed, collect };
}
