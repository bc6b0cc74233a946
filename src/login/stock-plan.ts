import { remainingHours, requiredFee } from "../chain/fee.ts";
import type { TxOut } from "../chain/transaction.ts";
import type { Droplets, Hours } from "../chain/uxout.ts";
import type { Address } from "../cipher/address.ts";
import type { Hash, HashHex } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";

/** An output the service can spend, with the hours it holds at the head. */
export interface Coin {
  readonly id: Hash;
  readonly key: HashHex;
  readonly coins: bigint;
  readonly hours: bigint;
  readonly secret: SecretKey;
}

export interface StockRules {
  /** Droplets of one funding. */
  readonly amount: bigint;
  /** Hours a funded coin arrives with: enough to be returned twice over. */
  readonly fundedHours: bigint;
  readonly burnFactor: number;
  /** Smallest unit an output may have, droplets: the chain's limit on decimals. */
  readonly unit: bigint;
  /** Addresses of the stock. Outputs of one transaction must differ, so equal ones go to different lanes. */
  readonly lanes: readonly Address[];
}

export interface Plan {
  readonly inputs: readonly Coin[];
  readonly outputs: readonly TxOut[];
}

/** Hours of a ready output: what arrives, and the fee, which is at least one hour and at most half. */
export function readyHours({ fundedHours, burnFactor }: Pick<StockRules, "fundedHours" | "burnFactor">): bigint {
  let hours = fundedHours + 1n;
  while (remainingHours(hours as Hours, burnFactor) < fundedHours) hours++;
  return hours;
}

/** Has the size of one funding and the hours for it. Much more would be burnt with it, so such a coin is none. */
export function isReady(coin: Pick<Coin, "coins" | "hours">, rules: StockRules): boolean {
  const least = readyHours(rules);
  return coin.coins === rules.amount && coin.hours >= least && coin.hours < least * 20n;
}

/** One ready output for each address, no change. */
export function planFunding(ready: readonly Coin[], addresses: readonly Address[], rules: StockRules): Plan {
  return {
    inputs: ready.slice(0, addresses.length),
    outputs: addresses.map((address) => output(address, rules.amount, rules.fundedHours)),
  };
}

/** An output with more hours than this is broken up before it is used: each spending burns a tenth of them. */
export const HOURS_MANY = 8_000n;
const CARRIER_HOURS = 4_000n;
const BAG_HOURS = 2_000n;
/** Ready outputs of one transaction. */
export const READY_MAX = 128;
const RETURNED_MAX = 100;
const INPUTS_MAX = 120;

/**
 * Up to `want` ready outputs and one of what is left over, out of coins that came back and small outputs; or a large
 * output broken up when there are not enough of these. Undefined: there is nothing to make any of.
 *
 * Spending burns a tenth of all hours of the inputs, so hours are kept in a tree: large outputs are broken up into
 * carriers of few coins, and a bag of coins gets a carrier's hours when it needs them. `want` 0 only gathers what
 * came back.
 */
export function planRefill(
  stock: { readonly own: readonly Coin[]; readonly returned: readonly Coin[] },
  want: number,
  rules: StockRules,
): Plan | undefined {
  const small = stock.own.filter(({ hours }) => hours <= HOURS_MANY);
  const [returned, count] = [stock.returned.slice(0, RETURNED_MAX), Math.min(want, READY_MAX)];
  const gathered = gather(small, returned, { want: count, least: Math.ceil(count / 4) }, rules);
  if (gathered !== undefined || want === 0) return gathered;
  const large = stock.own.filter(({ hours }) => hours > HOURS_MANY).sort(byHours);
  for (const coin of large) {
    const broken = breakUp(coin, rules);
    if (broken !== undefined) return broken;
  }
  // Too few coins for carriers, or hours in one place only: used as it is.
  return gather(stock.own, returned, { want: count, least: 1 }, rules);
}

/** As many of `want` as coins and hours allow, but not less than `least`. */
function gather(
  own: readonly Coin[],
  returned: readonly Coin[],
  { want, least }: { readonly want: number; readonly least: number },
  rules: StockRules,
): Plan | undefined {
  const inputs: Coin[] = [...returned];
  let coins = total(inputs, (coin) => coin.coins);
  let hours = total(inputs, (coin) => coin.hours);
  const rest = [...own].sort((a, b) => compare(b.coins, a.coins) || compare(a.hours, b.hours));
  const take = (index: number): void => {
    const [coin] = rest.splice(index, 1) as [Coin];
    inputs.push(coin);
    coins += coin.coins;
    hours += coin.hours;
  };
  while (coins < BigInt(want) * rules.amount && rest.length > 0 && inputs.length < INPUTS_MAX) take(0);
  const enough = (): boolean => after(hours, rules) >= readyTotal(want, rules) && hours > 0n;
  while (!enough() && rest.length > 0 && inputs.length < INPUTS_MAX) take(mostHours(rest));
  let count = Math.min(want, Number(coins / rules.amount));
  while (count > 0 && readyTotal(count, rules) > after(hours, rules)) count--;
  if (want > 0 ? count < least : hours === 0n || inputs.length < 2) return undefined;
  return { inputs, outputs: readyOutputs(count, coins, after(hours, rules), rules) };
}

