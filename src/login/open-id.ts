import type { Random } from "../cipher/random.ts";
import type { Audit } from "./audit.ts";
import { type Deadline, deadlineIn, isPast, type LoginClock } from "./deadline.ts";
import { hashText, randomText } from "./encoding.ts";
import { LoginError } from "./errors.ts";
import type { SigningAlgorithm } from "./key-ring.ts";
import { type LoginLimits, RateLimit } from "./limits.ts";
import type { Caller, OpenIdService, SessionHint, SessionRecord, SignInRequest, TokenSet } from "./service.ts";
import { loginClaims, type Sessions } from "./sessions.ts";
import type { Change, Condition, Json, LoginStore } from "./store.ts";
import type { Tokens } from "./tokens.ts";

export interface OpenIdDeps {
  readonly issuer: string;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly store: LoginStore;
  readonly clock: LoginClock;
  readonly random: Random;
  readonly audit: Audit;
  readonly limits: LoginLimits;
  /** By client id, for ID tokens; EdDSA where none is said. */
  readonly algorithms?: ReadonlyMap<string, SigningAlgorithm> | undefined;
}

/** A request as stored: bound to the browser that made it by a secret of which the hash is kept. */
interface RequestRecord {
  readonly asked: SignInRequest;
  readonly browserHash: string;
  readonly deadline: Deadline;
}

/** A code as stored, under its hash. One that was used stays, so that its second use is noticed. */
interface CodeRecord {
  readonly asked: SignInRequest;
  readonly sessionId: string;
  readonly deadline: Deadline;
  readonly usedAtMs?: number;
}

const ALL = "all";
const ID_TOKEN_TYPE = "JWT";
const FORGET_AFTER_MS = 86_400_000;

/**
 * Authorization code flow with PKCE (OAuth 2.1, OpenID Connect Core 1.0 section 3.1) over sessions and tokens of the
 * login service. What a browser is asked for waits in the store as `request/ID`, what it was given as `code/HASH`; both
 * are few, as requests are limited in rate and short in life.
 */
export class OpenId implements OpenIdService {
  readonly #deps: OpenIdDeps;
  readonly #limits: Readonly<Record<"client" | "all" | "attempts", RateLimit>>;

