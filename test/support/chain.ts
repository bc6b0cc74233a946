import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type Block, blockHash, computeBodyHash, type SignedBlock } from "../../src/chain/block.ts";
import { Blockchain } from "../../src/chain/blockchain.ts";
import { type ChainParams, DEFAULT_BLOCK_SIZE, DEFAULT_VERIFY, validateParams } from "../../src/chain/params.ts";
import { inlineRecovery, type SignatureRecovery } from "../../src/chain/signatures.ts";
import type { ChainStore, Head, IdentifiedUxOut } from "../../src/chain/store.ts";
import { newTransaction, signTransaction, type Transaction, type TxOut, txid } from "../../src/chain/transaction.ts";
import { createUnspents } from "../../src/chain/unspents.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { type Address, addressOf } from "../../src/cipher/address.ts";
import { deterministicKeys, type KeyPair, publicKeyOf, type SecretKey } from "../../src/cipher/keys.ts";
import { type Signature, signHash } from "../../src/cipher/sign.ts";
import "./native.ts";
import { PlainStore } from "./plain-store.ts";

export interface Owner extends KeyPair {
  readonly address: Address;
}

/** `count` throw-away keys that are the same in every run. */
export function owners(seed: string, count: number): Owner[] {
  const { keys } = deterministicKeys(new TextEncoder().encode(seed), count);
  return keys.map((key) => ({ ...key, address: addressOf(key.public) }));
}

export const [publisher, genesisOwner, alice, bob, carol, locked] = owners("chain tests", 6) as [
  Owner,
  Owner,
  Owner,
  Owner,
  Owner,
  Owner,
];

export const GENESIS_TIME = 1_600_000_000;
export const VOLUME = 100_000_000_000_000n;

/** A small chain of its own: Skycoin's policy, one locked address. */
export function testParams(changes: Partial<ChainParams> = {}): ChainParams {
  return validateParams({
    coin: "testcoin",
    publisherKey: publisher.public,
    genesis: { address: genesisOwner.address, time: GENESIS_TIME, volume: VOLUME as Droplets },
    distribution: {
      maxCoinSupply: 100_000_000n,
      initialUnlockedCount: 1,
      unlockAddressRate: 1,
      unlockTimeInterval: 31_536_000,
      addresses: [carol.address, locked.address],
    },
    unconfirmed: DEFAULT_VERIFY,
    createBlock: DEFAULT_VERIFY,
    user: DEFAULT_VERIFY,
    maxBlockTransactionsSize: DEFAULT_BLOCK_SIZE,
    ...changes,
  });
}

export function out(to: { readonly address: Address }, coins: bigint, hours: bigint): TxOut {
  return { address: to.address, coins: coins as Droplets, hours: hours as Hours };
}

export interface Coin extends IdentifiedUxOut {
  readonly secret: SecretKey;
}

/** A signed transaction spending `coins`. */
export function spend(coins: readonly Coin[], outputs: readonly TxOut[]): Transaction {
  const unsigned = newTransaction(
    coins.map((coin) => coin.id),
    outputs,
  );
  return signTransaction(
    unsigned,
    coins.map((coin) => coin.secret),
  );
}

export function signBlock(block: Block, secret: SecretKey = publisher.secret): SignedBlock {
  return { ...block, sig: signHash(blockHash(block), secret) };
}

/** A correctly linked block on `head`, a second after it, but for `changes`. */
export function blockAfter(
  head: Head,
  transactions: readonly Transaction[],
  changes: Partial<Block["header"]> = {},
): Block {
  const header = {
    version: 0,
    time: head.time + 1,
    seq: head.seq + 1,
    fee: 0n as Hours,
    prevHash: head.hash,
    bodyHash: computeBodyHash(transactions),
    uxHash: head.setHash,
    ...changes,
  };
  return { header, transactions };
}

/** A clock that moves when told. */
export class ManualClock implements Clock {
  ms = GENESIS_TIME * 1000 + 1_000_000_000;
  readonly #timers = new Set<{ readonly due: number; readonly run: () => void }>();

