import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LoginError } from "../../login/errors.ts";
import type { Caller } from "../../login/service.ts";
import { clientKey } from "../client-key.ts";
import { isLoopback } from "../host-check.ts";
import { cookieName, readCookie } from "./cookie.ts";
import { asLoginError, sendProblem } from "./problem.ts";
import {
  HANDLED,
  type JsonSchema,
  type LoginAnswer,
  type LoginRequest,
  type LoginRoute,
  type LoginServices,
} from "./route.ts";

/** Bodies of the login API are small. */
const BODY_BYTES_MAX = 64 * 1024;

/**
 * Registers operations on the public listener: CORS for any Origin without credentials, body parsing and checks,
 * problem details, the Origin check of cookie calls.
 */
export function registerRoutes(app: FastifyInstance, routes: readonly LoginRoute[], services: LoginServices): void {
  const byPath = new Map<string, LoginRoute[]>();
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
  for (const [path, members] of byPath) registerPath(app, path, members, services);
}

function registerPath(
  app: FastifyInstance,
  path: string,
  routes: readonly LoginRoute[],
  services: LoginServices,
): void {
  const methods = routes.map(({ method }) => method);
  const url = path.replaceAll(/\{(\w+)\}/g, ":$1");
  app.options(url, (_request, reply) => {
    const allowed = {
      "access-control-allow-methods": [...methods, "OPTIONS"].join(", "),
      "access-control-max-age": "600",
    };
    const headers = {
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "Content-Type, Authorization, Last-Event-ID",
    };
    return reply
      .code(204)
      .headers({ ...headers, ...allowed })
      .send();
  });
  for (const route of routes) {
    app.route({
      url,
      method: route.method,
      bodyLimit: BODY_BYTES_MAX,
      onRequest: (request, reply, done) => {
        types.set(request, request.raw.headers["content-type"] ?? "");
        delete request.raw.headers["content-type"]; // bodies stay bytes, whatever they claim to be
        reply.header("access-control-allow-origin", "*");
        done();
      },
      errorHandler: (error, request, reply) => fail(error, request, reply, { log: services.log, oauth: route.oauth }),
      handler: async (request, reply) => {
        const asked = loginRequest(request, reply, services);
        if (route.sameSite === true) requireSameSite(asked, services.login.issuer);
        const body = route.body === undefined ? {} : checkedBody(request, route.body);
        return send(reply, await route.handler({ ...asked, body }));
      },
    });
  }
}

const types = new WeakMap<object, string>();

function loginRequest(request: FastifyRequest, reply: FastifyReply, { login }: LoginServices): LoginRequest {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const parts = requestParts(request);
  return {
    ...parts,
    body: {},
    cookie: (name) => readCookie(parts.header("cookie"), cookieName(name, login.secure)),
    signal: gone.signal,
    raw: request,
    reply,
  };
}

/** What routes and pages see of any request. */
export function requestParts(request: FastifyRequest) {
  const mark = request.url.indexOf("?");
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return typeof value === "string" ? value : value?.[0];
  };
  return {
    params: request.params as Record<string, string>,
    query: new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1)),
    caller: callerOf(request.raw.socket.remoteAddress, header("x-forwarded-for")),
    header,
  };
}

/**
 * Who counts as the client. A proxy on this machine names whom it serves in the last entry of X-Forwarded-For;
 * from anywhere else that header is only a claim. This machine itself is not limited.
 */
export function callerOf(remote: string | undefined, forwardedFor: string | undefined): Caller {
  const last = forwardedFor?.split(",").at(-1)?.trim();
  const ip = remote !== undefined && isLoopback(remote) && last !== undefined && last !== "" ? last : (remote ?? "");
  return { key: clientKey(ip, false), ip };
}

/** @throws LoginError bad_request */
function checkedBody(request: FastifyRequest, schema: JsonSchema): Record<string, unknown> {
  const body = parsedBody(request);
  const check =
    request.getValidationFunction(schema) ?? request.compileValidationSchema(schema as Record<string, unknown>);
  if (check(body) !== true) {
    const [first] = (check as { errors?: { instancePath?: string; message?: string }[] | null }).errors ?? [];
    const where = first?.instancePath?.replace(/^\//, "") ?? "";
    throw new LoginError(
      "bad_request",
      `${where === "" ? "the body" : where} ${first?.message ?? "does not fit the schema"}`,
    );
  }
  return body;
}

function parsedBody(request: FastifyRequest): Record<string, unknown> {
  const text = Buffer.isBuffer(request.body) ? request.body.toString("utf8") : "";
  if (text === "") return {};
  if ((types.get(request) ?? "").startsWith("application/x-www-form-urlencoded")) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {} // said below
  throw new LoginError("bad_request", "the body must be a JSON object, or a form");
}

/** A browser says where a request comes from; a program need not say anything. @throws LoginError wrong_origin */
export function requireSameSite(request: Pick<LoginRequest, "header">, issuer: string): void {
  const site = request.header("sec-fetch-site");
  const origin = request.header("origin");
  const own = new URL(issuer);
  // Without TLS this machine has several names; behind it, a plain page of the same name may be anybody's on the way.
  const here = own.protocol === "http:" ? [own.origin, `http://${request.header("host") ?? ""}`] : [own.origin];
  const foreign =
    (site !== undefined && site !== "same-origin" && site !== "none") ||
    (origin !== undefined && !here.includes(origin));
  if (foreign)
    throw new LoginError("wrong_origin", "Ask from a page of this site: the call acts on the visitor's cookie");
}

function send(reply: FastifyReply, answer: LoginAnswer): FastifyReply {
  if (answer === HANDLED) return reply;
  const { status = 200, json, text, headers = {}, cookies = [] } = answer;
  reply.code(status).header("cache-control", "no-store").headers(headers);
  for (const cookie of cookies) reply.header("set-cookie", cookie); // fastify keeps every one
  if (text !== undefined) return reply.header("content-type", text.type).send(text.body);
  if (json === undefined) return reply.send();
  return reply.header("content-type", "application/json").send(`${JSON.stringify(json)}\n`);
}

function fail(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, oauth }: { readonly log: LoginServices["log"]; readonly oauth: true | undefined },
): void {
  const known = asLoginError(error);
  if (known === undefined)
    log.error({ method: request.method, path: request.url.split("?", 1)[0], error }, "login request failed");
  sendProblem(reply, known ?? new LoginError("unavailable", "Something went wrong here; it has been noted"), { oauth });
}
