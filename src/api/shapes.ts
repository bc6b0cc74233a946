import {
  address,
  coins,
  count,
  digits,
  flag,
  hash,
  hex,
  type JsonSchema,
  listOf,
  mapOf,
  objectOf,
  text,
  u64,
  unixTime,
} from "./json-schema.ts";

/** What readable.ts and readable-wallet.ts make, for the OpenAPI document: several routes answer with each of them. */

const signature = { ...hex, description: "65 bytes; zeros where it is missing" };
const prefix = { length: count, type: count, txid: hash, inner_hash: hash };
const stamp = { timestamp: { ...unixTime, description: "Of the block; absent while unconfirmed" } };
const output = objectOf({ uxid: hash, dst: address, coins, hours: u64 });
const input = objectOf({
  ...{ uxid: hash, owner: address, coins, src_txid: hash, hours: u64 },
  calculated_hours: { ...u64, description: "Hours it was worth when spent" },
});
const balance = objectOf({ coins: { ...u64, description: "In droplets" }, hours: u64 });
const pair = { confirmed: balance, predicted: balance };
const time = { type: "string", format: "date-time" } as const;
const eitherTransaction = { anyOf: [ref("Transaction"), ref("VerboseTransaction")] };

export const SHAPES = {
  Header: objectOf({
    ...{ seq: count, block_hash: hash, previous_block_hash: hash, timestamp: unixTime, fee: u64, version: count },
    ...{ tx_body_hash: hash, ux_hash: hash },
  }),
  Transaction: objectOf({ ...prefix, sigs: listOf(signature), inputs: listOf(hash), outputs: listOf(output) }, stamp),
  VerboseTransaction: objectOf(
    { ...prefix, fee: u64, sigs: listOf(signature), inputs: listOf(input), outputs: listOf(output) },
    stamp,
  ),
  Block: objectOf({
    header: ref("Header"),
    body: objectOf({ txns: listOf(eitherTransaction) }),
    size: count,
  }),
  Blocks: objectOf({ blocks: listOf(ref("Block")) }),
  Status: objectOf({
    ...{ confirmed: flag, unconfirmed: flag },
    height: { ...count, description: "Confirmations, its own block included" },
    block_seq: count,
  }),
  LocatedTransaction: objectOf({ status: ref("Status"), time: unixTime, txn: eitherTransaction }),
  PendingTransaction: objectOf({
    transaction: eitherTransaction,
    ...{ received: time, checked: time, announced: time },
    is_valid: { ...flag, description: "As of the last check against the head" },
  }),
  CreatedTransaction: objectOf({
    ...{ ...prefix, fee: digits, sigs: listOf(signature) },
    inputs: listOf(
      objectOf(
        { uxid: hash },
        { address, coins, hours: digits, calculated_hours: digits, timestamp: unixTime, block: count, txid: hash },
      ),
    ),
    outputs: listOf(objectOf({ uxid: hash, address, coins, hours: digits })),
  }),
  Created: objectOf({ transaction: ref("CreatedTransaction"), encoded_transaction: hex }),
  UnspentOutput: objectOf({
    ...{ hash, time: unixTime, block_seq: count, src_tx: hash, address, coins, hours: u64 },
    calculated_hours: { ...u64, description: "Hours it is worth at the head" },
  }),
  HistoryOutput: objectOf({
    ...{ uxid: hash, time: unixTime, src_block_seq: count, src_tx: hash, owner_address: address },
    ...{ coins: { ...u64, description: "In droplets" }, hours: u64, calculated_hours: u64 },
    ...{ spent_block_seq: { ...count, description: "0: not spent" }, spent_tx: hash },
  }),
  Balances: objectOf({ ...pair, addresses: mapOf("address", objectOf(pair)) }),
  Metadata: objectOf({ head: ref("Header"), unspents: count, unconfirmed: count }),
  VerifyParameters: objectOf({ burn_factor: count, max_transaction_size: count, max_decimals: count }),
  Version: objectOf({ version: text, commit: text, branch: text }),
  Connection: objectOf({
    ...{ id: count, address: { ...text, description: "ip:port" } },
    ...{ last_sent: unixTime, last_received: unixTime, connected_at: unixTime },
    ...{ outgoing: flag, state: { type: "string", enum: ["pending", "connected", "introduced"] } },
    ...{ mirror: count, listen_port: count, height: count, user_agent: text, is_trusted_peer: flag },
    unconfirmed_verify_transaction: ref("VerifyParameters"),
  }),
  Wallet: objectOf({
    meta: objectOf(
      {
        ...{ coin: text, filename: text, label: text },
        type: { type: "string", enum: ["deterministic", "bip44", "xpub", "collection"] },
        ...{ version: text, crypto_type: text, timestamp: unixTime, temp: flag, encrypted: flag },
      },
      { bip44_coin: count, xpub: text },
    ),
    entries: listOf(objectOf({ address, public_key: hex }, { child_number: count, change: count })),
  }),
  NewAddresses: objectOf({
    addresses: { type: ["array", "null"], items: address, description: "null when there are none" },
  }),
  Error: objectOf(
    { error: objectOf({ message: text, code: count }) },
    { data: { description: "Only of a transaction that was read but is not valid" } },
  ),
} as const;

/** A reference into `components.schemas`. */
export function shape(name: keyof typeof SHAPES): JsonSchema {
  return ref(name);
}

function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}
