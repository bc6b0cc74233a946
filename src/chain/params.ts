import { CoinError } from "../base/errors.ts";
import type { Address } from "../cipher/address.ts";
import type { PublicKey } from "../cipher/keys.ts";
import type { Signature } from "../cipher/sign.ts";
import { type Distribution, validateDistribution } from "./distribution.ts";
import type { Droplets } from "./uxout.ts";

/** Limits a transaction is held against as policy. */
export interface VerifyParams {
  /** A 1/burnFactor share of the hours must be burnt, rounded up. */
  readonly burnFactor: number;
  /** Bytes, signatures included. */
  readonly maxTransactionSize: number;
  /** Decimal places an output's coins may use, 0..6. */
  readonly maxDecimals: number;
}

export interface GenesisParams {
  readonly address: Address;
  /** Unix seconds. */
  readonly time: number;
  /** Coins of the genesis output; its hours are the same number. */
  readonly volume: Droplets;
  /** Absent: only a node holding the secret key can begin this chain. */
  readonly signature?: Signature;
}

/** Everything that makes one chain differ from another, checked and frozen (chain.md 15). */
export interface ChainParams {
  /** Short lower-case name, e.g. "skycoin". */
  readonly coin: string;
  /** Key every block must be signed with. */
  readonly publisherKey: PublicKey;
  readonly genesis: GenesisParams;
  readonly distribution: Distribution;
  /** Policy for what peers send. */
  readonly unconfirmed: VerifyParams;
  /** Policy for what goes into a new block. */
  readonly createBlock: VerifyParams;
  /** Policy for what this node's user makes. */
  readonly user: VerifyParams;
  /** Sum of transaction sizes in a new block, bytes. Not held against received blocks. */
  readonly maxBlockTransactionsSize: number;
}

export class ParamsError extends CoinError<"PARAMS_INVALID"> {
  constructor(message: string, data = {}) {
    super("PARAMS_INVALID", message, data);
  }
}

/** Skycoin's policy: the defaults of every Fibercoin. */
export const DEFAULT_VERIFY: VerifyParams = Object.freeze({
  burnFactor: 10,
  maxTransactionSize: 32768,
  maxDecimals: 3,
});
export const DEFAULT_BLOCK_SIZE = 32768;
export const BURN_FACTOR_MIN = 2;
export const TRANSACTION_SIZE_MIN = 1024;
export const DECIMALS_MAX = 6;

/** Range check of one set of limits. @throws ParamsError with the reference's texts */
export function validateVerifyParams(p: VerifyParams): void {
  const u32 = (n: number) => Number.isInteger(n) && n <= 0xffff_ffff;
  if (!u32(p.burnFactor) || p.burnFactor < BURN_FACTOR_MIN) throw new ParamsError("BurnFactor value is out of range");
  if (!u32(p.maxTransactionSize) || p.maxTransactionSize < TRANSACTION_SIZE_MIN) {
    throw new ParamsError("MaxTransactionSize value is out of range");
  }
  if (!Number.isInteger(p.maxDecimals) || p.maxDecimals < 0 || p.maxDecimals > DECIMALS_MAX) {
    throw new ParamsError("MaxDropletPrecision value is out of range");
  }
}

/**
 * Checks the parameters against each other (Go: visor.Config.Verify and the flag checks) and freezes them.
 * @throws ParamsError
 */
export function validateParams(params: ChainParams): ChainParams {
  const { unconfirmed, createBlock, user } = params;
  for (const p of [user, unconfirmed, createBlock]) validateVerifyParams(p);
  const atLeast = (value: number, least: number, what: string) => {
    if (value < least) throw new ParamsError(`${what} (${least})`, { value, least });
  };
  for (const [name, p] of [
    ["UnconfirmedVerifyTxn", unconfirmed],
    ["CreateBlockVerifyTxn", createBlock],
  ] as const) {
    atLeast(p.burnFactor, user.burnFactor, `${name}.BurnFactor must be >= params.UserVerifyTxn.BurnFactor`);
  }
  for (const [name, p] of [
    ["UnconfirmedVerifyTxn", unconfirmed],
    ["CreateBlockVerifyTxn", createBlock],
  ] as const) {
    const size = "MaxTransactionSize";
    atLeast(p.maxTransactionSize, user.maxTransactionSize, `${name}.${size} must be >= params.UserVerifyTxn.${size}`);
  }
  for (const [name, p] of [
    ["UnconfirmedVerifyTxn", unconfirmed],
    ["CreateBlockVerifyTxn", createBlock],
  ] as const) {
    const decimals = "MaxDropletPrecision";
    atLeast(p.maxDecimals, user.maxDecimals, `${name}.${decimals} must be >= params.UserVerifyTxn.${decimals}`);
  }
  if (params.maxBlockTransactionsSize < createBlock.maxTransactionSize) {
    throw new ParamsError("MaxBlockTransactionsSize must be >= CreateBlockVerifyTxn.MaxTransactionSize");
  }
  validateDistribution(params.distribution);
  return deepFreeze(params);
}

/** Copies every level of plain objects and freezes the copies; byte arrays are shared (they cannot be frozen). */
function deepFreeze(params: ChainParams): ChainParams {
  const { distribution } = params;
  return Object.freeze({
    ...params,
    genesis: Object.freeze({ ...params.genesis }),
    distribution: Object.freeze({ ...distribution, addresses: Object.freeze([...distribution.addresses]) }),
    unconfirmed: Object.freeze({ ...params.unconfirmed }),
    createBlock: Object.freeze({ ...params.createBlock }),
    user: Object.freeze({ ...params.user }),
  });
}
