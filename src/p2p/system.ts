import type { Random, Turn } from "./deps.ts";

/** Unpredictable numbers of the platform. */
export const systemRandom: Random = {
  fraction: () => Math.random(), // only for choices among equals
  u32: () => crypto.getRandomValues(new Uint32Array(1))[0] as number,
};

/** A turn of Node's event loop: what sockets and timers have is served before this goes on. */
export const eventLoopTurn: Turn = () => new Promise((resolve) => setImmediate(resolve));