  constructor(deps: OpenIdDeps) {
    this.#deps = deps;
    const { limits, clock } = deps;
    this.#limits = {
      client: new RateLimit(limits.signIns, clock),
      all: new RateLimit(limits.signInsInAll, clock),
      attempts: new RateLimit(limits.attempts, clock),
    };
  }

  async begin(asked: SignInRequest, caller: Caller): Promise<{ readonly id: string; readonly secret: string }> {
    const { store, clock, random, limits } = this.#deps;
    this.#limitSignIns(caller);
    const [id, secret] = [randomText(random, 16), randomText(random, 32)];
    const deadline = deadlineIn(clock, limits.signInMs);
    await store.write([this.#requestRow(id, { asked, browserHash: hashText(secret), deadline })]);
    return { id, secret };
  }

  async request(id: string, secret: string | undefined): Promise<SignInRequest> {
    return (await this.#request(id, secret)).asked;
  }

  async drop(id: string, secret: string | undefined): Promise<SignInRequest> {
    const { asked } = await this.#request(id, secret);
    await this.#deps.store.write([{ table: "oidc", key: requestKey(id), value: undefined }]);
    return asked;
  }

  async finish(id: string, secret: string | undefined, session: SessionRecord): Promise<string> {
    const record = await this.#request(id, secret);
    const row: Condition = { table: "oidc", key: requestKey(id), equals: record as unknown as Json };
    return this.#code(record.asked, session, row);
  }

  async grant(asked: SignInRequest, session: SessionRecord, caller: Caller): Promise<string> {
    this.#limitSignIns(caller);
    return this.#code(asked, session, undefined);
  }

  /** One request gives one code: its row goes in the same step. */
  async #code(asked: SignInRequest, session: SessionRecord, request: Condition | undefined): Promise<string> {
    const { store, clock, random, limits } = this.#deps;
    // The proof was for a service: it is told to no other.
    if (session.clientId !== asked.clientId) throw unknownRequest();
    const code = randomText(random, 32);
    const record: CodeRecord = { asked, sessionId: session.id, deadline: deadlineIn(clock, limits.codeMs) };
    const spent: Change[] = request === undefined ? [] : [{ table: "oidc", key: request.key, value: undefined }];
    const written = await store.write([...spent, this.#codeRow(code, record)], {
      onlyIf: request === undefined ? [] : [request],
      durable: true,
    });
    if (!written) throw unknownRequest();
    return code;
  }

  async exchange(
    given: {
      readonly code: string;
      readonly clientId: string;
      readonly redirectUri: string;
      readonly verifier: string;
    },
    caller: Caller,
  ): Promise<{ readonly tokens: TokenSet; readonly session: SessionRecord; readonly idToken: string }> {
    const { store, sessions, tokens, clock, audit } = this.#deps;
    this.#limits.attempts.demand(caller.key, "rate_limited", "Too many attempts from here: wait a little");
    const record = await this.#codeRecord(given.code);
    if (record === undefined || record.asked.clientId !== given.clientId) throw invalidCode();
    if (record.usedAtMs !== undefined) return this.#reused(record, caller);
    const { asked, sessionId } = record;
    if (isPast(record.deadline, clock)) throw invalidCode();
    if (asked.redirectUri !== given.redirectUri) {
      throw new LoginError("invalid_grant", "redirect_uri is not the one the code was sent to");
    }
    if (hashText(given.verifier) !== asked.codeChallenge) {
      throw new LoginError("invalid_grant", "code_verifier does not fit the code_challenge");
    }
    const session = await sessions.get(sessionId);
    if (session === undefined) throw invalidCode();
    this.#limits.attempts.give(caller.key); // no guess
    const prepared = await tokens.prepare(session, asked.scopes.includes("offline_access"));
    const written = await store.write(
      [
        ...prepared.changes,
        this.#codeRow(given.code, { ...record, usedAtMs: clock.nowMs() }),
        audit.ofSession("exchanged", session, { caller }),
      ],
      {
        onlyIf: [
          { table: "oidc", key: codeKey(given.code), equals: record as unknown as Json },
          { table: "session", key: sessionId, equals: session as unknown as Json },
        ],
        durable: true,
      },
    );
    // Between our look and the write: used by somebody else, or signed out.
    if (!written) {
      const now = await this.#codeRecord(given.code);
      if (now?.usedAtMs !== undefined) return this.#reused(now, caller);
      throw invalidCode();
    }
    return { tokens: prepared.tokens, session, idToken: await this.#idToken(session, asked) };
  }

  async sessionOfHint(idToken: string): Promise<SessionHint | undefined> {
    const claims = await this.#deps.tokens.read(idToken, ID_TOKEN_TYPE, { expired: true });
    if (claims === undefined || typeof claims.aud !== "string") return undefined;
    return { sessionId: claims.sid, clientId: claims.aud, subject: claims.sub };
  }

  /** Somebody else may have been first with it: what was given for it is void (RFC 6749 4.1.2). */
  async #reused({ sessionId }: CodeRecord, caller: Caller): Promise<never> {
    await this.#deps.sessions.end(sessionId, "code_reused", caller);
    throw new LoginError("invalid_grant", "This code has been used before; its session has been ended, sign in again");
  }

  #idToken(session: SessionRecord, { clientId, nonce }: SignInRequest): Promise<string> {
    const { issuer, tokens, limits, algorithms } = this.#deps;
    return tokens.sign(
      {
        iss: issuer,
        aud: clientId,
        ...userClaims(session),
        ...(nonce !== undefined && { nonce }),
      },
      {
        type: ID_TOKEN_TYPE,
        expiresInSeconds: Math.floor(limits.accessTokenMs / 1000),
        algorithm: algorithms?.get(clientId) ?? "EdDSA",
      },
    );
  }

  async #request(id: string, secret: string | undefined): Promise<RequestRecord> {
    const known = /^[\w-]{22}$/.test(id)
      ? ((await this.#deps.store.get("oidc", requestKey(id))) as unknown as RequestRecord | undefined)
      : undefined;
    if (known === undefined || secret === undefined || isPast(known.deadline, this.#deps.clock)) throw unknownRequest();
    // Both are hashes of 256 random bits: how long the comparison takes tells nothing of either.
    if (hashText(secret) !== known.browserHash) throw unknownRequest();
    return known;
  }

  async #codeRecord(code: string): Promise<CodeRecord | undefined> {
    if (!/^[\w-]{43}$/.test(code)) return undefined;
    return (await this.#deps.store.get("oidc", codeKey(code))) as unknown as CodeRecord | undefined;
  }

  #requestRow(id: string, record: RequestRecord): Change {
    const { wallMs } = record.deadline;
    return { table: "oidc", key: requestKey(id), value: record as unknown as Json, forgetAtMs: wallMs };
  }

  #codeRow(code: string, record: CodeRecord): Change {
    const forgetAtMs = record.deadline.wallMs + FORGET_AFTER_MS;
    return { table: "oidc", key: codeKey(code), value: record as unknown as Json, forgetAtMs };
  }

  #limitSignIns(caller: Caller): void {
    this.#limits.client.demand(caller.key, "rate_limited", "Too many sign-ins are begun from here: wait a little");
    this.#limits.all.demand(ALL, "rate_limited", "The service begins as many sign-ins as it may: wait a moment");
  }
}

/** What an ID token and the userinfo answer say of a visitor. */
export function userClaims(session: SessionRecord): Readonly<Record<string, Json>> {
  return {
    ...loginClaims(session),
    // Not `address`: there OpenID Connect has a postal one.
    preferred_username: session.address,
  };
}

function requestKey(id: string): string {
  return `request/${id}`;
}

function codeKey(code: string): string {
  return `code/${hashText(code)}`;
}

function unknownRequest(): LoginError {
  return new LoginError(
    "unknown_sign_in",
    "This sign-in was begun in another browser, is over, or its time has run out: go back to the service and start again",
  );
}

function invalidCode(): LoginError {
  return new LoginError("invalid_grant", "The code is unknown, expired or not for this client; sign in again");
}
