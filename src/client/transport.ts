import { errorText } from "../base/errors.ts";
import { ClientError, problemOf } from "./errors.ts";

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export interface TransportOptions {
  /** Base URL of the listener, e.g. `http://127.0.0.1:6480`. */
  readonly base: string;
  /** Instead of the platform's: the emulator's, or one with a proxy. */
  readonly fetch?: Fetch;
  /** For one request, milliseconds. 10 s when absent. */
  readonly timeoutMs?: number;
}

export interface Ask {
  readonly method?: "GET" | "POST";
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** A stream has no time limit of its own. */
  readonly endless?: true;
}

/** Requests to one listener. Answers below 200 or from 300 are thrown. */
export class Transport {
  readonly base: string;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;

  constructor({ base, fetch: own, timeoutMs = 10_000 }: TransportOptions) {
    this.base = base.replace(/\/+$/, "");
    this.#fetch = own ?? ((input, init) => globalThis.fetch(input, init));
    this.#timeoutMs = timeoutMs;
  }

  /** @throws LoginProblem, ClientError CLIENT_UNREACHABLE, the signal's reason */
  async send(path: string, ask: Ask = {}): Promise<Response> {
    const { json, form, accept = "application/json", signal } = ask;
    const limits = [
      ...(signal === undefined ? [] : [signal]),
      ...(ask.endless ? [] : [AbortSignal.timeout(this.#timeoutMs)]),
    ];
    const body =
      json !== undefined ? JSON.stringify(json) : form !== undefined ? new URLSearchParams(form).toString() : undefined;
    const type = json !== undefined ? "application/json" : "application/x-www-form-urlencoded";
    let response: Response;
    try {
      response = await this.#fetch(`${this.base}${path}`, {
        method: ask.method ?? (body === undefined ? "GET" : "POST"),
        headers: { accept, ...(body !== undefined && { "content-type": type }), ...ask.headers },
        ...(body !== undefined && { body }),
        ...(limits.length > 0 && { signal: AbortSignal.any(limits) }),
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new ClientError("CLIENT_UNREACHABLE", `${this.base} does not answer: ${errorText(cause)}`, {}, { cause });
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** The answer's JSON. Whole numbers that a double cannot hold come as text. */
  async json<T>(path: string, ask?: Ask): Promise<T> {
    const text = await (await this.send(path, ask)).text();
    try {
      return JSON.parse(keepLargeNumbers(text)) as T;
    } catch (cause) {
      throw new ClientError("CLIENT_ANSWER", `${this.base}${path.split("?", 1)[0]} answered no JSON`, {}, { cause });
    }
  }
}

/** Hours and fees have 64 bits. */
function keepLargeNumbers(text: string): string {
  return text.replace(/("[a-z_]+":\s*)(\d{16,20})(?=[\s,}\]])/g, '$1"$2"');
}
