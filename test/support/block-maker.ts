import { decodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
import { alice, type Coin, out, spend } from "./chain.ts";
import type { PeerNode } from "./p2p-node.ts";

/** Makes blocks on a node: the first of many coins, the others spend one each. */
export class BlockMaker {
  readonly #node: PeerNode;
  #coins: Coin[] = [];

  constructor(node: PeerNode) {
    this.#node = node;
  }

  /** The last of them. Each has `transactions` of its own. */
  async make(count: number, transactions = 1): Promise<SignedBlock> {
    const { test: chain } = this.#node;
    for (let i = 0; i < count; i++) {
      const coins = this.#coins.splice(0, transactions);
      if (coins.length === 0) this.#coins = await chain.fund(alice, 40);
      else {
        await chain.add(coins.map((coin) => spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)])));
      }
    }
    return decodeSignedBlock(chain.chain.store.signedBlockBytes(this.#node.seq) as Uint8Array);
  }
}
