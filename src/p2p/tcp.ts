import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import type { Logger } from "../base/log.ts";
import { AcceptGuard } from "./accept-guard.ts";
import { type Endpoint, plainIp } from "./address.ts";
import { WireError } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import type { Connection, ConnectionHandlers, Listener, ListenHandlers, Transport } from "./transport.ts";

export interface TcpOptions {
  /** Accepted sockets that may exist at once; more are destroyed as they come. */
  readonly socketsMax: number;
  /** After a failed accept newcomers are dropped for so long. Default: that of limits.ts. */
  readonly acceptPauseMs?: number;
}

/** Plain TCP, as the reference speaks it. Nagle is off, so that one frame is one write (S1). */
export class TcpTransport implements Transport {
  readonly #options: TcpOptions;
  readonly #log: Logger;

  constructor(options: TcpOptions, deps: { readonly log: Logger }) {
    this.#options = options;
    this.#log = deps.log;
  }

  async listen(local: Endpoint, handlers: ListenHandlers): Promise<Listener> {
    const pauseMs = this.#options.acceptPauseMs ?? LIMITS.acceptPauseMs;
    const guard = new AcceptGuard({ pauseMs }, { log: this.#log, nowMs: () => performance.now() });
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {}); // of what is destroyed here
      const remote = guard.isPaused ? undefined : remoteOf(socket);
      // A peer may hang up before it is looked at; then there is no address any more.
      if (remote === undefined) socket.destroy();
      else handlers.accept(new TcpConnection(socket, remote));
    });
    server.maxConnections = this.#options.socketsMax;
    await listening(server, local);
    // Without a listener an error would end the process.
    server.on("error", (error) => {
      if (!guard.isFatal(error)) return;
      server.close();
      handlers.failed(error);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw listenFailed(local, "no address");
    return {
      local: { ip: plainIp(address.address), port: address.port },
      close: () =>
        new Promise<void>((resolve) => {
          server.close(); // its callback would wait for the accepted ones too
          setImmediate(resolve);
        }),
    };
  }

  async dial(remote: Endpoint, { signal }: { readonly signal: AbortSignal }): Promise<Connection> {
    signal.throwIfAborted();
    const socket = netConnect({ host: remote.ip, port: remote.port, noDelay: true });
    return new Promise((resolve, reject) => {
      const aborted = () => fail(undefined);
      const fail = (cause: NodeJS.ErrnoException | undefined) => {
        signal.removeEventListener("abort", aborted);
        socket.off("error", fail);
        socket.on("error", () => {}); // what a destroyed socket may still say
        socket.destroy();
        if (cause === undefined) reject(signal.reason);
        else
          reject(new WireError("P2P_DIAL_FAILED", "peer did not accept", { ...remote, cause: cause.code }, { cause }));
      };
      signal.addEventListener("abort", aborted, { once: true });
      socket.once("error", fail);
      socket.once("connect", () => {
        signal.removeEventListener("abort", aborted);
        socket.off("error", fail);
        socket.pause();
        resolve(new TcpConnection(socket, remote));
      });
    });
  }
}

async function listening(server: Server, local: Endpoint): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenFailed(local, cause.code, cause));
    server.once("error", failed);
    const where = local.ip === "" ? { port: local.port } : { host: local.ip, port: local.port };
    server.listen({ ...where, backlog: 511 }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function listenFailed(local: Endpoint, code: string | undefined, cause?: unknown): WireError {
  const where = `${local.ip || "*"}:${local.port}`;
  const reason = code === "EADDRINUSE" ? "the port is taken" : (code ?? "it cannot be opened");
  const message = `cannot listen for peers on ${where}: ${reason}. Choose another with -port, or stop the other program`;
  return new WireError("P2P_LISTEN_FAILED", message, { ...local, cause: code }, { cause });
}

function remoteOf(socket: Socket): Endpoint | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { ip: plainIp(remoteAddress), port: remotePort };
}

class TcpConnection implements Connection {
  readonly transport = "tcp";
  readonly framing = "stream";
  readonly remote: Endpoint;
  readonly #socket: Socket;
  #handlers: ConnectionHandlers | undefined;

  constructor(socket: Socket, remote: Endpoint) {
    this.#socket = socket;
    this.remote = remote;
    socket.on("error", () => {}); // "close" follows; errors tell no more
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  open(handlers: ConnectionHandlers): void {
    const socket = this.#socket;
    this.#handlers = handlers;
    if (socket.destroyed) {
      queueMicrotask(() => handlers.closed());
      return;
    }
    socket.on("data", (chunk: Buffer) => handlers.data(chunk));
    // Half-open connections are of no use here: the end of one direction is the end.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => handlers.closed());
    socket.resume();
  }

  send(frame: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(frame, this.#written);
  }

  /** Called when the system has taken a write; the socket's own "drain" is silent about small ones. */
  readonly #written = (error?: Error | null): void => {
    if (error == null && this.#socket.writableLength === 0) this.#handlers?.drain();
  };

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
    this.#socket.resume(); // unread bytes would keep the end of the stream from being seen
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
