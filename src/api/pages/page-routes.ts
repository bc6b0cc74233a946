import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../../base/log.ts";
import { LOGIN_ERRORS, LoginError } from "../../login/errors.ts";
import { readCookie } from "../login/cookie.ts";
import { asLoginError, waitSeconds } from "../login/problem.ts";
import { type callerOf, requestParts, requireSameSite } from "../login/register.ts";
import { duration } from "./format.ts";
import { Html, html } from "./html.ts";
import { type Page, type Redirect, type Shell, sendPage } from "./shell.ts";

/** Forms of these pages are small. */
const BODY_BYTES_MAX = 16 * 1024;

/** What a page sees of a request. */
export interface PageRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Of a posted form. */
  readonly form: URLSearchParams;
  readonly caller: ReturnType<typeof callerOf>;
  cookie(name: string): string | undefined;
  header(name: string): string | undefined;
}

export interface PageRoute {
  readonly method?: "GET" | "POST";
  /** Other sites may post here: it acts on nothing of the visitor's. */
  readonly anySite?: true;
  /** Parameters as `:id`. */
  readonly path: string;
  readonly handler: (request: PageRequest) => Page | Redirect | Promise<Page | Redirect>;
}

/** Registers pages: forms are taken from pages of this site only, and every failure is a page with words. */
export function registerPages(
  app: FastifyInstance,
  routes: readonly PageRoute[],
  deps: { readonly shell: Shell; readonly log: Logger; readonly issuer: string },
): void {
  for (const { method = "GET", path, handler, anySite } of routes) {
    app.route({
      url: path,
      method: method === "GET" ? ["GET", "HEAD"] : method,
      bodyLimit: BODY_BYTES_MAX,
      onRequest: (request, _reply, done) => {
        delete request.raw.headers["content-type"]; // bodies stay bytes, whatever they claim to be
        done();
      },
      errorHandler: (error, request, reply) => sendError(error, { request, reply }, deps),
      handler: async (request, reply) => {
        const asked = pageRequest(request);
        if (method === "POST" && anySite !== true) requireSameSite(asked, deps.issuer);
        return sendPage(request, reply, await handler(asked), deps.shell);
      },
    });
  }
}

function pageRequest(request: FastifyRequest): PageRequest {
  const parts = requestParts(request);
  return {
    ...parts,
    form: new URLSearchParams(Buffer.isBuffer(request.body) ? request.body.toString("utf8") : ""),
    cookie: (name) => readCookie(parts.header("cookie"), name),
  };
}

function sendError(
  error: unknown,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { shell, log }: { readonly shell: Shell; readonly log: Logger },
): unknown {
  const known = asLoginError(error);
  if (known === undefined) {
    const path = request.url.split("?", 1)[0];
    log.error({ method: request.method, path, error }, "page failed");
  }
  const shown = known ?? new LoginError("unavailable", "Something went wrong here; it has been noted. Try again soon.");
  return sendPage(request, reply, errorPage(shown, shell.login), shell);
}

/** Says what happened and what to do next. */
export function errorPage(error: LoginError, login: boolean): Page {
  const { title, text, ...answer } = refusal(error);
  return {
    title,
    ...answer,
    body: html`<section class="card narrow">
<h1>${title}</h1>
<p>${text}</p>
<p class="actions">${login && new Html('<a class="button" href="/login">Start a login</a> ')}<a class="button quiet" href="/">To the chain</a></p>
</section>`,
  };
}

/** A refusal for people, and as an answer: who may come again is told when. */
export function refusal(error: LoginError) {
  const [status, title] = LOGIN_ERRORS[error.code];
  const wait = waitSeconds(error);
  return {
    title,
    text: wait === undefined ? sentence(error.message) : `${sentence(error.message)} Try again in ${duration(wait)}.`,
    status,
    headers: wait === undefined ? {} : { "retry-after": String(wait) },
  };
}

/** Messages of errors begin and end as it fits a log. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
