import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { addressKey } from "../base/address-key.ts";
import { CoinError, errorText } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import { ClientCounts, clientKey } from "./client-key.ts";
import type { BoundAddress } from "./host-check.ts";
import { HTTP_LIMITS, type HttpLimits } from "./http-limits.ts";
import { InFlight } from "./in-flight.ts";
import { LOBBY_LIMITS, Lobby } from "./lobby.ts";
import { isStreaming } from "./login/event-stream.ts";
import { readInPlace } from "./read-in-place.ts";
import { READY_BYTES_MAX, ReadyAnswers } from "./ready-answers.ts";
import { ReadyConnection } from "./ready-connection.ts";
import { RequestMetrics } from "./request-metrics.ts";
import { twinsOf } from "./twins.ts";

/** The port cannot be had; the message is one line an operator can act on. */
export class ListenError extends CoinError<"API_LISTEN"> {}

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM texts; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Strangers may connect: it is made ready for many at once while there is peace. */
  readonly expectsRush?: boolean;
  /** Those of http-limits.ts where absent. */
  readonly limits?: Partial<HttpLimits> | undefined;
  /** Counts what is refused before any route. */
  readonly metrics?: RequestMetrics | undefined;
  readonly log?: Logger | undefined;
}

/** Who takes connections that leave HTTP: those of one path, as they are after the request's header. */
export interface Upgrades {
  readonly path: string;
  readonly take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Errors of accepting after which the listener is of no use any more. */
const FATAL_ACCEPT: ReadonlySet<string> = new Set(["EBADF", "EINVAL", "EACCES", "EADDRINUSE", "ENOTSOCK"]);
const ACCEPT_LOG_MS = 10_000;
const RELIEVE_MS = 100;
/**
 * Connections that wait in the system to be accepted; Linux cuts this to its limit. Who finds the queue full tries again
 * a second later. It is emptied in each round of the event loop (see RUSH_HANDLES), so that nobody waits long in it.
 */
const BACKLOG = 4_096;
/** Newcomers in one second after which one handle is too few, and how many more there are then. */
const RUSH = 256;
/** Where a rush is expected: begun under attack it would take a second in which the queue runs over. */
const WIDEN_MS = 5_000;
const RUSH_HANDLES = { count: 31, backlog: BACKLOG };

/**
 * The bound socket. It is bound first of all, so that a taken port is known at once, and serves once the node is
 * ready: who asks early waits. So an answered health request means that the genesis block is stored.
 * Differs: sockets, requests and bodies under way are bounded (http-limits.ts), so that no client takes all memory.
 */
export class ApiListener {
  readonly #server: Server;
  readonly #limits: HttpLimits;
  readonly #metrics: RequestMetrics;
  readonly #log: Logger;
  readonly #expectsRush: boolean;
  readonly #inFlight: InFlight;
  /** What the server does with a connection once it is accepted. */
  readonly #serve: (socket: Socket) => void;
  readonly #clients = new ClientCounts();
  readonly #lobby: Lobby;
  /** Connections that led to an answer or a change of protocol, by their other end. */
  readonly #useful = new Set<string>();
  #handler: RequestListener | undefined;
  #waiting: [IncomingMessage, ServerResponse][] = [];
  /** Sockets that speak HTTP, by their other end; those that have left it are their new owner's. */
  readonly #sockets = new Map<string, Socket>();
  /** Those of them that wait for a request or its rest, the one that does so for longest first. */
  readonly #idle = new Map<string, Socket>();
  readonly #lastResponse = new WeakMap<Socket, ServerResponse>();
  readonly #answers: ReadyAnswers;
  readonly #ready = new WeakMap<Socket, ReadyConnection>();
  #upgrades: Upgrades | undefined;
  /** Of the same socket, once there was a rush. */
  #twins: readonly NetServer[] = [];
  readonly #closing = new AbortController();
  #isWide = false;
  #secondEndsMs = 0;
  #newcomers = 0;
  #pausedUntilMs = 0;
  #draining = false;

