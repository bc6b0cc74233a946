import { LoginStoreError } from "../login/errors.ts";
import type { Change, Condition, Json, LoginStore, LoginTable, Range, Row } from "../login/store.ts";
import { keyOfPlace, limitOf, placesIn, rowPlace, textOf } from "./login-rows.ts";

interface Kept {
  readonly text: string;
  readonly forgetAtMs: number | undefined;
}

/** LoginStore over a map: tests, and a service that need not survive its process. */
export class MemoryLoginStore implements LoginStore {
  readonly #rows = new Map<string, Kept>();
  /** Places in order, made when a list is asked for. */
  #sorted: string[] | undefined;
  #closed = false;

  async get(table: LoginTable, key: string): Promise<Json | undefined> {
    this.#check();
    const kept = this.#rows.get(rowPlace(table, key));
    return kept === undefined ? undefined : (JSON.parse(kept.text) as Json);
  }

  async list(table: LoginTable, range: Range = {}): Promise<readonly Row[]> {
    this.#check();
    const { from, to } = placesIn(table, range);
    const limit = limitOf(range);
    this.#sorted ??= [...this.#rows.keys()].sort();
    const places = this.#sorted.slice(lowest(this.#sorted, from), lowest(this.#sorted, to));
    const page = range.reverse === true ? places.slice(-limit).reverse() : places.slice(0, limit);
    return page.map((place) => ({
      key: keyOfPlace(place),
      value: JSON.parse((this.#rows.get(place) as Kept).text) as Json,
    }));
  }

  async write(
    changes: readonly Change[],
    { onlyIf = [] }: { readonly onlyIf?: readonly Condition[] } = {},
  ): Promise<boolean> {
    this.#check();
    for (const { table, key, equals } of onlyIf) {
      if (this.#rows.get(rowPlace(table, key))?.text !== textOf(equals)) return false;
    }
    for (const { table, key, value, forgetAtMs } of changes) {
      const [place, text] = [rowPlace(table, key), textOf(value)];
      if (text === undefined) this.#rows.delete(place);
      else this.#rows.set(place, { text, forgetAtMs });
    }
    this.#sorted = undefined;
    return true;
  }

  async forget(nowMs: number, limit: number): Promise<number> {
    this.#check();
    let count = 0;
    for (const [place, { forgetAtMs }] of this.#rows) {
      if (count === limit) break;
      if (forgetAtMs === undefined || forgetAtMs > nowMs) continue;
      this.#rows.delete(place);
      count++;
    }
    if (count > 0) this.#sorted = undefined;
    return count;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new LoginStoreError("LOGIN_STORE", "the login store is closed");
  }
}

/** Index of the first place that is not below `bound`. */
function lowest(sorted: readonly string[], bound: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
