import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BlockEvent } from "../chain/blockchain.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import { type Transaction, txid } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import { type Address, decodeAddress } from "../cipher/address.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import type { LoginChain, LoginPool } from "./chain.ts";
import { type Cause, type ChallengeRecord, isFinal, isOpen, lastChange, statusOf } from "./challenge.ts";
import type { ChallengeChange, Challenges } from "./challenges.ts";
import type { LoginClock } from "./deadline.ts";
import type { Funding, FundingListener } from "./funding.ts";
import type { FundingBudget } from "./funding-budget.ts";
import { judgeReturn, type ReturnTerms } from "./proof.ts";
import type { LoginSecrets } from "./secrets.ts";
import type { Stock } from "./stock.ts";

export interface WatcherDeps {
  readonly chain: LoginChain;
  readonly pool: LoginPool;
  readonly challenges: Challenges;
  readonly funding: Funding;
  readonly budget: FundingBudget;
  readonly stock: Stock | undefined;
  readonly secrets: LoginSecrets;
  readonly clock: LoginClock;
  readonly log: Logger;
}

/**
 * Follows chain and pool for the challenges that wait for a return: a valid one in the pool is `seen`, one in a block
 * of our own validated chain (V4) proves. Sees to funding, and hands returned coins to the stock.
 */
