import { compareBytes, toHex } from "../base/bytes.ts";
import { decodeSignedBlock, encodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import type {
  AddressHistory,
  AddressSummary,
  BlockChange,
  ChainStore,
  Head,
  HistoryUxOut,
  Holding,
  IdentifiedUxOut,
  StoredTransaction,
  UnconfirmedRecord,
} from "../chain/store.ts";
import { detachTransaction, type Transaction, txid } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { StoreError } from "./errors.ts";
import { headAfter, Staging } from "./staging.ts";

interface StoredBlock {
  readonly hash: Hash;
  readonly bytes: Uint8Array;
  /** Transactions up to and including this block. */
  readonly transactions: number;
}

/** What is known of one address, in chain order. */
interface AddressEntry {
  readonly address: Address;
  readonly unspents: Map<string, IdentifiedUxOut>;
  readonly txids: Map<string, Hash>;
  coins: bigint;
}

/** ChainStore over maps: tests and the browser. The same behaviour as the one on disk, held by the same suite. */
export class MemoryStore implements ChainStore {
  readonly #staging = new Staging(toHex);
  readonly #blocks: StoredBlock[] = [];
  readonly #seqs = new Map<string, number>();
  readonly #unspents = new Map<string, IdentifiedUxOut>();
  readonly #history = new Map<string, HistoryUxOut>();
  readonly #places = new Map<string, { readonly seq: number; readonly index: number }>();
  readonly #addresses = new Map<string, AddressEntry>();
  readonly #pool = new Map<string, UnconfirmedRecord>();
  #head: Head | undefined;
  #addressCount = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  head(): Head | undefined {
    return this.#head;
  }

  stagedHead(): Head | undefined {
    return this.#staging.head() ?? this.#head;
  }

  blockBySeq(seq: number): SignedBlock | undefined {
    const bytes = this.signedBlockBytes(seq);
    return bytes && decodeSignedBlock(bytes);
  }

  blockByHash(hash: Hash): SignedBlock | undefined {
    const seq = this.#seqs.get(toHex(hash));
    return seq === undefined ? undefined : this.blockBySeq(seq);
  }

  signedBlockBytes(seq: number): Uint8Array | undefined {
    return this.#blocks[seq]?.bytes;
  }

  blockHashAt(seq: number): Hash | undefined {
    return this.#blocks[seq]?.hash;
  }

  unspent(id: Hash): UxOut | undefined {
    return this.#unspents.get(toHex(id))?.ux;
  }

  stagedUnspent(id: Hash): UxOut | undefined {
    const staged = this.#staging.unspent(id);
    return staged === "unknown" ? this.unspent(id) : staged;
  }

  unspentsOf(address: Address): IdentifiedUxOut[] {
    return [...(this.#addresses.get(toHex(address))?.unspents.values() ?? [])];
  }

  allUnspents(): Iterable<IdentifiedUxOut> {
    return [...this.#unspents.values()].sort((a, b) => compareBytes(a.id, b.id));
  }

  async *scanUnspents(): AsyncIterable<readonly IdentifiedUxOut[]> {
    const all = [...this.allUnspents()];
    if (all.length > 0) yield all;
  }

  unspentCount(): number {
    return this.#unspents.size;
  }

  addressCount(): number {
    return this.#addressCount;
  }

  transaction(id: Hash): StoredTransaction | undefined {
    const place = this.#places.get(toHex(id));
    const block = place && this.blockBySeq(place.seq);
    if (block === undefined) return undefined;
    const txn = block.transactions[place?.index as number] as Transaction;
    return { txn, blockSeq: block.header.seq, blockTime: block.header.time };
  }

  transactionCount(): number {
    return this.#blocks.at(-1)?.transactions ?? 0;
  }

  transactionsUpTo(seq: number): number {
    return this.#blocks[Math.min(seq, this.#blocks.length - 1)]?.transactions ?? 0;
  }

  uxOut(id: Hash): HistoryUxOut | undefined {
    return this.#history.get(toHex(id));
  }

  historyOf(address: Address): AddressHistory {
    const ids = [...(this.#addresses.get(toHex(address))?.txids.values() ?? [])];
    return { length: ids.length, at: (i) => this.transaction(ids[i] as Hash) as StoredTransaction };
  }

  addressSeen(address: Address): boolean {
    return this.#addresses.has(toHex(address));
  }

  addressSummary(address: Address): AddressSummary {
    const entry = this.#addresses.get(toHex(address));
    return { coins: entry?.coins ?? 0n, unspents: entry?.unspents.size ?? 0 };
  }

  async *holdings(): AsyncIterable<readonly Holding[]> {
    const all = [...this.#addresses.values()].filter(({ unspents }) => unspents.size > 0);
    if (all.length > 0) yield all.map(({ address, coins }) => ({ address, coins }));
  }

  stage(change: BlockChange): void {
    this.#assertOpen();
    this.#staging.add(change, this.#head);
  }

  stagedCount(): number {
    return this.#staging.count;
  }

  /** @throws StoreError STORE_CLOSED */
  flush(): Promise<void> {
    this.#staging.close();
    return this.#exclusive(() => {
      const generation = this.#staging.take();
      for (const change of generation?.changes ?? []) this.#apply(change);
      this.#staging.settle();
    });
  }

  discardStaged(): void {
    this.#staging.discard();
  }

  unconfirmed(): Iterable<UnconfirmedRecord> {
    return [...this.#pool.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  }

  /** @throws StoreError STORE_CLOSED */
  putUnconfirmed(records: readonly UnconfirmedRecord[]): Promise<void> {
    return this.#exclusive(() => {
      for (const record of records) {
        this.#pool.set(toHex(txid(record.txn)), { ...record, txn: detachTransaction(record.txn) });
      }
    });
  }

  /** @throws StoreError STORE_CLOSED */
  removeUnconfirmed(ids: readonly Hash[]): Promise<void> {
    return this.#exclusive(() => {
      for (const id of ids) this.#pool.delete(toHex(id));
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closed = true;
  }

  /** What imitates a disk waits or fails here, before a write takes effect. */
  protected async transfer(): Promise<void> {}

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("STORE_CLOSED", "the store is closed");
  }

  /** Writes take effect in a later turn, one after the other, as those to a disk do. */
  #exclusive(work: () => void): Promise<void> {
    const result = this.#writing.then(async () => {
      await this.transfer();
      this.#assertOpen();
      work();
    });
    this.#writing = result.catch(() => {});
    return result;
  }

  #apply(change: BlockChange): void {
    const { block, hash, txids } = change;
    const { seq } = block.header;
    this.#blocks.push({
      hash,
      bytes: encodeSignedBlock(block),
      transactions: this.transactionCount() + txids.length,
    });
    this.#seqs.set(toHex(hash), seq);
    txids.forEach((id, index) => {
      this.#places.set(toHex(id), { seq, index });
      this.#pool.delete(toHex(id));
      this.#spend(change.spent[index] ?? [], id, seq);
      this.#create(change.created[index] ?? [], id);
    });
    this.#head = headAfter(change);
  }

  #spend(spent: readonly IdentifiedUxOut[], by: Hash, seq: number): void {
    for (const { id, ux } of spent) {
      const key = toHex(id);
      const entry = this.#entry(ux.body.address);
      entry.txids.set(toHex(by), by);
      entry.unspents.delete(key);
      entry.coins -= ux.body.coins;
      if (entry.unspents.size === 0) this.#addressCount--;
      this.#unspents.delete(key);
      const known = this.#history.get(key) as HistoryUxOut;
      this.#history.set(key, { ...known, spentBy: { txid: by, blockSeq: seq } });
    }
  }

  #create(created: readonly IdentifiedUxOut[], by: Hash): void {
    for (const out of created) {
      const key = toHex(out.id);
      const entry = this.#entry(out.ux.body.address);
      entry.txids.set(toHex(by), by);
      if (entry.unspents.size === 0) this.#addressCount++;
      entry.unspents.set(key, out);
      entry.coins += out.ux.body.coins;
      this.#unspents.set(key, out);
      this.#history.set(key, { id: out.id, ux: out.ux, spentBy: undefined });
    }
  }

  #entry(address: Address): AddressEntry {
    const key = toHex(address);
    let entry = this.#addresses.get(key);
    if (entry === undefined) {
      entry = { address, unspents: new Map(), txids: new Map(), coins: 0n };
      this.#addresses.set(key, entry);
    }
    return entry;
  }
}
