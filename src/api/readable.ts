import { isZero, toHex } from "../base/bytes.ts";
import { I64_MAX, wrap64 } from "../base/uint64.ts";
import { type BlockHeader, blockHash, bodySize, type SignedBlock } from "../chain/block.ts";
import { formatDroplets } from "../chain/droplet.ts";
import type { VerifyParams } from "../chain/params.ts";
import { hoursOrNone, QueryError, type SpentInput } from "../chain/queries.ts";
import type { Balance, BalancePair } from "../chain/queries-balance.ts";
import type { LocatedTransaction } from "../chain/queries-transactions.ts";
import type { HistoryUxOut, IdentifiedUxOut, UnconfirmedRecord } from "../chain/store.ts";
import { NEVER_ANNOUNCED } from "../chain/store.ts";
import { type Transaction, type TxOut, txid } from "../chain/transaction.ts";
import { uxId } from "../chain/uxout.ts";
import { encodeAddress } from "../cipher/address.ts";
import { type Hash, NULL_HASH } from "../cipher/hash.ts";
import { goTime, ZERO_TIME } from "./go-text.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { ConnectionInfo } from "./services.ts";

/**
 * Domain values as the JSON shapes of api.md 12 to 14. Member order is part of the format. Hours, fees and droplet
 * amounts are numbers of up to 64 bits, amounts in coins are text with six decimals.
 */

export function readableHeader(header: BlockHeader): JsonObject {
  return {
    seq: header.seq,
    block_hash: toHex(blockHash({ header })),
    previous_block_hash: toHex(header.prevHash),
    timestamp: header.time,
    fee: header.fee,
    version: header.version,
    tx_body_hash: toHex(header.bodyHash),
    ux_hash: toHex(header.uxHash),
  };
}

/** `inputs` per transaction make the verbose form. `txns` are given when already encoded. */
export function readableBlock(block: SignedBlock, inputs?: readonly (readonly SpentInput[])[]): JsonObject {
  const genesis = block.header.seq === 0;
  const txns = block.transactions.map((txn, i) =>
    inputs === undefined ? readableTransaction(txn, genesis) : verboseTransaction(txn, inputs[i] ?? [], genesis),
  );
  return { header: readableHeader(block.header), body: { txns }, size: bodySize(block.transactions) };
}

/** A transaction by itself; `timestamp` leads when given. */
export function readableTransaction(txn: Transaction, genesis: boolean, timestamp?: number): JsonObject {
  return {
    ...stamp(timestamp),
    ...prefix(txn),
    sigs: txn.sigs.map(toHex),
    inputs: txn.inputs.map(toHex),
    outputs: outputsOf(txn, genesis),
  };
}

/** A transaction with what its inputs were worth, and its fee. @throws QueryError QUERY_HOURS_NEGATIVE */
export function verboseTransaction(
  txn: Transaction,
  inputs: readonly SpentInput[],
  genesis: boolean,
  timestamp?: number,
): JsonObject {
  return {
    ...stamp(timestamp),
    ...prefix(txn),
    fee: genesis ? 0n : feeOf(txn, inputs),
    sigs: txn.sigs.map(toHex),
    inputs: inputs.map(verboseInput),
    outputs: outputsOf(txn, genesis),
  };
}

function stamp(timestamp: number | undefined): JsonObject {
  return timestamp === undefined || timestamp === 0 ? {} : { timestamp };
}

function prefix(txn: Transaction): JsonObject {
  return { length: txn.length, type: txn.type, txid: toHex(txid(txn)), inner_hash: toHex(txn.innerHash) };
}

/** Both sums wrap: one historic output overflowed, and its block must still be shown. */
function feeOf(txn: Transaction, inputs: readonly SpentInput[]): bigint {
  const spent = wrap64(inputs.reduce((total, input) => total + input.calculatedHours, 0n));
  const made = wrap64(txn.outputs.reduce((total, out) => total + out.hours, 0n));
  if (spent >= made) return spent - made;
  const id = toHex(txid(txn));
  const message = `NewBlockTransactionVerbose input hours is less than output hours, txid=${id}`;
  throw new QueryError("QUERY_HOURS_NEGATIVE", message, { txid: id });
}

/** The output of the genesis block has the null hash as its source, so its id does not follow from the txid. */
function outputsOf(txn: Transaction, genesis: boolean): JsonValue {
  const srcTransaction = genesis ? NULL_HASH : txid(txn);
  return txn.outputs.map(({ address, coins, hours }) => ({
    uxid: toHex(uxId({ srcTransaction, address, coins, hours })),
    dst: encodeAddress(address),
    coins: formatDroplets(coins),
    hours,
  }));
}

function verboseInput({ id, ux, calculatedHours }: SpentInput): JsonObject {
  return {
    uxid: toHex(id),
    owner: encodeAddress(ux.body.address),
    coins: formatDroplets(ux.body.coins),
    src_txid: toHex(ux.body.srcTransaction),
    hours: ux.body.hours,
    calculated_hours: calculatedHours,
  };
}

/** Where a transaction stands. */
export function readableStatus({ confirmed }: LocatedTransaction): JsonObject {
  return {
    confirmed: confirmed !== undefined,
    unconfirmed: confirmed === undefined,
    height: confirmed?.height ?? 0,
    block_seq: confirmed?.seq ?? 0,
  };
}