  private constructor({ tls, limits, metrics, log, expectsRush = false }: ListenOptions) {
    this.#expectsRush = expectsRush;
    this.#limits = { ...HTTP_LIMITS, ...limits };
    this.#metrics = metrics ?? new RequestMetrics();
    this.#log = log ?? silentLogger;
    const idleness = {
      busy: (socket: Socket) => void this.#idle.delete(endOf(socket)),
      idle: (socket: Socket) => this.#restIdle(socket),
    };
    this.#inFlight = new InFlight(this.#limits, { metrics: this.#metrics, idleness });
    const { idleTimeoutMs } = this.#limits;
    this.#answers = new ReadyAnswers({ bytesMax: READY_BYTES_MAX, idleTimeoutMs });
    const options = serverOptions(this.#limits);
    this.#server =
      tls === undefined
        ? createServer(options)
        : createSecureServer({ ...options, ...tls, ALPNProtocols: ["http/1.1"] });
    if (tls !== undefined) tellPlainClients(this.#server, this.#limits.headersTimeoutMs);
    const [serve] = this.#server.listeners("connection") as ((socket: Socket) => void)[];
    this.#serve = (socket) => {
      serve?.call(this.#server, socket);
      if (tls === undefined) this.#makeReady(socket);
    };
    this.#server.on("secureConnection", (socket: Socket) => {
      this.#makeReady(socket);
      socket.resume(); // paused, as the connection it is made of was
    });
    this.#server.removeAllListeners("connection");
    // Read by `Server` when a connection comes, as `net.createServer` sets it.
    Reflect.set(this.#server, "pauseOnConnect", true);
    this.#lobby = new Lobby(LOBBY_LIMITS, {
      serve: (socket) => {
        this.#serve(socket);
        if (tls === undefined) socket.resume();
      },
    });
    this.#server.on("connection", (socket: Socket) => {
      if (this.#accept(socket)) this.#lobby.enter(socket, addressKey(socket.remoteAddress));
      if (this.#isRush()) void this.#widen();
    });
    this.#server.on("request", (request, response) => this.#take(request, response));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#metrics.refused("malformed");
      refuseMalformed(error, socket);
    });
  }

  /** @throws ListenError API_LISTEN */
  static async bind(options: ListenOptions): Promise<ApiListener> {
    const listener = new ApiListener(options);
    const server = listener.#server;
    const host = options.host === "localhost" ? "127.0.0.1" : options.host; // as Go: IPv4 before IPv6
    try {
      server.listen({ port: options.port, backlog: BACKLOG, ...(host !== "" && { host }) });
      await once(server, "listening");
    } catch (cause) {
      const taken = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
      const reason = taken ? "the port is taken. Choose another, or stop the other program" : errorText(cause);
      const message = `cannot listen on ${options.host}:${options.port}: ${reason}`;
      throw new ListenError("API_LISTEN", message, { host: options.host, port: options.port }, { cause });
    }
    listener.#watchAccepting(server);
    const relieving = setInterval(() => listener.#inFlight.relieve(), RELIEVE_MS).unref();
    server.once("close", () => clearInterval(relieving));
    return listener;
  }

  /** As the system reports it; what Host and Origin are compared with. */
  get address(): BoundAddress {
    const { address, port } = this.#server.address() as AddressInfo;
    return { address, port };
  }

  /** Hands connections over from now on. Not with TLS, which has a socket of its own. */
  set upgrades(upgrades: Upgrades) {
    if (this.#upgrades === undefined) {
      this.#server.on("upgrade", (request, socket: Socket, head) => this.#leave(request, socket, head));
    }
    this.#upgrades = upgrades;
  }

  #leave(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const isAsked = request.headers.upgrade?.toLowerCase() === "websocket";
    const path = (request.url ?? "").split("?", 1)[0];
    const upgrades = this.#draining ? undefined : this.#upgrades;
    if (isAsked && path === upgrades?.path) {
      const end = endOf(socket);
      this.#useful.add(end); // maybe: it says nothing of the address
      this.#forget(end);
      this.#ready.get(socket)?.release();
      upgrades?.take(request, socket, head);
      return;
    }
    // Node takes every offer of another protocol (HTTP/2 by some clients, with each request) for a change to it.
    // Offers may be left alone (RFC 9110 7.8): the request is served again, without the offer.
    const again = (): void => {
      if (socket.destroyed) return;
      socket.unshift(Buffer.concat([Buffer.from(headWithoutUpgrade(request), "latin1"), head]));
      this.#serve(socket);
    };
    const before = this.#lastResponse.get(socket); // the answer to a request that this one was sent behind
    if (before === undefined || before.closed) again();
    else before.once("close", again);
  }

  #makeReady(socket: Socket): void {
    if (this.#ready.has(socket)) return; // it was node's already
    const { responseTimeoutMs } = this.#limits;
    const answers = this.#answers;
    const end = endOf(socket);
    const accepted = this.#sockets.get(end) ?? socket; // with TLS another one
    let second = 0;
    const onAnswer = (): void => {
      if (second === answers.second) return;
      second = answers.second;
      this.#answered(end, accepted.remoteAddress);
      if (this.#idle.delete(end)) this.#idle.set(end, accepted); // to the second the last that asked
    };
    const ready = ReadyConnection.over(socket, { answers, responseTimeoutMs, onAnswer });
    if (ready === undefined) return;
    this.#ready.set(socket, ready);
    if (accepted === socket) readInPlace(socket, ready.answer);
  }

  /** Serves from now on, those who waited first. */
  open(handler: RequestListener): void {
    this.#handler = handler;
    if (this.#expectsRush) setTimeout(() => void this.#widen(), WIDEN_MS).unref();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [request, response] of waiting) if (!response.destroyed) handler(request, response);
  }

  /**
   * Accepts nobody any more, lets running requests finish, then closes: every `drainMs` whoever waits for its client
   * is cut off, after `drainWorkMs` everybody. May be called twice.
   * Differs: the reference cuts running requests off.
   */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#draining = true;
    this.#answers.close();
    this.#closing.abort();
    this.#lobby.close();
    for (const twin of this.#twins) twin.close();
    this.#server.close(); // and the idle connections, but for those that have never asked anything
    for (const socket of this.#idle.values()) if (socket.bytesRead === 0) socket.destroy();
    const closed = Promise.all([...this.#sockets.values()].map(closeOf));
    for (const [request] of this.#waiting.splice(0)) request.socket.destroy();
    for (const response of this.#inFlight.running) {
      if (isStreaming(response))
        response.end(); // it has no end of its own
      else endAfter(response, this.#server);
    }
    const { drainMs, drainWorkMs } = this.#limits;
    const late = setInterval(() => this.#cutWaiting(), drainMs);
    const last = setTimeout(() => this.#server.closeAllConnections(), drainWorkMs);
    await closed;
    clearInterval(late);
    clearTimeout(last);
    this.#handler = undefined;
  }

  /** Ends connections but those whose request is here in full and whose answer has not begun. */
  #cutWaiting(): void {
    const worked = [...this.#inFlight.running].filter(({ req, headersSent }) => req.complete && !headersSent);
    const kept = new Set(worked.map(({ req }) => endOf(req.socket)));
    for (const [end, socket] of this.#sockets) if (!kept.has(end)) socket.destroy();
  }

  /** True once: many come at the same time. */
  #isRush(): boolean {
    const now = performance.now();
    if (now >= this.#secondEndsMs) {
      this.#secondEndsMs = now + 1_000;
      this.#newcomers = 0;
    }
    return ++this.#newcomers === RUSH;
  }

  /** Lets several in at once, from now on. What this costs is only spent where it is needed. */
  async #widen(): Promise<void> {
    if (this.#isWide || this.#draining) return;
    this.#isWide = true;
    try {
      const take = (socket: Socket) => void this.#server.emit("connection", socket);
      this.#twins = await twinsOf(this.#server, { ...RUSH_HANDLES, take, signal: this.#closing.signal });
    } catch (error) {
      if (!this.#draining) this.#log.warn({ error: errorText(error) }, "the listener has one handle only");
      return;
    }
    for (const twin of this.#twins) this.#watchAccepting(twin);
    this.#log.info({ handles: 1 + this.#twins.length }, "the listener takes several connections at once");
  }

  /** False: destroyed, before anything is spent on it. */
  #accept(socket: Socket): boolean {
    const { connectionsMax, connectionsPerClientMax, loopbackCounts } = this.#limits;
    const client = clientKey(socket.remoteAddress, loopbackCounts);
    const isTaken =
      performance.now() >= this.#pausedUntilMs &&
      (this.#sockets.size < connectionsMax || this.#makeRoom()) &&
      this.#clients.take(client, connectionsPerClientMax);
    if (!isTaken) {
      this.#metrics.refused("accept");
      socket.destroy();
      return false;
    }
    const end = endOf(socket);
    this.#sockets.set(end, socket);
    this.#idle.set(end, socket);
    const address = addressKey(socket.remoteAddress);
    socket.once("close", () => {
      this.#forget(end);
      this.#clients.give(client);
      if (!this.#useful.delete(end)) this.#lobby.wasted(address);
    });
    return true;
  }

  #answered(end: string, address: string | undefined): void {
    if (this.#useful.has(end) || !this.#sockets.has(end)) return;
    this.#useful.add(end);
    this.#lobby.answered(addressKey(address));
  }

  /** Whoever holds a place for longest without asking anything loses it: silence must not keep others out. */
  #makeRoom(): boolean {
    const [oldest] = this.#idle;
    if (oldest === undefined) return false;
    const [end, socket] = oldest;
    this.#metrics.refused("evicted");
    this.#forget(end);
    socket.destroy();
    return true;
  }

  #restIdle(socket: Socket): void {
    const end = endOf(socket);
    const accepted = this.#sockets.get(end);
    if (accepted !== undefined && !accepted.destroyed) this.#idle.set(end, accepted);
  }

  #forget(end: string): void {
    this.#sockets.delete(end);
    this.#idle.delete(end);
  }

  /** Passing errors are logged once per 10 s; without a listener they would end the process. */
  #watchAccepting(server: NetServer): void {
    let passed = 0;
    let loggedAtMs = Number.NEGATIVE_INFINITY;
    server.on("error", (error: NodeJS.ErrnoException) => {
      const now = performance.now();
      const fatal = FATAL_ACCEPT.has(error.code ?? "");
      passed++;
      this.#pausedUntilMs = now + this.#limits.acceptPauseMs;
      if (!fatal && now - loggedAtMs < ACCEPT_LOG_MS) return;
      if (fatal) this.#log.error({ code: error.code }, "api listener failed");
      else this.#log.warn({ code: error.code, times: passed }, "accepting a connection failed");
      loggedAtMs = now;
      passed = 0;
    });
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#lastResponse.set(request.socket, response);
    if (!this.#inFlight.admit(request, response)) return;
    this.#ready.get(request.socket)?.asked(request, response);
    const late = (): void => {
      if (!isStreaming(response)) request.socket.destroy(); // event streams have bounds of their own
    };
    const timer = setTimeout(late, this.#limits.responseTimeoutMs);
    timer.unref();
    response.once("close", () => {
      clearTimeout(timer);
      if (response.writableFinished && response.statusCode < 400)
        this.#answered(endOf(request.socket), request.socket.remoteAddress);
    });
    if (this.#draining) endAfter(response, this.#server);
    const flaw = hostFlaw(request);
    if (flaw !== undefined) {
      const text = `400 Bad Request${flaw === "" ? "" : ": "}${flaw}`;
      const head = { "content-type": "text/plain; charset=utf-8", connection: "close", "content-length": text.length };
      response.writeHead(400, head).end(text);
    } else if (this.#handler !== undefined) this.#handler(request, response);
    else if (this.#waiting.length < this.#limits.waitingMax) this.#waiting.push([request, response]);
    else request.socket.destroy();
  }
}

/** What Go's server refuses before anybody is asked: no Host, two, or one of other characters than URLs have there. */
function hostFlaw({ httpVersion, headers: { host }, rawHeaders }: IncomingMessage): string | undefined {
  if (host === undefined) return httpVersion === "1.1" ? "missing required Host header" : undefined;
  if (rawHeaders.filter((text, i) => i % 2 === 0 && /^host$/i.test(text)).length > 1) return "";
  return /^[\w!$%&'()*+,.:;=[\]~-]*$/.test(host) ? undefined : "malformed Host header";
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    keepAliveTimeout: limits.idleTimeoutMs,
    maxHeaderSize: limits.headerBytesMax,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    requireHostHeader: false, // answered in #take, in Go's words
  };
}

/** Names a connection; with TLS there are two sockets of one, and both say this. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remotePort} ${remoteAddress}`;
}

/** The head of a request as it came, but for its offer of another protocol. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = rawHeaders.slice(i, i + 2);
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue;
    const kept = /^connection$/i.test(name) ? value.replaceAll(/\b(?:upgrade|http2-settings)\b[,\s]*/gi, "") : value;
    lines.push(`${name}: ${kept}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Whatever it ends with: a client that resets its connection must not fail the stop. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Tells the client not to ask again on this connection, and closes the connection once it is idle. */
function endAfter(response: ServerResponse, server: Server): void {
  if (!response.headersSent) response.setHeader("connection", "close");
  response.once("close", () => server.closeIdleConnections());
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
function tellPlainClients(server: Server, timeoutMs: number): void {
  const [secure] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(timeoutMs, () => socket.destroy());
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
