import { jwtVerify, SignJWT } from "jose";
import type { Random } from "../cipher/random.ts";
import type { Audit } from "./audit.ts";
import type { LoginClock } from "./deadline.ts";
import { hashText, randomText } from "./encoding.ts";
import { LoginError } from "./errors.ts";
import { type KeyRing, SIGNING_ALGORITHMS, type SigningAlgorithm } from "./key-ring.ts";
import { type LoginLimits, RateLimit } from "./limits.ts";
import type { AccessClaims, Caller, SessionRecord, TokenService, TokenSet } from "./service.ts";
import { loginClaims, type Sessions } from "./sessions.ts";
import type { Change, Json, LoginStore } from "./store.ts";

export interface TokensDeps {
  readonly issuer: string;
  readonly keys: KeyRing;
  readonly sessions: Sessions;
  readonly store: LoginStore;
  readonly clock: LoginClock;
  readonly random: Random;
  readonly audit: Audit;
  readonly limits: LoginLimits;
}

/** A refresh token as stored, under its hash. One that was used stays, so that its second use is noticed. */
interface RefreshRecord {
  readonly sessionId: string;
  readonly issuedAtMs: number;
  readonly usedAtMs?: number;
}

/** Media type of access tokens (RFC 9068): no other token of ours passes for one. */
const ACCESS_TYPE = "at+jwt";
const REFRESH_PREFIX = "lcr_";

/**
 * Access tokens: JWTs that anybody verifies with the key set. Refresh tokens: random, for one use; the second use
 * of one shows that it was stolen, by whichever side, and ends the session.
 */
