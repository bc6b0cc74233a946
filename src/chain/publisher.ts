import type { Clock } from "../base/clock.ts";
import type { SecretKey } from "../cipher/keys.ts";
import type { Block, SignedBlock } from "./block.ts";
import type { Blockchain } from "./blockchain.ts";
import type { ChainParams } from "./params.ts";
import type { UnconfirmedPool } from "./unconfirmed-pool.ts";

export interface PublisherDeps {
  readonly chain: Blockchain;
  readonly pool: UnconfirmedPool;
  readonly params: ChainParams;
  readonly secretKey: SecretKey;
  readonly clock: Clock;
}

/** Makes blocks out of the pool (chain.md 10). When to make one is decided elsewhere. */
export class Publisher {
  /** @throws ChainError PUBLISH_WRONG_KEY when the secret key is not the chain's */
  constructor(_deps: PublisherDeps) {}

  /**
   * Makes, signs and executes the next block; when this resolves it is durable and may be sent out.
   * @throws ChainError PUBLISH_NO_TRANSACTIONS, PUBLISH_NOTHING_VALID, PUBLISH_NOTHING_LEFT, PUBLISH_TIME_NOT_FORWARD
   */
  async createBlock(_whenSeconds: number): Promise<SignedBlock> {
    throw new Error("not yet");
  }

  /** The block `createBlock` would sign now. Changes nothing. */
  async buildBlock(_whenSeconds: number): Promise<Block> {
    throw new Error("not yet");
  }
}
