import { setImmediate } from "node:timers/promises";
import { toHex } from "../base/bytes.ts";
import type { SignedBlock } from "../chain/block.ts";
import { ChainOrder } from "../chain/chain-order.ts";
import { Followed } from "../chain/followed.ts";
import { blockTime, headOf, type SpentInput, transactionInputs } from "../chain/queries.ts";
import { OutputHours } from "../chain/queries-supply.ts";
import { type LocatedTransaction, locatedInputs } from "../chain/queries-transactions.ts";
import { RichList } from "../chain/rich-list.ts";
import type { ChainView, Head } from "../chain/store.ts";
import { BytesCache } from "./cache.ts";
import { encodeJson, type JsonObject, JsonRaw } from "./json.ts";
import { KeptLists } from "./kept-lists.ts";
import { type ApiOptions, CACHE_BYTES_MAX, LISTS_BYTES_MAX } from "./options.ts";
import { readableBlock, readableStatus, readableTransaction, verboseTransaction } from "./readable.ts";
import type { ApiServices } from "./services.ts";

/** What one with an input and two outputs takes in the memory of encoded ones. */
const TRANSACTION_BYTES = { plain: 1550, verbose: 1900 };

/** What every route file gets: the services, the options, and the memory of encoded blocks and transactions. */
export class ApiContext {
  readonly options: ApiOptions;
  readonly services: ApiServices;
  readonly order: ChainOrder;
  readonly richList: Followed<RichList>;
  readonly outputHours: Followed<OutputHours>;
  readonly lists = new KeptLists({ bytesMax: LISTS_BYTES_MAX.all, oneMax: LISTS_BYTES_MAX.one });
  /** Wall clock and monotonic clock at start. */
  readonly startedAt: { readonly ms: number; readonly monotonicMs: number };
  #perHead: { readonly head: Head | undefined; readonly values: Map<string, unknown> } = {
    head: undefined,
    values: new Map(),
  };
  #lastTime: { readonly seq: number; readonly time: number } | undefined;
  readonly #cache = new BytesCache({ bytesMax: CACHE_BYTES_MAX });

  constructor(options: ApiOptions, services: ApiServices) {
    this.options = options;
    this.services = services;
    const { store, params } = services.chain;
    const pause = (): Promise<void> => setImmediate();
    this.order = new ChainOrder(store, pause);
    this.richList = new Followed(store, new RichList(params.distribution), pause);
    this.outputHours = new Followed(store, new OutputHours(params.distribution), pause);
    this.startedAt = { ms: services.clock.nowMs(), monotonicMs: services.clock.monotonicMs() };
  }

  /** What depends on the confirmed chain alone, and is asked for much more often than the chain grows. */
  perHead<T>(key: string, make: () => T): T {
    const head = headOf(this.view);
    if (this.#perHead.head !== head) this.#perHead = { head, values: new Map() };
    const { values } = this.#perHead;
    if (!values.has(key)) {
      const made = make();
      values.set(key, made);
      if (made instanceof Promise) made.catch(() => values.delete(key)); // the next request tries again
    }
    return values.get(key) as T;
  }

  get view(): ChainView {
    return this.services.chain.store;
  }

  isSetEnabled(set: string): boolean {
    return this.options.apiSets.includes(set);
  }

  /** A block of the chain, encoded to stand `depth` levels deep. @throws QueryError */
  block(block: SignedBlock, verbose: boolean, depth: number): JsonRaw {
    return this.blockOf(block.header.seq, () => block, verbose, depth);
  }

  /** The same by its height, read only when it is not remembered. */
  blockOf(seq: number, read: () => SignedBlock, verbose: boolean, depth: number): JsonRaw {
    return this.#raw(`${verbose ? "B" : "b"}${depth}:${seq}`, depth, () => {
      const block = read();
      return readableBlock(block, verbose ? this.#blockInputs(block) : undefined);
    });
  }

  #blockInputs({ header, transactions }: SignedBlock): SpentInput[][] {
    if (header.seq === 0) return transactions.map(() => []);
    const at = blockTime(this.view, header.seq - 1);
    return transactions.map((txn) => transactionInputs(this.view, txn, at));
  }

  /**
   * A transaction with its status, to stand `depth` levels deep. Of a confirmed one only the status can change; `keep`:
   * the rest is remembered.
   */
  located(located: LocatedTransaction, verbose: boolean, depth: number, keep = true): JsonObject {
    const { id, txn, confirmed, time } = located;
    const genesis = confirmed?.seq === 0;
    const make = (): JsonObject =>
      verbose
        ? verboseTransaction(txn, locatedInputs(this.view, located, this.#timeAt), genesis, time)
        : readableTransaction(txn, genesis, time);
    const key = `${verbose ? "T" : "t"}${depth}:${toHex(id)}`;
    return {
      status: readableStatus(located),
      time,
      txn: confirmed === undefined || !keep ? make() : this.#raw(key, depth + 1, make),
    };
  }

  /** What all transactions of the chain take as text, roughly. */
  transactionBytes(verbose: boolean): number {
    return this.view.transactionCount() * (verbose ? TRANSACTION_BYTES.verbose : TRANSACTION_BYTES.plain);
  }

  /** Lists go block by block, so the time of one is asked for many times in a row. */
  readonly #timeAt = (seq: number): number => {
    if (this.#lastTime?.seq !== seq) this.#lastTime = { seq, time: blockTime(this.view, seq) };
    return this.#lastTime.time;
  };

  #raw(key: string, depth: number, make: () => JsonObject): JsonRaw {
    return new JsonRaw(
      this.#cache.get(key, () => Buffer.from(encodeJson(make(), depth))),
      depth,
    );
  }
}
