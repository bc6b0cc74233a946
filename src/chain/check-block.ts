import { equalBytes, toHex } from "../base/bytes.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { type BlockHeader, computeBodyHash, type SignedBlock } from "./block.ts";
import { checkCollisions, checkInBlock, type SpendState } from "./check-transaction.ts";
import { HashSet } from "./hash-set.ts";
import { RuleError } from "./rules.ts";
import type { Signers } from "./signatures.ts";
import type { BlockChange, Head, IdentifiedUxOut } from "./store.ts";
import { type Transaction, txid } from "./transaction.ts";
import { createUnspents, removeFromSet, SetHash } from "./unspents.ts";
import type { UxHead } from "./uxout.ts";

/** A block with its signatures turned into keys; says nothing yet about whether it is valid. */
export interface PreparedBlock {
  readonly block: SignedBlock;
  readonly hash: Hash;
  /** Of the block's own signature (count 1). */
  readonly publisher: Signers;
  /** Per transaction; empty when the publisher's signature already fails, so a forged block costs one recovery. */
  readonly signers: readonly Signers[];
}

/** What a received block must build on. */
export interface BlockContext {
  readonly publisherKey: PublicKey;
  readonly genesisHash: Hash;
  readonly head: Head;
  /** The unspent set after `head`. */
  unspent: SpendState["unspent"];
}

/**
 * All rules of a received block, in the reference's order (chain.md 7.1), and what the block does to the state.
 * Differs: the received PrevHash is compared instead of overwritten (G1), which also lets a genesis block be told from
 * another block of height 0, and received blocks are always judged strictly, on a publisher too (G8). Version, fee,
 * size and transaction order are nobody's business (G2).
 * @throws RuleError
 */
export function checkBlock(prepared: PreparedBlock, context: BlockContext): BlockChange {
  const { block, hash } = prepared;
  checkPublisher(prepared.publisher, context.publisherKey);
  checkHeader(block.header, hash, context);
  const txids = block.transactions.map(txid);
  if (!equalBytes(computeBodyHash(block.transactions), block.header.bodyHash)) throw new RuleError("BLOCK_BODY_HASH");
  const effect = checkTransactions(block, prepared.signers, context);
  if (!equalBytes(block.header.uxHash, context.head.setHash)) {
    throw new RuleError("BLOCK_UX_HASH", {
      seq: block.header.seq,
      claimed: toHex(block.header.uxHash),
      actual: toHex(context.head.setHash),
    });
  }
  return { block, hash, txids, ...effect };
}

/** Go: VerifyPubKeySignedHash with the chain's key. @throws RuleError BLOCK_SIGNATURE_*, BLOCK_SIGNER */
export function checkPublisher(publisher: Signers, key: PublicKey): void {
  if (!publisher.ok(0)) throw new RuleError("BLOCK_SIGNATURE_UNRECOVERABLE");
  if (!equalBytes(publisher.publicKey(0), key)) {
    throw new RuleError("BLOCK_SIGNER", { signer: toHex(publisher.publicKey(0)) });
  }
  if (!publisher.strict(0)) throw new RuleError("BLOCK_SIGNATURE_INVALID");
}

/** Place in the chain. @throws RuleError BLOCK_GENESIS_AGAIN, BLOCK_SEQ, BLOCK_TIME, BLOCK_PREV_HASH */
export function checkHeader(
  header: BlockHeader,
  hash: Hash,
  { head, genesisHash }: { readonly head: Omit<Head, "setHash">; readonly genesisHash: Hash },
): void {
  if (equalBytes(hash, genesisHash)) throw new RuleError("BLOCK_GENESIS_AGAIN");
  if (header.seq !== head.seq + 1) throw new RuleError("BLOCK_SEQ", { seq: header.seq, head: head.seq });
  if (header.time <= head.time) throw new RuleError("BLOCK_TIME", { time: header.time, head: head.time });
  if (!equalBytes(header.prevHash, head.hash)) {
    throw new RuleError("BLOCK_PREV_HASH", { prev: toHex(header.prevHash), head: toHex(head.hash) });
  }
}

type BlockEffect = Pick<BlockChange, "spent" | "created" | "setHash">;

/** Transactions one by one against the set before the block, then against each other (chain.md 7.2). @throws RuleError */
export function checkTransactions(
  block: Pick<SignedBlock, "header" | "transactions">,
  signers: readonly Signers[],
  state: Pick<BlockContext, "head" | "unspent">,
): BlockEffect {
  const { header, transactions } = block;
  if (transactions.length === 0) throw new RuleError("BLOCK_NO_TRANSACTIONS");
  const set = new SetHash(state.head.setHash);
  const uxHead: UxHead = { time: header.time, seq: header.seq };
  const seen = new HashSet();
  const spent: IdentifiedUxOut[][] = [];
  const created: IdentifiedUxOut[][] = [];
  for (let i = 0; i < transactions.length; i++) {
    const txn = transactions[i] as Transaction;
    const inputs = checkInBlock(txn, state, signers[i] as Signers);
    const outputs = createUnspents(txn, uxHead, set);
    checkCreated(txn, outputs, seen, state);
    removeFromSet(set, inputs);
    spent.push(inputs.map((ux, k) => ({ id: txn.inputs[k] as Hash, ux })));
    created.push(outputs);
  }
  checkDistinct(transactions);
  return { spent, created, setHash: set.value() };
}

/** Nothing created exists already, in the unspent set or earlier in the block. */
function checkCreated(
  txn: Transaction,
  outputs: readonly IdentifiedUxOut[],
  seen: HashSet,
  state: Pick<BlockContext, "head" | "unspent">,
): void {
  // The reference asks twice: first as for a single transaction, then by the ids the outputs really get. Only
  // while the genesis block is the head do the two differ.
  const atGenesis = state.head.seq === 0;
  if (atGenesis) checkCollisions(txn, state);
  else for (const { id } of outputs) if (state.unspent(id) !== undefined) throw exists("TX_OUTPUT_COLLIDES", id);
  for (const { id } of outputs) {
    if (!seen.add(id)) throw exists("BLOCK_DUPLICATE_OUTPUT", id);
    if (atGenesis && state.unspent(id) !== undefined) throw exists("BLOCK_OUTPUT_EXISTS", id);
  }
}

function exists(code: "TX_OUTPUT_COLLIDES" | "BLOCK_DUPLICATE_OUTPUT" | "BLOCK_OUTPUT_EXISTS", id: Hash): RuleError {
  return new RuleError(code, { uxid: hashHex(id) });
}

/** No transaction twice, no output spent twice. @throws RuleError BLOCK_DUPLICATE_TRANSACTION, BLOCK_DOUBLE_SPEND */
export function checkDistinct(transactions: readonly Transaction[]): void {
  const ids = new HashSet();
  const spent = new HashSet();
  for (const txn of transactions) {
    const id = txid(txn);
    if (!ids.add(id)) throw new RuleError("BLOCK_DUPLICATE_TRANSACTION", { txid: hashHex(id) });
    for (const input of txn.inputs) {
      if (!spent.add(input)) throw new RuleError("BLOCK_DOUBLE_SPEND", { uxid: hashHex(input) });
    }
  }
}
