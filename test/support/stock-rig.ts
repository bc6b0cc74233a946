import { errorText } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { BlockEvent } from "../../src/chain/blockchain.ts";
import { type Transaction, txid } from "../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import type { Address } from "../../src/cipher/address.ts";
import { type HashHex, hashHex } from "../../src/cipher/hash.ts";
import { STOCK_OPTIONS, Stock, type StockOptions } from "../../src/login/stock.ts";
import { isReady } from "../../src/login/stock-plan.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { type Coin, genesisOwner, type Owner, out, owners, spend, TestChain, testParams } from "./chain.ts";
import { LoginTestClock } from "./login-rig.ts";

const LANES = owners("login stock", 8);
/** Where coins come back to. */
const RETURNS = owners("return addresses", 1)[0] as Owner;
export const READY_TARGET = 16;
const OPTIONS: StockOptions = { ...STOCK_OPTIONS, readyTarget: READY_TARGET, batchMax: 8, lowLogins: 10 };

/** What a stock begins with: `parts` outputs of so many fundings' coins and so many hours each. */
export interface Endowment {
  readonly parts: number;
  readonly fundings: bigint;
  readonly hours: bigint;
}

/**
 * A stock on a chain in memory, whose blocks are made when told. Whatever it hands in is checked by the chain's rules and
 * against what it promises.
 */
export class StockRig {
  readonly chain: TestChain;
  readonly pool: UnconfirmedPool;
  readonly clock: LoginTestClock;
  stock: Stock;
  /** Nobody takes transactions. */
  isDown = false;
  /** Handed in so far, told again or not. */
  readonly sent = new Map<HashHex, Transaction>();
  /** What the stock did that it promises not to. */
  readonly faults: string[] = [];
  /** Addresses whose funding the stock has given up. */
  lost: Address[] = [];

  private constructor(parts: Pick<StockRig, "chain" | "pool" | "clock">) {
    this.chain = parts.chain;
    this.pool = parts.pool;
    this.clock = parts.clock;
    this.stock = this.#open();
    this.chain.chain.onBlock.on((event) => this.#takeHome(event));
  }

  static async start({ parts, fundings, hours }: Endowment): Promise<StockRig> {
    const [clock, store] = [new LoginTestClock(), new MemoryStore()];
    const chain = await TestChain.open({ store });
    const pool = new UnconfirmedPool({ chain: chain.chain, store, params: testParams(), clock, log: silentLogger });
    const each = OPTIONS.amount * fundings;
    const outputs = Array.from({ length: parts }, (_, i) =>
      out(LANES[i % LANES.length] as Owner, each, hours + BigInt(i)),
    );
    const genesis = chain.genesisCoin();
    outputs.push(out(genesisOwner, genesis.ux.body.coins - each * BigInt(parts), 1n));
    await chain.add([spend([genesis], outputs)]);
    const rig = new StockRig({ chain, pool, clock });
    await rig.settle();
    return rig;
  }

  #open(): Stock {
    const { chain, pool, clock } = this;
    const keys = LANES.map(({ secret }) => secret);
    const deps = {
      chain: chain.chain,
      pool,
      clock,
      log: silentLogger,
      submit: (txn: Transaction) => this.#submit(txn),
    };
    const stock = new Stock(keys, OPTIONS, deps);
    stock.onLost.on((addresses) => this.lost.push(...addresses));
    stock.start();
    return stock;
  }

  async #submit(txn: Transaction): Promise<void> {
    const id = hashHex(txid(txn));
    if (!this.sent.has(id)) this.#judge(txn);
    if (this.isDown) throw new Error("the network is down");
    try {
      const { softError } = await this.pool.injectFromPeer(txn);
      if (softError !== undefined) throw softError;
    } catch (error) {
      const isSpent = txn.inputs.some((input) => this.chain.store.unspent(input) === undefined);
      if (!isSpent) this.faults.push(`refused by the chain's rules: ${errorText(error)}`);
      throw error;
    }
    this.sent.set(id, txn);
  }

  /**
   * Spends nothing that another one is about to spend, and makes no more ready outputs than are missing, but that the
   * rest of each refill may happen to be of their size.
   */
  #judge(txn: Transaction): void {
    const taken = new Set(this.living().flatMap((other) => other.inputs.map(hashHex)));
    for (const input of txn.inputs) {
      if (taken.has(hashHex(input))) this.faults.push(`${hashHex(input)} is spent twice`);
    }
    if (this.isFunding(txn)) return;
    const refills = [...this.living(), txn].filter((one) => !this.isFunding(one));
    const coming = refills.flatMap(({ outputs }) => outputs.filter((output) => isReady(output, this.stock.rules)));
    if (this.stock.ready + coming.length > READY_TARGET + refills.length) {
      this.faults.push(`${this.stock.ready} ready and ${coming.length} coming are more than ${READY_TARGET}`);
    }
  }

  /** Pays somebody else. */
  isFunding({ outputs }: Transaction): boolean {
    return outputs.some(({ address }) => LANES.every((lane) => hex(lane.address) !== hex(address)));
  }

  /** In the pool, and a block could take them. */
  living(): Transaction[] {
    return this.pool
      .all()
      .map(({ txn }) => txn)
      .filter(({ inputs }) => inputs.every((id) => this.chain.store.unspent(id) !== undefined));
  }

  /** A block of what `wanted` says of the pool. */
  async mine(wanted: (index: number) => boolean = () => true): Promise<void> {
    const taken = new Set<HashHex>();
    const chosen = this.living().filter(({ inputs }, i) => {
      if (!wanted(i) || inputs.some((id) => taken.has(hashHex(id)))) return false;
      for (const id of inputs) taken.add(hashHex(id));
      return true;
    });
    if (chosen.length > 0) await this.chain.add(chosen);
    await this.pool.removeInvalid();
    await this.settle();
  }

  /** The keys are the operator's too: coins of the stock go elsewhere without asking it. */
  async spendBehindItsBack(which: number): Promise<void> {
    const coins = LANES.flatMap((lane) => this.coinsOf(lane));
    const coin = coins[which % coins.length];
    if (coin === undefined) return;
    const { coins: droplets, hours } = coin.ux.body;
    if (hours < 2n) return;
    await this.chain.add([spend([coin], [out(genesisOwner, droplets, 0n)])]);
    await this.pool.removeInvalid();
    await this.settle();
  }

  /** A visitor returns a coin, if there is one. */
  async giveBack(visitor: Owner): Promise<void> {
    const [coin] = this.coinsOf(visitor);
    if (coin === undefined || this.living().some(({ inputs }) => inputs.some((id) => hex(id) === hex(coin.id)))) return;
    await this.pool.injectFromPeer(spend([coin], [out(RETURNS, coin.ux.body.coins, coin.ux.body.hours - 1n)]));
  }

  get returnAddress(): Address {
    return RETURNS.address;
  }

  coinsOf(owner: Owner): Coin[] {
    return this.chain.store.unspentsOf(owner.address).map((output) => ({ ...output, secret: owner.secret }));
  }

  /** The process ends and another goes on. */
  async restart(): Promise<void> {
    await this.stock.stop();
    this.stock = this.#open();
    for (const coin of this.coinsOf(RETURNS)) {
      if (!this.stock.holds(hashHex(coin.id))) this.stock.addReturned(coin, coin.secret);
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.clock.advance(1);
  }

  #takeHome({ change }: BlockEvent): void {
    for (const output of change.created.flat()) {
      if (hex(output.ux.body.address) === hex(RETURNS.address)) this.stock.addReturned(output, RETURNS.secret);
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
