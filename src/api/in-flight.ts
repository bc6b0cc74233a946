import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ClientCounts, clientKey } from "./client-key.ts";
import type { HttpLimits } from "./http-limits.ts";
import { BODY_BYTES_MAX } from "./options.ts";
import type { RequestMetrics } from "./request-metrics.ts";

/** Told of connections that begin and end to have something to answer. */
export interface Idleness {
  busy(socket: Socket): void;
  idle(socket: Socket): void;
}

/**
 * Requests being answered: counted as a whole, per client, and by the bytes of the bodies they announce. What is too
 * much is refused at once, never queued: a queue would only move the overload.
 */
export class InFlight {
  readonly #limits: HttpLimits;
  readonly #clients = new ClientCounts();
  readonly #running = new Set<ServerResponse>();
  /** Those of one connection, in the order of its requests: a client need not wait for one answer to ask again. */
  readonly #bySocket = new Map<Socket, Set<ServerResponse>>();
  readonly #metrics: RequestMetrics;
  readonly #idleness: Idleness;
  #bodyBytes = 0;

  constructor(limits: HttpLimits, deps: { readonly metrics: RequestMetrics; readonly idleness: Idleness }) {
    this.#limits = limits;
    this.#metrics = deps.metrics;
    this.#idleness = deps.idleness;
  }

  /** Answers whose end has not been reached. */
  get running(): ReadonlySet<ServerResponse> {
    return this.#running;
  }

  /** True when the request may go on; it counts until its answer is closed. Otherwise it has been answered. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { inFlightMax, inFlightPerClientMax, pipelinedMax, loopbackCounts, bodyBytesInFlightMax } = this.#limits;
    const { socket } = request;
    if (socket.destroyed) return false; // what it had sent before it was cut off
    const own = this.#ownOf(socket);
    if (own.size >= pipelinedMax) {
      this.#metrics.refused("pipelined");
      socket.destroy(); // an answer would have to wait for all the others
      return false;
    }
    if (this.#running.size >= inFlightMax) return this.#refuse(response, "in-flight");
    const body = countedBytes(request, this.#limits.bodyBytesFree);
    if (body > 0 && this.#bodyBytes + body > bodyBytesInFlightMax) return this.#refuse(response, "body");
    const client = clientKey(socket.remoteAddress, loopbackCounts);
    if (!this.#clients.take(client, inFlightPerClientMax)) return this.#refuse(response, "client");
    this.#running.add(response);
    own.add(response);
    if (own.size === 1) this.#idleness.busy(socket);
    this.#bodyBytes += body;
    this.#metrics.inFlight++;
    response.once("close", () => {
      this.#running.delete(response);
      own.delete(response);
      if (own.size === 0) this.#idleness.idle(socket);
      this.#bodyBytes -= body;
      this.#metrics.inFlight--;
      this.#clients.give(client);
    });
    return true;
  }

  /** Cuts off who makes the node hold most, until all answers that wait for their readers fit the limit. */
  relieve(): void {
    const held = [...this.#bySocket].map(([socket, responses]) => {
      let bytes = socket.writableLength;
      for (const response of responses) bytes += response.writableLength;
      return { socket, bytes };
    });
    let total = held.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.#limits.outputBytesMax) return;
    for (const { socket, bytes } of held.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#limits.outputBytesMax) return;
      this.#metrics.refused("output");
      socket.destroy();
      total -= bytes;
    }
  }

  #ownOf(socket: Socket): Set<ServerResponse> {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const own = new Set<ServerResponse>();
    this.#bySocket.set(socket, own);
    socket.once("close", () => {
      this.#bySocket.delete(socket);
      // Node tells the answer that was being sent, and not those that waited behind it: they would count for ever.
      for (const response of own) {
        response.destroy();
        response.emit("close");
      }
    });
    return own;
  }

  #refuse(response: ServerResponse, why: "in-flight" | "body" | "client"): false {
    this.#metrics.refused(why);
    const status = why === "client" ? 429 : 503;
    const text = status === 429 ? "429 Too Many Requests\n" : "503 Service Unavailable\n";
    const head = { "content-type": "text/plain; charset=utf-8", "retry-after": "1", connection: "close" };
    response.writeHead(status, { ...head, "content-length": text.length }).end(text);
    return false;
  }
}

/** What a body counts for: as much as it announces, nothing up to `free`. */
function countedBytes({ headers }: IncomingMessage, free: number): number {
  if (headers["transfer-encoding"] !== undefined) return BODY_BYTES_MAX;
  const length = Number(headers["content-length"] ?? 0);
  return length > BODY_BYTES_MAX || length <= free ? 0 : length; // a longer one is refused unread
}
