import type { Credentials } from "./basic-auth.ts";
import type { GuessLimits } from "./guess-limit.ts";
import type { BoundAddress } from "./host-check.ts";

/** How the API is offered; everything is fixed for the life of the server. */
export interface ApiOptions {
  /** What Host, Origin and CORS are judged by. Known only once the socket is bound, hence a function. */
  readonly bound: () => BoundAddress;
  /** Enabled sets. Names without endpoints are ignored. */
  readonly apiSets: readonly string[];
  readonly hostWhitelist: readonly string[];
  readonly credentials: Credentials;
  readonly disableCsrf: boolean;
  readonly disableHeaderCheck: boolean;
  readonly disableCsp: boolean;
  /** Folder of the GUI's `dev` or `dist` files; absent when the GUI is off. */
  readonly guiDir?: string | undefined;
  readonly maxLastBlocksCount: number;
  /** The database takes no writes: a transaction can be checked, not injected. */
  readonly readOnly: boolean;
  /** Strangers are not told how the process is doing. Private when absent. */
  readonly audience?: "private" | "public";
  /** Those of guess-limit.ts when absent. */
  readonly guesses?: GuessLimits;
  readonly node: NodeFacts;
}

/** What health and version tell about this node. */
export interface NodeFacts {
  /** The reference release we speak the API of: clients compare it. */
  readonly version: string;
  readonly commit: string;
  readonly branch: string;
  readonly userAgent: string;
  readonly blockPublisher: boolean;
  readonly fiber: FiberFacts;
  /** "ip:port" of the configured default connections. */
  readonly defaultConnections: readonly string[];
}

/** Names of the coin, as configured. */
export interface FiberFacts {
  readonly name: string;
  readonly displayName: string;
  readonly ticker: string;
  readonly coinHoursName: string;
  readonly coinHoursNameSingular: string;
  readonly coinHoursTicker: string;
  readonly qrUriPrefix: string;
  readonly explorerUrl: string;
  readonly versionUrl: string;
  readonly bip44Coin: number;
}

/**
 * Differs: bodies above this are refused with 413. The reference takes JSON of any size, and reads no values from
 * forms above this one.
 */
export const BODY_BYTES_MAX = 10 * 1024 * 1024;

/** Memory for encoded blocks and transactions. */
export const CACHE_BYTES_MAX = 32 * 1024 * 1024;

/** Memory for whole lists as text, and for one of them: 20,000 transactions with what their inputs were worth. */
export const LISTS_BYTES_MAX = { all: 64 * 1024 * 1024, one: 40 * 1024 * 1024 };