export class Watcher implements FundingListener {
  readonly #deps: WatcherDeps;
  /** Live challenges of method `return` by return address, hex. */
  readonly #byReturn = new Map<string, { readonly id: string; readonly terms: ReturnTerms }>();
  /** Txid of a return in the pool -> challenge. */
  readonly #seen = new Map<string, string>();
  /** A step of theirs could not be stored: looked at again. */
  readonly #doubtful = new Set<string>();
  readonly #stop: (() => void)[] = [];

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
  }

  /** Takes up the challenges that were under way: what happened meanwhile is read from the chain. */
  start(live: readonly ChallengeRecord[]): void {
    const { chain, pool, challenges } = this.#deps;
    this.#stop.push(
      challenges.onChange.on((change) => this.#guard(() => this.#onChallenge(change))),
      chain.onBlock.on((event) => this.#guard(() => this.#onBlock(event))),
      pool.onChange.on(({ added, removed }) => this.#guard(() => this.#onPool(added, removed))),
    );
    for (const record of live) this.#index(record);
    this.#takeUp(live);
    for (const record of live) {
      const { status, txid = "" } = lastChange(record);
      if (status === "seen" && !this.#seen.has(txid)) this.#attempt(record.id, challenges.move(record.id, "waiting"));
    }
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  /** Steps that failed are tried again. */
  retry(): void {
    if (this.#doubtful.size === 0) return;
    const records = [...this.#doubtful].flatMap((id) => this.#liveRecord(id) ?? []);
    this.#doubtful.clear();
    this.#takeUp(records);
  }

  /** What chain and pool know of them; then who has nothing to return, and nothing on its way back, gets a coin. */
  #takeUp(records: readonly ChallengeRecord[]): void {
    for (const record of records) this.recheck(record);
    for (const { txn } of this.#deps.pool.all()) this.#inspectPooled(txn);
    for (const { id } of records) this.#lookAfter(id);
  }

  /** Everything the chain knows of a challenge's return address. */
  recheck(record: ChallengeRecord): void {
    const { chain } = this.#deps;
    if (record.method !== "return") return;
    const address = decodeAddress(record.returnAddress);
    for (const output of chain.store.unspentsOf(address)) this.#takeHome(output, record.id);
    const history = chain.store.historyOf(address);
    for (let i = 0; i < history.length; i++) {
      const { txn, blockSeq } = history.at(i);
      const inputs = txn.inputs.map((input) => chain.store.uxOut(input)?.ux);
      if (inputs.every((ux) => ux !== undefined)) {
        this.#judge(record.id, termsOf(record), { txid: txid(txn), txn, inputs }, blockSeq);
      }
    }
  }

  onFunded(address: string): void {
    for (const { id, history } of this.#deps.challenges.openOf(address)) {
      if (history.at(-1)?.status === "funding") this.#attempt(id, this.#deps.challenges.move(id, "waiting"));
    }
  }

  onFailed(address: string, cause: Cause): void {
    for (const { id, history } of this.#deps.challenges.openOf(address)) {
      if (history.at(-1)?.status === "funding") this.#attempt(id, this.#deps.challenges.fail(id, cause));
    }
  }

  #onChallenge({ record, before, caller }: ChallengeChange): void {
    const { challenges, funding, budget, clock } = this.#deps;
    const status = statusOf(record);
    if (before === undefined) {
      budget.remember(record.id, caller);
      this.#index(record);
      // After the answer, which must not tell by its time whether the address has a coin (V7).
      if (status === "funding") clock.after(0, () => this.#guard(() => this.#lookAfter(record.id)));
      return;
    }
    if (status === before) return;
    if (status === "confirmed") budget.returned(record.id);
    if (isFinal(status)) {
      budget.forget(record.id);
      this.#byReturn.delete(toHex(decodeAddress(record.returnAddress)));
    }
    if (isOpen(status)) return;
    const others = challenges.openOf(record.loginAddress);
    if (others.length === 0) funding.forget(decodeAddress(record.loginAddress));
    for (const other of others) this.#lookAfter(other.id); // the coin they counted on may be gone
  }

  #index(record: ChallengeRecord): void {
    if (record.method !== "return") return;
    const terms = termsOf(record);
    this.#byReturn.set(toHex(terms.returnAddress), { id: record.id, terms });
  }

  /** Sees to it that the visitor has a coin to return. */
  #lookAfter(id: string): void {
    const { challenges, funding, budget } = this.#deps;
    const record = this.#liveRecord(id);
    if (record === undefined || record.method !== "return") return;
    const status = statusOf(record);
    if (status !== "funding" && status !== "waiting") return;
    const address = decodeAddress(record.loginAddress);
    if (!funding.isOn || funding.canReturn(address)) return void this.#attempt(id, challenges.move(id, "waiting"));
    const refusal = budget.spend(id);
    if (refusal !== undefined) return void this.#attempt(id, challenges.fail(id, refusal));
    this.#attempt(
      id,
      challenges.move(id, "funding").then(({ history }) => {
        if (history.at(-1)?.status === "funding") funding.wish(address);
      }),
    );
  }

  #liveRecord(id: string): ChallengeRecord | undefined {
    return this.#deps.challenges.peek(id);
  }

  #onPool(added: readonly Hash[], removed: readonly Hash[]): void {
    const { pool, chain, challenges } = this.#deps;
    if (this.#byReturn.size === 0) return;
    for (const id of added) {
      const record = pool.get(id);
      if (record !== undefined) this.#inspectPooled(record.txn);
    }
    for (const id of removed) {
      const challenge = this.#seen.get(hashHex(id));
      if (challenge === undefined) continue;
      this.#seen.delete(hashHex(id));
      if (chain.store.transaction(id) === undefined) this.#attempt(challenge, challenges.move(challenge, "waiting"));
    }
  }

  #inspectPooled(txn: Transaction): void {
    const { chain } = this.#deps;
    for (const { address } of txn.outputs) {
      const wanted = this.#byReturn.get(toHex(address));
      if (wanted === undefined) continue;
      const inputs = txn.inputs.map((input) => chain.store.unspent(input));
      if (inputs.every((ux) => ux !== undefined))
        this.#judge(wanted.id, wanted.terms, { txid: txid(txn), txn, inputs }, undefined);
    }
  }

  #onBlock({ block, change }: BlockEvent): void {
    block.transactions.forEach((txn, i) => {
      for (const { address } of txn.outputs) {
        const wanted = this.#byReturn.get(toHex(address));
        if (wanted === undefined) continue;
        const inputs = (change.spent[i] ?? []).map(({ ux }) => ux);
        this.#judge(wanted.id, wanted.terms, { txid: change.txids[i], txn, inputs }, block.header.seq);
        for (const output of change.created[i] ?? []) {
          if (toHex(output.ux.body.address) === toHex(address)) this.#takeHome(output, wanted.id);
        }
      }
    });
  }

  /** `blockSeq` undefined: it is in the pool. */
  #judge(
    id: string,
    terms: ReturnTerms,
    found: { readonly txid: Hash | undefined; readonly txn: Transaction; readonly inputs: readonly UxOut[] },
    blockSeq: number | undefined,
  ): void {
    const { challenges } = this.#deps;
    const record = this.#liveRecord(id);
    if (record === undefined || !isOpen(statusOf(record))) return;
    const judgement = judgeReturn(found.inputs, found.txn.outputs, terms);
    if (judgement === "unrelated") return;
    if (judgement !== "proves") return void this.#attempt(id, challenges.note(id, judgement));
    const key = hashHex(found.txid as Hash);
    if (blockSeq === undefined) {
      this.#seen.set(key, id);
      this.#attempt(id, challenges.move(id, "seen", { txid: key }));
    } else if (blockSeq > record.issuedSeq) {
      // V3: nothing that was in the chain when the challenge was issued proves it.
      this.#seen.delete(key);
      this.#attempt(id, challenges.confirm(id, { txid: key, blockSeq }));
    }
  }

  #takeHome(output: IdentifiedUxOut, id: string): void {
    const { stock, secrets } = this.#deps;
    if (stock !== undefined && !stock.holds(hashHex(output.id))) stock.addReturned(output, secrets.returnKey(id));
  }

  #attempt(id: string, step: Promise<unknown>): void {
    step.catch((error: unknown) => {
      this.#doubtful.add(id);
      this.#deps.log.warn({ challenge: id, error: errorText(error) }, "login challenge not changed, trying again");
    });
  }

  /** What goes wrong here must not keep chain and pool from telling others. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#deps.log.error({ error: errorText(error) }, "login watcher failed");
    }
  }
}

function termsOf(record: ChallengeRecord): ReturnTerms {
  return {
    loginAddress: decodeAddress(record.loginAddress) as Address,
    returnAddress: decodeAddress(record.returnAddress) as Address,
    amount: BigInt(record.amount),
  };
}
