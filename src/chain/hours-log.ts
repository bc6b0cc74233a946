import { U64_MAX } from "../base/uint64.ts";

const COIN = 1_000_000;
const SECONDS_PER_HOUR = 3600;
/** Below it every step of the calculation is exact in a double. */
const EXACT = Number.MAX_SAFE_INTEGER;
const EXACT_BIG = BigInt(EXACT);

/**
 * The hours of many outputs together, at any time. What an output earns depends on its coins and its age alone, so
 * outputs have no names here: one that is spent is written down once more, with its coins negative. 16 bytes each.
 */
export class HoursLog {
  #coins = new Float64Array(1024);
  #times = new Float64Array(1024);
  /** Outputs written down, spent ones twice. */
  #length = 0;
  /** What all held when they were made. */
  #initial = 0n;
  /** Outputs too large for exact doubles; no chain that is sound has any. */
  #odd = 0;

  get length(): number {
    return this.#length;
  }

  /** An output made (1) or spent (-1) that held `hours` when it was made, at unix second `time`. */
  note(coins: bigint, hours: bigint, time: number, sign: 1 | -1): void {
    if (coins > EXACT_BIG || hours > EXACT_BIG) {
      this.#odd += sign;
      return;
    }
    this.#initial += BigInt(sign) * hours;
    if (this.#length === this.#coins.length) {
      this.#coins = grown(this.#coins);
      this.#times = grown(this.#times);
    }
    this.#coins[this.#length] = sign * Number(coins);
    this.#times[this.#length] = time;
    this.#length++;
  }

  /**
   * The sum of what `coinHours` says of each at unix second `at`. Undefined when only that can tell: an output is out
   * of the ordinary, or what it earned passes 64 bits.
   */
  at(at: number): bigint | undefined {
    if (this.#odd > 0) return undefined;
    let total = this.#initial;
    let sum = 0;
    for (let i = 0; i < this.#length; i++) {
      const signed = this.#coins[i] as number;
      const coins = Math.abs(signed);
      const seconds = at - (this.#times[i] as number);
      if (seconds < 0) return undefined;
      const part = coins % COIN;
      const whole = ((coins - part) / COIN) * seconds;
      if (whole + part * seconds > EXACT) {
        const earned = earnedHours(BigInt(coins), BigInt(seconds));
        if (earned === undefined) return undefined;
        total += signed < 0 ? -earned : earned;
        continue;
      }
      const earned = quotient(whole + quotient(part * seconds, COIN), SECONDS_PER_HOUR);
      sum += signed < 0 ? -earned : earned;
      if (Math.abs(sum) > EXACT / 2) {
        total += BigInt(sum);
        sum = 0;
      }
    }
    return total + BigInt(sum);
  }
}

/** Rounded down; exact, where the quotient of doubles may be rounded up. */
function quotient(a: number, b: number): number {
  return (a - (a % b)) / b;
}

function earnedHours(coins: bigint, seconds: bigint): bigint | undefined {
  const earned = (coins / BigInt(COIN)) * seconds + ((coins % BigInt(COIN)) * seconds) / BigInt(COIN);
  return earned > U64_MAX ? undefined : earned / BigInt(SECONDS_PER_HOUR);
}

function grown(column: Float64Array): Float64Array<ArrayBuffer> {
  const twice = new Float64Array(2 * column.length);
  twice.set(column);
  return twice;
}
