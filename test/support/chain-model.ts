import { toHex } from "../../src/base/bytes.ts";
import { encodeSignedBlock } from "../../src/chain/block.ts";
import { receivedBy } from "../../src/chain/queries-outputs.ts";
import type { AddressHistory, BlockChange, ChainIndexes, ChainView, IdentifiedUxOut } from "../../src/chain/store.ts";
import { txid } from "../../src/chain/transaction.ts";
import { encodeUxOut, type UxOut } from "../../src/chain/uxout.ts";
import type { Address } from "../../src/cipher/address.ts";

/** Every answer of a store, as text that can be compared. */
export interface Answers {
  readonly head: string | undefined;
  readonly blocks: readonly string[];
  readonly unspents: readonly string[];
  readonly counts: readonly number[];
  readonly transactions: readonly string[];
  readonly outputs: readonly string[];
  readonly addresses: readonly string[];
}

/** What is asked: all blocks, transactions, outputs and addresses that `changes` mention. */
export interface Questions {
  readonly changes: readonly BlockChange[];
  readonly addresses: readonly Address[];
}

function text(ux: UxOut | undefined): string {
  return ux === undefined ? "none" : toHex(encodeUxOut(ux));
}

function identified(outs: Iterable<IdentifiedUxOut>): string[] {
  return [...outs].map(({ id, ux }) => `${toHex(id)}:${text(ux)}`);
}

function idsIn(history: AddressHistory): string[] {
  return Array.from({ length: history.length }, (_, i) => toHex(txid(history.at(i).txn)));
}

/** Asks a store everything. Synchronous on purpose: the answers are of one head. */
export function askStore(store: ChainView & ChainIndexes, { changes, addresses }: Questions): Answers {
  const head = store.head();
  return {
    head: head && `${head.seq} ${head.time} ${toHex(head.hash)} ${toHex(head.setHash)}`,
    blocks: changes.map(({ block, hash }) => {
      const { seq } = block.header;
      const bytes = store.signedBlockBytes(seq);
      const byHash = store.blockByHash(hash)?.header.seq;
      const hashAt = store.blockHashAt(seq);
      return [
        seq,
        bytes && toHex(bytes),
        byHash,
        hashAt && toHex(hashAt),
        store.blockBySeq(seq)?.transactions.length,
        store.transactionsUpTo(seq),
      ].join();
    }),
    unspents: identified(store.allUnspents()),
    counts: [store.unspentCount(), store.addressCount(), store.transactionCount()],
    transactions: changes.flatMap(({ txids }) =>
      txids.map((id) => {
        const found = store.transaction(id);
        return `${toHex(id)} ${found?.blockSeq} ${found?.blockTime} ${found?.txn.outputs.length}`;
      }),
    ),
    outputs: changes.flatMap(({ created }) =>
      created.flat().map(({ id }) => {
        const found = store.uxOut(id);
        const spentBy = found?.spentBy && `${toHex(found.spentBy.txid)} ${found.spentBy.blockSeq}`;
        return `${toHex(id)} ${text(store.unspent(id))} ${text(found?.ux)} ${spentBy}`;
      }),
    ),
    addresses: addresses.map((address) => {
      const { coins, unspents } = store.addressSummary(address);
      return [
        store.addressSeen(address),
        coins,
        unspents,
        identified(store.unspentsOf(address)),
        idsIn(store.historyOf(address)),
        [...receivedBy(store, address)].map(({ id }) => toHex(id)),
      ].join(" ");
    }),
  };
}

/** The answers a right store gives after the first `stored` changes, worked out afresh from the changes alone. */
export function expectedAnswers(stored: number, { changes, addresses }: Questions): Answers {
  const known = changes.slice(0, stored);
  const last = known.at(-1);
  const unspent = new Map<string, IdentifiedUxOut>();
  const spentBy = new Map<string, string>();
  const touching: { owner: string; txid: string; received: string | undefined }[] = [];
  for (const change of known) {
    change.txids.forEach((id, i) => {
      for (const spent of change.spent[i] ?? []) {
        unspent.delete(toHex(spent.id));
        spentBy.set(toHex(spent.id), `${toHex(id)} ${change.block.header.seq}`);
        touching.push({ owner: toHex(spent.ux.body.address), txid: toHex(id), received: undefined });
      }
      for (const out of change.created[i] ?? []) {
        unspent.set(toHex(out.id), out);
        touching.push({ owner: toHex(out.ux.body.address), txid: toHex(id), received: toHex(out.id) });
      }
    });
  }
  const upTo = (seq: number) => known.slice(0, seq + 1).reduce((n, { txids }) => n + txids.length, 0);
  const holders = new Set([...unspent.values()].map(({ ux }) => toHex(ux.body.address)));
  return {
    head: last && `${last.block.header.seq} ${last.block.header.time} ${toHex(last.hash)} ${toHex(last.setHash)}`,
    blocks: changes.map(({ block, hash }) => {
      const { seq } = block.header;
      if (seq >= stored) return [seq, undefined, undefined, undefined, undefined, upTo(seq)].join();
      return [seq, toHex(encodeSignedBlock(block)), seq, toHex(hash), block.transactions.length, upTo(seq)].join();
    }),
    unspents: identified([...unspent.values()]).sort(),
    counts: [unspent.size, holders.size, upTo(stored)],
    transactions: changes.flatMap(({ txids, block }) =>
      txids.map((id, i) => {
        const { seq, time } = block.header;
        if (seq >= stored) return `${toHex(id)} undefined undefined undefined`;
        return `${toHex(id)} ${seq} ${time} ${block.transactions[i]?.outputs.length}`;
      }),
    ),
    outputs: changes.flatMap(({ created, block }) =>
      created.flat().map(({ id, ux }) => {
        const key = toHex(id);
        if (block.header.seq >= stored) return `${key} none none undefined`;
        return `${key} ${text(unspent.get(key)?.ux)} ${text(ux)} ${spentBy.get(key)}`;
      }),
    ),
    addresses: addresses.map((address) => {
      const mine = touching.filter(({ owner }) => owner === toHex(address));
      const held = [...unspent.values()].filter(({ ux }) => toHex(ux.body.address) === toHex(address));
      const coins = held.reduce((sum, { ux }) => sum + ux.body.coins, 0n);
      const txids = [...new Set(mine.map(({ txid }) => txid))];
      const received = mine.flatMap((event) => (event.received === undefined ? [] : [event.received]));
      return [mine.length > 0, coins, held.length, identified(held), txids, received].join(" ");
    }),
  };
}
