import { isZero, toHex } from "../base/bytes.ts";
import type { SignedMode } from "../chain/check-transaction.ts";
import { coinHoursOrZero } from "../chain/hours.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { candidateWorth, type SpendCandidate, spendCandidate } from "./choose-spends.ts";
import { SpendError, WalletError } from "./errors.ts";
import { peekChange } from "./extend.ts";
import type { WalletService } from "./service.ts";
import { isFullySigned, signWithWallet } from "./sign.ts";
import { type CreatedTransaction, createTransaction, type SpendParams, validateSpendParams } from "./spend.ts";
import { type Wallet, walletAddresses } from "./wallet.ts";

/** What spending needs to know of the chain and its pool. Reads between two awaits belong to one head. */
export interface SpendLedger {
  head(): { readonly seq: number; readonly time: number };
  unspent(id: Hash): UxOut | undefined;
  unspentsOf(address: Address): readonly IdentifiedUxOut[];
  /** Hex ids of all inputs of all pool transactions, valid or not. */
  pendingInputs(): ReadonlySet<string>;
  /** User, then hard and soft rules with the user's policy. @throws RuleError */
  check(txn: Transaction, mode: SignedMode): Promise<void>;
}

/** Which outputs may be spent (Go: visor.CreateTransactionParams). Neither list: all of the wallet. */
export interface SpendSelection {
  readonly uxOuts?: readonly Hash[];
  readonly addresses?: readonly Address[];
  /** Leave out outputs that a pool transaction spends, instead of refusing. */
  readonly ignoreUnconfirmed?: boolean;
}

/** @throws SpendError SPEND_SELECTION_CONFLICT, SPEND_NULL_ADDRESS, SPEND_DUPLICATE_ADDRESSES, SPEND_DUPLICATE_UXOUTS */
export function validateSelection({ uxOuts = [], addresses = [] }: SpendSelection): void {
  if (uxOuts.length > 0 && addresses.length > 0) throw new SpendError("SPEND_SELECTION_CONFLICT");
  const seen = new Set<string>();
  for (const address of addresses) {
    if (isZero(address)) throw new SpendError("SPEND_NULL_ADDRESS");
    if (seen.has(toHex(address))) throw new SpendError("SPEND_DUPLICATE_ADDRESSES");
    seen.add(toHex(address));
  }
  if (new Set(uxOuts.map(toHex)).size !== uxOuts.length) throw new SpendError("SPEND_DUPLICATE_UXOUTS");
}

export interface WalletSpend {
  readonly params: SpendParams;
  readonly selection: SpendSelection;
  readonly password?: string;
  readonly unsigned?: boolean;
}

/** Makes and signs transactions against the chain, with a wallet or without. */
export class WalletSpending {
  readonly #ledger: SpendLedger;
  readonly #burnFactor: number;
  readonly #wallets: WalletService;

  /** `burnFactor`: the user's. */
  constructor(
    options: { readonly burnFactor: number },
    deps: { readonly ledger: SpendLedger; readonly wallets: WalletService },
  ) {
    this.#burnFactor = options.burnFactor;
    this.#ledger = deps.ledger;
    this.#wallets = deps.wallets;
  }

