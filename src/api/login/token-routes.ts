import { LoginError } from "../../login/errors.ts";
import type { SessionRecord } from "../../login/service.ts";
import { readableTokens, tokenSchema } from "./challenge-routes.ts";
import type { ClientAuth } from "./client-auth.ts";
import { SESSION_COOKIE, setCookie } from "./cookie.ts";
import type { JsonSchema, LoginRequest, LoginRoute, LoginServices } from "./route.ts";

export const GRANT_TYPES = ["authorization_code", "refresh_token"] as const;

const text = { type: "string" } as const;
const client = { client_id: text, client_secret: text } as const;
const tokenBody: JsonSchema = {
  type: "object",
  properties: { token: { type: "string", maxLength: 8192 }, token_type_hint: text, ...client },
  required: ["token"],
};

/** Tokens, sessions and key set (docs/login.md). Bodies may be forms, as OAuth clients send them. */
export function tokenRoutes({ login }: LoginServices, auth: ClientAuth): readonly LoginRoute[] {
  return [
    {
      method: "POST",
      path: "/login/v1/token",
      summary: "Tokens for a code, or new ones for a refresh token",
      description:
        "Codes and refresh tokens are for one use. Used again, they end their session. A client with a secret must show it (RFC 6749 6).",
      oauth: true,
      body: {
        type: "object",
        properties: {
          grant_type: { type: "string", description: GRANT_TYPES.join(" or ") },
          refresh_token: { type: "string", maxLength: 200 },
          code: { type: "string", maxLength: 100 },
          redirect_uri: { type: "string", maxLength: 2048 },
          code_verifier: { type: "string", maxLength: 128 },
          ...client,
        },
        required: ["grant_type"],
      },
      answers: { 200: { description: "New tokens; with a code also id_token", schema: tokenSchema } },
      problems: ["bad_request", "invalid_grant", "unsupported_grant_type", "client_not_authenticated", "rate_limited"],
      handler: async (request) => {
        const { body, caller } = request;
        if (body.grant_type === "authorization_code") return exchange(request, login, auth);
        if (body.grant_type !== "refresh_token") {
          throw new LoginError("unsupported_grant_type", `grant_type is ${GRANT_TYPES.join(" or ")} here`);
        }
        const token = String(body.refresh_token ?? "");
        auth.requireFor(await login.tokens.clientOf(token), request);
        const { session, ...tokens } = await login.tokens.refresh(token, caller);
        return { json: readableTokens({ tokens, session }, login.issuer) };
      },
    },
    {
      method: "POST",
      path: "/login/v1/revoke",
      summary: "End the session of a token",
      oauth: true,
      body: tokenBody,
      answers: { 200: { description: "It is not valid any more, whatever it was" } },
      problems: ["bad_request", "client_not_authenticated"],
      handler: async (request) => {
        const { body, caller } = request;
        auth.requireFor(await login.tokens.clientOf(body.token as string), request);
        await login.tokens.revoke(body.token as string, caller);
        return { json: {} };
      },
    },
    {
      method: "POST",
      path: "/login/v1/introspect",
      summary: "What a token says, and whether it is valid here and now",
      oauth: true,
      description:
        "Looks at revocation too, which verifying with the key set alone cannot. For services that show id and secret (RFC 7662 2.1), about tokens meant for them.",
      body: tokenBody,
      answers: {
        200: { description: "RFC 7662", schema: { type: "object", properties: { active: { type: "boolean" } } } },
      },
      problems: ["bad_request", "client_not_authenticated"],
      handler: async (request) => {
        const { id } = auth.require(request);
        const said = await login.tokens.introspect(request.body.token as string);
        return { json: said.client_id === id ? said : { active: false } };
      },
    },
    {
      method: "GET",
      path: "/login/v1/session",
      summary: "Who am I, for a session cookie or an access token",
      answers: { 200: { description: "The session", schema: sessionSchema } },
      problems: ["no_session"],
      handler: async (request) => ({ json: readableSession(await cookieSession(request, login)) }),
    },
    {
      method: "POST",
      path: "/login/v1/logout",
      summary: "End the session of the cookie",
      answers: { 200: { description: "Signed out" } },
      problems: ["wrong_origin"],
      sameSite: true,
      handler: async (request) => {
        const session = await login.sessions.fromCookie(request.cookie(SESSION_COOKIE) ?? "");
        if (session !== undefined) await login.sessions.revoke(session.id, request.caller);
        const gone = setCookie({ name: SESSION_COOKIE, value: "", maxAgeSeconds: 0, secure: login.secure });
        return { json: {}, cookies: [gone] };
      },
    },
    {
      method: "GET",
      path: "/.well-known/jwks.json",
      summary: "Keys of the tokens",
      answers: {
        200: { description: "RFC 7517", schema: { type: "object", properties: { keys: { type: "array" } } } },
      },
      handler: () => ({
        json: login.tokens.jwks(),
        headers: { "cache-control": "public, max-age=300" },
      }),
    },
  ];
}

/** RFC 6749 4.1.3 and RFC 7636 4.5: the client that asked, its redirect URI, and the verifier of its challenge. */
async function exchange(
  request: LoginRequest,
  login: LoginServices["login"],
  auth: ClientAuth,
): Promise<{ readonly json: unknown }> {
  const { body, caller } = request;
  const clientId = auth.of(request)?.id ?? body.client_id;
  const { code, redirect_uri: redirectUri, code_verifier: verifier } = body;
  const given = { clientId, code, redirectUri, verifier };
  const missing = Object.entries({ code, redirect_uri: redirectUri, code_verifier: verifier, client_id: clientId })
    .filter(([, value]) => typeof value !== "string" || value === "")
    .map(([name]) => name);
  if (missing.length > 0) throw new LoginError("bad_request", `missing: ${missing.join(", ")}`);
  auth.requireFor(clientId as string, request);
  const { tokens, session, idToken } = await login.openId.exchange(given as Record<keyof typeof given, string>, caller);
  return { json: { ...readableTokens({ tokens, session }, login.issuer), id_token: idToken } };
}

/** The live session of a request's access token or cookie. @throws LoginError no_session */
export async function cookieSession(request: LoginRequest, login: LoginServices["login"]): Promise<SessionRecord> {
  const bearer = /^bearer +([\w.~+/=-]+)$/i.exec(request.header("authorization") ?? "")?.[1];
  const session =
    bearer === undefined
      ? await login.sessions.fromCookie(request.cookie(SESSION_COOKIE) ?? "")
      : await bearerSession(bearer, login);
  if (session === undefined) throw new LoginError("no_session", "Not signed in, or the session has ended");
  return session;
}

/** Undefined for a token that is not valid here and now: expired, or its session over. */
export async function bearerSession(token: string, login: LoginServices["login"]): Promise<SessionRecord | undefined> {
  const said = await login.tokens.introspect(token);
  return said.token_type === "access_token" ? login.sessions.get(said.sid as string) : undefined;
}

export function readableSession(session: SessionRecord) {
  return {
    session_id: session.id,
    subject: session.subject,
    address: session.address,
    method: session.method,
    auth_time: new Date(session.authTimeMs).toISOString(),
    expires_at: new Date(session.deadline.wallMs).toISOString(),
    client_id: session.clientId,
    txid: session.txid,
    block_seq: session.blockSeq,
  };
}

const sessionSchema: JsonSchema = {
  type: "object",
  properties: {
    session_id: text,
    subject: text,
    address: text,
    method: text,
    auth_time: { type: "string", format: "date-time" },
    expires_at: { type: "string", format: "date-time" },
    client_id: text,
    txid: text,
    block_seq: { type: "integer" },
  },
};
