import type { FastifyReply } from "fastify";
import { LOGIN_ERRORS, LoginError, type LoginErrorCode } from "../../login/errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Answers with RFC 9457 problem details. Browsers that ask for a page get the same text. */
export function sendProblem(
  reply: FastifyReply,
  error: LoginError,
  { oauth }: { readonly oauth?: true | undefined } = {},
): FastifyReply {
  const [status, title] = LOGIN_ERRORS[error.code];
  const wait = waitSeconds(error);
  if (wait !== undefined) reply.header("retry-after", String(wait));
  const scheme = AUTHENTICATE[error.code];
  if (scheme !== undefined) reply.header("www-authenticate", scheme);
  const body = {
    ...{ type: `urn:loginchain:problem:${error.code}`, title, status, code: error.code, detail: error.message },
    error: OAUTH_ERRORS[error.code],
    ...(oauth && { error_description: error.message }),
  };
  return reply
    .code(status)
    .header("content-type", oauth ? "application/json" : PROBLEM_TYPE)
    .header("cache-control", "no-store")
    .send(`${JSON.stringify(body)}\n`);
}

/** After which asking again may help: whole seconds, for every refusal that passes. */
export function waitSeconds({ code, retryAfterSeconds }: LoginError): number | undefined {
  const [status] = LOGIN_ERRORS[code];
  const wait = retryAfterSeconds ?? (status === 429 || status === 503 ? 5 : undefined);
  return wait === undefined ? undefined : Math.max(1, Math.ceil(wait));
}

const AUTHENTICATE: { readonly [Code in LoginErrorCode]?: string } = {
  no_session: "Cookie",
  invalid_token: 'Bearer error="invalid_token"',
  client_not_authenticated: 'Basic realm="login service"',
};

/** What clients of OAuth look for (RFC 6749 5.2). */
const OAUTH_ERRORS: { readonly [Code in LoginErrorCode]?: string } = {
  bad_request: "invalid_request",
  invalid_grant: "invalid_grant",
  invalid_token: "invalid_token",
  invalid_client: "invalid_client",
  unsupported_grant_type: "unsupported_grant_type",
  client_not_authenticated: "invalid_client",
};

/** Anything thrown, as a problem. Undefined: nobody foresaw it. */
export function asLoginError(error: unknown): LoginError | undefined {
  if (error instanceof LoginError) return error;
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (code === "LOGIN_STORE") {
    return new LoginError("unavailable", "The state of the login service cannot be written or read at the moment", {
      cause: error,
    });
  }
  if (statusCode === 413) return new LoginError("too_large");
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) return new LoginError("bad_request");
  return undefined;
}

export function problemSchema(codes: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    type: "object",
    required: ["type", "title", "status", "code", "detail"],
    properties: {
      type: { type: "string" },
      title: { type: "string" },
      status: { type: "integer" },
      code: { type: "string", enum: codes },
      detail: { type: "string" },
    },
  };
}

export type { LoginErrorCode };
