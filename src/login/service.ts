import type { Emitter } from "../base/emitter.ts";
import type { ChallengeMethod, ChallengeRecord, ChallengeStatus, ClaimBinding } from "./challenge.ts";
import type { Deadline } from "./deadline.ts";
import type { SigningAlgorithm } from "./key-ring.ts";
import type { Json } from "./store.ts";

/**
 * What the login service offers to the HTTP API, to the event bus and to OpenID Connect. `openLogin` (login.ts)
 * builds it; tests may stand in for any part.
 */
export interface LoginService {
  /** Base URL of the public listener, no slash at the end: issuer of tokens, base of all links. */
  readonly issuer: string;
  /** Pages are reached over TLS: cookies get the `__Host-` prefix and Secure. */
  readonly secure: boolean;
  readonly challenges: ChallengeService;
  readonly sessions: SessionService;
  readonly tokens: TokenService;
  readonly openId: OpenIdService;
  /** After every step, once it is stored. */
  readonly onEvent: Emitter<LoginEvent>;
  /** For gauges and readiness. */
  stock(): StockState;
  /** Sessions that began in each of the last 60 minutes, oldest first; none from before the start. */
  loginsPerMinute(): readonly number[];
}

/** Who asks, as far as limits and audit need to know. */
export interface Caller {
  /** One client for rate limits (an IPv4 address, an IPv6 /64); undefined: not limited (this machine). */
  readonly key: string | undefined;
  /** As text, for the audit's keyed hash. */
  readonly ip: string;
  /** A service that has shown its secret, and asks for all of its visitors. */
  readonly isService?: true;
}

export interface ChallengeRequest {
  /** Address in base58, or an account's xpub. */
  readonly address: string;
  readonly method: ChallengeMethod;
  readonly clientId?: string;
  /** PKCE, method S256. */
  readonly codeChallenge?: string;
  /** The claim is bound to a cookie instead of a secret in the answer. Ignored with `codeChallenge`. */
  readonly cookie?: boolean;
}

export interface IssuedChallenge {
  readonly record: ChallengeRecord;
  /** 256 random bits, base64url; told once. Absent with PKCE. */
  readonly claimSecret: string | undefined;
}

export interface ChallengeService {
  /** @throws LoginError invalid_address, invalid_xpub, invalid_client, too_many_open, rate_limited, busy, ... */
  create(request: ChallengeRequest, caller: Caller): Promise<IssuedChallenge>;
  /** @throws LoginError unknown_challenge */
  get(id: string): Promise<ChallengeRecord>;
  /** Calls back after each change of the challenge until removed. */
  watch(id: string, listener: (record: ChallengeRecord) => void): () => void;
  /** 65-byte recoverable signature over SHA-256 of the message, hex. @throws LoginError bad_signature, wrong_method, ... */
  prove(id: string, signature: string, caller: Caller): Promise<ChallengeRecord>;
  /**
   * Once, by who holds the secret. `binding` says where the secret came from: a secret that is in a cookie does not
   * work from a body. @throws LoginError wrong_secret, not_confirmed, already_claimed, challenge_expired, ...
   */
  claim(id: string, secret: string, binding: ClaimBinding["kind"], caller: Caller): Promise<Claimed>;
  /** Challenges that wait for their proof. */
  readonly openCount: number;
  /** How many came to each status since the start. */
  counts(): Readonly<Record<ChallengeStatus, number>>;
}

/** A proved identity with its session. */
export interface Claimed {
  readonly challenge: ChallengeRecord;
  readonly session: SessionRecord;
  readonly tokens: TokenSet;
  /** Value of the session cookie; only when the claim came by cookie. */
  readonly cookie: string | undefined;
}

/** One login: who, how, for whom. All its refresh tokens are one family. JSON. */
export interface SessionRecord {
  readonly id: string;
  /** `skycoin:{publisher public key}:{address}` */
  readonly subject: string;
  readonly address: string;
  readonly method: ChallengeMethod;
  readonly clientId?: string;
  /** Of the return; absent for method `signature`. */
  readonly txid?: string;
  readonly blockSeq?: number;
  readonly challengeId: string;
  /** Unix milliseconds of the proof. */
  readonly authTimeMs: number;
  readonly deadline: Deadline;
  /** Unix milliseconds. */
  readonly revokedAtMs?: number;
}

export interface SessionService {
  /** The live session behind a session cookie's value. */
  fromCookie(value: string): Promise<SessionRecord | undefined>;
  /** A live session by its id (claim `sid`). */
  get(id: string): Promise<SessionRecord | undefined>;
  /** Ends a session and every token of it, durably. Unknown ids are ignored. */
  revoke(id: string, caller?: Caller): Promise<void>;
}

export interface TokenSet {
  readonly accessToken: string;
  /** Absent for cookie sessions: the cookie is what renews them. */
  readonly refreshToken: string | undefined;
  /** Of the access token. */
  readonly expiresInSeconds: number;
}

