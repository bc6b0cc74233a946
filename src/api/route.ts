import type { IncomingHttpHeaders } from "node:http";
import { badRequest } from "./api-error.ts";
import { FormValues } from "./form.ts";
import { decodeGoJson, type GoType } from "./go-json.ts";
import { parseBool } from "./go-text.ts";
import type { JsonValue } from "./json.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Groups of endpoints that are switched together. Source: api.md 10. */
export const API_SETS = [
  "READ",
  "STATUS",
  "TXN",
  "WALLET",
  "NET_CTRL",
  "STORAGE",
  "REWARD",
  "INSECURE_WALLET_SEED",
  "PROMETHEUS",
] as const;
export type ApiSet = (typeof API_SETS)[number];

export type ApiMethod = "GET" | "POST" | "DELETE";

/** 1: bare JSON and text errors under /api/v1; 2: `{"error", "data"}` under /api/v2. */
export type ApiVersion = 1 | 2;

/**
 * What the answers of a route follow from besides the request: nothing, the confirmed chain, chain and pool, or
 * anything else there is at the moment.
 */
export type Follows = "nothing" | "chain" | "pool" | "moment";

/** One path of the API. */
export interface Route {
  readonly path: string;
  /** Sets of which one must be enabled, per method; "always" ignores the sets. Other methods are 405. */
  readonly methods: Partial<Readonly<Record<ApiMethod, readonly ApiSet[] | "always">>>;
  /** For the OpenAPI document: of all methods, or of each. */
  readonly about: Operation | Readonly<Partial<Record<ApiMethod, Operation>>>;
  /** May be called on any method of the table. Throws what error-handler.ts knows. */
  readonly handler: (request: ApiRequest) => HandlerResult | Promise<HandlerResult>;
  /** Where the form of errors is not that of the path's version (api.md 9.2, last point). */
  readonly handlerErrors?: ApiVersion;
  /** Such that only few may run at once: walks over the chain, long lists. */
  readonly heavy?: (request: ApiRequest) => boolean;
  /**
   * A success by GET may be given again without asking, until that changes (ready-answers.ts). With "moment" the
   * handler is asked each time, and only the rest is spared: it looks at no request and returns at once. Absent: never.
   */
  readonly follows?: Follows;
  /** The CSRF route hands out tokens, so it cannot ask for one. */
  readonly csrfExempt?: true;
}

/** What the OpenAPI document says of an operation. It describes and decides nothing. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  /** By name: of the query, or with POST of a form. A `!` behind the name: it must be there. */
  readonly parameters?: Readonly<Record<string, JsonSchema>>;
  /** Decodes the JSON body, and describes it by that. */
  readonly body?: GoType<unknown>;
  readonly bodyRequired?: readonly string[];
  /** Of the answer of 200, under v2 of its `data`. Absent: there is none. */
  readonly answer?: JsonSchema;
}

export type HandlerResult = JsonValue | Answer | Blank;

/** 200 without body and content type. */
export class Blank {}

/** A v2 answer that is not plain data: none at all, or an error beside data. */
export class Answer {
  readonly data: JsonValue | undefined;
  readonly error: { readonly message: string; readonly code: number } | undefined;

  constructor(parts: { data?: JsonValue; error?: { readonly message: string; readonly code: number } }) {
    this.data = parts.data;
    this.error = parts.error;
  }
}

/** What a handler sees of a request, independent of the HTTP library. */
export class ApiRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly contentType: string;
  /** Raw bytes; empty for GET. */
  readonly body: Uint8Array;
  readonly #query: string;
  #form: FormValues | undefined;

  constructor(parts: {
    method: string;
    headers?: IncomingHttpHeaders;
    contentType?: string;
    query?: string;
    body?: Uint8Array;
  }) {
    this.method = parts.method;
    this.headers = parts.headers ?? {};
    this.contentType = parts.contentType ?? "";
    this.body = parts.body ?? new Uint8Array();
    this.#query = parts.query ?? "";
  }

  /** Query or form parameter; absent and empty are the same. */
  value(name: string): string {
    this.#form ??= new FormValues({
      method: this.method,
      query: this.#query,
      contentType: this.contentType,
      body: this.body,
    });
    return this.#form.get(name);
  }

  /** An optional boolean parameter, false when absent. @throws ApiError 400 with `message` */
  flag(name: string, message: string): boolean {
    return this.optionalFlag(name, () => message) ?? false;
  }

  /** @throws ApiError 400 with the text made from Go's parse error */
  optionalFlag(name: string, message: (reason: string) => string): boolean | undefined {
    const text = this.value(name);
    return text === "" ? undefined : parsed(() => parseBool(text), message);
  }

  /** The JSON body. @throws JsonError */
  json<T>(type: GoType<T>): T {
    return decodeGoJson(this.body, type);
  }
}

/** Runs a parser; its failure becomes a 400 whose text is made from the parser's. */
export function parsed<T>(parse: () => T, message: (reason: string) => string = (reason) => reason): T {
  try {
    return parse();
  } catch (cause) {
    throw badRequest(message((cause as Error).message), cause);
  }
}
