import type { IncomingMessage, ServerResponse } from "node:http";
import { ClientCounts, clientKey } from "./client-key.ts";
import type { HttpLimits } from "./http-limits.ts";
import { BODY_BYTES_MAX } from "./options.ts";
import type { RequestMetrics } from "./request-metrics.ts";

/**
 * Requests being answered: counted as a whole, per client, and by the bytes of the bodies they announce. What is too
 * much is refused at once, never queued: a queue would only move the overload.
 */
export class InFlight {
  readonly #limits: HttpLimits;
  readonly #clients = new ClientCounts();
  readonly #running = new Set<ServerResponse>();
  readonly #metrics: RequestMetrics;
  #bodyBytes = 0;

  constructor(limits: HttpLimits, metrics: RequestMetrics) {
    this.#limits = limits;
    this.#metrics = metrics;
  }

  /** Answers whose end has not been reached. */
  get running(): ReadonlySet<ServerResponse> {
    return this.#running;
  }

  /** True when the request may go on; it counts until its answer is closed. Otherwise it has been answered. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { inFlightMax, inFlightPerClientMax, loopbackCounts, bodyBytesInFlightMax } = this.#limits;
    if (this.#running.size >= inFlightMax) return this.#refuse(response, "in-flight");
    const body = announcedBytes(request);
    if (body > 0 && this.#bodyBytes + body > bodyBytesInFlightMax) return this.#refuse(response, "body");
    const client = clientKey(request.socket.remoteAddress, loopbackCounts);
    if (!this.#clients.take(client, inFlightPerClientMax)) return this.#refuse(response, "client");
    this.#running.add(response);
    this.#bodyBytes += body;
    this.#metrics.inFlight++;
    response.once("close", () => {
      this.#running.delete(response);
      this.#bodyBytes -= body;
      this.#metrics.inFlight--;
      this.#clients.give(client);
    });
    return true;
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

function announcedBytes({ headers }: IncomingMessage): number {
  if (headers["transfer-encoding"] !== undefined) return BODY_BYTES_MAX;
  const length = Number(headers["content-length"] ?? 0);
  return length > BODY_BYTES_MAX ? 0 : length; // a longer one is refused unread
}
