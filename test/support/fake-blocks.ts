import { toHex } from "../../src/base/bytes.ts";
import { blockHash, computeBodyHash, type SignedBlock } from "../../src/chain/block.ts";
import { genesisChange } from "../../src/chain/genesis.ts";
import type { BlockChange, IdentifiedUxOut } from "../../src/chain/store.ts";
import { newTransaction, type Transaction, type TxOut, txid } from "../../src/chain/transaction.ts";
import { createUnspents, removeFromSet, SetHash } from "../../src/chain/unspents.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { type Address, addressFromKeyHash } from "../../src/cipher/address.ts";
import { NULL_HASH } from "../../src/cipher/hash.ts";
import type { Signature } from "../../src/cipher/sign.ts";

/** Small seeded generator (mulberry32), so that a failing run can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function addressNumber(n: number): Address {
  const key = new Uint8Array(20);
  // Spread like real addresses: they are hashes, and indexes rely on it.
  const random = randomFrom(n + 1);
  for (let i = 0; i < 20; i++) key[i] = Math.floor(random() * 256);
  return addressFromKeyHash(key);
}

export interface FakeChainOptions {
  readonly seed?: number;
  readonly addresses?: number;
}

/**
 * Makes correctly linked block changes without signatures: what a store is given after all checks. The same seed
 * gives the same chain.
 */
export class FakeChain {
  readonly addresses: readonly Address[];
  readonly #random: () => number;
  readonly #unspents: IdentifiedUxOut[] = [];
  readonly #places = new Map<string, number>();
  #last: BlockChange | undefined;
  readonly #sig = new Uint8Array(65).fill(7) as Signature;

  constructor({ seed = 1, addresses = 20 }: FakeChainOptions = {}) {
    this.#random = randomFrom(seed);
    this.addresses = Array.from({ length: addresses }, (_, i) => addressNumber(1000 * seed + i));
  }

  get unspents(): readonly IdentifiedUxOut[] {
    return this.#unspents;
  }

  genesis(): BlockChange {
    const out = {
      address: this.addresses[0] as Address,
      coins: (10n ** 14n) as Droplets,
      hours: (10n ** 14n) as Hours,
    };
    const txn: Transaction = { length: 0, type: 0, innerHash: NULL_HASH, sigs: [], inputs: [], outputs: [out] };
    const header = {
      version: 0,
      time: 1_500_000_000,
      seq: 0,
      fee: 0n as Hours,
      prevHash: NULL_HASH,
      bodyHash: computeBodyHash([txn]),
      uxHash: NULL_HASH,
    };
    return this.#accept(genesisChange({ header, transactions: [txn], sig: this.#sig }));
  }

  /** The next block: `txns` transactions, each spending one random output for `outputs` new ones. */
  next(txns = 3, outputs = 2): BlockChange {
    if (this.#last === undefined) return this.genesis();
    const spends = this.#pick(Math.min(txns, this.#unspents.length));
    return this.blockOf(
      spends.map((coin) => this.#spend([coin], outputs)),
      spends.map((coin) => [coin]),
    );
  }

  /** The next block, from transactions that spend the outputs given in the same order. */
  blockOf(transactions: readonly Transaction[], spent: readonly (readonly IdentifiedUxOut[])[]): BlockChange {
    const last = this.#last as BlockChange;
    const { header } = last.block;
    const [seq, time] = [header.seq + 1, header.time + 10];
    const set = new SetHash(last.setHash);
    const created = transactions.map((txn) => createUnspents(txn, { time, seq }, set));
    for (const outs of spent)
      removeFromSet(
        set,
        outs.map(({ ux }) => ux),
      );
    const block: SignedBlock = {
      header: {
        version: 0,
        time,
        seq,
        fee: 0n as Hours,
        prevHash: last.hash,
        bodyHash: computeBodyHash(transactions),
        uxHash: last.setHash,
      },
      transactions,
      sig: this.#sig,
    };
    const setHash = set.value();
    return this.#accept({ block, hash: blockHash(block), txids: transactions.map(txid), spent, created, setHash });
  }

  chain(blocks: number, txns?: number, outputs?: number): BlockChange[] {
    return Array.from({ length: blocks }, () => this.next(txns, outputs));
  }

  /** A transaction that spends these outputs to the addresses; amounts differ, so that ids do. */
  pay(coins: readonly IdentifiedUxOut[], to: readonly Address[]): Transaction {
    let left = coins.reduce((sum, { ux }) => sum + ux.body.coins, 0n);
    const outputs: TxOut[] = to.map((address, i) => {
      const share = i === to.length - 1 ? left : left / 2n;
      left -= share;
      return { address, coins: share as Droplets, hours: BigInt(i + 1) as Hours };
    });
    return newTransaction(
      coins.map(({ id }) => id),
      outputs,
    );
  }

  #spend(coins: readonly IdentifiedUxOut[], outputs: number): Transaction {
    return this.pay(
      coins,
      Array.from({ length: outputs }, () => this.addresses[this.#below(this.addresses.length)] as Address),
    );
  }

  #pick(count: number): IdentifiedUxOut[] {
    const picked = new Set<number>();
    while (picked.size < count) picked.add(this.#below(this.#unspents.length));
    return [...picked].map((i) => this.#unspents[i] as IdentifiedUxOut);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #accept(change: BlockChange): BlockChange {
    for (const { id } of change.spent.flat()) this.#remove(toHex(id));
    for (const out of change.created.flat()) {
      this.#places.set(toHex(out.id), this.#unspents.length);
      this.#unspents.push(out);
    }
    this.#last = change;
    return change;
  }

  /** The last output takes the place of the one removed: long chains stay cheap to make. */
  #remove(key: string): void {
    const at = this.#places.get(key);
    const last = this.#unspents.pop();
    if (at === undefined || last === undefined) throw new Error("spends what is not there");
    this.#places.delete(key);
    if (at === this.#unspents.length) return;
    this.#unspents[at] = last;
    this.#places.set(toHex(last.id), at);
  }
}

/** A chain of 4 transactions a block between 8 addresses, and all addresses: what storage tests write and ask for. */
export function sampleChain(seed: number, blocks: number): { changes: BlockChange[]; addresses: readonly Address[] } {
  const chain = new FakeChain({ seed, addresses: 8 });
  return { changes: chain.chain(blocks, 4, 2), addresses: chain.addresses };
}
