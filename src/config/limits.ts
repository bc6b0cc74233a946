import { U32_MAX } from "../base/uint64.ts";
import { BURN_FACTOR_MIN, DECIMALS_MAX, TRANSACTION_SIZE_MIN, type VerifyParams } from "../chain/params.ts";
import type { DaemonFlags } from "./daemon-flags.ts";
import { invalid } from "./errors.ts";

/** Frame and list of a GIVB message around one signed block without transactions (p2p.md, chain.md). */
const EMPTY_BLOCK_MESSAGE_BYTES = 4 + 4 + 193;

/**
 * Connection counts, ranges and policies against each other and the user's limits: items 7 to 9 of config.md 4, in
 * the reference's order. @throws ConfigError CONFIG_INVALID with the reference's texts
 */
export function checkLimits(flags: DaemonFlags, user: VerifyParams): void {
  checkConnections(flags);
  checkRanges(flags);
  checkSizes(flags, user);
  checkBurnFactors(flags, user);
  checkDecimals(flags, user);
  checkOurs(flags);
}

function require(condition: boolean, message: string): void {
  if (!condition) throw invalid(message);
}

function checkConnections(flags: DaemonFlags): void {
  const [all, out, incoming] = [
    flags["max-connections"],
    flags["max-outgoing-connections"],
    flags["max-incoming-connections"],
  ];
  require(all >= out + incoming, "-max-connections must be >= -max-outgoing-connections + -max-incoming-connections");
  require(out <= all, "-max-outgoing-connections cannot be higher than -max-connections");
  require(incoming <= all, "-max-incoming-connections cannot be higher than -max-connections");
}

function checkRanges(flags: DaemonFlags): void {
  const u32 = [
    "max-block-size",
    "max-txn-size-unconfirmed",
    "burn-factor-unconfirmed",
    "burn-factor-create-block",
    "max-txn-size-create-block",
  ] as const;
  for (const name of u32) require(flags[name] <= U32_MAX, `-${name} exceeds MaxUint32`);
  for (const name of ["max-decimals-unconfirmed", "max-decimals-create-block"] as const) {
    require(flags[name] <= 255, `-${name} exceeds MaxUint8`);
  }
}

function checkSizes(flags: DaemonFlags, user: VerifyParams): void {
  const names = ["max-txn-size-unconfirmed", "max-txn-size-create-block", "max-block-size"] as const;
  for (const name of names) {
    const least = `params.MinTransactionSize (${TRANSACTION_SIZE_MIN})`;
    require(flags[name] >= TRANSACTION_SIZE_MIN, `-${name} must be >= ${least}`);
    const wanted = `params.UserVerifyTxn.MaxTransactionSize (${user.maxTransactionSize})`;
    require(flags[name] >= user.maxTransactionSize, `-${name} must be >= ${wanted}`);
  }
  for (const name of ["max-txn-size-unconfirmed", "max-txn-size-create-block"] as const) {
    require(flags["max-block-size"] >= flags[name], `-max-block-size must be >= -${name}`);
  }
}

function checkBurnFactors(flags: DaemonFlags, user: VerifyParams): void {
  for (const name of ["burn-factor-unconfirmed", "burn-factor-create-block"] as const) {
    require(flags[name] >= BURN_FACTOR_MIN, `-${name} must be >= params.MinBurnFactor (${BURN_FACTOR_MIN})`);
    const wanted = `params.UserVerifyTxn.BurnFactor (${user.burnFactor})`;
    require(flags[name] >= user.burnFactor, `-${name} must be >= ${wanted}`);
  }
}

function checkDecimals(flags: DaemonFlags, user: VerifyParams): void {
  for (const name of ["max-decimals-unconfirmed", "max-decimals-create-block"] as const) {
    require(flags[name] <= DECIMALS_MAX, `-${name} must be <= droplet.Exponent (${DECIMALS_MAX})`);
    const wanted = `params.UserVerifyTxn.MaxDropletPrecision (${user.maxDecimals})`;
    require(flags[name] >= user.maxDecimals, `-${name} must be >= ${wanted}`);
  }
}

/** What the reference leaves to fail later or not at all. */
function checkOurs(flags: DaemonFlags): void {
  for (const name of ["port", "web-interface-port"] as const) {
    require(flags[name] >= 0 && flags[name] <= 65535, `-${name} must be between 0 and 65535`);
  }
  const counts = [
    "peerlist-size",
    "max-outgoing-connections",
    "max-incoming-connections",
    "max-default-peer-outgoing-connections",
    "max-in-msg-len",
    "connection-rate",
    "block-interval",
    "company-window",
    "ws-max",
  ] as const;
  for (const name of counts) require(flags[name] >= 0, `-${name} must not be negative`);
  require(flags["bip44-coin"] <= U32_MAX, "-bip44-coin exceeds MaxUint32");
  require(flags["sync-workers"] <= 256, "-sync-workers must be <= 256");
}

/** A full block must fit into one message. @throws ConfigError CONFIG_INVALID */
export function checkMessageLength(flags: DaemonFlags): void {
  const least = EMPTY_BLOCK_MESSAGE_BYTES + flags["max-block-size"];
  require(flags["max-out-msg-len"] >= least, `MaxOutgoingMessageLength must be >= ${least}`);
}
