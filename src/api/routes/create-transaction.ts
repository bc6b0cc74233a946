import { toHex } from "../../base/bytes.ts";
import type { SpentInput } from "../../chain/queries.ts";
import { RuleError } from "../../chain/rules.ts";
import { encodeTransaction } from "../../chain/transaction.ts";
import type { SpendCandidate } from "../../wallet/choose-spends.ts";
import type { CreatedTransaction } from "../../wallet/spend.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import type { JsonObject } from "../json.ts";
import { createdTransaction } from "../readable.ts";
import type { ApiRequest, HandlerResult, Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { CreateTransactionRequest, spendParams, spendSelection, validateSpend } from "../spend-request.ts";

/** `POST /api/v2/transaction`: an unsigned transaction out of addresses or outputs. Source: api.md 14.7. */
export function createTransactionRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v2/transaction",
      about: {
        summary: "An unsigned transaction out of addresses or outputs",
        body: CreateTransactionRequest,
        bodyRequired: ["hours_selection", "to"],
        answer: shape("Created"),
      },
      methods: { POST: ["TXN"] },
      handler: (request) => create(context, request),
    },
  ];
}

async function create(context: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { params } = context.services.chain;
  const wanted = request.json(CreateTransactionRequest);
  validateSpend(wanted, params.user.maxDecimals);
  if (wanted.addresses.length === 0 && wanted.unspents.length === 0) {
    throw badRequest("one of addresses or unspents must not be empty");
  }
  return rulesAreOurs(async () => {
    return readableCreated(await context.services.spending.create(spendParams(wanted), spendSelection(wanted)));
  });
}

/**
 * A rule broken while we make a transaction is our doing, so the answer is 500, unlike for transactions that
 * clients bring. @throws ApiError
 */
export async function rulesAreOurs<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (cause) {
    if (cause instanceof RuleError) throw new ApiError("API_INTERNAL", cause.prefixed, {}, { cause });
    throw cause;
  }
}

/** CreatedTransactionResponse of api.md 12.13. */
export function readableCreated({ txn, inputs }: CreatedTransaction): JsonObject {
  return {
    transaction: createdTransaction(txn, inputs.map(spentInput)),
    encoded_transaction: toHex(encodeTransaction(txn)),
  };
}

/** The candidate as the output it came from. */
function spentInput(c: SpendCandidate): SpentInput {
  const body = { srcTransaction: c.srcTransaction, address: c.address, coins: c.coins, hours: c.initialHours };
  return { id: c.id, ux: { head: { time: c.time, seq: c.seq }, body }, calculatedHours: c.hours };
}
