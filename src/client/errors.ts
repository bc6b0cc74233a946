import { CoinError } from "../base/errors.ts";

/**
 * The service refused, in its own words (RFC 9457): branch on `code`, such as `not_confirmed` or `rate_limited`;
 * docs/login.md lists them. `http_error` when the answer was no problem document.
 */
export class LoginProblem extends CoinError {
  readonly status: number;
  /** After which asking again may help. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, message: string, { status, retryAfterSeconds }: ProblemFacts, cause?: unknown) {
    super(code, message, { status }, { cause });
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface ProblemFacts {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
}

export type ClientErrorCode =
  | "CLIENT_UNREACHABLE"
  | "CLIENT_ANSWER"
  | "CLIENT_TOKEN"
  | "CLIENT_NO_COINS"
  | "CLIENT_NOT_FUNDED"
  | "CLIENT_SEED";

/** What goes wrong on this side of the line, or on the line itself. */
export class ClientError extends CoinError<ClientErrorCode> {}

/** A refusal as a problem, whatever its form. */
export async function problemOf(response: Response): Promise<LoginProblem> {
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const facts = { status: response.status, retryAfterSeconds: Number.isFinite(wait) ? wait : undefined };
  const text = (await response.text()).trim();
  try {
    const { code, detail, title } = JSON.parse(text) as { code?: unknown; detail?: string; title?: string };
    if (typeof code === "string") return new LoginProblem(code, detail ?? title ?? code, facts);
  } catch {} // plain text, as the Go-compatible API gives
  return new LoginProblem("http_error", text === "" ? `HTTP status ${response.status}` : text.slice(0, 500), facts);
}
