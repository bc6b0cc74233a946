import { readFile } from "node:fs/promises";
import { decodeGoJson, type GoType, type GoValue, goList, goString, goStruct } from "../../../api/go-json.ts";
import { u64 } from "../../../api/json-schema.ts";
import { readableTransaction } from "../../../api/readable.ts";
import { fromHex, toHex } from "../../../base/bytes.ts";
import { errorText } from "../../../base/errors.ts";
import { U64_MAX } from "../../../base/uint64.ts";
import { parseDroplets } from "../../../chain/droplet.ts";
import {
  computeInnerHash,
  decodeTransaction,
  encodeTransaction,
  type Transaction,
  txid,
} from "../../../chain/transaction.ts";
import type { Hours } from "../../../chain/uxout.ts";
import { decodeAddress } from "../../../cipher/address.ts";
import { NULL_HASH, parseHash } from "../../../cipher/hash.ts";
import { parseSignature } from "../../../cipher/sign.ts";
import { openErrorText } from "../../../config/errors.ts";
import { defineCommand, exactly } from "../command.ts";
import { refused } from "../errors.ts";
import type { Json } from "../json.ts";

export const decodeRawTransaction = defineCommand({
  name: "decodeRawTransaction",
  arguments: "[raw transaction]",
  summary: "Decode a raw transaction",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const txn = decoded(args[0] as string);
    // Only the genesis transaction has no inputs; its outputs get their ids in another way.
    context.printJson(readableTransaction(txn, txn.inputs.length === 0) as Json);
  },
});

function decoded(text: string): Transaction {
  try {
    return decodeTransactionHex(text);
  } catch (error) {
    throw refused(`invalid raw transaction: ${errorText(error)}`);
  }
}

/** @throws CoinError HEX_INVALID, ClientError CLIENT_INPUT with the reference's texts */
export function decodeTransactionHex(text: string): Transaction {
  const bytes = fromHex(text);
  try {
    return decodeTransaction(bytes);
  } catch (error) {
    throw refused(`Invalid transaction: ${errorText(error)}`);
  }
}

export const encodeJsonTransaction = defineCommand({
  name: "encodeJsonTransaction",
  arguments: "[file path or -]",
  summary: "Encode a transaction given as JSON",
  flags: {
    json: { kind: "bool", value: false, short: "j", help: "print JSON" },
    fix: { kind: "bool", value: false, short: "f", help: "compute inner hash and id again" },
  },
  count: exactly(1),
  async run({ context, args, flags }) {
    const path = args[0] as string;
    const bytes = path === "-" ? await context.readInput() : await readJsonFile(path, context.path(path));
    const txn = transactionOf(decodeJson(bytes), flags.fix);
    const rawtx = toHex(encodeTransaction(txn));
    if (flags.json) context.printJson({ rawtx });
    else context.print(rawtx);
  },
});

async function readJsonFile(shown: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const text = openErrorText(shown, error);
    throw refused(
      text.startsWith("read ") ? `invalid JSON transaction: ${text}` : `open file failed ${shown}: ${text}`,
    );
  }
}

function decodeJson(bytes: Uint8Array): ReadableTransaction {
  try {
    return decodeGoJson(bytes, READABLE);
  } catch (error) {
    throw refused(`invalid JSON transaction: ${errorText(error)}`);
  }
}

/** An unsigned integer of Go. */
function goUint(name: string, max: bigint): GoType<bigint> {
  const type: GoType<bigint> = {
    name,
    zero: 0n,
    schema: u64,
    read(input, current) {
      const kind = input.kind();
      if (kind === "null") {
        input.take();
        return current;
      }
      if (kind !== "number") return input.refuse(type, current);
      const text = Buffer.from(input.take()).toString("latin1");
      const value = /^\d{1,20}$/.test(text) ? BigInt(text) : U64_MAX + 1n;
      if (value <= max) return value;
      input.note(input.mismatch(`number ${text}`, name));
      return current;
    },
  };
  return type;
}

const OUTPUT = { uxid: goString, dst: goString, coins: goString, hours: goUint("uint64", U64_MAX) };
const BODY = {
  length: goUint("uint32", 0xffff_ffffn),
  type: goUint("uint8", 0xffn),
  txid: goString,
  inner_hash: goString,
  sigs: goList(goString),
  inputs: goList(goString),
  outputs: goList(goStruct("TransactionOutput", OUTPUT, "readable")),
};
const READABLE = goStruct("Transaction", BODY, "readable");
type ReadableTransaction = GoValue<typeof READABLE>;

/** @throws ClientError CLIENT_INPUT, CipherError, DropletError */
function transactionOf(readable: ReadableTransaction, fix: boolean): Transaction {
  const body = {
    length: Number(readable.length),
    type: Number(readable.type),
    innerHash: NULL_HASH,
    sigs: readable.sigs.map(parseSignature),
    inputs: readable.inputs.map(parseHash),
    outputs: readable.outputs.map(({ dst, coins, hours }) => ({
      address: decodeAddress(dst),
      coins: parseDroplets(coins),
      hours: hours as Hours,
    })),
  };
  if (fix) return { ...body, innerHash: computeInnerHash(body) };
  const txn = { ...body, innerHash: parseHash(readable.inner_hash) };
  const [given, found] = [toHex(parseHash(readable.txid)), toHex(txid(txn))];
  if (given !== found) {
    throw refused(`readable.Transaction.Hash ${found} does not match parsed transaction hash ${given}`);
  }
  return txn;
}
