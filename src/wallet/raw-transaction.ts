import { concat, toHex } from "../base/bytes.ts";
import { U64_MAX } from "../base/uint64.ts";
import { checkSingle, checkSoft, checkUser, resolveInputs } from "../chain/check-transaction.ts";
import type { Distribution } from "../chain/distribution.ts";
import { checkFee } from "../chain/fee.ts";
import type { VerifyParams } from "../chain/params.ts";
import { recoverRecords, Signers } from "../chain/signatures.ts";
import { digestToSign, newTransaction, type Transaction, type TxOut } from "../chain/transaction.ts";
import { type Droplets, type Hours, type UxOut, uxId } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash } from "../cipher/hash.ts";
import { NULL_SIGNATURE } from "../cipher/sign.ts";
import { chooseSpends, type SpendCandidate } from "./choose-spends.ts";
import { distributeSpendHours } from "./distribute-hours.ts";
import { SpendError, WalletFault } from "./errors.ts";
import type { CreatedTransaction } from "./spend.ts";

/** What `createRawTransaction` and `send` of the command line work from. */
export interface RawSpend {
  /** Confirmed outputs of the addresses that no pool transaction spends. Hours as the node calculated them. */
  readonly spendable: readonly SpendCandidate[];
  /** Outputs the pool would create for the addresses: only to tell "not enough" from "not enough yet". */
  readonly incoming: readonly SpendCandidate[];
  readonly to: readonly { readonly address: Address; readonly coins: Droplets }[];
  readonly changeAddress: Address;
  readonly burnFactor: number;
}

const DROPLETS_PER_COIN = 1_000_000n;

/**
 * Makes an unsigned transaction the way the command line does without asking the node (cli.md 1.5, wallet.md 9.7).
 * It is not yet checked against any rule but the fee's.
 * @throws SpendError, RuleError FEE_*, WalletFault SPEND_ARITHMETIC
 */
export function createRawTransaction(spend: RawSpend): CreatedTransaction {
  const coins = spend.to.reduce((sum, out) => sum + out.coins, 0n);
  if (coins > U64_MAX) throw new WalletFault("SPEND_ARITHMETIC", "uint64 addition overflow");
  const inputs = chooseConfirmed(spend, coins);
  const change = inputs.reduce((sum, c) => sum + c.coins, 0n) - coins;
  const totalHours = inputs.reduce((sum, c) => sum + c.hours, 0n) as Hours;
  const hours = distributeSpendHours(totalHours, spend.to.length, change > 0n, spend.burnFactor);
  checkFee(hours.total, (totalHours - hours.total) as Hours, spend.burnFactor);

  let changeHours: bigint = hours.change;
  const outputs = spend.to.map(({ address, coins }, i): TxOut => {
    const given = hours.receivers[i] as Hours;
    if (hours.change === 0n) return { address, coins, hours: given };
    // With change to carry them, a receiver gets no more hours than whole coins, but one at least.
    const cap = coins / DROPLETS_PER_COIN || 1n;
    const kept = given > cap ? cap : given;
    changeHours += given - kept;
    return { address, coins, hours: kept as Hours };
  });
  if (change > 0n) {
    outputs.push({ address: spend.changeAddress, coins: change as Droplets, hours: changeHours as Hours });
  }
  const ids = inputs.map((c) => c.id);
  return { txn: newTransaction(ids, outputs), inputs };
}

function chooseConfirmed({ spendable, incoming, burnFactor }: RawSpend, coins: bigint): SpendCandidate[] {
  const goal = { coins, hours: 0n, burnFactor };
  try {
    return chooseSpends(spendable, goal);
  } catch (error) {
    if (!(error instanceof SpendError) || error.code !== "SPEND_BALANCE") throw error;
    if (!canChoose([...spendable, ...incoming], goal)) throw error;
    throw new SpendError("SPEND_BALANCE_FOR_NOW");
  }
}

function canChoose(candidates: readonly SpendCandidate[], goal: Parameters<typeof chooseSpends>[1]): boolean {
  try {
    chooseSpends(candidates, goal);
    return true;
  } catch (error) {
    if (error instanceof SpendError) return false;
    throw error;
  }
}

/** What a finished transaction is held against. */
export interface RawChecks {
  /** The node's head. */
  readonly head: { readonly seq: number; readonly time: number };
  readonly distribution: Distribution;
  readonly policy: VerifyParams;
}

/**
 * Soft, hard and user rules of a signed transaction, without a chain at hand: against the outputs the node listed.
 * Ids of outputs are computed again, so a node cannot have something else signed than what it showed.
 * @throws RuleError
 */
export function checkRawTransaction({ txn, inputs }: CreatedTransaction, checks: RawChecks): void {
  const spent = new Map(inputs.map((c) => candidateUxOut(c)).map((ux) => [toHex(uxId(ux.body)), ux]));
  const state = { head: checks.head, unspent: (id: Hash) => spent.get(toHex(id)) };
  checkSoft(txn, resolveInputs(txn, state), checks.head.time, checks.distribution, checks.policy);
  checkSingle(txn, state, "signed", new Signers(recoverRecords(signatureRecords(txn))));
  checkUser(txn);
}

/** The output a candidate stands for. */
export function candidateUxOut(c: SpendCandidate): UxOut {
  const body = { srcTransaction: c.srcTransaction, address: c.address, coins: c.coins, hours: c.initialHours };
  return { head: { time: c.time, seq: c.seq }, body };
}

/** One record per input for `recoverRecords`: digest(32) signature(65). */
function signatureRecords(txn: Transaction): Uint8Array {
  return concat(...txn.inputs.map((id, i) => concat(digestToSign(txn.innerHash, id), txn.sigs[i] ?? NULL_SIGNATURE)));
}
