import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { LoginServices } from "../../src/api/login/route.ts";
import { buildServer } from "../../src/api/server.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type LoginClient, LoginClients } from "../../src/login/clients.ts";
import { EventFeed } from "../../src/login/events/feed.ts";
import { apiOptions, clientStores } from "./api.ts";
import { LoginRig, type LoginRigOptions } from "./login-rig.ts";

/** A service as the operator describes it. */
export function loginClient(id: string, changes: Partial<LoginClient> = {}): LoginClient {
  return {
    id,
    name: `Service ${id}`,
    redirectUris: [],
    postLogoutRedirectUris: [],
    secretSha256: createHash("sha256").update(`secret of ${id}`).digest("hex"),
    idTokenAlgorithm: "EdDSA",
    webhooks: [],
    ...changes,
  };
}

/** The public listener's routes and pages over a login service in memory. Never listens: tests use `inject`. */
export async function loginApi(
  options: LoginRigOptions & { readonly clients?: readonly LoginClient[] } = {},
): Promise<{ readonly rig: LoginRig; readonly app: FastifyInstance; readonly services: LoginServices }> {
  const rig = await LoginRig.start(options);
  const { pool, clock, store } = rig;
  const { chain } = rig.chain;
  const parts = { chain, pool, clock, log: silentLogger };
  const feed = await EventFeed.open({ ...parts, view: chain.store, onBlock: chain.onBlock, store });
  const services: LoginServices = {
    ...{ login: rig.login, store, feed, webhooks: [], clock, log: silentLogger, version: "1" },
    clients: new LoginClients(options.clients),
    node: { chain, pool, network: undefined },
  };
  const stores = await clientStores(parts, undefined);
  const app = buildServer(apiOptions({ audience: "public" }), { ...parts, ...stores, login: services });
  return { rig, app, services };
}
