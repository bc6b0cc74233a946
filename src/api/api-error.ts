import { CoinError, type ErrorData } from "../base/errors.ts";

/** What a request can run into that is the API's own; error-handler.ts gives each its HTTP status. */
export type ApiErrorCode =
  | "API_BAD_REQUEST"
  | "API_UNAUTHORIZED"
  | "API_FORBIDDEN"
  | "API_NOT_FOUND"
  | "API_METHOD"
  | "API_BODY_TOO_LARGE"
  | "API_MEDIA_TYPE"
  | "API_UNPROCESSABLE"
  | "API_INTERNAL"
  | "API_UNAVAILABLE";

/** An answer other than success. An empty message leaves the bare reason phrase. Messages are shown to clients. */
export class ApiError extends CoinError<ApiErrorCode> {
  constructor(code: ApiErrorCode, message = "", data: ErrorData = {}, options?: { cause?: unknown }) {
    super(code, message, data, options);
  }
}

/** 400 with a text: by far the most common refusal. */
export function badRequest(message: string, cause?: unknown): ApiError {
  return new ApiError("API_BAD_REQUEST", message, {}, { cause });
}

export function notFound(message = ""): ApiError {
  return new ApiError("API_NOT_FOUND", message);
}
