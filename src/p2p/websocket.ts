import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { Logger } from "../base/log.ts";
import { AcceptGuard } from "./accept-guard.ts";
import { type Endpoint, endpointText, isLoopback, plainIp } from "./address.ts";
import { WireError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { Connection, Listener, ListenHandlers, WebSocketSide } from "./transport.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/** 2 is the protocol version. */
export const WEBSOCKET_PATH = "/p2p/v2";
export const WEBSOCKET_PROTOCOL = "fiber-gnet.2";

export interface WebSocketOptions {
  readonly limits: Pick<
    Limits,
    | "wsSocketsMax"
    | "wsFragmentsMax"
    | "wsControlPerSecond"
    | "wsHeadersMs"
    | "acceptPauseMs"
    | "disconnectFlushMs"
    | "dialMs"
  >;
  /** Largest message taken, `max-in-msg-len` and its prefix. */
  readonly messageBytesMax: number;
  /** Host must be loopback, or one of `hosts`: a foreign name on a local port is a page that rebound its own. */
  readonly localhostOnly: boolean;
  readonly hosts: readonly string[];
  /** Pages that may connect, as `https://example.org`; none: all, since nothing here acts on a visitor's authority. */
  readonly origins: readonly string[];
  /** Networks of reverse proxies. */
  readonly trustedProxies: readonly string[];
}

const HEADER_BYTES_MAX = 16 * 1024;
const RETRY_AFTER_SECONDS = 5;
/** Sockets whose request is still to come, beside those that are open. */
const REQUESTS_MAX = 256;
const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

/**
 * Frames over WebSocket (p2p.md 13), for browsers and proxies. Listens by itself, and takes upgrades that another HTTP
 * listener hands over; all of them share one count of sockets.
 */
export class WebSocketTransport implements WebSocketSide {
  readonly #options: WebSocketOptions;
  readonly #log: Logger;
  readonly #proxies: TrustedProxies;
  readonly #server: WebSocketServer;
  #sockets = 0;
  #visitors: ListenHandlers | undefined;

  /** @throws WireError P2P_ADDRESS for a proxy that is no network */
  constructor(options: WebSocketOptions, deps: { readonly log: Logger }) {
    this.#options = options;
    this.#log = deps.log;
    this.#proxies = new TrustedProxies(options.trustedProxies);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      handleProtocols: () => WEBSOCKET_PROTOCOL, // it was offered
      perMessageDeflate: false, // a small frame could become a large one
      maxPayload: options.messageBytesMax,
      autoPong: false,
      skipUTF8Validation: true, // text is refused whatever it says
    });
  }

  admit(handlers: ListenHandlers | undefined): void {
    this.#visitors = handlers;
  }

  /** An upgrade request of another listener. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrade(request, socket as Socket, head, this.#visitors);
  }

  async listen(local: Endpoint, handlers: ListenHandlers): Promise<Listener> {
    const { wsSocketsMax, wsHeadersMs, acceptPauseMs } = this.#options.limits;
    const guard = new AcceptGuard({ pauseMs: acceptPauseMs }, { log: this.#log, nowMs: () => performance.now() });
    const server = createServer({
      headersTimeout: wsHeadersMs,
      requestTimeout: 2 * wsHeadersMs,
      connectionsCheckingInterval: Math.min(1_000, wsHeadersMs),
      maxHeaderSize: HEADER_BYTES_MAX,
      noDelay: true,
    });
    server.maxConnections = wsSocketsMax + REQUESTS_MAX;
    server.on("connection", (socket) => {
      if (guard.isPaused) socket.destroy();
    });
    server.on("request", ({ url }, response) => {
      const status = pathOf(url) === WEBSOCKET_PATH ? 426 : 404;
      response.writeHead(status, { connection: "close", ...(status === 426 && { upgrade: "websocket" }) }).end();
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head, handlers));
    const address = await listening(server, local);
    server.on("error", (error) => {
      if (!guard.isFatal(error)) return;
      server.close();
      handlers.failed(error);
    });
    return {
      local: address,
      close: () =>
        new Promise<void>((resolve) => {
          server.close();
          server.closeAllConnections(); // requests; what was upgraded lives on
          setImmediate(resolve);
        }),
    };
  }

  dial(remote: Endpoint, { signal }: { readonly signal: AbortSignal }): Promise<Connection> {
    return this.#dial(`ws://${endpointText(remote)}${WEBSOCKET_PATH}`, signal, remote);
  }

  dialUrl(url: string, { signal }: { readonly signal: AbortSignal }): Promise<Connection> {
    return this.#dial(url, signal);
  }

  async #dial(url: string, signal: AbortSignal, remote?: Endpoint): Promise<Connection> {
    signal.throwIfAborted();
    const ws = new WebSocket(url, WEBSOCKET_PROTOCOL, {
      perMessageDeflate: false,
      maxPayload: this.#options.messageBytesMax,
      handshakeTimeout: this.#options.limits.dialMs,
      autoPong: false,
      skipUTF8Validation: true,
    });
    let socket: Socket | undefined;
    ws.once("upgrade", (response) => {
      socket = response.socket;
    });
    return new Promise((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException | undefined) => {
        signal.removeEventListener("abort", aborted);
        ws.off("error", fail);
        ws.on("error", () => {}); // what a terminated one may still say
        ws.terminate();
        const facts = { ...(remote ?? { url }), cause: cause?.code ?? cause?.message };
        if (cause === undefined) reject(signal.reason);
        else reject(new WireError("P2P_DIAL_FAILED", "peer did not accept", facts, { cause }));
      };
      const aborted = () => fail(undefined);
      signal.addEventListener("abort", aborted, { once: true });
      ws.once("error", fail);
      ws.once("open", () => {
        signal.removeEventListener("abort", aborted);
        ws.off("error", fail);
        const on = socket as Socket;
        const end = { ip: plainIp(on.remoteAddress ?? ""), port: on.remotePort ?? 0 };
        resolve(this.#connection(ws, on, remote ?? end));
      });
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, handlers: ListenHandlers | undefined): void {
    socket.on("error", () => {}); // "close" follows
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const ip = this.#proxies.clientIp(remoteAddress, request.headers["x-forwarded-for"]?.toString());
    const remote = { ip, port: remotePort };
    const status = this.#refusal(request, remote, handlers);
    if (status !== undefined || handlers === undefined) return void refuse(socket, status ?? 503);
    this.#sockets++;
    socket.once("close", () => this.#sockets--);
    this.#server.handleUpgrade(request, socket, head, (ws) => handlers.accept(this.#connection(ws, socket, remote)));
  }

  /** Status of a request that is not let in. */
  #refusal(request: IncomingMessage, remote: Endpoint, handlers: ListenHandlers | undefined): number | undefined {
    const { limits, localhostOnly, hosts, origins } = this.#options;
    const { host = "", origin, "sec-websocket-protocol": offered = "" } = request.headers;
    const no = (status: number): number => {
      handlers?.refused?.("websocket request");
      return status;
    };
    if (pathOf(request.url) !== WEBSOCKET_PATH) return no(404);
    if (localhostOnly && !isLoopback(hostName(host)) && !hosts.includes(host)) return no(403);
    if (origins.length > 0 && origin !== undefined && !origins.includes(origin)) return no(403);
    if (!offered.split(",").some((name) => name.trim() === WEBSOCKET_PROTOCOL)) return no(400);
    if (handlers === undefined) return 503;
    if (this.#sockets >= limits.wsSocketsMax) {
      handlers.refused?.("sockets");
      return 503;
    }
    const why = handlers.refusal?.(remote);
    if (why === undefined) return undefined;
    handlers.refused?.(why);
    return why === "banned" ? 403 : why === "address" ? 429 : 503;
  }

  #connection(ws: WebSocket, socket: Socket, remote: Endpoint): WebSocketConnection {
    const { limits, messageBytesMax } = this.#options;
    return new WebSocketConnection(ws, socket, {
      remote,
      closeMs: limits.disconnectFlushMs,
      fragmentsMax: limits.wsFragmentsMax,
      bytesMax: messageBytesMax,
      controlPerSecond: limits.wsControlPerSecond,
    });
  }
}

