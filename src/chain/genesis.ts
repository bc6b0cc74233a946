import { equalBytes } from "../base/bytes.ts";
import { NULL_HASH } from "../cipher/hash.ts";
import { publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import { signHash, verifyPubKeySignedHash } from "../cipher/sign.ts";
import { type Block, blockHash, computeBodyHash, type SignedBlock } from "./block.ts";
import { ChainError } from "./errors.ts";
import type { ChainParams, GenesisParams } from "./params.ts";
import type { BlockChange } from "./store.ts";
import { type Transaction, txid } from "./transaction.ts";
import { createUnspents, SetHash } from "./unspents.ts";
import type { Hours } from "./uxout.ts";

/**
 * Block 0: one transaction without inputs, signatures, length or inner hash, whose output gets the volume as coins
 * and the same number as hours. No rule would pass it and none is applied (chain.md 13).
 */
export function makeGenesisBlock({ address, time, volume }: Omit<GenesisParams, "signature">): Block {
  const txn: Transaction = {
    length: 0,
    type: 0,
    innerHash: NULL_HASH,
    sigs: [],
    inputs: [],
    outputs: [{ address, coins: volume, hours: volume as bigint as Hours }],
  };
  const transactions = [txn];
  const header = {
    version: 0,
    time,
    seq: 0,
    fee: 0n as Hours,
    prevHash: NULL_HASH,
    bodyHash: computeBodyHash(transactions),
    uxHash: NULL_HASH,
  };
  return { header, transactions };
}

/**
 * The signed genesis block: with the configured signature, else signed with the publisher's key.
 * @throws ChainError GENESIS_UNSIGNED when there is neither, PUBLISH_WRONG_KEY when the key is not the chain's,
 *   GENESIS_SIGNATURE when the signature is not the publisher's
 */
export function signedGenesis(params: ChainParams, secretKey?: SecretKey): SignedBlock {
  const block = makeGenesisBlock(params.genesis);
  if (secretKey !== undefined && !equalBytes(publicKeyOf(secretKey), params.publisherKey)) {
    throw new ChainError("PUBLISH_WRONG_KEY", "Cannot create genesis block. Invalid secret key for pubkey");
  }
  const { signature } = params.genesis;
  // Differs: the reference's publisher signs anew even when a signature is configured. Ours stays with the one
  // the other nodes have.
  if (signature !== undefined) return verifyGenesis({ ...block, sig: signature }, params);
  if (secretKey === undefined) {
    throw new ChainError("GENESIS_UNSIGNED", "genesis signature is not configured and this node is no publisher");
  }
  return { ...block, sig: signHash(blockHash(block), secretKey) };
}

/**
 * Block 0 of a store against the parameters.
 * Differs: the reference trusts an existing database; a data folder of another chain would be mixed with this one.
 * @throws ChainError GENESIS_MISMATCH, GENESIS_SIGNATURE
 */
export function verifyGenesis(block: SignedBlock, params: ChainParams): SignedBlock {
  if (!equalBytes(blockHash(block), blockHash(makeGenesisBlock(params.genesis)))) {
    throw new ChainError("GENESIS_MISMATCH", "the data folder belongs to another chain: its genesis block differs");
  }
  try {
    verifyPubKeySignedHash(params.publisherKey, block.sig, blockHash(block));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new ChainError("GENESIS_SIGNATURE", `genesis signature: ${text}`, {}, { cause });
  }
  return block;
}

/** What the genesis block does to an empty state. */
export function genesisChange(block: SignedBlock): BlockChange {
  const set = new SetHash(NULL_HASH);
  const created = block.transactions.map((txn) => createUnspents(txn, { time: block.header.time, seq: 0 }, set));
  return {
    block,
    hash: blockHash(block),
    txids: block.transactions.map(txid),
    spent: block.transactions.map(() => []),
    created,
    setHash: set.value(),
  };
}