  /** `POST /api/v2/transaction`: unsigned, nobody's wallet. @throws SpendError, RuleError */
  async create(params: SpendParams, selection: SpendSelection): Promise<CreatedTransaction> {
    validateSpendParams(params);
    validateSelection(selection);
    const { uxOuts = [], addresses = [] } = selection;
    if (uxOuts.length === 0 && addresses.length === 0) throw new SpendError("SPEND_SELECTION_MISSING");
    const created = createTransaction(params, this.#candidates(selection, addresses), this.#burnFactor);
    await this.#ledger.check(created.txn, "unsigned");
    return created;
  }

  /**
   * `POST /api/v1/wallet/transaction`. A bip44 wallet without a change address given uses its own change chain, and
   * saves a new address there at once. @throws SpendError, WalletError, RuleError
   */
  async createFromWallet(
    id: string,
    { params, selection, password = "", unsigned = false }: WalletSpend,
  ): Promise<CreatedTransaction> {
    validateSpendParams(params);
    validateSelection(selection);
    const changed = await this.#withChangeAddress(id, params);
    if (unsigned) {
      const created = this.#build(this.#wallets.get(id), changed, selection);
      await this.#ledger.check(created.txn, "unsigned");
      return created;
    }
    return this.#wallets.viewSecrets(id, password, async (open) => {
      const created = this.#build(open, changed, selection);
      const owners = created.inputs.map((c) => c.address);
      const txn = signWithWallet(open, created.txn, owners);
      await this.#ledger.check(txn, "signed");
      return { ...created, txn };
    });
  }

  /**
   * `POST /api/v2/wallet/transaction/sign`: signs the inputs at `indexes`, all missing ones by default. The
   * transaction must be spendable now. @throws SpendError SPEND_FULLY_SIGNED, WalletError, RuleError
   */
  async sign(
    id: string,
    request: { readonly txn: Transaction; readonly indexes?: readonly number[]; readonly password?: string },
  ): Promise<CreatedTransaction> {
    const { txn, indexes = [], password = "" } = request;
    if (isFullySigned(txn)) throw new SpendError("SPEND_FULLY_SIGNED");
    return this.#wallets.viewSecrets(id, password, async (open) => {
      await this.#ledger.check(txn, "unsigned");
      const inputs = this.#inputsOf(txn);
      const owners = inputs.map((c) => c.address);
      const signed = signWithWallet(open, txn, owners, indexes);
      await this.#ledger.check(signed, isFullySigned(signed) ? "signed" : "unsigned");
      return { txn: signed, inputs };
    });
  }

  async #withChangeAddress(id: string, params: SpendParams): Promise<SpendParams> {
    if (this.#wallets.get(id).type !== "bip44" || params.changeAddress !== undefined) return params;
    const { activity } = this.#wallets;
    const changeAddress = await this.#wallets.update(id, (wallet) => {
      const { wallet: grown, address } = peekChange(wallet, activity);
      return { wallet: grown, result: address };
    });
    return { ...params, changeAddress };
  }

  #build(wallet: Wallet, params: SpendParams, selection: SpendSelection): CreatedTransaction {
    const own = walletAddresses(wallet);
    const known = new Set(own.map(toHex));
    const { addresses = [] } = selection;
    if (addresses.some((address) => !known.has(toHex(address)))) throw new WalletError("WALLET_ADDRESS_UNKNOWN");
    const candidates = this.#candidates(selection, addresses.length > 0 ? addresses : own);
    if (candidates.some((c) => !known.has(toHex(c.address)))) throw new WalletError("WALLET_OUTPUT_UNKNOWN");
    return createTransaction(params, candidates, this.#burnFactor);
  }

  /** The outputs given, else all of the addresses; without pending ones, or refused because of them. */
  #candidates(
    { uxOuts = [], ignoreUnconfirmed = false }: SpendSelection,
    addresses: readonly Address[],
  ): SpendCandidate[] {
    const ids = uxOuts.length > 0 ? [...uxOuts] : this.#idsOf(addresses);
    if (ids.length === 0) throw new SpendError("SPEND_NO_UNSPENTS");
    const pending = this.#ledger.pendingInputs();
    const free = ids.filter((id) => !pending.has(toHex(id)));
    if (free.length < ids.length && !ignoreUnconfirmed) throw new SpendError("SPEND_PENDING");
    if (free.length === 0) throw new SpendError("SPEND_ALL_PENDING");
    const { time } = this.#ledger.head();
    return free.map((id) => spendCandidate({ id, ux: this.#unspent(id) }, time));
  }

  /** Each once, though a wallet may hold an address twice. */
  #idsOf(addresses: readonly Address[]): Hash[] {
    const distinct = new Map(addresses.map((address) => [toHex(address), address]));
    return [...distinct.values()].flatMap((address) => this.#ledger.unspentsOf(address).map(({ id }) => id));
  }

  #unspent(id: Hash): UxOut {
    const ux = this.#ledger.unspent(id);
    if (ux === undefined) throw new SpendError("SPEND_UNKNOWN_UXOUT", [toHex(id)]);
    return ux;
  }

  #inputsOf(txn: Transaction): SpendCandidate[] {
    const { time } = this.#ledger.head();
    return txn.inputs.map((id) => {
      const ux = this.#unspent(id);
      return candidateWorth({ id, ux }, coinHoursOrZero(ux, time));
    });
  }
}
