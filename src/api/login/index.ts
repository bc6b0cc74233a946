import type { FastifyInstance } from "fastify";
import { challengeRoutes } from "./challenge-routes.ts";
import { StreamSlots } from "./event-stream.ts";
import { openApiDocument } from "./openapi.ts";
import { registerRoutes } from "./register.ts";
import type { LoginRoute, LoginServices } from "./route.ts";
import { tokenRoutes } from "./token-routes.ts";

/**
 * Everything the public listener serves beside the chain API. Each part gives its routes; pages and other answers
 * that are not JSON may register on `app` themselves.
 */
export function addLoginApi(app: FastifyInstance, services: LoginServices): void {
  const streams = new StreamSlots();
  const routes = loginRoutes(services, streams);
  registerRoutes(app, [...routes, openApiRoute(routes, services)], services);
}

/** Every operation, as the OpenAPI document lists them. `streams` counts all event streams of the listener together. */
export function loginRoutes(services: LoginServices, streams: StreamSlots): readonly LoginRoute[] {
  return [...challengeRoutes(services, streams), ...tokenRoutes(services)];
}

function openApiRoute(routes: readonly LoginRoute[], { login, version }: LoginServices): LoginRoute {
  const document = openApiDocument(routes, { issuer: login.issuer, version });
  return {
    method: "GET",
    path: "/login/v1/openapi.json",
    summary: "This API as OpenAPI",
    answers: { 200: { description: "OpenAPI 3.1" } },
    hidden: true,
    handler: () => ({ json: document, headers: { "cache-control": "public, max-age=300" } }),
  };
}
