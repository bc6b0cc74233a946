import { toHex } from "../base/bytes.ts";
import { parseDroplets } from "../chain/droplet.ts";
import { remainingHours } from "../chain/fee.ts";
import { encodeTransaction, newTransaction, signTransaction, type TxOut, txid } from "../chain/transaction.ts";
import type { Droplets, Hours } from "../chain/uxout.ts";
import { decodeAddress } from "../cipher/address.ts";
import { hashHex, parseHash } from "../cipher/hash.ts";
import { ClientError } from "./errors.ts";
import type { OutputJson, OutputsJson } from "./node-client.ts";
import type { SeedKey } from "./seed-keys.ts";

export interface ReturnRequest {
  readonly key: SeedKey;
  /** Base58. */
  readonly to: string;
  /** Coins, as the challenge says: `0.010000`. */
  readonly amount: string;
  /** What the login address holds: `NodeClient.outputs([key.address])`. */
  readonly outputs: Pick<OutputsJson, "head_outputs" | "outgoing_outputs" | "incoming_outputs">;
  /** Part of the hours that is burnt as fee: 1 of `burnFactor` (health: `user_verify_transaction`). */
  readonly burnFactor: number;
}

export interface SignedReturn {
  /** Hex, ready for `NodeClient.inject`. */
  readonly rawtx: string;
  readonly txid: string;
}

/**
 * Builds and signs the transaction that proves an address: only outputs of that address go in, the asked amount goes
 * to the return address, what is left comes back with its hours. A small output is preferred to a large one, so that
 * the coin that was sent for the login is the one that goes back.
 * @throws ClientError CLIENT_NOT_FUNDED while the coin is on its way, CLIENT_NO_COINS
 */
export function buildReturn({ key, to, amount, outputs, burnFactor }: ReturnRequest): SignedReturn {
  const wanted = parseDroplets(amount);
  const inputs = chooseInputs(key.address, wanted, outputs);
  const coins = inputs.reduce((sum, output) => sum + parseDroplets(output.coins), 0n);
  const hours = inputs.reduce((sum, output) => sum + BigInt(output.calculated_hours), 0n);
  const left = remainingHours(hours as Hours, burnFactor);
  const change = coins - wanted;
  const made: TxOut[] = [
    { address: decodeAddress(to), coins: wanted, hours: change > 0n ? (0n as Hours) : left },
    ...(change > 0n ? [{ address: decodeAddress(key.address), coins: change as Droplets, hours: left }] : []),
  ];
  const ids = inputs.map((output) => parseHash(output.hash));
  const txn = signTransaction(
    newTransaction(ids, made),
    ids.map(() => key.secret),
  );
  return { rawtx: toHex(encodeTransaction(txn)), txid: hashHex(txid(txn)) };
}

/** The smallest single output that does, or the largest until they do. Without an hour to burn nothing moves. */
function chooseInputs(address: string, wanted: bigint, outputs: ReturnRequest["outputs"]): OutputJson[] {
  const leaving = new Set(outputs.outgoing_outputs.map(({ hash }) => hash));
  const free = outputs.head_outputs
    .filter((output) => output.address === address && !leaving.has(output.hash))
    .sort((a, b) => compare(parseDroplets(a.coins), parseDroplets(b.coins)));
  const one = free.find((output) => parseDroplets(output.coins) >= wanted && BigInt(output.calculated_hours) > 0n);
  if (one !== undefined) return [one];
  const chosen: OutputJson[] = [];
  let [coins, hours] = [0n, 0n];
  for (const output of free.reverse()) {
    if (coins >= wanted && hours > 0n) break;
    chosen.push(output);
    coins += parseDroplets(output.coins);
    hours += BigInt(output.calculated_hours);
  }
  if (coins >= wanted && hours > 0n) return chosen;
  if (outputs.incoming_outputs.some((output) => output.address === address)) {
    throw new ClientError("CLIENT_NOT_FUNDED", "the coin for this login is still on its way: try again in a moment");
  }
  const why = coins < wanted ? "too few coins" : "no coin hours for the fee";
  throw new ClientError("CLIENT_NO_COINS", `${address} has ${why} to return: start a new login to be sent some`);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
