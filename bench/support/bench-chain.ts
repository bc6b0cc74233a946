import { createReadStream, createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { encodeBlock, type SignedBlock } from "../../src/chain/block.ts";
import { type ChainParams, DEFAULT_VERIFY } from "../../src/chain/params.ts";
import type { Droplets } from "../../src/chain/uxout.ts";
import { decodeAddress, encodeAddress } from "../../src/cipher/address.ts";
import { parsePublicKey } from "../../src/cipher/keys.ts";
import { parseSignature } from "../../src/cipher/sign.ts";
import { paramsOfGenesisFile } from "../../src/config/genesis-file.ts";
import { SKYCOIN } from "../../src/config/skycoin.ts";
import { type Coin, out, owners, spend, TestChain } from "../../test/support/chain.ts";

/** A chain in two files: a block a line with `block_hex` and `sig_hex`, and what identifies it. */
export interface ChainFiles {
  readonly chain: string;
  readonly params: string;
}

interface ParamsFile {
  readonly blockchain_public_key: string;
  readonly genesis_address: string;
  readonly genesis_coins: number;
  readonly genesis_timestamp: number;
  readonly genesis_hash: string;
  readonly genesis_signature: string;
}

/** Time between blocks: outputs earn the hours they spend, however long the chain is. */
const SPACING_SECONDS = 3600;

/**
 * Makes `blocks` blocks of `transactions` payments each, one input and two outputs, after a block that splits the
 * genesis coins. The volume is that of the reference's plain build, so its nodes follow the chain too.
 */
export async function makeBenchChain(
  directory: string,
  { blocks, transactions }: { readonly blocks: number; readonly transactions: number },
): Promise<ChainFiles> {
  const [owner, other] = owners("bench", 2) as [ReturnType<typeof owners>[number], ReturnType<typeof owners>[number]];
  const source = await TestChain.open();
  const { chain } = source;
  const files = { chain: join(directory, "chain.jsonl"), params: join(directory, "chain.params.json") };
  const sink = createWriteStream(files.chain);
  const write = (block: SignedBlock) => {
    sink.write(`${JSON.stringify({ block_hex: toHex(encodeBlock(block)), sig_hex: toHex(block.sig) })}\n`);
  };
  write(chain.genesis);
  chain.onBlock.on(({ block }) => write(block));
  let coins: Coin[] = await source.fund(owner, transactions, 1_000_000n);
  for (let i = 0; i < blocks; i++) {
    const txns = coins.map((coin) => {
      const { coins: amount, hours } = coin.ux.body;
      return spend([coin], [out(owner, amount - 1_000n, hours - hours / 5n), out(other, 1_000n, hours / 10n)]);
    });
    const block = await source.add(txns, { time: chain.stagedHead().time + SPACING_SECONDS });
    coins = txns.map((txn) => source.coinsOf(owner, txn, block)[0] as Coin);
  }
  sink.end();
  await finished(sink);
  const { publisherKey, genesis } = chain.params;
  const params: ParamsFile = {
    blockchain_public_key: toHex(publisherKey),
    genesis_address: encodeAddress(genesis.address),
    genesis_coins: Number(genesis.volume),
    genesis_timestamp: genesis.time,
    genesis_hash: toHex(chain.genesisHash),
    genesis_signature: toHex(chain.genesis.sig),
  };
  await writeFile(files.params, JSON.stringify(params));
  return files;
}

/** What a node must know of the chain. */
export async function readBenchParams(path: string): Promise<ChainParams> {
  const file = JSON.parse(await readFile(path, "utf8")) as ParamsFile;
  return {
    ...paramsOfGenesisFile(SKYCOIN),
    publisherKey: parsePublicKey(file.blockchain_public_key),
    genesis: {
      address: decodeAddress(file.genesis_address),
      time: file.genesis_timestamp,
      volume: BigInt(file.genesis_coins) as Droplets,
      signature: parseSignature(file.genesis_signature),
    },
    unconfirmed: DEFAULT_VERIFY,
  };
}

/** Blocks as on the wire, signature last; at most `max` of them after the genesis block. */
export async function readBenchBlocks(path: string, max = Number.POSITIVE_INFINITY): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = [];
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const { block_hex, sig_hex } = JSON.parse(line) as { block_hex: string; sig_hex: string };
    blocks.push(fromHex(block_hex + sig_hex));
    if (blocks.length > max) break;
  }
  return blocks;
}
