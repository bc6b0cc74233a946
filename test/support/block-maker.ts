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

  /** The last of them. */
  async make(count: number): Promise<SignedBlock> {
    const { test: chain } = this.#node;
    for (let i = 0; i < count; i++) {
      const coin = this.#coins.shift();
      if (coin === undefined) this.#coins = await chain.fund(alice, 40);
      else await chain.add([spend([coin], [out(alice, coin.ux.body.coins, coin.ux.body.hours / 2n)])]);
    }
    return decodeSignedBlock(chain.chain.store.signedBlockBytes(this.#node.seq) as Uint8Array);
  }
}