export class Tokens implements TokenService {
  readonly #deps: TokensDeps;
  readonly #refreshes: RateLimit;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
    this.#refreshes = new RateLimit(deps.limits.refreshes, deps.clock);
  }

  async issue(session: SessionRecord, { refresh }: { readonly refresh: boolean }): Promise<TokenSet> {
    const set = await this.prepare(session, refresh);
    if (set.changes.length > 0) await this.#deps.store.write(set.changes, { durable: true });
    return set.tokens;
  }

  /** Tokens with the rows that make them valid, for who writes them together with others. */
  async prepare(
    session: SessionRecord,
    refresh: boolean,
  ): Promise<{ readonly tokens: TokenSet; readonly changes: readonly Change[] }> {
    const { limits, random } = this.#deps;
    const accessToken = await this.#access(session);
    const expiresInSeconds = Math.floor(limits.accessTokenMs / 1000);
    if (!refresh) return { tokens: { accessToken, refreshToken: undefined, expiresInSeconds }, changes: [] };
    const refreshToken = `${REFRESH_PREFIX}${randomText(random, 32)}`;
    const record: RefreshRecord = { sessionId: session.id, issuedAtMs: this.#deps.clock.nowMs() };
    return {
      tokens: { accessToken, refreshToken, expiresInSeconds },
      changes: [refreshRow(refreshToken, record, session)],
    };
  }

  async refresh(token: string, caller: Caller): Promise<TokenSet & { readonly session: SessionRecord }> {
    const { store, sessions, clock, audit } = this.#deps;
    const record = await this.#refreshRecord(token);
    if (record === undefined) throw invalid();
    const session = await sessions.get(record.sessionId);
    if (session === undefined) throw invalid();
    if (record.usedAtMs !== undefined) return this.#reused(record, caller);
    this.#refreshes.demand(session.id, "rate_limited", "This session is refreshed too often: use the tokens it has");
    const { tokens, changes } = await this.prepare(session, true);
    const written = await store.write(
      [
        ...changes,
        refreshRow(token, { ...record, usedAtMs: clock.nowMs() }, session),
        audit.ofSession("refreshed", session, { caller }),
      ],
      {
        onlyIf: [
          { table: "refresh", key: hashText(token), equals: record as unknown as Json },
          { table: "session", key: session.id, equals: session as unknown as Json },
        ],
        durable: true,
      },
    );
    if (written) return { ...tokens, session };
    // Between our look and the write: revoked, or used by somebody else with the same token.
    const now = await this.#refreshRecord(token);
    if (now?.usedAtMs !== undefined) return this.#reused(now, caller);
    throw invalid();
  }

  async #reused({ sessionId }: RefreshRecord, caller: Caller): Promise<never> {
    await this.#deps.sessions.end(sessionId, "refresh_reused", caller);
    throw new LoginError(
      "invalid_grant",
      "This refresh token has been used before; its session has been ended, sign in again",
    );
  }

  async clientOf(token: string): Promise<string | undefined> {
    const sessionId = await this.#sessionIdOf(token);
    return sessionId === undefined ? undefined : (await this.#deps.sessions.find(sessionId))?.clientId;
  }

  async revoke(token: string, caller: Caller): Promise<void> {
    const sessionId = await this.#sessionIdOf(token);
    if (sessionId !== undefined) await this.#deps.sessions.end(sessionId, "asked", caller);
  }

  async introspect(token: string): Promise<Readonly<Record<string, Json>>> {
    if (token.startsWith(REFRESH_PREFIX)) {
      const record = await this.#refreshRecord(token);
      const session =
        record === undefined || record.usedAtMs !== undefined
          ? undefined
          : await this.#deps.sessions.get(record.sessionId);
      if (record === undefined || session === undefined) return { active: false };
      return {
        active: true,
        token_type: "refresh_token",
        sub: session.subject,
        sid: session.id,
        iat: Math.floor(record.issuedAtMs / 1000),
        exp: Math.floor(session.deadline.wallMs / 1000),
        ...(session.clientId !== undefined && { client_id: session.clientId }),
      };
    }
    const claims = await this.#claims(token);
    if (claims === undefined || (await this.#deps.sessions.get(claims.sid)) === undefined) return { active: false };
    return { active: true, token_type: "access_token", ...(claims as unknown as Record<string, Json>) };
  }

  async verify(token: string): Promise<AccessClaims> {
    const claims = await this.#claims(token);
    if (claims === undefined || (await this.#deps.sessions.get(claims.sid)) === undefined) throw invalid();
    return claims;
  }

  async sign(
    claims: Readonly<Record<string, Json>>,
    {
      type,
      expiresInSeconds,
      algorithm = "EdDSA",
    }: { readonly type: string; readonly expiresInSeconds: number; readonly algorithm?: SigningAlgorithm },
  ): Promise<string> {
    const { kid, key } = this.#deps.keys.signing(algorithm);
    const now = Math.floor(this.#deps.clock.nowMs() / 1000);
    return new SignJWT({ ...claims, iat: now, exp: now + expiresInSeconds })
      .setProtectedHeader({ alg: algorithm, kid, typ: type })
      .sign(key);
  }

  jwks(): { readonly keys: readonly Readonly<Record<string, Json>>[] } {
    return { keys: this.#deps.keys.publicKeys() as readonly Readonly<Record<string, Json>>[] };
  }

  /** Of a token that need not be valid any more. */
  async #sessionIdOf(token: string): Promise<string | undefined> {
    return token.startsWith(REFRESH_PREFIX)
      ? (await this.#refreshRecord(token))?.sessionId
      : (await this.#claims(token, { expired: true }))?.sid;
  }

  #access(session: SessionRecord): Promise<string> {
    const { issuer, limits, random, clock } = this.#deps;
    // Never beyond the session's own end.
    const left = Math.floor((session.deadline.wallMs - clock.nowMs()) / 1000);
    const expiresInSeconds = Math.max(1, Math.min(Math.floor(limits.accessTokenMs / 1000), left));
    return this.sign(
      {
        iss: issuer,
        aud: session.clientId ?? issuer,
        jti: randomText(random, 16),
        ...loginClaims(session),
        address: session.address,
        ...(session.clientId !== undefined && { client_id: session.clientId }),
      },
      { type: ACCESS_TYPE, expiresInSeconds },
    );
  }

  #claims(token: string, options: { readonly expired?: boolean } = {}): Promise<AccessClaims | undefined> {
    return this.read(token, ACCESS_TYPE, options);
  }

  /** Undefined for whatever is not a token of ours of that media type. */
  async read(token: string, type: string, { expired = false } = {}): Promise<AccessClaims | undefined> {
    const { issuer, keys, clock } = this.#deps;
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          const key = keys.verifying(kid);
          if (key === undefined) throw new LoginError("invalid_grant");
          return key;
        },
        {
          issuer,
          algorithms: type === ACCESS_TYPE ? ["EdDSA"] : [...SIGNING_ALGORITHMS],
          typ: type,
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ["sub", "aud", "exp", "sid"],
          ...(expired && { clockTolerance: "400 days" }),
        },
      );
      return payload as unknown as AccessClaims;
    } catch {
      return undefined;
    }
  }

  async #refreshRecord(token: string): Promise<RefreshRecord | undefined> {
    if (!/^lcr_[\w-]{43}$/.test(token)) return undefined;
    return (await this.#deps.store.get("refresh", hashText(token))) as unknown as RefreshRecord | undefined;
  }
}

function refreshRow(token: string, record: RefreshRecord, session: SessionRecord): Change {
  const forgetAtMs = session.deadline.wallMs + 86_400_000;
  return { table: "refresh", key: hashText(token), value: record as unknown as Json, forgetAtMs };
}

function invalid(): LoginError {
  return new LoginError("invalid_grant", "The token is unknown, expired or revoked; sign in again");
}
