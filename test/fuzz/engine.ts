import { toHex } from "../../src/base/bytes.ts";
import { CoinError } from "../../src/base/errors.ts";
import type { Random } from "../../src/p2p/deps.ts";
import { seededRandom } from "../support/p2p-node.ts";
import { Coverage } from "./coverage.ts";
import { mutateJson } from "./grammar.ts";
import { below, INPUT_BYTES_MAX, mutate } from "./mutate.ts";

/** Something that reads bytes of strangers. */
export interface FuzzTarget {
  readonly name: string;
  /** Good inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format. */
  readonly words?: readonly Uint8Array[];
  /** A well-formed input of any content. */
  readonly make?: (random: Random) => Uint8Array;
  /** Inputs are JSON: half of them are changed as values and not as bytes. */
  readonly json?: boolean;
  /**
   * Reads `input` and checks what must hold of whatever was read. A CoinError is a refusal; anything else thrown is
   * a finding.
   */
  run(input: Uint8Array): void;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Inputs kept by earlier runs. */
  readonly corpus?: readonly Uint8Array[];
  /** Share of the inputs that are run under coverage counters, to find new ways; the rest run at full speed. */
  readonly guided?: number;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly seconds: number;
  readonly findings: readonly string[];
  /** Inputs that reached something new. */
  readonly corpus: readonly Uint8Array[];
  readonly blocks: number;
  readonly slowestMs: number;
}

/** No input of at most 4 KiB may hold the event loop longer. */
export const HANG_MS = 100;
const FINDINGS_MAX = 10;
const BATCH_MAX = 4096;

/** What was refused is undefined; whatever is no refusal comes through. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CoinError) return undefined;
    throw error;
  }
}

/** Runs seeds, corpus and mutations of them. The same seed and corpus give the same inputs. */
export function fuzz(target: FuzzTarget, options: FuzzOptions): FuzzResult {
  const run = new Run(target, options);
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 3; // most inputs are refused; a finding is run again by whoever looks into it
  try {
    run.all();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return run.result();
}

class Run {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #random: Random;
  readonly #coverage = new Coverage();
  readonly #pool: Uint8Array[];
  readonly #kept: Uint8Array[] = [];
  readonly #findings: string[] = [];
  readonly #started = performance.now();
  #inputs = 0;
  #slowestMs = 0;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#pool = [...target.seeds, ...(options.corpus ?? [])];
  }

  all(): void {
    this.#coverage.start();
    for (const input of this.#pool) this.#one(input);
    this.#coverage.add(this.#coverage.fresh());
    const guided = Math.floor(this.#options.inputs * (this.#options.guided ?? 0.1));
    for (let size = 64; this.#inputs < guided && !this.#enough(); ) {
      const before = this.#kept.length;
      this.#batch(Array.from({ length: size }, () => this.#next()));
      size = this.#kept.length > before ? 64 : Math.min(BATCH_MAX, 2 * size);
    }
    this.#coverage.stop();
    while (this.#inputs < this.#options.inputs && !this.#enough()) this.#one(this.#next());
  }

  result(): FuzzResult {
    return {
      inputs: this.#inputs,
      seconds: (performance.now() - this.#started) / 1000,
      findings: this.#findings,
      corpus: this.#kept,
      blocks: this.#coverage.blocks,
      slowestMs: this.#slowestMs,
    };
  }

  #enough(): boolean {
    return this.#findings.length >= FINDINGS_MAX;
  }

  #next(): Uint8Array {
    const random = this.#random;
    const { make, json = false, words = [] } = this.#target;
    const pick = () => this.#pool[below(random, this.#pool.length)] as Uint8Array;
    const isMade = make !== undefined && below(random, 3) === 0;
    const from = isMade ? make(random) : pick();
    if (isMade && below(random, 2) === 0) return from.subarray(0, INPUT_BYTES_MAX);
    if (json && below(random, 2) === 0) return mutateJson(from, pick(), random).subarray(0, INPUT_BYTES_MAX);
    return mutate(from, pick(), words, random);
  }

  #batch(batch: readonly Uint8Array[]): void {
    for (const input of batch) this.#one(input);
    const fresh = this.#coverage.fresh();
    if (fresh.length > 0) this.#search(batch, fresh);
  }

  /** Finds by halves which inputs reached `fresh`, and keeps them. */
  #search(batch: readonly Uint8Array[], fresh: readonly string[]): void {
    if (batch.length === 1) {
      this.#coverage.add(fresh);
      this.#kept.push(batch[0] as Uint8Array);
      this.#pool.push(batch[0] as Uint8Array);
      return;
    }
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      for (const input of half) this.#one(input);
      const reached = this.#coverage.fresh();
      if (reached.length > 0) this.#search(half, reached);
    }
    this.#coverage.add(fresh); // reached by a counter's whim only: not looked for again
  }

  #one(input: Uint8Array): void {
    this.#inputs++;
    const before = performance.now();
    try {
      this.#target.run(input);
    } catch (error) {
      if (!(error instanceof CoinError))
        this.#found(input, error instanceof Error ? (error.stack ?? "") : String(error));
    }
    const ms = performance.now() - before;
    if (ms > this.#slowestMs) this.#slowestMs = ms;
    if (ms > HANG_MS) this.#foundSlow(input);
  }

  /** A pause of the machine, or a busy one, is no finding: a second try is measured by the processor's time. */
  #foundSlow(input: Uint8Array): void {
    const before = process.cpuUsage();
    try {
      this.#target.run(input);
    } catch {}
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1000;
    if (ms > HANG_MS) this.#found(input, `took ${ms.toFixed(0)} ms`);
  }

  #found(input: Uint8Array, what: string): void {
    if (this.#enough()) return;
    this.#findings.push(`${this.#target.name}, input ${toHex(input)}: ${what}`);
  }
}
