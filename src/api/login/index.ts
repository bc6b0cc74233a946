import type { FastifyInstance } from "fastify";
import { StreamSlots } from "./event-stream.ts";
import { registerRoutes } from "./register.ts";
import type { LoginRoute, LoginServices } from "./route.ts";

/**
 * Everything the public listener serves beside the chain API. Each part gives its routes; pages and other answers
 * that are not JSON may register on `app` themselves.
 */
export function addLoginApi(app: FastifyInstance, services: LoginServices): void {
  const streams = new StreamSlots();
  registerRoutes(app, loginRoutes(services, streams), services);
}

/** Every operation, as the OpenAPI document lists them. `streams` counts all event streams of the listener together. */
export function loginRoutes(_services: LoginServices, _streams: StreamSlots): readonly LoginRoute[] {
  return [];
}