function readyOutputs(count: number, coins: bigint, hours: bigint, rules: StockRules): TxOut[] {
  const outputs: TxOut[] = [];
  for (let i = 0; i < count; i++) outputs.push(output(lane(rules, i), rules.amount, hoursOfReady(i, rules)));
  const left = coins - BigInt(count) * rules.amount;
  if (left === 0n) return outputs;
  const spare = hours - readyTotal(count, rules);
  // Of the size of a ready output it must not equal one.
  const twin =
    left === rules.amount &&
    outputs.some((out, i) => i % rules.lanes.length === count % rules.lanes.length && out.hours === spare);
  outputs.push(output(lane(rules, count), left, twin ? 0n : spare));
  return outputs;
}

/** The second round over the lanes gets an hour more, and so on: outputs of one transaction must differ. */
function hoursOfReady(i: number, rules: StockRules): bigint {
  return readyHours(rules) + BigInt(Math.floor(i / rules.lanes.length));
}

function readyTotal(count: number, rules: StockRules): bigint {
  let sum = 0n;
  for (let i = 0; i < count; i++) sum += hoursOfReady(i, rules);
  return sum;
}

/** Carriers of equal hours and few coins, and one output with the rest of the coins. */
function breakUp(coin: Coin, rules: StockRules): Plan | undefined {
  const kept = after(coin.hours, rules) - BAG_HOURS;
  const lanes = rules.lanes.length - 1;
  const veryMany = kept > BigInt(lanes) * HOURS_MANY;
  let count = veryMany ? lanes : Math.min(lanes, Number(kept / CARRIER_HOURS));
  // A carrier that will be broken up again needs coins for its own.
  const each = veryMany ? rules.unit * BigInt(lanes + 1) : rules.unit;
  while (count > 0 && BigInt(count) * each + rules.unit > coin.coins) count--;
  if (count < 2) return undefined;
  const hours = kept / BigInt(count);
  const outputs = Array.from({ length: count }, (_, i) => output(lane(rules, i), each, hours));
  const spent = BigInt(count);
  outputs.push(output(lane(rules, count), coin.coins - spent * each, after(coin.hours, rules) - spent * hours));
  return { inputs: [coin], outputs };
}

/**
 * Block 1 of a login chain, or the stock's first coins on an older one: `stockParts` equal outputs for the stock and
 * `ownParts` for the genesis address, half of the coins each. Hours follow the coins.
 */
export function planEndowment(
  inputs: readonly Coin[],
  to: { readonly own: Address; readonly ownParts: number; readonly stockParts: number },
  rules: StockRules,
): readonly TxOut[] {
  const coins = total(inputs, (coin) => coin.coins);
  const hours = after(
    total(inputs, (coin) => coin.hours),
    rules,
  );
  const half = (coins / 2n / rules.unit) * rules.unit;
  const forStock = shares(half, to.stockParts, rules.unit);
  const hoursEach = hours / 2n / BigInt(to.stockParts);
  const outputs = forStock.map((share, i) => output(lane(rules, i), share, hoursEach));
  const rest = hours - hoursEach * BigInt(to.stockParts);
  // To one address: the hours differ, so that no two outputs are equal. Without hours there can be but one.
  const ownParts = rest > BigInt(to.ownParts) ** 2n ? to.ownParts : 1;
  shares(coins - half, ownParts, rules.unit).forEach((share, i) => {
    outputs.push(output(to.own, share, rest / BigInt(ownParts) - BigInt(i)));
  });
  return outputs;
}

/** Equal parts in whole units; what does not divide goes to the first. */
function shares(coins: bigint, parts: number, unit: bigint): bigint[] {
  const each = (coins / BigInt(parts) / unit) * unit;
  return Array.from({ length: parts }, (_, i) => (i === 0 ? coins - each * BigInt(parts - 1) : each));
}

/** How many logins the stock can still fund, as far as it can be told without doing it. */
export function loginsLeft(coins: bigint, hours: bigint, rules: StockRules): number {
  const byCoins = coins / rules.amount;
  // Two spendings between a carrier and the visitor, a tenth burnt each time, and carriers are never quite used up.
  const byHoursLeft = hours / (readyHours(rules) * 2n);
  return Number(byCoins < byHoursLeft ? byCoins : byHoursLeft);
}

function after(hours: bigint, { burnFactor }: StockRules): bigint {
  return hours - requiredFee(hours as Hours, burnFactor);
}

function output(address: Address, coins: bigint, hours: bigint): TxOut {
  return { address, coins: coins as Droplets, hours: hours as Hours };
}

function lane({ lanes }: StockRules, i: number): Address {
  return lanes[i % lanes.length] as Address;
}

function total(coins: readonly Coin[], of: (coin: Coin) => bigint): bigint {
  return coins.reduce((sum, coin) => sum + of(coin), 0n);
}

function mostHours(coins: readonly Coin[]): number {
  let best = 0;
  coins.forEach((coin, i) => {
    if (coin.hours > (coins[best] as Coin).hours) best = i;
  });
  return best;
}

const byHours = (a: Coin, b: Coin): number => compare(a.hours, b.hours);

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
