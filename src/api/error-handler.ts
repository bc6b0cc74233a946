import { STATUS_CODES } from "node:http";
import { CoinError } from "../base/errors.ts";
import { RuleError } from "../chain/rules.ts";
import { SpendError, WalletError, type WalletErrorCode } from "../wallet/errors.ts";
import type { ApiErrorCode } from "./api-error.ts";
import { encodeJson, type JsonValue } from "./json.ts";
import type { ApiVersion } from "./route.ts";

/** What goes to the client for a failure. */
export interface Failure {
  readonly status: number;
  /** Empty: the bare reason phrase. */
  readonly message: string;
}

const STATUS_OF_API: Readonly<Record<ApiErrorCode, number>> = {
  API_BAD_REQUEST: 400,
  API_UNAUTHORIZED: 401,
  API_FORBIDDEN: 403,
  API_NOT_FOUND: 404,
  API_METHOD: 405,
  API_BODY_TOO_LARGE: 413,
  API_MEDIA_TYPE: 415,
  API_UNPROCESSABLE: 422,
  API_INTERNAL: 500,
  API_UNAVAILABLE: 503,
};

/** Codes of other layers that are the client's doing or a passing state; everything else is 500. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ...STATUS_OF_API,
  API_JSON: 400,
  API_PARSE: 400,
  HEX_INVALID: 400,
  // A broadcast that reached nobody; one that nobody would pass on is 500, as in the reference.
  NETWORK_DISABLED: 503,
  NETWORK_NO_ADDRESSES: 503,
  NETWORK_POOL_EMPTY: 503,
  NETWORK_NO_CONNECTIONS: 503,
  NETWORK_UNREACHABLE: 503,
  KEYVALUE_TYPE_UNKNOWN: 400,
  KEYVALUE_DISABLED: 403,
  KEYVALUE_KEY_UNKNOWN: 404,
  KEYVALUE_FULL: 413,
  // Too much at a time: ours, the reference has no such bound.
  KEYVALUE_BUSY: 503,
  WALLET_BUSY: 503,
  WALLET_CLOSED: 503,
  FST_ERR_CTP_BODY_TOO_LARGE: 413,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 400,
};

/** Answered without text by most endpoints; any other error of wallets is 400 with its text. */
const STATUS_OF_WALLET: Partial<Readonly<Record<WalletErrorCode, number>>> = {
  WALLET_API_DISABLED: 403,
  WALLET_SEED_API_DISABLED: 403,
  WALLET_UNKNOWN: 404,
};

/**
 * The one place where an error becomes an HTTP status. A violated rule is 400 with the reference's prefix; an
 * expected failure shows its message; a bug of ours shows nothing.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof RuleError) {
    return error.level === "block" ? { status: 500, message: error.message } : { status: 400, message: error.prefixed };
  }
  if (error instanceof SpendError) return { status: 400, message: error.message };
  if (error instanceof WalletError) {
    const bare = STATUS_OF_WALLET[error.code];
    return bare === undefined ? { status: 400, message: error.message } : { status: bare, message: "" };
  }
  const code = (error as { code?: unknown } | null)?.code;
  const status = typeof code === "string" ? STATUS_OF_CODE[code] : undefined;
  if (status === 413) return { status, message: "" };
  if (error instanceof CoinError) return { status: status ?? 500, message: error.message };
  return { status: status ?? 500, message: "" };
}

/** True for failures nobody foresaw: these are logged with their stack. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof CoinError) && failureOf(error).status === 500;
}

export const JSON_TYPE = "application/json";
export const TEXT_TYPE = "text/plain; charset=utf-8";

export interface FailureForm {
  readonly contentType: string;
  readonly nosniff: boolean;
  readonly body: string;
}

/** The text (v1) or JSON (v2) form of a failure. Source: api.md 9.1 and 9.2. */
export function failureForm(version: ApiVersion, failure: Failure): FailureForm {
  const phrase = STATUS_CODES[failure.status] ?? "";
  if (version === 2) {
    const error: JsonValue = { message: failure.message === "" ? phrase : failure.message, code: failure.status };
    return { contentType: JSON_TYPE, nosniff: false, body: encodeJson({ error }) };
  }
  const detail = failure.message === "" ? "" : ` - ${failure.message}`;
  return { contentType: TEXT_TYPE, nosniff: true, body: `${failure.status} ${phrase}${detail}\n` };
}
