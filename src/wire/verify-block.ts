import { concat, equalBytes } from "../base/bytes.ts";
import { blockHash, computeBodyHash, type SignedBlock } from "../chain/block.ts";
import { checkHeader, checkPublisher } from "../chain/check-block.ts";
import { RuleError } from "../chain/rules.ts";
import { recoverRecords, Signers } from "../chain/signatures.ts";
import { computeInnerHash } from "../chain/transaction.ts";
import type { Hash } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";

/** The last block a follower has checked. Without a hash it is only a height to begin behind. */
export interface Position {
  readonly seq: number;
  readonly time: number;
  readonly hash: Hash | undefined;
}

export interface FollowedChain {
  readonly publisherKey: PublicKey;
  readonly genesisHash: Hash;
}

/**
 * What a block proves by itself, without the unspent outputs: the publisher signed it, it follows the block before, and
 * its transactions are those of its header. That they may spend what they spend is what the publisher vouches for.
 * @returns the block's hash. @throws RuleError BLOCK_*, TX_INNER_HASH
 */
export function verifyBlock(block: SignedBlock, before: Position, chain: FollowedChain): Hash {
  const hash = blockHash(block);
  checkPublisher(new Signers(recoverRecords(concat(hash, block.sig))), chain.publisherKey);
  // Behind a mere height the header is its own evidence; the signature stands for what came before.
  const head = { ...before, hash: before.hash ?? block.header.prevHash };
  checkHeader(block.header, hash, { head, genesisHash: chain.genesisHash });
  if (!equalBytes(computeBodyHash(block.transactions), block.header.bodyHash)) throw new RuleError("BLOCK_BODY_HASH");
  for (const txn of block.transactions) {
    if (!equalBytes(computeInnerHash(txn), txn.innerHash)) throw new RuleError("TX_INNER_HASH");
  }
  return hash;
}
