import { CoinError } from "../base/errors.ts";

/** Every refusal of the login service: the HTTP status it becomes and its title. The code is what clients branch on. */
export const LOGIN_ERRORS = {
  bad_request: [400, "The request cannot be read"],
  invalid_address: [400, "Not a valid address"],
  invalid_xpub: [400, "Not an account's extended public key"],
  invalid_client: [400, "The client id is not known here"],
  invalid_code_challenge: [400, "Not a PKCE challenge of method S256"],
  wrong_method: [409, "The challenge is of another method"],
  unknown_challenge: [404, "No such challenge"],
  challenge_expired: [410, "The challenge has expired"],
  challenge_failed: [409, "The challenge has failed"],
  not_confirmed: [409, "The proof has not been seen yet"],
  already_claimed: [409, "The challenge has been claimed"],
  wrong_secret: [403, "Not the secret of this challenge"],
  bad_signature: [422, "The signature does not prove the address"],
  unknown_sign_in: [400, "This sign-in cannot go on"],
  invalid_sign_in: [400, "The service has asked wrongly"],
  invalid_grant: [400, "The token is not valid"],
  unsupported_grant_type: [400, "Not a grant type of this endpoint"],
  no_session: [401, "Not signed in"],
  invalid_token: [401, "Not a valid access token"],
  client_not_authenticated: [401, "The service must show who it is"],
  wrong_origin: [403, "Not from a page of this site"],
  not_found: [404, "Nothing here"],
  too_many_open: [429, "Too many open challenges for this address"],
  rate_limited: [429, "Too many requests"],
  too_large: [413, "The request is too large"],
  busy: [503, "The service is at its limit"],
  funding_exhausted: [503, "No coins left to fund logins"],
  unavailable: [503, "Not available at the moment"],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type LoginErrorCode = keyof typeof LOGIN_ERRORS;

/** An expected refusal. The message says what to do about it and is shown to clients; never a secret. */
export class LoginError extends CoinError<LoginErrorCode> {
  /** Seconds after which asking again may help. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: LoginErrorCode,
    message: string = LOGIN_ERRORS[code][1],
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(code, message, {}, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The store cannot be read or written; nothing of a failed write is acknowledged. */
export class LoginStoreError extends CoinError<"LOGIN_STORE"> {}
