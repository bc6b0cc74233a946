import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { readableWallet } from "../readable-wallet.ts";
import { type ApiRequest, Blank, type HandlerResult, type Route } from "../route.ts";
import { answering } from "../wallet-failures.ts";

/** Loaded wallets: one, all, their folder, label and unloading. Source: api.md 12.1 to 12.3, 12.10 and 12.15. */
export function walletListRoutes(context: ApiContext): Route[] {
  const { wallets } = context.services;
  const [get, post] = [{ GET: ["WALLET"] }, { POST: ["WALLET"] }] as const;
  return [
    { path: "/api/v1/wallet", methods: get, handler: (request) => wallet(context, request) },
    { path: "/api/v1/wallets", methods: get, handler: () => wallets.list().map(readableWallet) },
    { path: "/api/v1/wallets/folderName", methods: get, handler: () => ({ address: wallets.directory() }) },
    { path: "/api/v1/wallet/update", methods: post, handler: (request) => update(context, request) },
    { path: "/api/v1/wallet/unload", methods: post, handler: (request) => unload(context, request) },
  ];
}

/** The `id` parameter: a wallet's file name. @throws ApiError 400 */
export function walletIdOf(request: ApiRequest): string {
  const id = request.value("id");
  if (id === "") throw badRequest("missing wallet id");
  return id;
}

function wallet({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const id = walletIdOf(request);
  const unknown = { codes: { WALLET_UNKNOWN: "API_BAD_REQUEST" } } as const; // not 404, as the reference
  return answering(unknown, () => readableWallet(services.wallets.get(id)));
}

async function update({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const id = walletIdOf(request);
  const label = request.value("label");
  if (label === "") throw badRequest("missing label");
  await services.wallets.updateLabel(id, label);
  return "success";
}

async function unload({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  await services.wallets.unload(walletIdOf(request));
  return new Blank();
}
