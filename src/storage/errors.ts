import { CoinError } from "../base/errors.ts";

export type StoreErrorCode =
  /** Stored bytes contradict each other or their checksums, or files are missing. */
  | "STORE_DAMAGED"
  /** Another process (or another store of this one) has the directory open. */
  | "STORE_LOCKED"
  /** The directory belongs to another chain. */
  | "STORE_FOREIGN"
  /** The directory was written by an older version of this program, in a layout that is not read any more. */
  | "STORE_OLDER"
  /** The directory was written by a newer version of this program. */
  | "STORE_NEWER"
  /** There is no database and none may be made. */
  | "STORE_MISSING"
  /** The directory cannot be used: no permission, not a directory. */
  | "STORE_OPEN"
  /** A write failed; nothing of it is acknowledged. */
  | "STORE_WRITE"
  /** A read failed for another reason than damage. */
  | "STORE_READ"
  /** Writing to a store opened for reading. */
  | "STORE_READ_ONLY"
  /** Used after `close`, or while the database is being opened again after a failed write. */
  | "STORE_CLOSED";

/** The database cannot do what was asked. The message is one line naming the path and what to do. */
export class StoreError extends CoinError<StoreErrorCode> {}
