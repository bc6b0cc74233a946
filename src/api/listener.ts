import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { CoinError, errorText } from "../base/errors.ts";
import type { BoundAddress } from "./host-check.ts";

/** The port cannot be had; the message is one line an operator can act on. */
export class ListenError extends CoinError<"API_LISTEN"> {}

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM texts; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/**
 * Times and header limit of the reference (api.md 1). Differs: connections, and requests that wait for the node to
 * be ready, are bounded, so that no client takes all memory.
 */
const LIMITS = {
  requestTimeoutMs: 10_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  headerBytesMax: 1024 * 1024,
  connectionsMax: 1024,
  waitingMax: 256,
} as const;

const SERVER_OPTIONS = {
  requestTimeout: LIMITS.requestTimeoutMs,
  headersTimeout: LIMITS.requestTimeoutMs,
  keepAliveTimeout: LIMITS.idleTimeoutMs,
  maxHeaderSize: LIMITS.headerBytesMax,
  connectionsCheckingInterval: 1_000,
  requireHostHeader: false, // answered in #take, in Go's words
};

/**
 * The bound socket. It is bound first of all, so that a taken port is known at once, and serves once the node is
 * ready: who asks early waits. So an answered health request means that the genesis block is stored.
 */
export class ApiListener {
  readonly #server: Server;
  #handler: RequestListener | undefined;
  #waiting: [IncomingMessage, ServerResponse][] = [];

  private constructor({ tls }: ListenOptions) {
    this.#server =
      tls === undefined
        ? createServer(SERVER_OPTIONS)
        : createSecureServer({ ...SERVER_OPTIONS, ...tls, ALPNProtocols: ["http/1.1"] });
    if (tls !== undefined) tellPlainClients(this.#server);
    this.#server.maxConnections = LIMITS.connectionsMax;
    this.#server.on("request", (request, response) => this.#take(request, response));
    this.#server.on("clientError", refuseMalformed);
  }

  /** @throws ListenError API_LISTEN */
  static async bind(options: ListenOptions): Promise<ApiListener> {
    const listener = new ApiListener(options);
    const server = listener.#server;
    const host = options.host === "localhost" ? "127.0.0.1" : options.host; // as Go: IPv4 before IPv6
    try {
      server.listen({ port: options.port, ...(host !== "" && { host }) });
      await once(server, "listening");
    } catch (cause) {
      const message = `cannot listen on ${options.host}:${options.port}: ${errorText(cause)}`;
      throw new ListenError("API_LISTEN", message, { host: options.host, port: options.port }, { cause });
    }
    return listener;
  }

  /** As the system reports it; what Host and Origin are compared with. */
  get address(): BoundAddress {
    const { address, port } = this.#server.address() as AddressInfo;
    return { address, port };
  }

  /** Serves from now on, those who waited first. */
  open(handler: RequestListener): void {
    this.#handler = handler;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [request, response] of waiting) if (!response.destroyed) handler(request, response);
  }

  /** Stops at once: running requests are not waited for. May be called twice. */
  async close(): Promise<void> {
    this.#handler = undefined;
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const timer = setTimeout(() => request.socket.destroy(), LIMITS.responseTimeoutMs);
    timer.unref();
    response.once("close", () => clearTimeout(timer));
    if (request.httpVersion === "1.1" && request.headers.host === undefined) {
      const text = "400 Bad Request: missing required Host header";
      const head = { "content-type": "text/plain; charset=utf-8", connection: "close", "content-length": text.length };
      response.writeHead(400, head).end(text);
    } else if (this.#handler !== undefined) this.#handler(request, response);
    else if (this.#waiting.length < LIMITS.waitingMax) this.#waiting.push([request, response]);
    else request.socket.destroy();
  }
}

/** Requests that are not HTTP, or whose header is too long; Go's words. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`;
  socket.end(head + status, () => socket.destroy());
}

const HANDSHAKE = 0x16;

/** Answers who speaks plain HTTP to the TLS port, instead of closing without a word. */
function tellPlainClients(server: Server): void {
  const [secure] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(LIMITS.requestTimeoutMs, () => socket.destroy());
    socket.once("readable", () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return void socket.destroy();
      if (first[0] !== HANDSHAKE) {
        return void socket.end("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
      }
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.unshift(first);
      secure?.call(server, socket);
    });
  });
}
