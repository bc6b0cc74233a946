import { createReadStream, createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { encodeBlock, type SignedBlock } from "../../src/chain/block.ts";
import { type ChainParams, DEFAULT_VERIFY } from "../../src/chain/params.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import { type Coin, type Owner, out, owners, spend, TestChain } from "../../test/support/chain.ts";
import { type ParamsFile, paramsOfFile } from "../../test/support/conformance-chain.ts";

/** A chain in two files: a block a line with `block_hex` and `sig_hex`, and what identifies it. */
export interface ChainFiles {
  readonly chain: string;
  readonly params: string;
}

/** Time between blocks: outputs earn the hours they spend, however long the chain is. */
const SPACING_SECONDS = 3600;

export interface BenchChainOptions {
  readonly blocks: number;
  readonly transactions: number;
  readonly addresses: number;
}

/**
 * Makes `blocks` blocks of `transactions` payments each after a block that splits the genesis coins. A payment has one
 * input and two outputs: nearly all goes to another of `addresses` addresses, the rest back as change. Few addresses
 * would not be a fair chain: a reference node keeps one list per address and writes it anew at each use, so that with
 * all change on one address it does 1,000 transactions per second at first and 170 at block 500. The volume is that of
 * the reference's plain build, so its nodes follow the chain too.
 */
export async function makeBenchChain(
  directory: string,
  { blocks, transactions, addresses }: BenchChainOptions,
): Promise<ChainFiles> {
  const people = owners("bench", addresses);
  const pick = picker(addresses);
  const source = await TestChain.open();
  const { chain } = source;
  const files = { chain: join(directory, "chain.jsonl"), params: join(directory, "chain.params.json") };
  const sink = createWriteStream(files.chain);
  const write = (block: SignedBlock) => {
    sink.write(`${JSON.stringify({ block_hex: toHex(encodeBlock(block)), sig_hex: toHex(block.sig) })}\n`);
  };
  write(chain.genesis);
  chain.onBlock.on(({ block }) => write(block));
  const first = people[0] as Owner;
  let coins: { coin: Coin; owner: Owner }[] = (await source.fund(first, transactions, 1_000_000n)).map((coin) => ({
    coin,
    owner: first,
  }));
  for (let i = 0; i < blocks; i++) {
    const payments = coins.map(({ coin, owner }) => {
      const payee = people[pick()] as Owner;
      const { coins: amount, hours } = coin.ux.body;
      const outputs = [out(payee, amount - 1_000n, hours - hours / 5n), out(owner, 1_000n, hours / 10n)];
      return { payee, txn: spend([coin], outputs) };
    });
    const block = await source.add(
      payments.map(({ txn }) => txn),
      { time: chain.stagedHead().time + SPACING_SECONDS },
    );
    coins = payments.map(({ payee, txn }) => ({ coin: source.coinsOf(payee, txn, block)[0] as Coin, owner: payee }));
  }
  sink.end();
  await finished(sink);
  const { publisherKey, genesis } = chain.params;
  const params: ParamsFile & { readonly genesis_hash: string } = {
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

/** Numbers below `count`, the same in every run (a linear congruential generator). */
function picker(count: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * count);
  };
}

/** What a node must know of the chain. */
export async function readBenchParams(path: string): Promise<ChainParams> {
  const file = JSON.parse(await readFile(path, "utf8")) as ParamsFile;
  return { ...paramsOfFile(file), unconfirmed: DEFAULT_VERIFY };
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
