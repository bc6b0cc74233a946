import { equalBytes, toHex } from "../base/bytes.ts";
import { Emitter } from "../base/emitter.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BlockEvent } from "../chain/blockchain.ts";
import { precisionDivisor } from "../chain/droplet.ts";
import { coinHoursOrZero } from "../chain/hours.ts";
import type { ChainParams } from "../chain/params.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import { newTransaction, signTransaction, type Transaction, txid } from "../chain/transaction.ts";
import { type Address, addressOf, encodeAddress } from "../cipher/address.ts";
import { type Hash, type HashHex, hashHex } from "../cipher/hash.ts";
import { publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import type { LoginChain, LoginPool, Submit } from "./chain.ts";
import type { LoginClock } from "./deadline.ts";
import type { StockState } from "./service.ts";
import { type Coin, isReady, loginsLeft, type Plan, planFunding, planRefill, type StockRules } from "./stock-plan.ts";

export interface StockOptions {
  /** Droplets of one funding. */
  readonly amount: bigint;
  readonly fundedHours: bigint;
  /** Ready outputs to keep. */
  readonly readyTarget: number;
  /** Logins that can still be funded when the warning comes. */
  readonly lowLogins: number;
  /** Fundings that share a transaction at most. */
  readonly batchMax: number;
}

export const STOCK_OPTIONS: StockOptions = {
  amount: 10_000n,
  fundedHours: 4n,
  readyTarget: 256,
  lowLogins: 1_000,
  batchMax: 64,
};

export interface StockDeps {
  readonly chain: LoginChain;
  readonly pool: LoginPool;
  readonly submit: Submit;
  readonly clock: LoginClock;
  readonly log: Logger;
}

interface Owned {
  readonly output: IdentifiedUxOut;
  readonly secret: SecretKey;
  /** At a return address: swept home with the next refill. */
  readonly returned: boolean;
}

interface Pending {
  readonly id: HashHex;
  readonly txn: Transaction;
  /** Login addresses it funds; empty for refills. */
  readonly funds: readonly Address[];
  readonly sinceMs: number;
  toldMs: number;
}

/** A transaction of ours that no block has taken is told to the peers again. */
const TELL_AGAIN_MS = 2_000;
const UPKEEP_MS = 1_000;
/** A node that has just started may have blocks to fetch: what it holds is not judged yet. */
const QUIET_MS = 15_000;
/** Refills that may wait for a block at a time. */
const REFILLS_MAX = 3;
/** So many returned coins are worth a transaction of their own. */
const RETURNED_WORTH = 64;
/** Returned coins wait no longer than this for more of them. */
const RETURNED_WAIT_MS = 600_000;

/**
 * The coins that fund logins: many outputs of the size of one funding, kept ready ahead of demand, and the larger
 * ones they are made of. What is funded or refilled is reserved until a block has it, or until it turns out that
 * none will. The chain is the memory: after a restart everything is read from there.
 */
export class Stock {
  readonly rules: StockRules;
  /** Addresses whose funding will not be after all. */
  readonly onLost = new Emitter<readonly Address[]>();
  readonly #options: StockOptions;
  readonly #deps: StockDeps;
  readonly #lanes: ReadonlyMap<string, SecretKey>;
  readonly #owned = new Map<HashHex, Owned>();
  /** Free and of the size of one funding. */
  readonly #ready = new Set<HashHex>();
  /** Output -> the transaction of ours that spends it. */
  readonly #reserved = new Map<HashHex, HashHex>();
  readonly #pending = new Map<HashHex, Pending>();
  readonly #stop: (() => void)[] = [];
  #returnedSinceMs: number | undefined;
  #refilling = false;
  #lastCondition: StockState["condition"] = "ok";
  #retryAtMs = 0;
  #quietUntilMs = 0;
  /** Head when it started. */
  #startSeq = 0;
  #stopped = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(keys: readonly SecretKey[], options: StockOptions, deps: StockDeps) {
    this.#options = options;
    this.#deps = deps;
    const lanes = keys.map((secret) => ({ secret, address: addressOf(publicKeyOf(secret)) }));
    this.#lanes = new Map(lanes.map(({ secret, address }) => [toHex(address), secret]));
    this.rules = stockRules(
      lanes.map(({ address }) => address),
      deps.chain.params,
      options,
    );
  }

  /** Reads what is there, begins to keep it in shape. */
  start(): void {
    const { chain, pool, clock } = this.#deps;
    this.#quietUntilMs = clock.monotonicMs() + QUIET_MS;
    this.#startSeq = chain.head().seq;
    for (const address of this.rules.lanes) {
      const secret = this.#lanes.get(toHex(address)) as SecretKey;
      for (const output of chain.store.unspentsOf(address)) this.#add({ output, secret, returned: false });
    }
    this.#adopt((input) => this.#owned.has(hashHex(input)));
    this.#stop.push(
      chain.onBlock.on((event) => this.#onBlock(event)),
      pool.onChange.on(({ removed }) => {
        for (const id of removed) this.#onDropped(hashHex(id));
      }),
    );
    const tick = (): void => {
      if (this.#stopped) return;
      this.#upkeep();
      this.#stop[2] = clock.after(UPKEEP_MS, tick);
    };
    this.#stop[2] = clock.after(0, tick);
  }

  /** Begins nothing any more; waits for what is being submitted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#stop) stop();
    await this.#work;
  }

  /** Our transactions in the pool from before a restart, told by what they spend: their inputs are taken. */
  #adopt(isOurs: (input: Hash) => boolean): void {
    for (const { txn } of this.#deps.pool.all()) {
      if (!txn.inputs.some(isOurs) || this.#pending.has(hashHex(txid(txn)))) continue;
      const funds = txn.outputs.filter(({ address }) => !this.#lanes.has(toHex(address))).map(({ address }) => address);
      this.#reserve(txn, funds);
    }
  }

  /** Coins of this address are lent. */
  owns(address: Address): boolean {
    return this.#lanes.has(toHex(address));
  }

  /** Ready outputs that are free. */
  get ready(): number {
    return this.#ready.size;
  }

  /**
   * Funds addresses with one coin each, as many as ready outputs allow, in one transaction; the rest is for another
   * call. Resolves with the txid once the peers were told, undefined when nothing is ready.
   * @throws RuleError, CoinError NETWORK_* and the like: nothing was sent, the outputs are free again
   */
  async fund(addresses: readonly Address[]): Promise<{ readonly txid: HashHex; readonly funded: number } | undefined> {
    const count = Math.min(addresses.length, this.ready, this.#options.batchMax);
    if (count === 0) return undefined;
    const at = this.#deps.chain.head().time;
    const coins: Coin[] = [];
    for (const key of this.#ready) {
      if (coins.length === count) break;
      coins.push(this.#coin(key, this.#owned.get(key) as Owned, at));
    }
    const funds = addresses.slice(0, count);
    const sending = this.#send(planFunding(coins, funds, this.rules), funds);
    if (this.#isShort()) this.#upkeep();
    return { txid: await sending, funded: count };
  }

  /** A coin has arrived at a return address. */
  addReturned(output: IdentifiedUxOut, secret: SecretKey): void {
    this.#returnedSinceMs ??= this.#deps.clock.monotonicMs();
    this.#add({ output, secret, returned: true });
    // One that lay there before this process began may be on its way home already.
    if (output.ux.head.seq <= this.#startSeq) this.#adopt((input) => equalBytes(input, output.id));
  }

  /** Waits to be swept, or is being. */
  holds(id: HashHex): boolean {
    return this.#owned.has(id);
  }

  state(): StockState {
    const at = this.#deps.chain.head().time;
    let [coins, hours, outputs, reserved] = [0n, 0n, 0, 0];
    for (const [key, { output }] of this.#owned) {
      coins += output.ux.body.coins;
      hours += coinHoursOrZero(output.ux, at);
      outputs++;
      if (this.#reserved.has(key)) reserved++;
    }
    const left = loginsLeft(coins, hours, this.rules);
    const ready = this.ready;
    const condition = left === 0 && ready === 0 ? "exhausted" : left < this.#options.lowLogins ? "low" : "ok";
    return {
      address: encodeAddress(this.rules.lanes[0] as Address),
      ready,
      reserved,
      outputs,
      coins,
      hours,
      condition,
    };
  }

  /** Free, and not kept ready for fundings. */
  #free(returned: boolean): Coin[] {
    const at = this.#deps.chain.head().time;
    const coins: Coin[] = [];
    for (const [key, owned] of this.#owned) {
      if (owned.returned !== returned || this.#reserved.has(key) || this.#ready.has(key)) continue;
      coins.push(this.#coin(key, owned, at));
    }
    return coins;
  }

  #coin(key: HashHex, { output: { id, ux }, secret }: Owned, at: number): Coin {
    return { id, key, coins: ux.body.coins, hours: coinHoursOrZero(ux, at), secret };
  }

  #add(owned: Owned): void {
    const key = hashHex(owned.output.id);
    this.#owned.set(key, owned);
    if (this.#isReady(owned)) this.#ready.add(key);
  }

  #isReady({ output, returned }: Owned): boolean {
    return !returned && isReady(output.ux.body, this.rules);
  }

  /** Signs and submits; the inputs are reserved at once and freed again when it fails. */
  async #send(plan: Plan, funds: readonly Address[]): Promise<HashHex> {
    const unsigned = newTransaction(
      plan.inputs.map(({ id }) => id),
      plan.outputs,
    );
    const txn = signTransaction(
      unsigned,
      plan.inputs.map(({ secret }) => secret),
    );
    const pending = this.#reserve(txn, funds);
    const sending = this.#deps.submit(txn);
    this.#work = Promise.allSettled([this.#work, sending]);
    try {
      await sending;
    } catch (error) {
      // A block may have come first.
      if (this.#deps.chain.store.transaction(txid(txn)) === undefined) this.#release(pending);
      throw error;
    }
    return pending.id;
  }

  #reserve(txn: Transaction, funds: readonly Address[]): Pending {
    const id = hashHex(txid(txn));
    const nowMs = this.#deps.clock.monotonicMs();
    const pending = { id, txn, funds, sinceMs: nowMs, toldMs: nowMs };
    this.#pending.set(id, pending);
    for (const input of txn.inputs) {
      this.#reserved.set(hashHex(input), id);
      this.#ready.delete(hashHex(input));
    }
    return pending;
  }

  #release({ id, txn }: Pending): void {
    this.#pending.delete(id);
    for (const input of txn.inputs.map(hashHex)) {
      if (this.#reserved.get(input) === id) this.#reserved.delete(input);
      const owned = this.#owned.get(input);
      if (owned !== undefined && !this.#reserved.has(input) && this.#isReady(owned)) this.#ready.add(input);
    }
  }

  #onBlock({ change }: BlockEvent): void {
    change.txids.forEach((id, i) => {
      const key = hashHex(id);
      for (const spent of change.spent[i] ?? []) {
        const input = hashHex(spent.id);
        if (!this.#owned.delete(input)) continue;
        this.#ready.delete(input);
        // Spent by another transaction than ours: that one will never be.
        const by = this.#reserved.get(input);
        const lost = by === undefined || by === key ? undefined : this.#pending.get(by);
        if (lost !== undefined) this.#lose(lost);
        this.#reserved.delete(input);
      }
      this.#pending.delete(key);
      for (const output of change.created[i] ?? []) {
        const secret = this.#lanes.get(toHex(output.ux.body.address));
        if (secret !== undefined) this.#add({ output, secret, returned: false });
      }
    });
    if (this.#isShort()) this.#upkeep(); // what arrived may be what the next refill is made of
  }

  #isShort(): boolean {
    return this.ready < (this.#options.readyTarget * 3) / 4;
  }

  /** The pool let it go; unless a block has it, its inputs are free again. */
  #onDropped(id: HashHex): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || this.#deps.chain.store.transaction(txid(pending.txn)) !== undefined) return;
    this.#lose(pending);
  }

  #lose(pending: Pending): void {
    this.#release(pending);
    if (pending.funds.length > 0) this.onLost.emit(pending.funds);
  }

  #upkeep(): void {
    if (this.#stopped) return;
    this.#tellAgain();
    this.#report();
    if (this.#refilling || this.#deps.clock.monotonicMs() < this.#retryAtMs) return;
    this.#refilling = true;
    const refill = this.#refill()
      .catch((error: unknown) => {
        this.#retryAtMs = this.#deps.clock.monotonicMs() + TELL_AGAIN_MS;
        this.#deps.log.warn({ error: errorText(error) }, "login stock not refilled");
      })
      .finally(() => {
        this.#refilling = false;
      });
    this.#work = Promise.allSettled([this.#work, refill]);
  }

  #tellAgain(): void {
    const { clock, submit, log } = this.#deps;
    const nowMs = clock.monotonicMs();
    for (const pending of this.#pending.values()) {
      if (nowMs - pending.toldMs < TELL_AGAIN_MS) continue;
      pending.toldMs = nowMs;
      submit(pending.txn).catch((error: unknown) => {
        log.debug({ txid: pending.id, error: errorText(error) }, "login transaction not told again");
        const spendable = pending.txn.inputs.every((id) => this.#deps.chain.store.unspent(id) !== undefined);
        if (!spendable && this.#deps.chain.store.transaction(txid(pending.txn)) === undefined) this.#lose(pending);
      });
    }
  }

  async #refill(): Promise<void> {
    for (;;) {
      const refills = [...this.#pending.values()].filter(({ funds }) => funds.length === 0);
      if (this.#stopped || refills.length >= REFILLS_MAX) return;
      const coming = refills.reduce(
        (sum, { txn }) => sum + txn.outputs.filter((out) => isReady(out, this.rules)).length,
        0,
      );
      const missing = this.#options.readyTarget - this.ready - coming;
      const returned = this.#free(true);
      const own = this.#free(false);
      const want = missing >= this.#options.readyTarget / 4 ? missing : 0;
      if (want === 0 && !this.#worthSweeping(returned.length)) return;
      const plan = planRefill({ own, returned }, want, this.rules);
      if (plan === undefined) return;
      await this.#send(plan, []);
      if (this.#free(true).length === 0) this.#returnedSinceMs = undefined;
    }
  }

  #worthSweeping(count: number): boolean {
    if (count < 2) return false; // one alone would only burn its hours
    const since = this.#returnedSinceMs ?? this.#deps.clock.monotonicMs();
    return count >= RETURNED_WORTH || this.#deps.clock.monotonicMs() - since >= RETURNED_WAIT_MS;
  }

  #report(): void {
    if (this.#deps.clock.monotonicMs() < this.#quietUntilMs) return;
    const { condition, coins, hours, ready, address } = this.state();
    if (condition === this.#lastCondition) return;
    this.#lastCondition = condition;
    const fields = { address, ready, coins: String(coins), hours: String(hours) };
    if (condition === "low") this.#deps.log.warn(fields, "login stock runs low: send coins to its address");
    else if (condition === "exhausted")
      this.#deps.log.error(fields, "login stock is exhausted: send coins to its address");
    else this.#deps.log.info(fields, "login stock is sufficient again");
  }
}

export function stockRules(
  lanes: readonly Address[],
  { user }: Pick<ChainParams, "user">,
  { amount, fundedHours }: Pick<StockOptions, "amount" | "fundedHours">,
): StockRules {
  return { amount, fundedHours, burnFactor: user.burnFactor, unit: precisionDivisor(user.maxDecimals), lanes };
}
