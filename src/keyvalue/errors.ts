import { CoinError } from "../base/errors.ts";

export type KeyValueErrorCode =
  | "KEYVALUE_DISABLED"
  | "KEYVALUE_TYPE_UNKNOWN"
  | "KEYVALUE_KEY_UNKNOWN"
  | "KEYVALUE_FULL"
  | "KEYVALUE_BUSY"
  | "KEYVALUE_FILES";

/** Messages are those of the API (api.md 12.20); an empty one leaves the bare reason phrase. */
export class KeyValueError extends CoinError<KeyValueErrorCode> {}