  nowMs(): number {
    return this.ms;
  }

  monotonicMs(): number {
    return this.ms;
  }

  /** Timers of 0 ms run by themselves, as soon as the stack is empty. */
  after(ms: number, run: () => void): () => void {
    const timer = { due: this.ms + ms, run };
    this.#timers.add(timer);
    if (ms === 0) setImmediate(() => this.#fire());
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.ms += ms;
    this.#fire();
  }

  #fire(): void {
    for (const timer of [...this.#timers]) {
      if (timer.due > this.ms || !this.#timers.delete(timer)) continue;
      timer.run();
    }
  }
}

/** A chain on a store, with a hand that makes correctly linked and signed blocks for it. */
export class TestChain {
  readonly chain: Blockchain;
  readonly store: ChainStore;

  private constructor(chain: Blockchain, store: ChainStore) {
    this.chain = chain;
    this.store = store;
  }

  static async open(
    options: { readonly params?: ChainParams; readonly store?: ChainStore; readonly recovery?: SignatureRecovery } = {},
  ): Promise<TestChain> {
    const { params = testParams(), store = new PlainStore(), recovery = inlineRecovery() } = options;
    const secretKey = publisher.secret;
    const chain = await Blockchain.open({ params, store, recovery, log: silentLogger, secretKey });
    return new TestChain(chain, store);
  }

  /** The next block on the staged head, as a publisher would make it, before signing. */
  block(transactions: readonly Transaction[], changes: Partial<Block["header"]> = {}): Block {
    const head = this.chain.stagedHead();
    return blockAfter(head, transactions, { time: head.time + 10, ...changes });
  }

  async add(transactions: readonly Transaction[], changes: Partial<Block["header"]> = {}): Promise<SignedBlock> {
    const block = signBlock(this.block(transactions, changes));
    await this.chain.execute(block);
    return block;
  }

  /** The genesis output, as something to spend. */
  genesisCoin(): Coin {
    const genesis = this.chain.genesis;
    const [first] = createUnspents(genesis.transactions[0] as Transaction, { time: genesis.header.time, seq: 0 });
    return { ...(first as IdentifiedUxOut), secret: genesisOwner.secret };
  }

  /** The outputs of an executed transaction that `owner` holds. */
  coinsOf(owner: Owner, txn: Transaction, block: SignedBlock): Coin[] {
    const mine = Buffer.from(owner.address);
    return createUnspents(txn, { time: block.header.time, seq: block.header.seq })
      .filter(({ ux }) => mine.equals(ux.body.address))
      .map((coin) => ({ ...coin, secret: owner.secret }));
  }

  /** Block 1: the whole volume in `parts` equal outputs for `owner`, each with `hours`. */
  async fund(owner: Owner, parts: number, hours = 1_000_000n): Promise<Coin[]> {
    const each = (VOLUME / BigInt(parts) / 1_000_000n) * 1_000_000n; // whole coins, so that no decimals are in the way
    // Outputs of one transaction must differ, so the hours do.
    const outputs = Array.from({ length: parts }, (_, i) => out(owner, each, hours + BigInt(i)));
    outputs[0] = out(owner, VOLUME - each * BigInt(parts - 1), hours);
    const txn = spend([this.genesisCoin()], outputs);
    const block = await this.add([txn]);
    return this.coinsOf(owner, txn, block);
  }
}

export { publicKeyOf, txid };

const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The other signature of the same key over the same digest: s above 2^255, which the chain does not accept. */
export function malleated(sig: Signature): Signature {
  const s = BigInt(`0x${Buffer.from(sig.subarray(32, 64)).toString("hex")}`);
  const other = sig.slice();
  other.set(Buffer.from((GROUP_ORDER - s).toString(16).padStart(64, "0"), "hex"), 32);
  other[64] = (sig[64] as number) ^ 1;
  return other as Signature;
}

/** r = 0: no key can be recovered, yet it is not the null signature. */
export const HOPELESS_SIGNATURE = new Uint8Array(65).fill(1, 32, 64) as Signature;
