import type { FastifyReply, FastifyRequest } from "fastify";
import { offerAgain } from "./ready-answers.ts";
import { givenId } from "./request-id.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import type { Follows } from "./route.ts";
import type { ApiServices } from "./services.ts";

export interface ReadyOffersDeps {
  readonly services: Pick<ApiServices, "chain" | "pool" | "log">;
  readonly metrics: RequestMetrics;
  readonly nextId: () => string;
}

/** Tells whether what an answer follows from is as it is now. To be taken before the answer is made. */
export function stateOf(
  follows: Follows,
  { chain: { store }, pool }: Pick<ApiServices, "chain" | "pool">,
): () => boolean {
  const [head, revision] = [store.head(), pool.revision];
  if (follows === "chain") return () => store.head() === head;
  if (follows === "pool") return () => store.head() === head && pool.revision === revision;
  return () => true;
}

/** Says of which answers of the API that they may be given again, and until when. */
export class ReadyOffers {
  readonly #deps: ReadyOffersDeps;

  constructor(deps: ReadyOffersDeps) {
    this.#deps = deps;
  }

  /**
   * To be said once `reply` was sent. Only plain successes: a request with a password must pass the limit of guesses
   * each time, one with an id of its own is to be found in the log under it.
   */
  offer(reply: FastifyReply, body: Uint8Array | (() => Uint8Array | undefined), isCurrent: () => boolean): void {
    const { request, statusCode } = reply;
    if (request.method !== "GET" || statusCode !== 200) return;
    if (request.headers.authorization !== undefined || givenId(request) !== undefined) return;
    const isMade = typeof body === "function";
    if (isMade && reply.hasHeader("content-encoding")) return;
    const head = headOf(reply, isMade);
    offerAgain(reply.raw, { head, body, isCurrent, given: this.#counter(request) });
  }

  #counter(request: FastifyRequest): (elapsedMs: number) => void {
    const { services, metrics, nextId } = this.#deps;
    const route = request.routeOptions.url ?? "other";
    const path = request.url.split("?", 1)[0];
    const series = metrics.series(route, "GET", 200);
    return (elapsedMs) => {
      series.observe(elapsedMs / 1000);
      services.log.debug(
        { id: nextId(), status: 200, method: "GET", path, elapsedMs: Math.round(elapsedMs) },
        "request",
      );
    };
  }
}

/** As node writes it. */
function headOf(reply: FastifyReply, withoutLength: boolean): string {
  let head = "HTTP/1.1 200 OK\r\n";
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (withoutLength && name === "content-length") continue;
    for (const one of Array.isArray(value) ? value : [value]) head += `${name}: ${one}\r\n`;
  }
  return head;
}
