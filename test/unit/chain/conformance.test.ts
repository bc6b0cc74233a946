import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { blockHash, decodeBlock, decodeSignedBlock, encodeBlock, type SignedBlock } from "../../../src/chain/block.ts";
import { Blockchain } from "../../../src/chain/blockchain.ts";
import type { ChainParams } from "../../../src/chain/params.ts";
import { inlineRecovery } from "../../../src/chain/signatures.ts";
import { computeInnerHash, decodeTransaction, txid } from "../../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import { encodeUxOut, snapshotHash, uxId } from "../../../src/chain/uxout.ts";
import { decodeAddress } from "../../../src/cipher/address.ts";
import { hashHex, NULL_HASH, xorHash } from "../../../src/cipher/hash.ts";
import { parsePublicKey } from "../../../src/cipher/keys.ts";
import { parseSignature } from "../../../src/cipher/sign.ts";
import { paramsOfGenesisFile } from "../../../src/config/genesis-file.ts";
import { SKYCOIN } from "../../../src/config/skycoin.ts";
import { ManualClock } from "../../support/chain.ts";
import { conformanceJson, conformanceLines, conformanceMissing } from "../../support/conformance.ts";
import { PlainStore } from "../../support/plain-store.ts";

interface BlockLine {
  readonly seq: number;
  readonly block_hash: string;
  readonly block_hex: string;
  readonly sig_hex: string;
  readonly txids: readonly string[];
}

interface UnspentLine {
  readonly hash: string;
  readonly ux_hex: string;
}

interface UnconfirmedLine {
  readonly txid: string;
  readonly inner_hash: string;
  readonly txn_hex: string;
  readonly is_valid: number;
}

const skip = conformanceMissing;

function devchainParams(): ChainParams {
  const p = conformanceJson<Record<string, string> & { genesis_coins: number; genesis_timestamp: number }>(
    "devchain/params.json",
  );
  const skycoin = paramsOfGenesisFile(SKYCOIN);
  return {
    ...skycoin,
    publisherKey: parsePublicKey(p.blockchain_public_key as string),
    genesis: {
      address: decodeAddress(p.genesis_address as string),
      time: p.genesis_timestamp,
      volume: BigInt(p.genesis_coins) as ChainParams["genesis"]["volume"],
      signature: parseSignature(p.genesis_signature as string),
    },
  };
}

const CHAINS = [
  { name: "mainnet-180", params: () => paramsOfGenesisFile(SKYCOIN), head: 180 },
  { name: "devchain", params: devchainParams, head: 11 },
];

function blocksOf(chain: string): SignedBlock[] {
  return conformanceLines<BlockLine>(`${chain}/blocks.jsonl`).map((line) =>
    decodeSignedBlock(fromHex(line.block_hex + line.sig_hex)),
  );
}

async function openChain(params: ChainParams): Promise<{ chain: Blockchain; store: PlainStore }> {
  const store = new PlainStore();
  const chain = await Blockchain.open({ params, store, recovery: inlineRecovery(), log: silentLogger });
  return { chain, store };
}

for (const { name, params, head } of CHAINS) {
  test(`the recorded blocks of ${name} decode, hash and encode to the recorded bytes`, { skip }, () => {
    for (const line of conformanceLines<BlockLine>(`${name}/blocks.jsonl`)) {
      const bytes = fromHex(line.block_hex);
      const block = decodeBlock(bytes);
      assert.equal(hashHex(blockHash(block)), line.block_hash);
      assert.deepEqual(block.transactions.map(txid).map(hashHex), line.txids);
      assert.equal(
        toHex(encodeBlock({ header: { ...block.header }, transactions: block.transactions })),
        line.block_hex,
      );
    }
  });

  test(`executing the recorded blocks of ${name} gives the recorded unspent set and set hash`, { skip }, async () => {
    const { chain, store } = await openChain(params());
    const blocks = blocksOf(name);
    assert.equal(hashHex(chain.genesisHash), hashHex(blockHash(blocks[0] as SignedBlock)));
    const { executed, error } = await chain.executePrepared(await chain.prepare(blocks.slice(1)));
    assert.equal(error, undefined);
    assert.equal(executed, head);
    assert.equal(chain.head().seq, head);

    const recorded = conformanceLines<UnspentLine>(`${name}/unspents.jsonl`);
    const ours = [...store.allUnspents()].map(({ id, ux }) => ({ hash: hashHex(id), ux_hex: toHex(encodeUxOut(ux)) }));
    assert.deepEqual(
      ours,
      recorded.map(({ hash, ux_hex }) => ({ hash, ux_hex })).sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    );
    const set = [...store.allUnspents()].reduce((xor, { ux }) => xorHash(xor, snapshotHash(ux)), NULL_HASH);
    assert.equal(hashHex(chain.head().setHash), hashHex(set));
    for (const { id, ux } of store.allUnspents()) assert.equal(hashHex(uxId(ux.body)), hashHex(id));
  });

  test(`the recorded unconfirmed transactions of ${name} enter the pool as recorded`, { skip }, async () => {
    const { chain, store } = await openChain(params());
    await chain.executePrepared(await chain.prepare(blocksOf(name).slice(1)));
    const pool = new UnconfirmedPool({
      chain,
      store,
      params: chain.params,
      clock: new ManualClock(),
      log: silentLogger,
    });
    for (const line of conformanceLines<UnconfirmedLine>(`${name}/unconfirmed.jsonl`)) {
      const txn = decodeTransaction(fromHex(line.txn_hex));
      assert.equal(hashHex(txid(txn)), line.txid);
      assert.equal(hashHex(computeInnerHash(txn)), line.inner_hash);
      const { known, softError } = await pool.injectFromPeer(txn);
      assert.equal(known, false);
      assert.equal(softError === undefined ? 1 : 0, line.is_valid);
    }
  });
}