function pathOf(url: string | undefined): string {
  return (url ?? "").split("?", 1)[0] as string;
}

/** Without port and brackets. */
function hostName(host: string): string {
  return /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, "");
}

/** Answered and closed at once; a client that does not take the answer is not waited for. */
function refuse(socket: Socket, status: number): void {
  const text = `${status} ${STATUS_TEXT[status]}\n`;
  const retry = status === 503 || status === 429 ? `Retry-After: ${RETRY_AFTER_SECONDS}\r\n` : "";
  const head = `HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n${retry}`;
  socket.end(`${head}Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`);
  setTimeout(() => socket.destroy(), 1_000).unref();
}

async function listening(server: Server, local: Endpoint): Promise<Endpoint> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const where = `${local.ip || "*"}:${local.port}`;
      const reason = cause.code === "EADDRINUSE" ? "the port is taken" : (cause.code ?? "it cannot be opened");
      const message = `cannot listen for WebSocket peers on ${where}: ${reason}. Choose another with -ws-listen, or stop the other program`;
      reject(new WireError("P2P_LISTEN_FAILED", message, { ...local, cause: cause.code }, { cause }));
    };
    server.once("error", failed);
    server.listen(local.ip === "" ? { port: local.port } : { host: local.ip, port: local.port }, () => {
      server.off("error", failed);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? { ip: plainIp(address.address), port: address.port } : local;
}
