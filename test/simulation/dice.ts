import type { Random } from "../../src/p2p/deps.ts";
import { seededRandom } from "../support/seeded-random.ts";

/** Choices out of one seed. Each part of a run has dice of its own, so that one more throw here moves nothing there. */
export class Dice implements Random {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    for (let i = 0; i < 3; i++) this.#random.u32(); // neighbouring seeds begin alike
  }

  fork(): Dice {
    return new Dice(this.u32());
  }

  u32(): number {
    return this.#random.u32();
  }

  fraction(): number {
    return this.#random.fraction();
  }

  chance(p: number): boolean {
    return this.fraction() < p;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.u32();
    return bytes;
  }
}
