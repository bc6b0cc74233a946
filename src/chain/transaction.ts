import { assert } from "../base/errors.ts";
import type { Address } from "../cipher/address.ts";
import { type Hash, NULL_HASH, sha256 } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { NULL_SIGNATURE, type Signature, signHash } from "../cipher/sign.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import type { Droplets, Hours } from "./uxout.ts";

export interface TxOut {
  readonly address: Address;
  readonly coins: Droplets;
  readonly hours: Hours;
}

/** Go's coin.Transaction. Values are immutable: ids and bytes are computed once and remembered. */
export interface Transaction {
  /** Size in bytes of the whole serialization, as claimed. */
  readonly length: number;
  readonly type: number;
  readonly innerHash: Hash;
  /** One per input; 65 zero bytes mean "not signed yet". */
  readonly sigs: readonly Signature[];
  /** Ids of the outputs spent. */
  readonly inputs: readonly Hash[];
  readonly outputs: readonly TxOut[];
}

export const TRANSACTION_LIST_MAX = 65535;
export const SIGNATURE_BYTES = 65;
const FIXED_BYTES = 49;
const OUTPUT_BYTES = 37;
/** Where the list of inputs begins, without signatures. */
const TAIL_OFFSET = 41;

/** What is worked out once; it holds because transactions never change. */
interface Derived {
  bytes?: Uint8Array;
  id?: Hash;
  inner?: Hash;
}

/** Its constructor gives back the object it is given, so that the fields of a class derived from it land on that. */
class Bearer {
  constructor(txn: Transaction) {
    // biome-ignore lint/correctness/noConstructorReturn: the point of it
    return txn as Bearer;
  }
}

/** Puts a private field on a transaction: what a WeakMap does, without being work for the garbage collector. */
class Memory extends Bearer {
  readonly #derived: Derived;

  constructor(txn: Transaction, derived: Derived) {
    super(txn);
    this.#derived = derived;
  }

  static of(txn: Transaction): Derived | undefined {
    return #derived in txn ? txn.#derived : undefined;
  }
}

function remembered(txn: Transaction): Derived {
  const known = Memory.of(txn);
  if (known !== undefined) return known;
  const derived: Derived = {};
  new Memory(txn, derived);
  return derived;
}

/** Encoded size: 49 + 65*sigs + 32*inputs + 37*outputs. */
export function transactionSize(txn: Transaction): number {
  return FIXED_BYTES + SIGNATURE_BYTES * txn.sigs.length + 32 * txn.inputs.length + OUTPUT_BYTES * txn.outputs.length;
}

/** Full bytes: length(4) type(1) inner(32) sigs inputs outputs, each list behind a u32 count. Do not mutate. */
export function encodeTransaction(txn: Transaction): Uint8Array {
  const entry = remembered(txn);
  if (entry.bytes === undefined) {
    const w = new Writer(transactionSize(txn)).u32(txn.length).u8(txn.type).bytes(txn.innerHash);
    w.u32(txn.sigs.length);
    for (const sig of txn.sigs) w.bytes(sig);
    writeTail(w, txn);
    entry.bytes = w.finish();
  }
  return entry.bytes;
}

function writeTail(w: Writer, txn: Pick<Transaction, "inputs" | "outputs">): void {
  w.u32(txn.inputs.length);
  for (const id of txn.inputs) w.bytes(id);
  w.u32(txn.outputs.length);
  for (const out of txn.outputs) w.bytes(out.address).u64(out.coins).u64(out.hours);
}

