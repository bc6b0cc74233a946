/** A JSON value; object members keep their order. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [member: string]: Json };

/**
 * What is kept, each with its own keys. Names are part of the stored form: never used for something else, retired
 * ones stay listed.
 */
export const LOGIN_TABLES = [
  /** challenge id -> ChallengeRecord. */
  "challenge",
  /** challenge id -> true, while the challenge is not final. */
  "live",
  /** return address -> challenge id and time: coins to be swept home. */
  "return",
  /** session id -> SessionRecord. */
  "session",
  /** SHA-256 of a refresh token -> RefreshRecord. */
  "refresh",
  /** SHA-256 of a session cookie's value -> session id. */
  "cookie",
  /** `<time>-<count>` -> AuditRecord; only ever added to. */
  "audit",
  /** Small facts by name: heads of chains of records, counters. */
  "meta",
  /** Chain topics: the event log, for replay. */
  "event",
  /** Webhook deliveries still to be made. */
  "webhook",
  /** OpenID Connect: codes, requests, clients. */
  "oidc",
] as const;
export type LoginTable = (typeof LOGIN_TABLES)[number];

export interface Row<Value extends Json = Json> {
  readonly key: string;
  readonly value: Value;
}

/** One row put, or removed when `value` is undefined. */
export interface Change {
  readonly table: LoginTable;
  /** 1 to 200 printable ASCII characters; rows are ordered by them. */
  readonly key: string;
  readonly value: Json | undefined;
  /**
   * Unix milliseconds from which the store may forget the row. Housekeeping only: it may be there long after, so a
   * reader judges by the row's own deadline.
   */
  readonly forgetAtMs?: number;
}

/** Holds when the row has exactly this value, or is absent for undefined. Compared as JSON text. */
export interface Condition {
  readonly table: LoginTable;
  readonly key: string;
  readonly equals: Json | undefined;
}

export interface Range {
  /** Keys greater than this. */
  readonly after?: string;
  /** Keys less than this. */
  readonly before?: string;
  readonly prefix?: string;
  /** Greatest first. */
  readonly reverse?: boolean;
  /** Rows of one answer: 1 to `LIST_MAX`, the default. */
  readonly limit?: number;
}

export const LIST_MAX = 1000;

/**
 * Where login state is kept: LevelDB beside the chain, memory in tests, a shared server for several instances. Holds
 * sessions, revocations, audit, events, webhook queues and OIDC codes. `test/contract/login-store.test.ts` holds
 * every implementation to it.
 */
export interface LoginStore {
  get(table: LoginTable, key: string): Promise<Json | undefined>;

  /** Rows in key order (code units). The next page is asked for with `after` (or `before`) the last key. */
  list(table: LoginTable, range?: Range): Promise<readonly Row[]>;

  /**
   * All changes or none. False, and nothing is written, when a condition does not hold; conditions and changes are
   * one step that no other write comes between. Resolves once the rows survive the end of the process, and with
   * `durable` the loss of power. Reads see them from then on. @throws LoginStoreError
   */
  write(
    changes: readonly Change[],
    options?: { readonly onlyIf?: readonly Condition[]; readonly durable?: boolean },
  ): Promise<boolean>;

  /** Drops rows whose `forgetAtMs` has passed, at most `limit`; returns how many. */
  forget(nowMs: number, limit: number): Promise<number>;

  /** Waits for writes under way. May be called twice. */
  close(): Promise<void>;
}
