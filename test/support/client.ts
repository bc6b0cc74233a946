import { PassThrough, Readable } from "node:stream";
import { runClient } from "../../src/cli/client/client.ts";
import type { InputStream } from "../../src/cli/client/terminal.ts";

/** One request a client made. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export type FakeAnswer = { readonly status?: number; readonly json?: unknown; readonly text?: string };

/** A node that answers from a table `"GET /path"`; anything else is a 404, CSRF included. */
export class FakeNode {
  readonly seen: SeenRequest[] = [];
  readonly #answers: Readonly<Record<string, FakeAnswer | ((request: SeenRequest) => FakeAnswer)>>;

  constructor(answers: Readonly<Record<string, FakeAnswer | ((request: SeenRequest) => FakeAnswer)>> = {}) {
    this.#answers = answers;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    const request = {
      method: init?.method ?? "GET",
      path: url.pathname + url.search,
      headers: new Headers(init?.headers),
      body: String(init?.body ?? ""),
    };
    this.seen.push(request);
    const answer = this.#answers[`${request.method} ${url.pathname}`];
    const {
      status = 200,
      json,
      text,
    } = typeof answer === "function" ? answer(request) : (answer ?? { status: 404, text: "404 Not Found\n" });
    return new Response(json === undefined ? (text ?? "") : JSON.stringify(json), { status });
  };
}

export interface ClientRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line in this process, away from the machine's environment. */
export async function client(
  argv: readonly string[],
  options: {
    readonly node?: { readonly fetch: typeof globalThis.fetch };
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly stdin?: string | InputStream;
    readonly nowMs?: number;
  } = {},
): Promise<ClientRun> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = { stdout: "", stderr: "" };
  stdout.on("data", (chunk) => (texts.stdout += chunk));
  stderr.on("data", (chunk) => (texts.stderr += chunk));
  const { stdin = "", nowMs } = options;
  const code = await runClient({
    argv,
    env: { HOME: "/home/nobody", ...options.env },
    stdin: typeof stdin === "string" ? Readable.from([Buffer.from(stdin)]) : stdin,
    stdout,
    stderr,
    fetch: (options.node ?? new FakeNode()).fetch,
    cwd: options.cwd ?? "/nowhere",
    ...(nowMs === undefined ? {} : { nowMs: () => nowMs }),
  });
  return { code, ...texts };
}

/** A terminal on which keys are typed as soon as it is in raw mode; nothing typed is ever echoed by it. */
export class FakeTerminal extends PassThrough {
  readonly isTTY = true;
  raw = false;
  readonly #keys: readonly string[];

  constructor(...keys: readonly string[]) {
    super();
    this.#keys = keys;
  }

  setRawMode(on: boolean): this {
    this.raw = on;
    if (on) for (const key of this.#keys) this.write(key);
    return this;
  }
}
