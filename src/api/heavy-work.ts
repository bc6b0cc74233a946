import type { FastifyReply } from "fastify";
import { Slots } from "../base/slots.ts";
import { ApiError } from "./api-error.ts";
import type { RequestMetrics } from "./request-metrics.ts";

const RUNNING_MAX = 8;
const WAITING_MAX = 128;

/** Requests that cost much more than others. A few run, some more wait, the rest is refused with 503. */
export class HeavyWork {
  readonly #slots = new Slots({ max: RUNNING_MAX, waitingMax: WAITING_MAX });
  readonly #metrics: RequestMetrics;

  constructor(metrics: RequestMetrics) {
    this.#metrics = metrics;
  }

  /** Resolves when the request may run; its slot is free again when its answer is closed. @throws ApiError 503 */
  async begin(reply: FastifyReply): Promise<void> {
    if (!(await this.#slots.take())) {
      this.#metrics.refused("heavy");
      reply.header("retry-after", "1");
      throw new ApiError("API_UNAVAILABLE", "too many requests of this kind");
    }
    // The client may have left while its request waited.
    if (reply.raw.closed) this.#slots.give();
    else reply.raw.once("close", () => this.#slots.give());
  }
}
