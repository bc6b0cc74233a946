import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { listOf, objectOf, text } from "../json-schema.ts";
import { readableWallet } from "../readable-wallet.ts";
import { type ApiRequest, Blank, type HandlerResult, type Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { answering } from "../wallet-failures.ts";

/** Loaded wallets: one, all, their folder, label and unloading. Source: api.md 12.1 to 12.3, 12.10 and 12.15. */
export function walletListRoutes(context: ApiContext): Route[] {
  const { wallets } = context.services;
  const [get, post] = [{ GET: ["WALLET"] }, { POST: ["WALLET"] }] as const;
  return [
    {
      path: "/api/v1/wallet",
      about: { summary: "A wallet", parameters: { "id!": text }, answer: shape("Wallet") },
      methods: get,
      handler: (request) => wallet(context, request),
    },
    {
      path: "/api/v1/wallets",
      about: { summary: "Loaded wallets", answer: listOf(shape("Wallet")) },
      methods: get,
      handler: () => wallets.list().map(readableWallet),
    },
    {
      path: "/api/v1/wallets/folderName",
      about: { summary: "Where wallets are kept", answer: objectOf({ address: text }) },
      methods: get,
      handler: () => ({ address: wallets.directory() }),
    },
    {
      path: "/api/v1/wallet/update",
      about: { summary: "Renames a wallet", parameters: { "id!": text, "label!": text }, answer: { const: "success" } },
      methods: post,
      handler: (request) => update(context, request),
    },
    {
      path: "/api/v1/wallet/unload",
      about: { summary: "Forgets a wallet until the next start", parameters: { "id!": text } },
      methods: post,
      handler: (request) => unload(context, request),
    },
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
