/** A counting semaphore with a bounded line before it. */
export class Slots {
  readonly #max: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor({ max, waitingMax }: { max: number; waitingMax: number }) {
    this.#max = max;
    this.#waitingMax = waitingMax;
  }

  /** True once a slot is taken, to be given back with `give`; false at once when the line is full. */
  async take(): Promise<boolean> {
    if (this.#taken < this.#max) {
      this.#taken++;
      return true;
    }
    if (this.#waiting.length >= this.#waitingMax) return false;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  /** The slot goes to who has waited longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
