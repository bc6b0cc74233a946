import type { FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { LoginClients } from "../../login/clients.ts";
import type { EventFeed } from "../../login/events/feed.ts";
import type { Caller, LoginService } from "../../login/service.ts";
import type { LoginStore } from "../../login/store.ts";
import type { JsonSchema } from "../json-schema.ts";
import type { ApiServices } from "../services.ts";

/** What the routes of the public listener beside the chain API stand on. */
export interface LoginServices {
  readonly login: LoginService;
  readonly store: LoginStore;
  readonly feed: EventFeed;
  /** The services the operator has described. */
  readonly clients: LoginClients;
  readonly webhooks: readonly WebhookFigures[];
  /** Chain, pool, network: for events, receipts and pages. */
  readonly node: Pick<ApiServices, "chain" | "pool" | "network">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of this program. */
  readonly version: string;
}

/** Satisfied by webhooks' `Outlet`. */
export interface WebhookFigures {
  readonly id: string;
  readonly delivered: number;
  readonly failures: number;
  readonly abandoned: number;
  readonly queued: number;
}

export type { JsonSchema };

/**
 * One operation of the login API. From these the routes, the checks of bodies and the OpenAPI document are made.
 */
export interface LoginRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** Whole path, parameters as `{id}`. */
  readonly path: string;
  /** One line, and details where a line is not enough; both go into the OpenAPI document. */
  readonly summary: string;
  readonly description?: string;
  /** Of the JSON or form body, an object. Unknown members are refused where it says so. */
  readonly body?: JsonSchema;
  /** Of the query, by name. */
  readonly query?: Readonly<Record<string, JsonSchema>>;
  /** By status; `problem` answers need no entry, their codes are named here. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly schema?: JsonSchema; readonly type?: string }>
  >;
  readonly problems?: readonly string[];
  /** Acts on a cookie: refused unless it comes from a page of this site. */
  readonly sameSite?: true;
  /** Refusals are `application/json`, which is what clients of OAuth read (RFC 6749 5.2). */
  readonly oauth?: true;
  /** Left out of the OpenAPI document. */
  readonly hidden?: true;
  readonly handler: (request: LoginRequest) => LoginAnswer | Promise<LoginAnswer>;
}

/** What a handler sees of a request. */
export interface LoginRequest {
  /** Path parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The body, checked against the route's schema; `{}` without one. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly caller: Caller;
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
  /** For streams: aborted when the client has gone. */
  readonly signal: AbortSignal;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
}

/** `HANDLED`: the handler has taken over the reply (streams). */
export const HANDLED = Symbol("handled");

export type LoginAnswer =
  | {
      readonly status?: number;
      /** Members of value undefined are left out. */
      readonly json?: unknown;
      /** Instead of `json`. */
      readonly text?: { readonly type: string; readonly body: string };
      readonly headers?: Readonly<Record<string, string>>;
      /** Set-Cookie values: cookie.ts makes them. */
      readonly cookies?: readonly string[];
    }
  | typeof HANDLED;
