import { generateMnemonic, validateMnemonic } from "../../cipher/bip39.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goString, goStruct } from "../go-json.ts";
import { parseInteger } from "../go-text.ts";
import { objectOf, text } from "../json-schema.ts";
import { readableWallet } from "../readable-wallet.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { answering, type WalletAnswers } from "../wallet-failures.ts";
import { walletIdOf } from "./wallet-list.ts";

const VerifySeedRequest = goStruct("VerifySeedRequest", { seed: goString });
const RecoverRequest = goStruct("WalletRecoverRequest", {
  id: goString,
  seed: goString,
  seed_passphrase: goString,
  password: goString,
});

const locked = { "id!": text, "password!": text } as const;

/** Seeds, passwords and recovery. Source: api.md 12.4, 12.5 and 12.16 to 12.19. */
export function walletSecretRoutes(context: ApiContext): Route[] {
  const [get, post] = [{ GET: ["WALLET"] }, { POST: ["WALLET"] }] as const;
  const seedOnly = { POST: ["INSECURE_WALLET_SEED"] } as const;
  return [
    {
      path: "/api/v1/wallet/newSeed",
      about: {
        summary: "Words for a new wallet",
        parameters: { entropy: { type: "integer", enum: [128, 256], default: 128 } },
        answer: objectOf({ seed: text }),
      },
      methods: get,
      handler: newSeed,
    },
    {
      path: "/api/v2/wallet/seed/verify",
      about: {
        summary: "Are these the words of a wallet?",
        body: VerifySeedRequest,
        bodyRequired: ["seed"],
        answer: objectOf({}),
      },
      methods: post,
      handler: verifySeed,
    },
    {
      path: "/api/v1/wallet/encrypt",
      about: { summary: "Locks a wallet with a password", parameters: locked, answer: shape("Wallet") },
      methods: post,
      handler: (request) => encrypt(context, request),
    },
    {
      path: "/api/v1/wallet/decrypt",
      about: { summary: "Takes the password off a wallet", parameters: locked, answer: shape("Wallet") },
      methods: post,
      handler: (request) => decrypt(context, request),
    },
    {
      path: "/api/v1/wallet/seed",
      about: {
        summary: "The words of an encrypted wallet",
        parameters: locked,
        answer: objectOf({ seed: text }, { seed_passphrase: text }),
      },
      methods: seedOnly,
      handler: (request) => seed(context, request),
    },
    {
      path: "/api/v2/wallet/recover",
      about: {
        summary: "Gives a wallet a new password by its words",
        body: RecoverRequest,
        bodyRequired: ["id", "seed"],
        answer: shape("Wallet"),
      },
      methods: post,
      handler: (request) => recover(context, request),
    },
  ];
}

function newSeed(request: ApiRequest): HandlerResult {
  const text = request.value("entropy");
  const bits = parsed(
    () => parseInteger(text === "" ? "128" : text),
    () => "invalid entropy",
  );
  if (bits !== 128n && bits !== 256n) throw badRequest("entropy length must be 128 or 256");
  return { seed: generateMnemonic(Number(bits)) };
}

function verifySeed(request: ApiRequest): HandlerResult {
  const { seed } = request.json(VerifySeedRequest);
  if (seed === "") throw badRequest("seed is required");
  try {
    validateMnemonic(seed);
  } catch (cause) {
    throw new ApiError("API_UNPROCESSABLE", (cause as Error).message, {}, { cause });
  }
  return {};
}

const ENCRYPT_ANSWERS: WalletAnswers = {
  codes: { WALLET_XPUB_NO_ENCRYPTION: "API_INTERNAL", WALLET_TEMP_NO_ENCRYPTION: "API_BAD_REQUEST" },
};

function encrypt({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const id = walletIdOf(request);
  return answering(ENCRYPT_ANSWERS, async () =>
    readableWallet(await services.wallets.encrypt(id, request.value("password"))),
  );
}

async function decrypt({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  return readableWallet(await services.wallets.decrypt(walletIdOf(request), request.value("password")));
}

/** Of encrypted wallets only, since it is the password that allows it. */
async function seed({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const secret = await services.wallets.seed(walletIdOf(request), request.value("password"));
  return { seed: secret.seed, seed_passphrase: secret.seedPassphrase === "" ? undefined : secret.seedPassphrase };
}

async function recover({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { id, seed: text, seed_passphrase: seedPassphrase, password } = request.json(RecoverRequest);
  if (id === "") throw badRequest("id is required");
  if (text === "") throw badRequest("seed is required");
  return readableWallet(await services.wallets.recover(id, { seed: text, seedPassphrase, password }));
}
