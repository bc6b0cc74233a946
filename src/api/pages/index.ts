import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LoginError } from "../../login/errors.ts";
import type { ApiContext } from "../context.ts";
import type { LoginServices } from "../login/route.ts";
import { accountPage, logout } from "./account.ts";
import { Assets } from "./assets.ts";
import { explorerRoutes } from "./explorer.ts";
import { livePage } from "./live.ts";
import { start, startPage } from "./login-start.ts";
import { proveOrClaim, verifyPage } from "./login-verify.ts";
import { errorPage, type PageRoute, registerPages } from "./page-routes.ts";
import { type Shell, sendPage } from "./shell.ts";
import { authorize, cancelSignIn, endSession } from "./sign-in.ts";

export type NotFoundPage = (request: FastifyRequest, reply: FastifyReply) => unknown;

/**
 * The pages of the public listener: login, account, live chain, explorer. Made on the server; scripts
 * only keep them fresh and sign. Returns the page for paths that nothing else serves.
 */
export function addPages(app: FastifyInstance, context: ApiContext, login: LoginServices | undefined): NotFoundPage {
  const { services, options } = context;
  const assets = new Assets();
  assets.register(app);
  const shell: Shell = { assets, name: options.node.fiber.displayName, login: login !== undefined };
  const routes: PageRoute[] = [
    { path: "/", handler: () => livePage({ context, login }) },
    ...explorerRoutes(context),
    ...(login === undefined ? [] : loginRoutes(login)),
  ];
  const issuer = login?.login.issuer ?? "http://127.0.0.1";
  registerPages(app, routes, { shell, log: services.log, issuer });
  const text = "There is no such page here. Was the address typed, or is the link an old one?";
  const missing = errorPage(new LoginError("not_found", text), shell.login);
  return (request, reply) => sendPage(request, reply, missing, shell);
}

function loginRoutes(services: LoginServices): PageRoute[] {
  return [
    { path: "/login", handler: (request) => startPage(services, request) },
    { method: "POST", path: "/login", handler: (request) => start(services, request) },
    { path: "/login/verify/:id", handler: (request) => verifyPage(services, request) },
    { method: "POST", path: "/login/verify/:id", handler: (request) => proveOrClaim(services, request) },
    { path: "/login/v1/authorize", handler: (request) => authorize(services, request) },
    {
      method: "POST",
      path: "/login/v1/authorize",
      anySite: true,
      handler: (request) => authorize(services, request),
    },
    { method: "POST", path: "/login/cancel", handler: (request) => cancelSignIn(services, request) },
    { path: "/login/v1/end-session", handler: (request) => endSession(services, request) },
    {
      method: "POST",
      path: "/login/v1/end-session",
      anySite: true,
      handler: (request) => endSession(services, request),
    },
    { path: "/account", handler: (request) => accountPage(services, request) },
    { method: "POST", path: "/logout", handler: (request) => logout(services, request) },
  ];
}
