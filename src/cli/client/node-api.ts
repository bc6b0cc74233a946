import querystring from "node:querystring";
import { goQuote } from "../../api/go-text.ts";
import { errorText } from "../../base/errors.ts";
import type { PlainFetch } from "../../node/plain-fetch.ts";
import { ClientError } from "./errors.ts";
import { asObject, asString, type Json, parseJson } from "./json.ts";

export interface NodeApiOptions {
  /** Base URL; slashes at its end do not matter. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
}

export type Query = Readonly<Record<string, string | number | bigint>>;

const TIMEOUT_MS = 120_000;
const BODY_BYTES_MAX = 512 * 1024 * 1024;

/**
 * The REST API of a node, as a client of the reference uses it: a CSRF token before each POST and each v2 call,
 * basic authentication when configured. An answer other than 200 is an error with the body's text.
 */
export class NodeApi {
  readonly #base: string;
  /** The same for error texts: a password in it is masked, as the reference does. */
  readonly #shownBase: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: PlainFetch;

  constructor(options: NodeApiOptions, { fetch }: { readonly fetch: PlainFetch }) {
    const address = options.address.replace(/\/+$/, "").replace(/^[^:/]*(?=:)/, (scheme) => scheme.toLowerCase());
    const inside = URL.canParse(address) ? new URL(address) : { username: "", password: "" };
    this.#base = address.replace(/^([^/]*\/\/)[^/?#]*@/, "$1");
    this.#shownBase = address.replace(/^([^/]*\/\/[^/?#:]*):[^/?#]*@/, "$1:***@");
    this.#fetch = fetch;
    const isGiven = options.username !== "" || options.password !== "";
    const { username, password } = isGiven
      ? options
      : { username: querystring.unescape(inside.username), password: querystring.unescape(inside.password) };
    const credentials = Buffer.from(`${username}:${password}`).toString("base64");
    this.#headers = username === "" && password === "" ? {} : { authorization: `Basic ${credentials}` };
  }

  /** `GET /api/v1/...`. @throws ClientError CLIENT_NODE_* */
  async get(path: string, query: Query = {}): Promise<Json> {
    return parseJson(await this.#text(await this.#send("GET", withQuery(path, query))));
  }

  /** `POST /api/v1/...` with a form. @throws ClientError CLIENT_NODE_* */
  async postForm(path: string, fields: Query): Promise<Json> {
    return this.#post(path, "application/x-www-form-urlencoded", encodeQuery(fields));
  }

  /** `POST /api/v1/...` with JSON. @throws ClientError CLIENT_NODE_* */
  async postJson(path: string, body: object): Promise<Json> {
    return this.#post(path, "application/json", JSON.stringify(body));
  }

  /** `POST /api/v2/...`: the `data` of the answer. @throws ClientError CLIENT_NODE_* with the error's message */
  async postV2(path: string, body: object): Promise<Json> {
    const response = await this.#send("POST", path, {
      headers: { ...(await this.#csrf()), "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    });
    const text = await readBody(response);
    let answer: Json;
    try {
      answer = parseJson(text);
    } catch (error) {
      // Not our API's form: a proxy, or a path that is not served.
      throw response.ok ? error : nodeError(response, text);
    }
    const { error, data } = asObject(answer, "the answer");
    if (!response.ok) {
      const message = error === undefined || error === null ? "" : asObject(error, "error").message;
      throw nodeError(response, asString(message ?? "", "error.message"));
    }
    return data ?? null;
  }

  async #post(path: string, type: string, body: string): Promise<Json> {
    const headers = { ...(await this.#csrf()), "content-type": type };
    return parseJson(await this.#text(await this.#send("POST", path, { headers, body })));
  }

  /** No header when the node has CSRF switched off (404). */
  async #csrf(): Promise<Record<string, string>> {
    const response = await this.#send("GET", "/api/v1/csrf");
    if (response.status === 404) {
      await response.body?.cancel();
      return {};
    }
    const token = asObject(parseJson(await this.#text(response)), "the answer").csrf_token;
    if (token === undefined) throw new ClientError("CLIENT_NODE_ANSWER", "csrf_token not found in response");
    return { "x-csrf-token": asString(token, "csrf_token") };
  }

  async #text(response: Response): Promise<string> {
    const text = await readBody(response);
    if (response.status !== 200) throw nodeError(response, text);
    return text;
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ): Promise<Response> {
    const url = this.#base + path;
    const shown = this.#shownBase + path;
    const verb = method === "GET" ? "Get" : "Post";
    const unreachable = (reason: string, cause?: unknown): ClientError =>
      new ClientError("CLIENT_NODE_UNREACHABLE", `${verb} ${goQuote(shown)}: ${reason}`, { url: shown }, { cause });
    const flaw = addressFlaw(url);
    if (flaw !== undefined) throw unreachable(flaw);
    try {
      return await this.#fetch(url, {
        method,
        headers: { ...this.#headers, ...options.headers },
        ...(options.body === undefined ? {} : { body: options.body }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw unreachable(failureText(cause), cause);
    }
  }
}

function nodeError(response: Response, text: string): ClientError {
  return new ClientError("CLIENT_NODE_ERROR", text.replace(/\n+$/, ""), { status: response.status });
}

async function readBody(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > BODY_BYTES_MAX) throw new ClientError("CLIENT_NODE_ANSWER", "the answer of the node is too long");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function withQuery(path: string, query: Query): string {
  const text = encodeQuery(query);
  return text === "" ? path : `${path}?${text}`;
}

/** Sorted by name, like the reference's, so that recorded calls compare. */
function encodeQuery(query: Query): string {
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(pairs.sort(([a], [b]) => (a < b ? -1 : 1))).toString();
}

/** What Go's client finds wrong with an address that its `url.Parse` takes. */
function addressFlaw(url: string): string | undefined {
  const [, scheme = "", host = ""] = /^(?:([^:/?#]*):)?(?:\/\/(?:[^/?#]*@)?([^/?#]*))?/.exec(url) ?? [];
  if (scheme !== "http" && scheme !== "https") return `unsupported protocol scheme ${goQuote(scheme)}`;
  if (host === "") return "http: no Host in request URL";
  const port = /:([0-9]*)$/.exec(host)?.[1] ?? "";
  if (Number(port) > 65_535) return `dial tcp: address ${port}: invalid port`;
  return URL.canParse(url) ? undefined : `dial tcp: lookup ${host.replace(/:[0-9]*$/, "")}: no such host`;
}

/** The reason in Go's words, which scripts look for. */
function failureText(error: unknown): string {
  if ((error as Error).name === "TimeoutError")
    return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  const first = error instanceof AggregateError ? error.errors[0] : error; // one for each address of a name
  const { code, address, port, hostname } = (first ?? {}) as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  const place = address === undefined ? "" : ` ${address.includes(":") ? `[${address}]` : address}:${port}`;
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp${place}: connect: connection refused`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${hostname}: no such host`;
    case "ECONNRESET":
      return "EOF";
    case "EPROTO":
      return "http: server gave HTTP response to HTTPS client";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "x509: certificate signed by unknown authority";
    default:
      return errorText(first ?? error);
  }
}
