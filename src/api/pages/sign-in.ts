import type { LoginClient } from "../../login/clients.ts";
import { LoginError } from "../../login/errors.ts";
import type { SessionRecord, SignInRequest } from "../../login/service.ts";
import { cookieName, SESSION_COOKIE, setCookie, signInCookie } from "../login/cookie.ts";
import { SCOPES } from "../login/open-id-routes.ts";
import type { LoginServices } from "../login/route.ts";
import type { PageRequest } from "./page-routes.ts";
import type { Redirect } from "./shell.ts";
import { originOf } from "./who-asks.ts";

/** Of state and nonce: they wait in the store. */
const TEXT_MAX = 1024;
const PROMPTS = ["none", "login", "consent", "select_account"];

/** `GET` and `POST /login/v1/authorize`: RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1.2. */
export async function authorize(services: LoginServices, request: PageRequest): Promise<Redirect> {
  const { login } = services;
  const fields = request.form.size > 0 ? request.form : request.query;
  const target = targetOf(services, fields);
  const refused = (error: string, why: string): Redirect => ({
    location: answerUrl(login.issuer, target, { error, error_description: why }),
  });
  const asked = askedOf(target, fields);
  if ("error" in asked) return refused(asked.error, asked.why);
  const { prompts, signIn } = asked;
  const session = await fittingSession(services, request, asked);
  if (session !== undefined && (prompts.length === 0 || prompts[0] === "none")) {
    const code = await login.openId.grant(signIn, session, request.caller);
    return { location: answerUrl(login.issuer, target, { code }) };
  }
  if (prompts[0] === "none") return refused("login_required", "the visitor has to prove an address");
  const { id, secret } = await login.openId.begin(signIn, request.caller);
  return { location: `/login?interaction=${id}`, cookies: [cookieOf(services, id, secret)] };
}

/** `POST /login/cancel`: the visitor does not want to. */
export async function cancelSignIn(services: LoginServices, request: PageRequest): Promise<Redirect> {
  const id = request.form.get("interaction") ?? "";
  const asked = await services.login.openId.drop(id, secretOf(services, request, id));
  const said = { error: "access_denied", error_description: "the visitor has cancelled" };
  return { location: answerUrl(services.login.issuer, asked, said), cookies: [cookieOf(services, id, undefined)] };
}

/** The address is proved: back to the service with a code. */
export async function finishSignIn(
  services: LoginServices,
  request: PageRequest,
  { id, asked, session }: { readonly id: string; readonly asked: SignInRequest; readonly session: SessionRecord },
): Promise<{ readonly location: string; readonly cookies: readonly string[] }> {
  const { login } = services;
  const code = await login.openId.finish(id, secretOf(services, request, id), session);
  return { location: answerUrl(login.issuer, asked, { code }), cookies: [cookieOf(services, id, undefined)] };
}

/** What this browser was sent here for. @throws LoginError unknown_sign_in */
export function signInOf(services: LoginServices, request: PageRequest, id: string): Promise<SignInRequest> {
  return services.login.openId.request(id, secretOf(services, request, id));
}

/** For the policy of pages whose forms end at the service. */
export function formTarget(asked: SignInRequest | undefined): string | undefined {
  return asked === undefined ? undefined : originOf(asked.redirectUri);
}

/**
 * `GET` and `POST /login/v1/end-session` (OpenID Connect RP-Initiated Logout 1.0). An ID token of the session shows that
 * its service asks; without one the visitor is asked on the account page.
 */
export async function endSession(services: LoginServices, request: PageRequest): Promise<Redirect> {
  const { login, clients } = services;
  const fields = request.form.size > 0 ? request.form : request.query;
  const hint = await login.openId.sessionOfHint((fields.get("id_token_hint") ?? "").slice(0, 8192));
  const clientId = fields.get("client_id");
  if (hint === undefined || (clientId !== null && clientId !== hint.clientId)) return { location: "/account" };
  await login.sessions.revoke(hint.sessionId, request.caller);
  const mine = await cookieSession(services, request);
  const gone = setCookie({ name: SESSION_COOKIE, value: "", maxAgeSeconds: 0, secure: login.secure });
  // Revoked, the session of this browser reads as none; the cookie of another one stays.
  const cookies = mine === undefined ? [gone] : [];
  const back = fields.get("post_logout_redirect_uri");
  if (back === null || !clients.get(hint.clientId)?.postLogoutRedirectUris.includes(back)) {
    return { location: "/login?done=out", cookies };
  }
  return { location: withQuery(back, { state: fields.get("state") ?? undefined }), cookies };
}

interface Target {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state?: string;
}