/** A pool record around an already readable transaction. */
export function readableUnconfirmed(record: UnconfirmedRecord, transaction: JsonValue): JsonObject {
  return {
    transaction,
    received: poolTime(record.received),
    checked: poolTime(record.checked),
    announced: poolTime(record.announced),
    is_valid: record.isValid,
  };
}

function poolTime(nanoseconds: bigint): string {
  return nanoseconds === NEVER_ANNOUNCED ? ZERO_TIME : goTime(nanoseconds);
}

/** An output of the current set, worth `calculatedHours` at the head. */
export function readableUnspent({ id, ux }: IdentifiedUxOut, calculatedHours: bigint): JsonObject {
  return {
    hash: toHex(id),
    time: ux.head.time,
    block_seq: ux.head.seq,
    src_tx: toHex(ux.body.srcTransaction),
    address: encodeAddress(ux.body.address),
    coins: formatDroplets(ux.body.coins),
    hours: ux.body.hours,
    calculated_hours: calculatedHours,
  };
}

/** An output of the history. Coins are droplets here; a spent output is worth what it was made with. */
export function readableHistoryUxOut({ id, ux, spentBy }: HistoryUxOut, headTime: number): JsonObject {
  return {
    uxid: toHex(id),
    time: ux.head.time,
    src_block_seq: ux.head.seq,
    src_tx: toHex(ux.body.srcTransaction),
    owner_address: encodeAddress(ux.body.address),
    coins: ux.body.coins,
    hours: ux.body.hours,
    calculated_hours: spentBy === undefined ? hoursOrNone(ux, headTime) : ux.body.hours,
    spent_block_seq: spentBy?.blockSeq ?? 0,
    spent_tx: toHex(spentBy?.txid ?? NULL_HASH),
  };
}

/** Numbers in droplets and hours. */
export function readableBalancePair({ confirmed, predicted }: BalancePair): JsonObject {
  const readable = ({ coins, hours }: Balance): JsonObject => ({ coins, hours });
  return { confirmed: readable(confirmed), predicted: readable(predicted) };
}

export function readableVerify(params: VerifyParams): JsonObject {
  return {
    burn_factor: params.burnFactor,
    max_transaction_size: params.maxTransactionSize,
    max_decimals: params.maxDecimals,
  };
}

export function readableConnection(c: ConnectionInfo): JsonObject {
  return {
    id: c.id,
    address: c.address,
    last_sent: c.lastSent,
    last_received: c.lastReceived,
    connected_at: c.connectedAt,
    outgoing: c.outgoing,
    state: c.state,
    mirror: c.mirror,
    listen_port: c.listenPort,
    height: c.height,
    user_agent: c.userAgent,
    is_trusted_peer: c.trusted,
    unconfirmed_verify_transaction: readableVerify(c.unconfirmedVerify),
  };
}

/** The `transaction` of creation, signing and verification: amounts and hours are text. */
export function createdTransaction(txn: Transaction, inputs: readonly SpentInput[] | undefined): JsonObject {
  const id = txid(txn);
  return {
    length: txn.length,
    type: txn.type,
    txid: toHex(id),
    inner_hash: toHex(txn.innerHash),
    fee: String(createdFee(txn, inputs ?? [])),
    sigs: txn.sigs.map(toHex),
    inputs: inputs?.map(createdInput) ?? txn.inputs.map((uxid) => ({ uxid: toHex(uxid) })),
    outputs: txn.outputs.map((output) => createdOutput(output, id)),
  };
}

/** As in the reference, an output of more coins than there is text for is there, but says nothing. */
function createdOutput({ address, coins, hours }: TxOut, id: Hash): JsonObject {
  if (coins > I64_MAX) return { uxid: "", address: "", coins: "", hours: "" };
  return {
    uxid: toHex(uxId({ srcTransaction: id, address, coins, hours })),
    address: encodeAddress(address),
    coins: formatDroplets(coins),
    hours: String(hours),
  };
}

/** 0 when the inputs are not known or the hours make no sense: the verdict beside it says what is wrong. */
function createdFee(txn: Transaction, inputs: readonly SpentInput[]): bigint {
  const spent = inputs.reduce((total, input) => total + input.calculatedHours, 0n);
  const made = txn.outputs.reduce((total, out) => total + out.hours, 0n);
  const sound = spent === wrap64(spent) && made === wrap64(made) && spent >= made;
  return sound ? spent - made : 0n;
}

/**
 * Members that are empty or zero are left out, which drops the block of genesis outputs.
 * Differs: their null source is shown as 64 zeros; the reference fails on it (api.md 16.1).
 */
function createdInput({ id, ux, calculatedHours }: SpentInput): JsonObject {
  return {
    uxid: toHex(id),
    address: encodeAddress(ux.body.address),
    coins: formatDroplets(ux.body.coins),
    hours: String(ux.body.hours),
    calculated_hours: String(calculatedHours),
    timestamp: ux.head.time === 0 ? undefined : ux.head.time,
    block: ux.head.seq === 0 ? undefined : ux.head.seq,
    txid: sourceOf(ux.body.srcTransaction, ux.head.seq),
  };
}

function sourceOf(srcTransaction: Hash, seq: number): string {
  if (isZero(srcTransaction) && seq !== 0) {
    throw new QueryError("QUERY_UXOUT_UNKNOWN", "NewCreatedTransactionInput UxOut.SrcTransaction is not initialized");
  }
  return toHex(srcTransaction);
}
