import { parseSecretKey, type SecretKey } from "../../cipher/keys.ts";
import { WalletError } from "../../wallet/errors.ts";
import type { CreateWalletRequest } from "../../wallet/make-wallet.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goTrim, parseUint } from "../go-text.ts";
import { count, flag, text } from "../json-schema.ts";
import { readableWallet } from "../readable-wallet.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";

const wanted = {
  "type!": { type: "string", enum: ["deterministic", "bip44", "xpub", "collection"] },
  "label!": text,
  seed: { ...text, description: "Of deterministic and bip44" },
  "bip44-coin": count,
  xpub: text,
  scan: { ...count, description: "Addresses to look ahead for" },
  "private-keys": { ...text, description: "Of a collection: hex, separated by commas" },
} as const;

/** `POST /api/v1/wallet/create` and `/createTemp`. Source: api.md 12.6 and 12.7. */
export function walletCreateRoutes(context: ApiContext): Route[] {
  const methods = { POST: ["WALLET"] } as const;
  return [
    {
      path: "/api/v1/wallet/create",
      about: {
        summary: "Makes a wallet",
        parameters: { ...wanted, "seed-passphrase": text, encrypt: flag, password: text },
        answer: shape("Wallet"),
      },
      methods,
      handler: (request) => create(context, request),
    },
    {
      path: "/api/v1/wallet/createTemp",
      about: { summary: "Makes a wallet in memory only", parameters: wanted, answer: shape("Wallet") },
      methods,
      handler: (request) => createTemporary(context, request),
    },
  ];
}

async function create({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  requireType(request);
  const password = request.value("password");
  const encrypt = request.optionalFlag("encrypt", (reason) => `invalid encrypt value: ${reason}`) ?? false;
  if (encrypt && password === "") throw badRequest("missing password");
  if (!encrypt && password !== "") throw badRequest("encrypt must be true as password is provided");
  const wanted = { ...parseWanted(request), seedPassphrase: request.value("seed-passphrase"), encrypt, password };
  return readableWallet(await services.wallets.create(wanted));
}

/** Lives in memory only, so there is nothing to encrypt. */
async function createTemporary({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  requireType(request);
  return readableWallet(await services.wallets.create({ ...parseWanted(request), temporary: true }));
}

function requireType(request: ApiRequest): void {
  if (request.value("type") === "") throw badRequest("missing type");
}

/** What both take, refused in the reference's order. */
function parseWanted(request: ApiRequest): CreateWalletRequest {
  const type = request.value("type");
  const scan = parseCount(request, "scan", "invalid scan value") ?? 0;
  const bip44Coin = parseCoin(request, type);
  const privateKeys = parsePrivateKeys(request, "invalid collection private keys");
  const [label, seed, xpub] = [request.value("label"), request.value("seed"), request.value("xpub")];
  return { type, label, seed, xpub, scan, bip44Coin, privateKeys };
}

function parseCoin(request: ApiRequest, type: string): number | undefined {
  const text = request.value("bip44-coin");
  if (text === "") return undefined;
  if (type !== "bip44") throw badRequest("bip44-coin is only valid for bip44 type wallets");
  return Number(
    parsed(
      () => parseUint(text, 32),
      () => "invalid bip44-coin value",
    ),
  );
}

/** A number of addresses; undefined when absent. Beyond 2^53 exactness is lost, far above every limit. @throws ApiError 400 */
export function parseCount(request: ApiRequest, name: string, message: string): number | undefined {
  const text = request.value(name);
  if (text === "") return undefined;
  return Number(
    parsed(
      () => parseUint(text),
      () => message,
    ),
  );
}

/** Keys of one request. Each costs a multiplication on the curve, during which nothing else is answered. */
const PRIVATE_KEYS_MAX = 1000;

/** `private-keys`: hex, separated by commas, blanks around them ignored. @throws ApiError 400, WALLET_TOO_MANY_ADDRESSES */
export function parsePrivateKeys(request: ApiRequest, message: string): SecretKey[] {
  const items = request.value("private-keys").split(",");
  const texts = items.map(goTrim).filter((item) => item !== "");
  if (texts.length > PRIVATE_KEYS_MAX) throw new WalletError("WALLET_TOO_MANY_ADDRESSES");
  try {
    return texts.map(parseSecretKey);
  } catch {
    throw badRequest(message); // no cause: nothing that quotes a key
  }
}
