import type { Clock } from "../../src/base/clock.ts";
import type { BlockChange, UnconfirmedRecord } from "../../src/chain/store.ts";
import { StoreError } from "../../src/storage/errors.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { BASE } from "./coins.ts";
import type { Dice } from "./dice.ts";

/** What survives the process: blocks, and the stored pool. */
export class Disk {
  changes: BlockChange[];
  records: readonly UnconfirmedRecord[] = [];
  /** A write takes up to so long. */
  latencyMs = 0;
  /** How many writes in a hundred fail. */
  failPercent = 0;
  writes = 0;
  /** Called once, in the middle of the next write. */
  interrupt: (() => void) | undefined;
  /** Told of what goes wrong. */
  happened: (what: string) => void = () => {};

  constructor(changes: readonly BlockChange[] = BASE.changes) {
    this.changes = [...changes];
  }

  /** A copy as it was some blocks ago, which an operator puts back. */
  backup(blocks: number): Disk {
    const disk = new Disk(this.changes.slice(0, Math.max(BASE.changes.length, this.changes.length - blocks)));
    disk.latencyMs = this.latencyMs;
    return disk;
  }
}

/**
 * A store on such a disk: writes take time and may fail, and what is not written when the process dies is lost. A
 * write may also be done and its process die before it hears of it.
 */
export class DiskStore extends MemoryStore {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #waiting = new Map<number, BlockChange>();
  /** The highest block of the write under way. */
  #writingSeq: number | undefined;
  #isOpening = true;
  #isDead = false;

  private constructor(disk: Disk, clock: Clock, dice: Dice) {
    super();
    this.#disk = disk;
    this.#clock = clock;
    this.#dice = dice;
  }

  static async open(disk: Disk, clock: Clock, dice: Dice): Promise<DiskStore> {
    const store = new DiskStore(disk, clock, dice);
    for (const change of disk.changes) store.stage(change);
    await store.flush();
    await store.putUnconfirmed(disk.records);
    store.#waiting.clear();
    store.#isOpening = false;
    return store;
  }

  /** The process is gone: nothing is written any more, nothing under way is ever reported. */
  die(): void {
    this.#isDead = true;
    if (this.#writingSeq !== undefined) {
      const isDone = this.#dice.chance(0.5);
      this.#disk.happened(isDone ? "written and not heard of" : "write lost");
      if (isDone) this.#keepUpTo(this.#writingSeq);
    }
    this.#disk.records = [...this.unconfirmed()];
  }

  override stage(change: BlockChange): void {
    super.stage(change);
    this.#waiting.set(change.block.header.seq, change);
  }

  override async flush(): Promise<void> {
    this.#writingSeq = this.stagedHead()?.seq;
    try {
      await super.flush();
    } finally {
      this.#writingSeq = undefined;
    }
    if (!this.#isOpening) this.#keepUpTo(this.head()?.seq ?? -1);
  }

  protected override async transfer(): Promise<void> {
    if (this.#isOpening) return;
    const { interrupt } = this.#disk;
    this.#disk.interrupt = undefined;
    interrupt?.();
    await this.#wait();
    this.#disk.writes++;
    if (!this.#dice.chance(this.#disk.failPercent / 100)) return;
    this.#disk.happened("disk full");
    throw new StoreError("STORE_WRITE", "the disk is full");
  }

  #keepUpTo(seq: number): void {
    const { changes } = this.#disk;
    for (let next = changes.length; next <= seq; next++) {
      changes.push(this.#waiting.get(next) as BlockChange);
      this.#waiting.delete(next);
    }
  }

  async #wait(): Promise<void> {
    if (this.#isDead) return new Promise(() => {});
    const { latencyMs } = this.#disk;
    if (latencyMs > 0) {
      await new Promise<void>((resolve) => this.#clock.after(this.#dice.int(0, latencyMs), resolve));
    }
    if (this.#isDead) return new Promise(() => {});
  }
}
