import { CoinError } from "../base/errors.ts";

export type NativeErrorCode =
  | "BACKEND_UNKNOWN"
  | "BACKEND_UNAVAILABLE"
  | "BACKEND_WRONG_ANSWER"
  | "RECOVERY_QUEUE_FULL"
  | "RECOVERY_CLOSED";

/** A cipher implementation that cannot be used, or signature recovery that cannot take work. */
export class NativeError extends CoinError<NativeErrorCode> {}
