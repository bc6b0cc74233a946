import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BlockEvent } from "../chain/blockchain.ts";
import { coinHoursOrZero } from "../chain/hours.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import { type Address, encodeAddress } from "../cipher/address.ts";
import { hashHex } from "../cipher/hash.ts";
import type { LoginChain, LoginPool } from "./chain.ts";
import type { Cause } from "./challenge.ts";
import type { LoginClock } from "./deadline.ts";
import type { Stock } from "./stock.ts";

export interface FundingDeps {
  readonly chain: Pick<LoginChain, "head" | "onBlock"> & { readonly store: Pick<LoginChain["store"], "unspentsOf"> };
  readonly pool: Pick<LoginPool, "incoming" | "outgoing">;
  /** Absent: this node funds nobody. */
  readonly stock: Pick<Stock, "fund" | "onLost" | "state"> | undefined;
  readonly clock: LoginClock;
  readonly log: Logger;
}

/** What becomes of a wish, told once each time. */
export interface FundingListener {
  /** The address holds a coin it can return. */
  onFunded(address: string): void;
  onFailed(address: string, cause: Cause): void;
}

interface Wish {
  readonly address: Address;
  readonly text: string;
  readonly sinceMs: number;
  sent: boolean;
}

const RETRY_MS = 250;
const RETRY_MS_MAX = 2_000;
/** Nothing was ready for so long: the wish fails. Refills take blocks, and the publisher may be starting again. */
const GIVE_UP_MS = 30_000;
/** Addresses waiting for a coin at a time. */
const WISHES_MAX = 10_000;

/**
 * Gets a coin to each login address that has none to return. Wishes that wait share a transaction; one for an
 * address that has a coin, or for which one is on its way, needs none.
 */
export class Funding {
  readonly #deps: FundingDeps;
  readonly #amount: bigint;
  readonly #listener: FundingListener;
  /** By address, hex. */
  readonly #wishes = new Map<string, Wish>();
  /** Being handed in: not in the pool yet, and not to be asked for again by a wish that is made anew. */
  #leaving: ReadonlySet<string> = new Set();
  readonly #stop: (() => void)[] = [];
  #pumping: Promise<void> | undefined;
  #retryMs = RETRY_MS;
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(amount: bigint, deps: FundingDeps, listener: FundingListener) {
    this.#amount = amount;
    this.#deps = deps;
    this.#listener = listener;
  }

  start(): void {
    const { chain, stock } = this.#deps;
    this.#stop.push(chain.onBlock.on((event) => this.#onBlock(event)));
    if (stock !== undefined) this.#stop.push(stock.onLost.on((addresses) => this.#onLost(addresses)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    for (const stop of this.#stop) stop();
    await this.#pumping;
  }

  /** Funds anybody at all. */
  get isOn(): boolean {
    return this.#deps.stock !== undefined;
  }

  /** The address holds confirmed coins that it can return now: enough, with an hour to burn, not being spent. */
  canReturn(address: Address): boolean {
    const { chain, pool } = this.#deps;
    const spending = pool.outgoing();
    const at = chain.head().time;
    let [coins, hours] = [0n, 0n];
    for (const { id, ux } of chain.store.unspentsOf(address)) {
      if (spending.some((other) => hashHex(other.id) === hashHex(id))) continue;
      coins += ux.body.coins;
      hours += coinHoursOrZero(ux, at);
    }
    return coins >= this.#amount && hours > 0n;
  }

  /** Sees to it that the address gets a coin. The listener hears what comes of it. */
  wish(address: Address): void {
    const [key, text] = [toHex(address), encodeAddress(address)];
    if (this.#wishes.has(key)) return;
    if (this.#wishes.size >= WISHES_MAX) return void this.#listener.onFailed(text, EXHAUSTED);
    const sent = this.#leaving.has(key) || this.#deps.pool.incoming().some((output) => this.#pays(output, address));
    this.#wishes.set(key, { address, text, sinceMs: this.#deps.clock.monotonicMs(), sent });
    if (!sent) this.#pump();
  }

  /** Nobody waits for it any more. One that was sent arrives all the same. */
  forget(address: Address): void {
    this.#wishes.delete(toHex(address));
  }

  #pays({ ux }: IdentifiedUxOut, address: Address): boolean {
    return toHex(ux.body.address) === toHex(address) && ux.body.coins >= this.#amount && ux.body.hours > 0n;
  }

  #pump(): void {
    if (this.#stopped) return;
    this.#pumping ??= this.#send().finally(() => {
      this.#pumping = undefined;
    });
  }

  async #send(): Promise<void> {
    const { stock, clock, log } = this.#deps;
    await Promise.resolve(); // those who wish at the same time share the first transaction
    while (!this.#stopped && stock !== undefined) {
      const waiting = [...this.#wishes].filter(([, wish]) => !wish.sent);
      if (waiting.length === 0) return;
      for (const [, wish] of waiting) wish.sent = true; // not asked for twice meanwhile
      this.#leaving = new Set(waiting.map(([key]) => key));
      let sent: Awaited<ReturnType<Stock["fund"]>>;
      try {
        sent = await stock.fund(waiting.map(([, wish]) => wish.address));
        this.#retryMs = RETRY_MS;
      } catch (error) {
        log.debug({ error: errorText(error) }, "logins not funded, trying again");
      }
      this.#leaving = new Set();
      const funded = sent?.funded ?? 0;
      for (const [key] of waiting.slice(funded)) {
        const wish = this.#wishes.get(key);
        if (wish !== undefined) wish.sent = false;
      }
      if (funded === 0) return void this.#later(clock.monotonicMs());
    }
  }

  #later(nowMs: number): void {
    for (const [key, wish] of this.#wishes) {
      if (wish.sent || nowMs - wish.sinceMs < GIVE_UP_MS) continue;
      this.#wishes.delete(key);
      this.#listener.onFailed(wish.text, this.#deps.stock?.state().condition === "exhausted" ? EXHAUSTED : NOT_SENT);
    }
    if (this.#wishes.size === 0 || this.#cancelRetry !== undefined) return;
    this.#cancelRetry = this.#deps.clock.after(this.#retryMs, () => {
      this.#cancelRetry = undefined;
      this.#pump();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #onLost(addresses: readonly Address[]): void {
    for (const address of addresses) {
      const wish = this.#wishes.get(toHex(address));
      if (wish !== undefined) wish.sent = false;
    }
    this.#pump();
  }

  #onBlock({ change }: BlockEvent): void {
    if (this.#wishes.size > 0) {
      for (const output of change.created.flat()) {
        const key = toHex(output.ux.body.address);
        const wish = this.#wishes.get(key);
        if (wish === undefined || !this.#pays(output, wish.address)) continue;
        this.#wishes.delete(key);
        this.#listener.onFunded(wish.text);
      }
    }
    if ([...this.#wishes.values()].some(({ sent }) => !sent)) this.#pump(); // a refill may have arrived
  }
}

const EXHAUSTED: Cause = {
  code: "funding_exhausted",
  text: "There are no coins left to lend for the proof. Send one from your own wallet, or try again later.",
};
const NOT_SENT: Cause = {
  code: "funding_failed",
  text: "No coin could be sent to your address: the publisher cannot be reached. Try again later.",
};
