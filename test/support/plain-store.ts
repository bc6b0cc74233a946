import { encodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
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
} from "../../src/chain/store.ts";
import { txid } from "../../src/chain/transaction.ts";
import type { UxOut } from "../../src/chain/uxout.ts";
import type { Address } from "../../src/cipher/address.ts";
import { type Hash, type HashHex, hashHex } from "../../src/cipher/hash.ts";

/**
 * The least store that chain tests need: maps, no indexes worth the name, and writes that fail on request. The real
 * ones (src/storage) are held to this interface by their own contract suite.
 */
export class PlainStore implements ChainStore {
  readonly blocks: BlockChange[] = [];
  readonly unspents = new Map<HashHex, IdentifiedUxOut>();
  readonly records = new Map<HashHex, UnconfirmedRecord>();
  readonly staged: BlockChange[] = [];
  /** Flushes and pool writes wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** The next write fails with it. */
  failNext: Error | undefined;
  /** A failing flush stores its blocks all the same, as a disk may. */
  storesWhatFails = false;
  flushes = 0;
  readonly #stagedUnspents = new Map<HashHex, IdentifiedUxOut | undefined>();

  head(): Head | undefined {
    return tip(this.blocks.at(-1));
  }

  stagedHead(): Head | undefined {
    return tip(this.staged.at(-1)) ?? this.head();
  }

  unspent(id: Hash): UxOut | undefined {
    return this.unspents.get(hashHex(id))?.ux;
  }

  stagedUnspent(id: Hash): UxOut | undefined {
    const key = hashHex(id);
    return this.#stagedUnspents.has(key) ? this.#stagedUnspents.get(key)?.ux : this.unspents.get(key)?.ux;
  }

  stage(change: BlockChange): void {
    this.staged.push(change);
    apply(
      change,
      (id) => this.#stagedUnspents.set(hashHex(id), undefined),
      (out) => {
        this.#stagedUnspents.set(hashHex(out.id), out);
      },
    );
  }

  stagedCount(): number {
    return this.staged.length;
  }

  async flush(): Promise<void> {
    const changes = [...this.staged];
    this.flushes++;
    try {
      await this.#write();
    } catch (error) {
      if (this.storesWhatFails) this.#store(changes);
      throw error;
    }
    this.#store(changes);
  }

  #store(changes: readonly BlockChange[]): void {
    this.staged.splice(0, changes.length);
    for (const change of changes) {
      this.blocks.push(change);
      apply(
        change,
        (id) => this.unspents.delete(hashHex(id)),
        (out) => this.unspents.set(hashHex(out.id), out),
      );
    }
    this.#stagedUnspents.clear();
    const late = this.staged.splice(0);
    for (const change of late) this.stage(change);
  }

  discardStaged(): void {
    this.staged.length = 0;
    this.#stagedUnspents.clear();
  }

  async #write(): Promise<void> {
    await this.gate;
    const error = this.failNext;
    this.failNext = undefined;
    if (error !== undefined) throw error;
  }

  unconfirmed(): Iterable<UnconfirmedRecord> {
    return [...this.records.values()];
  }

  async putUnconfirmed(records: readonly UnconfirmedRecord[]): Promise<void> {
    await this.#write();
    for (const record of records) this.records.set(hashHex(txid(record.txn)), record);
  }

  async removeUnconfirmed(ids: readonly Hash[]): Promise<void> {
    await this.#write();
    for (const id of ids) this.records.delete(hashHex(id));
  }

  blockBySeq(seq: number): SignedBlock | undefined {
    return this.blocks[seq]?.block;
  }

  blockByHash(hash: Hash): SignedBlock | undefined {
    return this.blocks.find((change) => hashHex(change.hash) === hashHex(hash))?.block;
  }

  signedBlockBytes(seq: number): Uint8Array | undefined {
    const block = this.blockBySeq(seq);
    return block && encodeSignedBlock(block);
  }

  blockHashAt(seq: number): Hash | undefined {
    return this.blocks[seq]?.hash;
  }

  transaction(id: Hash): StoredTransaction | undefined {
    for (const { block, txids } of this.blocks) {
      const i = txids.findIndex((other) => hashHex(other) === hashHex(id));
      const txn = block.transactions[i];
      if (txn !== undefined) return { txn, blockSeq: block.header.seq, blockTime: block.header.time };
    }
    return undefined;
  }

  *allUnspents(): Iterable<IdentifiedUxOut> {
    for (const key of [...this.unspents.keys()].sort()) yield this.unspents.get(key) as IdentifiedUxOut;
  }

  unspentsOf(address: Address): IdentifiedUxOut[] {
    return [...this.unspents.values()].filter(({ ux }) => Buffer.from(ux.body.address).equals(address));
  }

  unspentCount(): number {
    return this.unspents.size;
  }

  transactionCount(): number {
    return this.blocks.reduce((n, change) => n + change.txids.length, 0);
  }

  addressCount(): number {
    return new Set([...this.unspents.values()].map(({ ux }) => Buffer.from(ux.body.address).toString("hex"))).size;
  }

  uxOut(): HistoryUxOut | undefined {
    throw new Error("not needed by chain tests");
  }

  historyOf(): AddressHistory {
    throw new Error("not needed by chain tests");
  }

  addressSeen(): boolean {
    throw new Error("not needed by chain tests");
  }

  addressSummary(): AddressSummary {
    throw new Error("not needed by chain tests");
  }

  transactionsUpTo(): number {
    throw new Error("not needed by chain tests");
  }

  async *scanUnspents(): AsyncIterable<readonly IdentifiedUxOut[]> {
    yield [...this.allUnspents()];
  }

  holdings(): AsyncIterable<readonly Holding[]> {
    throw new Error("not needed by chain tests");
  }

  async close(): Promise<void> {}
}

function tip(change: BlockChange | undefined): Head | undefined {
  if (change === undefined) return undefined;
  const { seq, time } = change.block.header;
  return { seq, time, hash: change.hash, setHash: change.setHash };
}

function apply(change: BlockChange, spend: (id: Hash) => void, create: (out: IdentifiedUxOut) => void): void {
  for (const list of change.spent) for (const { id } of list) spend(id);
  for (const list of change.created) for (const out of list) create(out);
}
