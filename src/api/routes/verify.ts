import { isZero, toHex } from "../../base/bytes.ts";
import { checkSoft, checkUser, type SignedMode } from "../../chain/check-transaction.ts";
import { blockTime, headOf, type SpentInput, transactionInputs, unknownUxOut } from "../../chain/queries.ts";
import { RuleError } from "../../chain/rules.ts";
import { type Transaction, txid } from "../../chain/transaction.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goBool, goString, goStruct } from "../go-json.ts";
import { flag, objectOf } from "../json-schema.ts";
import { createdTransaction } from "../readable.ts";
import { Answer, type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { parseTransaction } from "./inject.ts";

const VerifyTransactionRequest = goStruct("VerifyTransactionRequest", {
  unsigned: goBool,
  encoded_transaction: goString,
});

/** `POST /api/v2/transaction/verify`: the only route whose answer can hold error and data. Source: api.md 14.8. */
export function verifyRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v2/transaction/verify",
      about: {
        summary: "Would this transaction be taken?",
        description: "422 when not: with the reason, and with data when it could be read.",
        body: VerifyTransactionRequest,
        bodyRequired: ["encoded_transaction"],
        answer: objectOf({ unsigned: flag, confirmed: flag, transaction: shape("CreatedTransaction") }),
      },
      methods: { POST: ["READ"] },
      handler: (request) => verify(context, request),
    },
  ];
}

interface Verdict {
  /** What the inputs were worth; undefined when they could not be valued. */
  readonly inputs: readonly SpentInput[] | undefined;
  readonly confirmed: boolean;
  /** Why it is not valid. */
  readonly flaw: string | undefined;
}

async function verify(context: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { unsigned, encoded_transaction: encoded } = request.json(VerifyTransactionRequest);
  if (encoded === "") throw badRequest("encoded_transaction is required");
  const txn = parsed(
    () => parseTransaction(encoded),
    (reason) => `decode transaction failed: ${reason}`,
  );
  const { inputs, confirmed, flaw } = await judge(context, txn, unsigned ? "unsigned" : "signed");
  return new Answer({
    ...(flaw !== undefined && { error: { message: flaw, code: 422 } }),
    data: { unsigned: !isFullySigned(txn), confirmed, transaction: createdTransaction(txn, inputs) },
  });
}

async function judge(context: ApiContext, txn: Transaction, mode: SignedMode): Promise<Verdict> {
  const { view, services } = context;
  const gone = txn.inputs.find((id) => view.unspent(id) === undefined);
  if (gone !== undefined) return judgeSpent(context, txn, toHex(gone));
  const { time } = headOf(view);
  const inputs = transactionInputs(view, txn, time);
  const { distribution, user } = services.chain.params;
  const flaw = await flawOf(async () => {
    checkUser(txn);
    checkSoft(
      txn,
      inputs.map(({ ux }) => ux),
      time,
      distribution,
      user,
    );
    await services.chain.checkHard(txn, mode);
  });
  return { inputs, confirmed: false, flaw };
}

/**
 * At least one input is no longer unspent: the transaction is in the chain, or another one was faster.
 * Differs: in the second case the reference drops the connection (api.md 16.2).
 */
function judgeSpent({ view }: ApiContext, txn: Transaction, gone: string): Verdict {
  for (const id of txn.inputs) if (view.uxOut(id) === undefined) throw unknownUxOut(id); // 500, as the reference
  const stored = view.transaction(txid(txn));
  if (stored === undefined) {
    const flaw = new RuleError("TX_INPUT_UNKNOWN", { uxid: gone }, { args: [gone] }).prefixed;
    return { inputs: transactionInputs(view, txn, headOf(view).time), confirmed: false, flaw };
  }
  const inputs = transactionInputs(view, txn, blockTime(view, stored.blockSeq - 1));
  return { inputs, confirmed: true, flaw: "transaction has been spent" };
}

async function flawOf(check: () => Promise<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof RuleError && error.level !== "block") return error.prefixed;
    throw error;
  }
}

function isFullySigned({ sigs }: Transaction): boolean {
  return sigs.length > 0 && !sigs.some(isZero);
}
