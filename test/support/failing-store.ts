import type { UnconfirmedRecord } from "../../src/chain/store.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import { StoreError } from "../../src/storage/errors.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";

/** A store in memory whose writes fail on request, counted from 1: flushes and pool writes alike. */
export class FailingStore extends MemoryStore {
  readonly #fails: (write: number) => boolean;
  writes = 0;

  constructor(fails: (write: number) => boolean) {
    super();
    this.#fails = fails;
  }

  override async flush(): Promise<void> {
    this.#count();
    return super.flush();
  }

  override async putUnconfirmed(records: readonly UnconfirmedRecord[]): Promise<void> {
    this.#count();
    return super.putUnconfirmed(records);
  }

  override async removeUnconfirmed(ids: readonly Hash[]): Promise<void> {
    this.#count();
    return super.removeUnconfirmed(ids);
  }

  #count(): void {
    this.writes++;
    if (this.#fails(this.writes)) throw new StoreError("STORE_WRITE", `write ${this.writes} fails on request`);
  }
}
