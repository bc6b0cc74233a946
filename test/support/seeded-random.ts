import type { Random } from "../../src/p2p/deps.ts";

/** The same numbers in every run (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = (seed * 0x9e3779b9) >>> 0;
  const u32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, fraction: () => u32() / 0x1_0000_0000 };
}
