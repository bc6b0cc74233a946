import { CoinError } from "../base/errors.ts";

export type ChainErrorCode =
  | "GENESIS_MISMATCH"
  | "GENESIS_UNSIGNED"
  | "GENESIS_SIGNATURE"
  | "CHAIN_TOO_MANY_STAGED"
  | "POOL_FULL"
  | "PUBLISH_WRONG_KEY"
  | "PUBLISH_NO_TRANSACTIONS"
  | "PUBLISH_NOTHING_VALID"
  | "PUBLISH_NOTHING_LEFT"
  | "PUBLISH_TIME_NOT_FORWARD"
  | "PUBLISH_FEES"
  | "PUBLISH_HELD";

/** The chain, its pool or its publisher cannot do what was asked, for a reason other than a consensus rule. */
export class ChainError extends CoinError<ChainErrorCode> {}
