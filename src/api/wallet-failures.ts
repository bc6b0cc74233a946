import { CoinError } from "../base/errors.ts";
import type { SpendErrorCode, WalletErrorCode, WalletFaultCode } from "../wallet/errors.ts";
import { ApiError, type ApiErrorCode } from "./api-error.ts";

/** What an endpoint answers, with the error's text, to codes that error-handler.ts treats otherwise. */
export interface WalletAnswers {
  readonly codes?: Partial<Readonly<Record<WalletErrorCode | SpendErrorCode | WalletFaultCode, ApiErrorCode>>>;
  /** For every other expected failure of wallets and keys. */
  readonly rest?: ApiErrorCode;
}

/** Switched off, or asked for too much at a time: the same on every endpoint. */
const EVERYWHERE = new Set(["WALLET_API_DISABLED", "WALLET_SEED_API_DISABLED", "WALLET_BUSY", "WALLET_CLOSED"]);

/** The reference maps the errors of wallets endpoint by endpoint (api.md 12). @throws ApiError, what `work` throws */
export async function answering<T>({ codes = {}, rest }: WalletAnswers, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof CoinError) || cause instanceof ApiError) throw cause;
    const own: Partial<Record<string, ApiErrorCode>> = codes;
    const code = own[cause.code] ?? (EVERYWHERE.has(cause.code) ? undefined : rest);
    if (code === undefined) throw cause;
    throw new ApiError(code, cause.message, {}, { cause });
  }
}
