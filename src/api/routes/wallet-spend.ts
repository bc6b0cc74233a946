import type { Transaction } from "../../chain/transaction.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { isJson } from "../gate.ts";
import { goBool, goInt, goList, goString, goStruct } from "../go-json.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { spendFields, spendParams, spendSelection, validateSpend } from "../spend-request.ts";
import { answering, type WalletAnswers } from "../wallet-failures.ts";
import { readableCreated, rulesAreOurs } from "./create-transaction.ts";
import { parseTransaction } from "./inject.ts";

const SpendWalletRequest = goStruct("walletCreateTransactionRequest", {
  unsigned: goBool,
  wallet_id: goString,
  password: goString,
  ...spendFields,
});
const SignRequest = goStruct("WalletSignTransactionRequest", {
  wallet_id: goString,
  password: goString,
  encoded_transaction: goString,
  sign_indexes: goList(goInt),
});

/** Transactions out of a wallet, and signatures of one. Source: api.md 12.13 and 12.14. */
export function walletSpendRoutes(context: ApiContext): Route[] {
  const methods = { POST: ["WALLET"] } as const;
  return [
    {
      path: "/api/v1/wallet/transaction",
      about: {
        summary: "A transaction out of a wallet",
        body: SpendWalletRequest,
        bodyRequired: ["wallet_id", "hours_selection", "to"],
        answer: shape("Created"),
      },
      methods,
      handler: (request) => create(context, request),
    },
    {
      path: "/api/v2/wallet/transaction/sign",
      about: {
        summary: "Signs a transaction with a wallet's keys",
        body: SignRequest,
        bodyRequired: ["wallet_id", "encoded_transaction"],
        answer: shape("Created"),
      },
      methods,
      handler: (request) => sign(context, request),
    },
  ];
}

const CREATE_ANSWERS: WalletAnswers = { codes: { WALLET_UNKNOWN: "API_NOT_FOUND" } };

async function create({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  if (!isJson(request.contentType)) throw new ApiError("API_MEDIA_TYPE");
  const wanted = request.json(SpendWalletRequest);
  const { wallet_id: id, password, unsigned } = wanted;
  if (id === "") throw badRequest("missing wallet_id");
  if (unsigned && password !== "") throw badRequest("password must not be used for unsigned transactions");
  validateSpend(wanted, services.chain.params.user.maxDecimals);
  const spend = { params: spendParams(wanted), selection: spendSelection(wanted), password, unsigned };
  return rulesAreOurs(() =>
    answering(CREATE_ANSWERS, async () => readableCreated(await services.spending.createFromWallet(id, spend))),
  );
}

const SIGN_ANSWERS: WalletAnswers = {
  codes: {
    WALLET_UNKNOWN: "API_NOT_FOUND",
    WALLET_API_DISABLED: "API_FORBIDDEN",
    SPEND_FULLY_SIGNED: "API_INTERNAL", // a slip of the reference; it comes before the wallet is looked up
  },
};

async function sign({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { wallet_id: id, password, encoded_transaction: encoded, sign_indexes } = request.json(SignRequest);
  if (id === "") throw badRequest("wallet_id is required");
  if (encoded === "") throw badRequest("encoded_transaction is required");
  const txn = parsed(
    () => parseTransaction(encoded),
    (reason) => `Decode transaction failed: ${reason}`,
  );
  const indexes = checkedIndexes(sign_indexes, txn);
  return answering(SIGN_ANSWERS, async () =>
    readableCreated(await services.spending.sign(id, { txn, indexes, password })),
  );
}

/** @throws ApiError 400 */
function checkedIndexes(indexes: readonly bigint[], { inputs }: Transaction): number[] {
  if (indexes.length > inputs.length) throw badRequest("Too many values in sign_indexes");
  if (indexes.some((i) => i < 0n || i >= BigInt(inputs.length))) {
    throw badRequest("Value in sign_indexes exceeds range of transaction inputs array");
  }
  if (new Set(indexes).size < indexes.length) throw badRequest("Duplicate value in sign_indexes");
  return indexes.map(Number);
}