/** Reads one transaction from a longer buffer (blocks, GIVT). @throws CodecError */
export function readTransaction(r: Reader): Transaction {
  const start = r.offset;
  const length = r.u32();
  const type = r.u8();
  const innerHash = r.bytes(32) as Hash;
  const sigs: Signature[] = [];
  for (let n = r.count(TRANSACTION_LIST_MAX); n > 0; n--) sigs.push(r.bytes(SIGNATURE_BYTES) as Signature);
  const inputs: Hash[] = [];
  for (let n = r.count(TRANSACTION_LIST_MAX); n > 0; n--) inputs.push(r.bytes(32) as Hash);
  const outputs: TxOut[] = [];
  for (let n = r.count(TRANSACTION_LIST_MAX); n > 0; n--) {
    outputs.push({ address: r.bytes(21) as Address, coins: r.u64() as Droplets, hours: r.u64() as Hours });
  }
  const txn: Transaction = { length, type, innerHash, sigs, inputs, outputs };
  new Memory(txn, { bytes: r.since(start) });
  return txn;
}

/** Exact decoding: nothing may be left. @throws CodecError */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const r = new Reader(bytes);
  const txn = readTransaction(r);
  r.end();
  return txn;
}

/** H(full bytes), signatures included: signing again changes it. */
export function txid(txn: Transaction): Hash {
  const entry = remembered(txn);
  entry.id ??= sha256(encodeTransaction(txn));
  return entry.id;
}

/** H(u32 nIn ++ inputs ++ u32 nOut ++ outputs), the end of the encoding: what `innerHash` must be. */
export function computeInnerHash(txn: Transaction): Hash {
  const entry = remembered(txn);
  entry.inner ??= sha256(encodeTransaction(txn).subarray(TAIL_OFFSET + SIGNATURE_BYTES * txn.sigs.length));
  return entry.inner;
}

/** Bytes of output `i` as encoded, 37: version(1) key(20) coins(8) hours(8). Do not mutate. */
export function encodedOutput(txn: Transaction, i: number): Uint8Array {
  const end = transactionSize(txn) - OUTPUT_BYTES * (txn.outputs.length - i - 1);
  return encodeTransaction(txn).subarray(end - OUTPUT_BYTES, end);
}

/** H(innerHash ++ inputs[i]): what the owner of input i signs. */
export function digestToSign(innerHash: Hash, input: Hash): Hash {
  signed.set(innerHash, 0);
  signed.set(input, 32);
  return sha256(signed);
}

/** Hashed at once and used again. */
const signed = new Uint8Array(64);

/**
 * A transaction with length and inner hash filled in, and no input signed yet (65 zero bytes each).
 * Go: UpdateHeader on a transaction with null signatures.
 */
export function newTransaction(inputs: readonly Hash[], outputs: readonly TxOut[]): Transaction {
  const sigs = inputs.map(() => NULL_SIGNATURE);
  const draft: Transaction = { length: 0, type: 0, innerHash: NULL_HASH, sigs, inputs, outputs };
  return { ...draft, length: transactionSize(draft), innerHash: computeInnerHash(draft) };
}

/** The same transaction with input `index` signed by `key`, which must own the output spent. */
export function signInput(txn: Transaction, index: number, key: SecretKey): Transaction {
  const signature = signHash(digestToSign(txn.innerHash, txn.inputs[index] as Hash), key);
  return { ...txn, sigs: txn.sigs.map((sig, i) => (i === index ? signature : sig)) };
}

/** The same transaction with every input signed; `keys` in input order. */
export function signTransaction(txn: Transaction, keys: readonly SecretKey[]): Transaction {
  assert(keys.length === txn.inputs.length, "one key per input");
  const sigs = txn.inputs.map((id, i) => signHash(digestToSign(txn.innerHash, id), keys[i] as SecretKey));
  return { ...txn, sigs };
}

/**
 * An equal transaction in memory of its own. Decoded values share the memory of the message they came in, so
 * whoever keeps one for long (the pool) would keep the whole message.
 */
export function detachTransaction(txn: Transaction): Transaction {
  const copy = decodeTransaction(encodeTransaction(txn).slice());
  const { id, inner } = remembered(txn);
  if (id !== undefined) remembered(copy).id = id;
  if (inner !== undefined) remembered(copy).inner = inner;
  return copy;
}
