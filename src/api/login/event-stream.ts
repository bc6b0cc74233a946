import type { ServerResponse } from "node:http";
import { LoginError } from "../../login/errors.ts";
import { ClientCounts } from "../client-key.ts";
import type { LoginRequest } from "./route.ts";

/** One server-sent event. `data` must have no line breaks: JSON has none. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/** Bounds of all streams of one kind together. */
export const STREAM_LIMITS = {
  streamsMax: 1000,
  /** Of one client; loopback is not counted. */
  perClientMax: 20,
  /** Not taken by a slow reader: beyond it the stream is cut, and the reader comes back with Last-Event-ID. */
  bufferBytesMax: 256 * 1024,
  keepAliveMs: 15_000,
} as const;

export type StreamLimits = { readonly [Name in keyof typeof STREAM_LIMITS]: number };

/** Counts what is open. One for all streams of a kind. */
export class StreamSlots {
  readonly #limits: StreamLimits;
  readonly #clients = new ClientCounts();
  #open = 0;

  constructor(limits: StreamLimits = STREAM_LIMITS) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * Takes over the reply. The stream ends by `end`, or when the client goes.
   * @throws LoginError busy, rate_limited; bad_request when it has gone already: its place would never be free again
   */
  start(request: LoginRequest): EventStream {
    const { key } = request.caller;
    if (request.reply.raw.destroyed) throw new LoginError("bad_request", "the client has gone");
    if (this.#open >= this.#limits.streamsMax)
      throw new LoginError("busy", "Too many event streams are open: ask again later");
    if (!this.#clients.take(key, this.#limits.perClientMax)) {
      throw new LoginError("rate_limited", "Too many event streams of one client are open: close some");
    }
    this.#open++;
    const { reply } = request;
    reply.hijack();
    const response = reply.raw;
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) response.setHeader(name, value);
    const stream = new EventStream(response, this.#limits);
    response.once("close", () => {
      this.#open--;
      this.#clients.give(key);
    });
    return stream;
  }
}

/** A reply that stays open and carries events. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #limits: StreamLimits;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(response: ServerResponse, limits: StreamLimits) {
    this.#response = response;
    this.#limits = limits;
    keepOpen(response);
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    this.#keepAlive = setInterval(() => this.#write(":\n\n"), limits.keepAliveMs);
    this.#keepAlive.unref();
    response.once("close", () => clearInterval(this.#keepAlive));
  }

  /** False once the client has gone or was cut off. */
  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  /** Where a reader that comes back goes on, without an event (WHATWG HTML 9.2.6). */
  mark(id: string): boolean {
    return this.#write(`id: ${id}\n\n`);
  }

  /** Resolves when the reader has taken what was sent, or has gone. */
  async drained(): Promise<void> {
    const response = this.#response;
    if (!this.isOpen || !response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        response.off("drain", done).off("close", done);
        resolve();
      };
      response.on("drain", done).on("close", done);
    });
  }

  send({ event, data, id }: StreamEvent): boolean {
    return this.#write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
  }

  /** Runs once, whichever side ends it. */
  onEnd(run: () => void): void {
    this.#response.once("close", run);
  }

  end(): void {
    this.#response.end();
  }

  #write(text: string): boolean {
    if (!this.isOpen) return false;
    this.#response.write(text);
    if (this.#response.writableLength <= this.#limits.bufferBytesMax) return true;
    this.#response.destroy();
    return false;
  }
}

const streaming = new WeakSet<ServerResponse>();

/** The listener's time limit for answers does not hold for this one. */
function keepOpen(response: ServerResponse): void {
  streaming.add(response);
}

export function isStreaming(response: ServerResponse): boolean {
  return streaming.has(response);
}