export interface AccessClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  readonly sid: string;
  readonly auth_time: number;
  /** `urn:skycoin:login:return` or `urn:skycoin:login:signature`. */
  readonly acr: string;
  /** `["skytx"]` or `["skymsg"]`. */
  readonly amr: readonly string[];
  readonly address: string;
  readonly client_id?: string;
  readonly txid?: string;
  readonly block_seq?: number;
}

export interface TokenService {
  /** A fresh access token of a session, and a refresh token where asked. Audience: client id, else the issuer. */
  issue(session: SessionRecord, options: { readonly refresh: boolean }): Promise<TokenSet>;
  /** Rotates. A token used twice ends its session. @throws LoginError invalid_grant, rate_limited */
  refresh(token: string, caller: Caller): Promise<TokenSet & { readonly session: SessionRecord }>;
  /** Ends the session of an access or refresh token; anything else is ignored (RFC 7009). */
  revoke(token: string, caller: Caller): Promise<void>;
  /** For whom a token, valid or not, was made; undefined: for nobody, or no token of ours. */
  clientOf(token: string): Promise<string | undefined>;
  /** RFC 7662: `{active: false}` for whatever is not valid here and now, revocation included. */
  introspect(token: string): Promise<Readonly<Record<string, Json>>>;
  /** Checks signature, issuer, time and revocation of an access token. @throws LoginError invalid_grant */
  verify(token: string): Promise<AccessClaims>;
  /** Signs any claims with the current key: ID tokens, event receipts. `iat` and `exp` are added. */
  sign(
    claims: Readonly<Record<string, Json>>,
    options: {
      readonly type: string;
      readonly expiresInSeconds: number;
      /** EdDSA when absent. */
      readonly algorithm?: SigningAlgorithm;
    },
  ): Promise<string>;
  /** Public keys, the current one first, then those of unexpired tokens. */
  jwks(): { readonly keys: readonly Readonly<Record<string, Json>>[] };
}

/** What a service asks for when it sends a visitor here, checked against its description. JSON. */
export interface SignInRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  /** Returned as it came. */
  readonly state?: string;
  readonly nonce?: string;
  /** PKCE, method S256. */
  readonly codeChallenge: string;
  /** Those we know. */
  readonly scopes: readonly string[];
  /** Address to begin with. */
  readonly loginHint?: string;
}

/** OpenID Connect: authorization code with PKCE. */
export interface OpenIdService {
  /** Keeps the request while the visitor proves an address. The secret stays in that browser. @throws LoginError rate_limited */
  begin(asked: SignInRequest, caller: Caller): Promise<{ readonly id: string; readonly secret: string }>;
  /** @throws LoginError unknown_sign_in */
  request(id: string, secret: string | undefined): Promise<SignInRequest>;
  /** The visitor does not want to. @throws LoginError unknown_sign_in */
  drop(id: string, secret: string | undefined): Promise<SignInRequest>;
  /** A code for the request, once. @throws LoginError unknown_sign_in: also for a session of another service */
  finish(id: string, secret: string | undefined, session: SessionRecord): Promise<string>;
  /** A code for a session that is there already. @throws LoginError unknown_sign_in, rate_limited */
  grant(asked: SignInRequest, session: SessionRecord, caller: Caller): Promise<string>;
  /** Once; a second time ends the session. @throws LoginError invalid_grant, rate_limited */
  exchange(
    given: {
      readonly code: string;
      readonly clientId: string;
      readonly redirectUri: string;
      readonly verifier: string;
    },
    caller: Caller,
  ): Promise<{ readonly tokens: TokenSet; readonly session: SessionRecord; readonly idToken: string }>;
  /** Whose an ID token of ours is, expired or not. */
  sessionOfHint(idToken: string): Promise<SessionHint | undefined>;
}

/** What an ID token of ours tells, expired or not. */
export interface SessionHint {
  readonly sessionId: string;
  readonly clientId: string;
  readonly subject: string;
}

/** What the event bus tells as `login.*`. Carries no secret. */
export type LoginEvent =
  | { readonly type: "login.status"; readonly challenge: ChallengeRecord }
  | { readonly type: "login.session"; readonly session: SessionRecord }
  | { readonly type: "login.revoked"; readonly session: SessionRecord; readonly why: EndReason };

export type EndReason = "asked" | "refresh_reused" | "code_reused";

/** What is left to fund logins with. */
export interface StockState {
  /** Base58 of the stock address; undefined when this node funds nobody. */
  readonly address: string | undefined;
  /** Outputs of the size of one funding that are free at the moment. */
  readonly ready: number;
  readonly reserved: number;
  /** All outputs of the stock. */
  readonly outputs: number;
  /** Droplets and hours of the stock, confirmed. */
  readonly coins: bigint;
  readonly hours: bigint;
  readonly condition: "ok" | "low" | "exhausted" | "off";
}
