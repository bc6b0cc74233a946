import type { IncomingHttpHeaders } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../base/clock.ts";
import { AUTHENTICATE, isAuthorized } from "./basic-auth.ts";
import { actualHeaders, type CorsQuestion, isPreflight, preflightHeaders } from "./cors.ts";
import type { CsrfTokens } from "./csrf.ts";
import { GUESS_LIMITS, GuessLimit } from "./guess-limit.ts";
import { HostCheck } from "./host-check.ts";
import type { ApiOptions } from "./options.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { sendFailure } from "./respond.ts";
import type { ApiVersion } from "./route.ts";

/** What of the checks depends on the route. */
export interface Admission {
  readonly version: ApiVersion;
  /** The Content-Type header. */
  readonly type: string;
  /** The route that hands out tokens asks for none. */
  readonly csrf: boolean;
}

/** Steps 2 to 7 of api.md 2: everything between the first byte of a request and its route. */
export class RequestGate {
  readonly #options: ApiOptions;
  readonly #tokens: CsrfTokens;
  readonly #sets: ReadonlySet<string>;
  readonly #metrics: RequestMetrics;
  readonly #asksPassword: boolean;
  readonly #guesses: GuessLimit;
  #hosts: HostCheck | undefined;

  constructor(options: ApiOptions, deps: { tokens: CsrfTokens; clock: Clock; metrics: RequestMetrics }) {
    const { username, password } = options.credentials;
    this.#options = options;
    this.#tokens = deps.tokens;
    this.#metrics = deps.metrics;
    this.#asksPassword = username !== "" || password !== "";
    this.#guesses = new GuessLimit(options.guesses ?? GUESS_LIMITS, deps.clock);
    this.#sets = new Set(options.apiSets);
  }

  isEnabled(set: string): boolean {
    return this.#sets.has(set);
  }

  /**
   * True when the request may go on; otherwise it has been answered.
   * Differs: who sent too many wrong passwords gets 429 for a while, before the password is looked at.
   */
  admit(request: FastifyRequest, reply: FastifyReply, admission: Admission): boolean {
    const { headers, method } = request;
    const refuse = (status: number, message = ""): false => {
      sendFailure(reply, admission.version, { status, message });
      return false;
    };
    const client = request.raw.socket.remoteAddress;
    const wait = this.#asksPassword ? this.#guesses.waitSeconds(client) : 0;
    if (wait > 0) {
      reply.header("retry-after", String(wait));
      this.#metrics.refused("password");
      return refuse(429);
    }
    if (!isAuthorized(headers.authorization, this.#options.credentials)) {
      if (this.#asksPassword && headers.authorization !== undefined) this.#guesses.wrong(client);
      reply.header("www-authenticate", AUTHENTICATE);
      return refuse(401);
    }
    if (admission.version === 2 && method === "POST" && !isJson(admission.type)) return refuse(415);
    const refusal = this.#headerRefusal(headers) ?? (admission.csrf ? this.#csrfRefusal(method, headers) : undefined);
    return refusal === undefined ? this.#answerCors(request, reply) : refuse(403, refusal);
  }

  #headerRefusal(headers: IncomingHttpHeaders): string | undefined {
    if (this.#options.disableHeaderCheck) return undefined;
    const { host = "", origin = "", referer = "" } = headers;
    return this.#hostCheck().hostRefusal(host) ?? this.#hostCheck().originRefusal(origin, referer);
  }

  #csrfRefusal(method: string, headers: IncomingHttpHeaders): string | undefined {
    if (this.#options.disableCsrf) return undefined;
    return this.#tokens.refusal(method, firstOf(headers["x-csrf-token"]));
  }

  /** A preflight ends here with 200 and no body, allowed or not. */
  #answerCors({ method, headers }: FastifyRequest, reply: FastifyReply): boolean {
    const question: CorsQuestion = {
      method,
      origin: headers.origin ?? "",
      requestMethod: headers["access-control-request-method"] ?? "",
      requestHeaders: firstOf(headers["access-control-request-headers"]) ?? "",
    };
    const { corsOrigins } = this.#hostCheck();
    const preflight = isPreflight(question);
    reply.headers(preflight ? preflightHeaders(question, corsOrigins) : actualHeaders(question, corsOrigins));
    if (preflight) reply.code(200).send();
    return !preflight;
  }

  /** The port may have been chosen by the system, so this waits for the first request. */
  #hostCheck(): HostCheck {
    this.#hosts ??= new HostCheck(this.#options.bound(), this.#options.hostWhitelist);
    return this.#hosts;
  }
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

/** The exact text, or followed by parameters; in this letter case only. Source: api.md 9.3. */
export function isJson(type: string): boolean {
  return type === "application/json" || type.startsWith("application/json;");
}