/** Until these are right nothing is sent anywhere (RFC 6749 4.1.2.1). @throws LoginError invalid_sign_in */
function targetOf({ clients }: LoginServices, fields: URLSearchParams): Target {
  const client = clients.get(fields.get("client_id") ?? "");
  if (client === undefined) {
    throw new LoginError("invalid_sign_in", "The service that sent you is not known here (client_id)");
  }
  const [redirectUri, ...others] = fields.getAll("redirect_uri");
  if (redirectUri === undefined || others.length > 0 || !isRegistered(client, redirectUri)) {
    throw new LoginError("invalid_sign_in", `That address is not registered for ${client.name} (redirect_uri)`);
  }
  const state = fields.get("state");
  return { clientId: client.id, redirectUri, ...(state !== null && state.length <= TEXT_MAX && { state }) };
}

function isRegistered(client: LoginClient, uri: string): boolean {
  return client.redirectUris.includes(uri);
}

interface Asked {
  readonly signIn: SignInRequest;
  readonly prompts: readonly string[];
  readonly maxAgeMs: number | undefined;
  readonly hint: string | undefined;
}

interface Wrong {
  readonly error: string;
  readonly why: string;
}

function askedOf(target: Target, fields: URLSearchParams): Asked | Wrong {
  const text = (name: string): string | undefined => fields.get(name) || undefined;
  const wrong = (why: string, error = "invalid_request"): Wrong => ({ error, why });
  const names = [...fields.keys()];
  if (new Set(names).size < names.length) return wrong("a parameter is there twice");
  if (text("request") !== undefined) return wrong("request objects are not taken", "request_not_supported");
  if (text("request_uri") !== undefined) return wrong("request_uri is not taken", "request_uri_not_supported");
  if (text("response_type") !== "code") return wrong("response_type is code here", "unsupported_response_type");
  if ((text("response_mode") ?? "query") !== "query") return wrong("response_mode is query here");
  const scopes = (text("scope") ?? "").split(" ");
  if (!scopes.includes("openid")) return wrong("scope must include openid", "invalid_scope");
  const codeChallenge = text("code_challenge") ?? "";
  if (text("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(codeChallenge)) {
    return wrong("PKCE is required: code_challenge with code_challenge_method S256");
  }
  const [nonce, loginHint, maxAge] = [text("nonce"), text("login_hint"), text("max_age")];
  if ((fields.get("state") ?? "").length > TEXT_MAX || (nonce ?? "").length > TEXT_MAX) {
    return wrong(`state and nonce are at most ${TEXT_MAX} characters`);
  }
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) return wrong("max_age is a number of seconds");
  const prompts = (text("prompt") ?? "").split(" ").filter((prompt) => prompt !== "");
  if (prompts.some((prompt) => !PROMPTS.includes(prompt))) return wrong(`prompt is one of ${PROMPTS.join(", ")}`);
  if (prompts.includes("none") && prompts.length > 1) return wrong("prompt none stands alone");
  return {
    signIn: {
      ...target,
      codeChallenge,
      scopes: SCOPES.filter((scope) => scopes.includes(scope)),
      ...(nonce !== undefined && { nonce }),
      ...(loginHint !== undefined && { loginHint: loginHint.slice(0, 200) }),
    },
    prompts,
    maxAgeMs: maxAge === undefined ? undefined : Number(maxAge) * 1000,
    hint: text("id_token_hint"),
  };
}

/** The session of this browser, when it is of this service, fresh enough, and whom the service expects. */
async function fittingSession(
  services: LoginServices,
  request: PageRequest,
  { signIn, maxAgeMs, hint }: Asked,
): Promise<SessionRecord | undefined> {
  const session = await cookieSession(services, request);
  if (session === undefined || session.clientId !== signIn.clientId) return undefined;
  if (maxAgeMs !== undefined && services.clock.nowMs() - session.authTimeMs > maxAgeMs) return undefined;
  if (hint !== undefined) {
    const expected = await services.login.openId.sessionOfHint(hint.slice(0, 8192));
    if (expected?.subject !== session.subject) return undefined;
  }
  return session;
}

function cookieSession({ login }: LoginServices, request: PageRequest): Promise<SessionRecord | undefined> {
  return login.sessions.fromCookie(request.cookie(cookieName(SESSION_COOKIE, login.secure)) ?? "");
}

function secretOf({ login }: LoginServices, request: PageRequest, id: string): string | undefined {
  return request.cookie(cookieName(signInCookie(id), login.secure));
}

/** Undefined removes it. */
function cookieOf({ login }: LoginServices, id: string, secret: string | undefined): string {
  const maxAgeSeconds = secret === undefined ? 0 : COOKIE_SECONDS;
  return setCookie({ name: signInCookie(id), value: secret ?? "", maxAgeSeconds, secure: login.secure });
}

/** Longer than a request is kept: then its end is said, not guessed. */
const COOKIE_SECONDS = 3600;

/** `iss` says who answers (RFC 9207). */
function answerUrl(issuer: string, { redirectUri, state }: Target, said: Readonly<Record<string, string>>): string {
  return withQuery(redirectUri, { ...said, state, iss: issuer });
}

function withQuery(uri: string, fields: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}
