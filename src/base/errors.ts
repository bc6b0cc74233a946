/** Facts of an error: plain values only, safe to log and to show. Never secrets. */
export type ErrorData = Readonly<Record<string, unknown>>;

/**
 * An expected failure: a stable `code` to branch on, a `message` for people, the facts in `data`,
 * the origin in `cause`. Layers derive their own (RuleError, StoreError, WireError, ApiError).
 */
export class CoinError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly data: ErrorData;

  constructor(code: Code, message: string, data: ErrorData = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.data = data;
  }
}

/** Thrown by `assert` only: a bug of ours, the node stops rather than write on. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** Holds an invariant of our own code. Never used on input. @throws AssertionFailure */
export function assert(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new AssertionFailure(`does not hold: ${claim}`);
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
