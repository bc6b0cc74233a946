import { ClientError } from "./errors.ts";
import { type Login, LoginVerifier, type VerifierOptions } from "./verifier.ts";

export interface RequireLoginOptions extends VerifierOptions {
  /** Also take the token from this cookie of yours; without, from `Authorization: Bearer` only. */
  readonly cookie?: string;
}

/** What Fastify and Express have in common of a request. `login` is set on it. */
export interface GuardedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  login?: Login;
}

interface FastifyReplyLike {
  code(status: number): { headers(values: Record<string, string>): { send(body: string): unknown } };
}

interface ExpressResponseLike {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export type LoginGuard = (
  request: GuardedRequest,
  reply: FastifyReplyLike | ExpressResponseLike | object,
  next?: (error?: unknown) => void,
) => Promise<unknown> | undefined;

/**
 * Lets through who shows a valid access token and puts `request.login` there; everybody else gets 401 (or 503 while
 * the keys cannot be had), as problem details. One guard for both:
 *
 *   app.get("/visors", { preHandler: requireLogin({ issuer, audience }) }, handler)   // Fastify
 *   app.use("/visors", requireLogin({ issuer, audience }))                            // Express
 */
export function requireLogin(options: RequireLoginOptions): LoginGuard {
  const verifier = new LoginVerifier(options);
  const check = async (request: GuardedRequest): Promise<Refusal | undefined> => {
    const token = tokenOf(request, options.cookie);
    if (token === undefined) return refusal(401, "no_token", "Sign in first");
    try {
      request.login = await verifier.verify(token);
      return undefined;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return error.code === "CLIENT_TOKEN"
        ? refusal(401, "invalid_token", error.message)
        : refusal(503, "unavailable", "The login service does not answer: try again soon");
    }
  };
  return (request, reply, next) => {
    if ("code" in reply) {
      const answer = reply as FastifyReplyLike;
      return check(request).then((refused) =>
        refused === undefined ? undefined : answer.code(refused.status).headers(refused.headers).send(refused.body),
      );
    }
    const response = reply as ExpressResponseLike;
    check(request).then((refused) => {
      if (refused === undefined) return next?.();
      response.statusCode = refused.status;
      for (const [name, value] of Object.entries(refused.headers)) response.setHeader(name, value);
      response.end(refused.body);
    }, next);
    return undefined;
  };
}

interface Refusal {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function refusal(status: number, code: string, detail: string): Refusal {
  const title = status === 401 ? "Not signed in" : "Not available at the moment";
  const challenge = code === "no_token" ? "Bearer" : `Bearer error="${code}"`;
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(status === 401 ? { "www-authenticate": challenge } : { "retry-after": "5" }),
    },
    body: JSON.stringify({ type: `urn:loginchain:problem:${code}`, title, status, code, detail }),
  };
}

function tokenOf({ headers }: GuardedRequest, cookie: string | undefined): string | undefined {
  const bearer = /^Bearer +([\w.~+/=-]+)$/i.exec(one(headers.authorization) ?? "")?.[1];
  if (bearer !== undefined || cookie === undefined) return bearer;
  for (const pair of (one(headers.cookie) ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === cookie) return pair.slice(at + 1).trim();
  }
  return undefined;
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}
