import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";

export interface PlainRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What callers need of `fetch`, which also fits. */
export type PlainFetch = (url: string, request?: PlainRequest) => Promise<Response>;

const REDIRECTS_MAX = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * `fetch` without the rules of browsers: it reaches every port. `fetch` refuses some eighty of them (6000, 6665 to
 * 6669, 10080 ...), which nodes listen on like on any other. Rejects with the socket's own error.
 */
export async function plainFetch(url: string, { method = "GET", ...init }: PlainRequest = {}): Promise<Response> {
  let at = new URL(url);
  let next: PlainRequest = { ...init, method };
  for (let redirects = 0; ; redirects++) {
    const answer = await send(at, next);
    const status = answer.statusCode ?? 0;
    const { location } = answer.headers;
    if (!REDIRECTS.has(status) || location === undefined) {
      const body = WITHOUT_BODY.has(status) ? null : (Readable.toWeb(answer) as ReadableStream);
      return new Response(body, { status, headers: { "content-type": answer.headers["content-type"] ?? "" } });
    }
    answer.destroy();
    if (redirects === REDIRECTS_MAX) throw new Error(`stopped after ${REDIRECTS_MAX} redirects`);
    const to = new URL(location, at);
    if (to.host !== at.host) next = { ...next, headers: without("authorization", next.headers) };
    if (status < 307 && next.method !== "HEAD") {
      const { body: _sent, ...rest } = next;
      next = { ...rest, method: "GET" };
    }
    at = to;
  }
}

function send(url: URL, { method, headers, body, signal }: PlainRequest): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options: RequestOptions = { method, headers: { ...headers, ...length }, ...(signal && { signal }) };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, resolve);
    sent.on("error", (error) => reject(signal?.aborted === true ? signal.reason : error));
    sent.end(body);
  });
}

function without(name: string, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name));
}
