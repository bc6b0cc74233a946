import { fromHex, toHex } from "../../base/bytes.ts";
import { CoinError, errorText } from "../../base/errors.ts";
import { decodeTransaction, type Transaction, txid } from "../../chain/transaction.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goBool, goString, goStruct } from "../go-json.ts";
import { hash, listOf, objectOf } from "../json-schema.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import type { NetworkService } from "../services.ts";

const InjectTransactionRequest = goStruct("InjectTransactionRequest", { rawtx: goString, no_broadcast: goBool });

/** Into the pool, and out to the peers. Source: api.md 14.9 and 14.10. */
export function injectRoutes(context: ApiContext): Route[] {
  const methods = { POST: ["TXN", "WALLET"] } as const;
  return [
    {
      path: "/api/v1/injectTransaction",
      about: {
        summary: "Takes a transaction and sends it to the peers",
        body: InjectTransactionRequest,
        bodyRequired: ["rawtx"],
        answer: hash,
      },
      methods,
      handler: (request) => inject(context, request),
    },
    {
      path: "/api/v1/resendUnconfirmedTxns",
      about: {
        summary: "Sends the transactions that wait to the peers again",
        answer: objectOf({ txids: listOf(hash) }),
      },
      methods,
      handler: () => resend(context),
    },
  ];
}

async function inject({ options, services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { rawtx, no_broadcast: quiet } = request.json(InjectTransactionRequest);
  if (rawtx === "") throw badRequest("rawtx is required");
  const txn = parsed(() => parseTransaction(rawtx));
  if (options.readOnly) throw new ApiError("API_INTERNAL", "database is in read-only mode");
  await services.pool.injectFromUser(
    txn,
    quiet ? {} : { broadcast: () => reach(services.network).broadcastTransaction(txn) },
  );
  return toHex(txid(txn));
}

/** Hex of a whole transaction. @throws CoinError with the reference's texts */
export function parseTransaction(hex: string): Transaction {
  const bytes = fromHex(hex);
  try {
    return decodeTransaction(bytes);
  } catch (cause) {
    throw new CoinError("TRANSACTION_INVALID", `Invalid transaction: ${errorText(cause)}`, {}, { cause });
  }
}

/** Sends everything in the pool again, valid or not; answers what was sent. */
async function resend({ services }: ApiContext): Promise<HandlerResult> {
  const network = reach(services.network);
  const txids: string[] = [];
  for (const { txn } of services.pool.all()) {
    if (await wasSent(network, txn)) txids.push(toHex(txid(txn)));
  }
  return { txids };
}

/** Also what nobody will pass on has been sent. */
async function wasSent(network: NetworkService, txn: Transaction): Promise<boolean> {
  try {
    await network.broadcastTransaction(txn);
    return true;
  } catch (error) {
    if (error instanceof CoinError) return error.code === "NETWORK_NO_PEER_ACCEPTS";
    throw error;
  }
}

function reach(network: NetworkService | undefined): NetworkService {
  if (network === undefined) throw new ApiError("API_UNAVAILABLE", "Networking is disabled");
  return network;
}
