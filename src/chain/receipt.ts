import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { CoinError } from "../base/errors.ts";
import type { Address } from "../cipher/address.ts";
import { type Hash, hashFrom, merklePath, merkleRootOfPath, sha256 } from "../cipher/hash.ts";
import type { PublicKey } from "../cipher/keys.ts";
import { recoverSigner, signatureFrom, verifyPubKeySignedHash } from "../cipher/sign.ts";
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  decodeBlockHeader,
  encodeBlockHeader,
  type SignedBlock,
} from "./block.ts";
import {
  computeInnerHash,
  decodeTransaction,
  digestToSign,
  encodeTransaction,
  TRANSACTION_LIST_MAX,
  type Transaction,
  txid,
} from "./transaction.ts";

/**
 * The proof, for an archive, that a publisher's block holds a transaction. Plain JSON; every text is lower-case hex.
 * It needs no chain to be checked, only the publisher's public key.
 */
export interface TransactionReceipt {
  readonly kind: "skycoin-transaction-receipt";
  readonly version: 1;
  /** The whole transaction, signatures included. */
  readonly transaction: string;
  /** Its place in the block, from 0. */
  readonly index: number;
  /** Neighbours from the transaction's id up to the body hash, lowest first. */
  readonly path: readonly string[];
  /** The block header, 124 bytes. */
  readonly header: string;
  /** The publisher's signature of the header's hash, 65 bytes. */
  readonly signature: string;
}

/** What a receipt proves. */
export interface ReceiptContent {
  readonly transaction: Transaction;
  readonly txid: Hash;
  /** Who signed each input, in input order: the owners of what was spent. */
  readonly senders: readonly Address[];
  readonly header: BlockHeader;
  readonly blockHash: Hash;
}

export type ReceiptErrorCode =
  | "RECEIPT_FORM"
  | "RECEIPT_PUBLISHER"
  | "RECEIPT_NOT_IN_BLOCK"
  | "RECEIPT_TRANSACTION"
  | "RECEIPT_NO_TRANSACTION";

export class ReceiptError extends CoinError<ReceiptErrorCode> {}

/** Receipt of transaction `index` of a block. @throws ReceiptError RECEIPT_NO_TRANSACTION */
export function makeReceipt(block: SignedBlock, index: number): TransactionReceipt {
  const transaction = block.transactions[index];
  if (transaction === undefined) {
    throw new ReceiptError("RECEIPT_NO_TRANSACTION", `block ${block.header.seq} has no transaction ${index}`);
  }
  return {
    kind: "skycoin-transaction-receipt",
    version: 1,
    transaction: toHex(encodeTransaction(transaction)),
    index,
    path: merklePath(block.transactions.map(txid), index).map(toHex),
    header: toHex(encodeBlockHeader(block.header)),
    signature: toHex(block.sig),
  };
}

/**
 * Checks a receipt from anybody, of any form, against the publisher's key alone. That the spent outputs existed and
 * belonged to the signers is what the publisher vouches for by the block; that the signers signed is checked here.
 * @throws ReceiptError RECEIPT_FORM, RECEIPT_PUBLISHER, RECEIPT_NOT_IN_BLOCK, RECEIPT_TRANSACTION
 */
export function verifyReceipt(receipt: unknown, publisherKey: PublicKey): ReceiptContent {
  const { transaction, index, path, header, signature } = parsed(receipt);
  const blockHash = sha256(encodeBlockHeader(header));
  try {
    verifyPubKeySignedHash(publisherKey, signature, blockHash);
  } catch (cause) {
    throw new ReceiptError("RECEIPT_PUBLISHER", "the block is not signed by this publisher", {}, { cause });
  }
  const id = txid(transaction);
  if (!equalBytes(merkleRootOfPath(id, index, path), header.bodyHash)) {
    throw new ReceiptError("RECEIPT_NOT_IN_BLOCK", "the block does not hold this transaction at this place");
  }
  return { transaction, txid: id, senders: signersOf(transaction), header, blockHash };
}

function signersOf(transaction: Transaction): Address[] {
  if (!equalBytes(computeInnerHash(transaction), transaction.innerHash)) {
    throw new ReceiptError("RECEIPT_TRANSACTION", "the transaction's inner hash is not that of its content");
  }
  return transaction.inputs.map((input, i) => {
    const sig = transaction.sigs[i];
    const signer = sig === undefined ? undefined : recoverSigner(digestToSign(transaction.innerHash, input), sig);
    if (!signer?.ok || !signer.strict) {
      throw new ReceiptError("RECEIPT_TRANSACTION", `the signature of input ${i} is not valid`, { input: i });
    }
    return signer.address;
  });
}

/** Levels of a tree over the longest list of transactions. */
const PATH_MAX = 16;

function parsed(receipt: unknown) {
  try {
    const { kind, version, transaction, index, path, header, signature } = receipt as TransactionReceipt;
    if (kind !== "skycoin-transaction-receipt" || version !== 1) throw new TypeError("unknown kind or version");
    if (!Array.isArray(path) || path.length > PATH_MAX) throw new TypeError("path is not a short list");
    // One proof has one form: no bits beyond those the path uses.
    if (!Number.isInteger(index) || index < 0 || index >= 2 ** path.length || index >= TRANSACTION_LIST_MAX) {
      throw new TypeError("index is not a place of a tree of this height");
    }
    const headerBytes = canonicalHex(header);
    if (headerBytes.length !== BLOCK_HEADER_BYTES) throw new TypeError("header has not 124 bytes");
    return {
      transaction: decodeTransaction(canonicalHex(transaction)),
      index,
      path: path.map((text) => hashFrom(canonicalHex(text))),
      header: decodeBlockHeader(headerBytes),
      signature: signatureFrom(canonicalHex(signature)),
    };
  } catch (cause) {
    throw new ReceiptError("RECEIPT_FORM", "not a transaction receipt", {}, { cause });
  }
}

/** Hex as `makeReceipt` writes it: a receipt has one form, so none can be altered and still be valid. */
function canonicalHex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (toHex(bytes) !== text) throw new TypeError("hex digits are not lower-case");
  return bytes;
}
