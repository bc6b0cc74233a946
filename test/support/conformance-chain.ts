import { fromHex } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { decodeSignedBlock } from "../../src/chain/block.ts";
import { Blockchain } from "../../src/chain/blockchain.ts";
import type { ChainParams } from "../../src/chain/params.ts";
import { inlineRecovery } from "../../src/chain/signatures.ts";
import type { ChainStore, UnconfirmedRecord } from "../../src/chain/store.ts";
import { decodeTransaction } from "../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import type { Droplets } from "../../src/chain/uxout.ts";
import { decodeAddress } from "../../src/cipher/address.ts";
import { parsePublicKey } from "../../src/cipher/keys.ts";
import { parseSignature } from "../../src/cipher/sign.ts";
import { paramsOfGenesisFile } from "../../src/config/genesis-file.ts";
import { SKYCOIN } from "../../src/config/skycoin.ts";
import { conformanceJson, conformanceLines } from "./conformance.ts";
import "./native.ts";

export type RecordedChain = "mainnet-180" | "devchain";

/** Parameters of a recorded chain. */
export function recordedParams(name: RecordedChain): ChainParams {
  if (name === "mainnet-180") return paramsOfGenesisFile(SKYCOIN);
  return paramsOfFile(conformanceJson<ParamsFile>("devchain/params.json"));
}

/** What tells a chain from Skycoin's, as recordings and benchmarks keep it. */
export interface ParamsFile {
  readonly blockchain_public_key: string;
  readonly genesis_address: string;
  readonly genesis_coins: number;
  readonly genesis_signature: string;
  readonly genesis_timestamp: number;
}

export function paramsOfFile(file: ParamsFile): ChainParams {
  return {
    ...paramsOfGenesisFile(SKYCOIN),
    publisherKey: parsePublicKey(file.blockchain_public_key),
    genesis: {
      address: decodeAddress(file.genesis_address),
      time: file.genesis_timestamp,
      volume: BigInt(file.genesis_coins) as Droplets,
      signature: parseSignature(file.genesis_signature),
    },
  };
}

/** A recorded chain, executed into `store`, and its pool with the recorded unconfirmed transactions. */
export async function loadRecordedChain(options: {
  readonly name: RecordedChain;
  readonly unconfirmed: boolean;
  readonly store: ChainStore;
  readonly clock: Clock;
}): Promise<{ chain: Blockchain; pool: UnconfirmedPool }> {
  const { name, store, clock } = options;
  const params = recordedParams(name);
  const log = silentLogger;
  const chain = await Blockchain.open({ params, store, recovery: inlineRecovery(), log });
  const lines = conformanceLines<{ seq: number; block_hex: string; sig_hex: string }>(`${name}/blocks.jsonl`);
  const blocks = lines.filter(({ seq }) => seq > 0).map((l) => decodeSignedBlock(fromHex(l.block_hex + l.sig_hex)));
  for (const prepared of await chain.prepare(blocks)) chain.stagePrepared(prepared);
  await chain.flush();
  if (options.unconfirmed) await store.putUnconfirmed(recordedPool(name));
  const pool = new UnconfirmedPool({ chain, store, params, clock, log });
  await pool.load();
  return { chain, pool };
}

function recordedPool(name: RecordedChain): UnconfirmedRecord[] {
  const lines = conformanceLines<{ txn_hex: string; record_hex: string }>(`${name}/unconfirmed.jsonl`);
  return lines.map(({ txn_hex, record_hex }) => {
    const tail = Buffer.from(record_hex.slice(txn_hex.length), "hex"); // the times do not fit a JSON number
    return {
      txn: decodeTransaction(fromHex(txn_hex)),
      received: tail.readBigInt64LE(0),
      checked: tail.readBigInt64LE(8),
      announced: tail.readBigInt64LE(16),
      isValid: tail.readInt8(24) === 1,
    };
  });
}
