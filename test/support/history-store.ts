import type { BlockChange, HistoryUxOut } from "../../src/chain/store.ts";
import type { Address } from "../../src/cipher/address.ts";
import { type Hash, type HashHex, hashHex } from "../../src/cipher/hash.ts";
import { PlainStore } from "./plain-store.ts";

/** `PlainStore` with a history made by going through all blocks: slow, and plain to see that it is right. */
export class HistoryStore extends PlainStore {
  override uxOut(id?: Hash): HistoryUxOut | undefined {
    const key = hashHex(id as Hash);
    return this.#history().get(key);
  }

  override txidsOf(address?: Address): Hash[] {
    const found = new Map<HashHex, Hash>();
    for (const { txids, spent, created } of this.blocks) {
      txids.forEach((id, i) => {
        const touched = [...(spent[i] ?? []), ...(created[i] ?? [])];
        if (touched.some(({ ux }) => isSame(ux.body.address, address))) found.set(hashHex(id), id);
      });
    }
    return [...found.values()];
  }

  override uxIdsReceivedBy(address?: Address): Hash[] {
    const outputs = this.blocks.flatMap(({ created }) => created.flat());
    return outputs.filter(({ ux }) => isSame(ux.body.address, address)).map(({ id }) => id);
  }

  override addressSeen(address?: Address): boolean {
    return this.txidsOf(address).length > 0;
  }

  #known: { readonly height: number; readonly outputs: Map<HashHex, HistoryUxOut> } | undefined;

  #history(): Map<HashHex, HistoryUxOut> {
    if (this.#known?.height === this.blocks.length) return this.#known.outputs;
    const outputs = new Map<HashHex, HistoryUxOut>();
    for (const change of this.blocks) follow(change, outputs);
    this.#known = { height: this.blocks.length, outputs };
    return outputs;
  }
}

function follow({ block, txids, spent, created }: BlockChange, outputs: Map<HashHex, HistoryUxOut>): void {
  txids.forEach((txid, i) => {
    const spentBy = { txid, blockSeq: block.header.seq };
    for (const { id, ux } of spent[i] ?? []) outputs.set(hashHex(id), { id, ux, spentBy });
    for (const { id, ux } of created[i] ?? []) outputs.set(hashHex(id), { id, ux, spentBy: undefined });
  });
}

function isSame(a: Address, b: Address | undefined): boolean {
  return b !== undefined && Buffer.from(a).equals(b);
}
