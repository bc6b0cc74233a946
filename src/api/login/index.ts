import type { FastifyInstance } from "fastify";
import { challengeRoutes } from "./challenge-routes.ts";
import { ClientAuth } from "./client-auth.ts";
import { eventRoutes } from "./event-routes.ts";
import { STREAM_LIMITS, StreamSlots } from "./event-stream.ts";
import { openIdRoutes } from "./open-id-routes.ts";
import { openApiDocument } from "./openapi.ts";
import { registerRoutes } from "./register.ts";
import type { LoginRoute, LoginServices } from "./route.ts";
import { tokenRoutes } from "./token-routes.ts";

/**
 * Everything the public listener serves beside the chain API. Each part gives its routes; pages and other answers
 * that are not JSON may register on `app` themselves. Returns the routes.
 */
export function addLoginApi(app: FastifyInstance, services: LoginServices): readonly LoginRoute[] {
  const routes = loginRoutes(services);
  registerRoutes(app, [...routes, openApiRoute(routes, services)], services);
  return routes;
}

/**
 * Every operation, as the OpenAPI document lists them. Streams of challenges and of events have places of their own:
 * who only watches the chain must not keep a visitor from signing in.
 */
export function loginRoutes(services: LoginServices): readonly LoginRoute[] {
  const auth = new ClientAuth(services.clients, services.clock);
  const [challenges, events] = [new StreamSlots(STREAM_LIMITS), new StreamSlots(STREAM_LIMITS)];
  return [
    ...challengeRoutes(services, challenges, auth),
    ...tokenRoutes(services, auth),
    ...openIdRoutes(services),
    ...eventRoutes(services, events, auth),
  ];
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
