import { toHex } from "../../base/bytes.ts";
import { headOf, transactionInputs } from "../../chain/queries.ts";
import { findTransaction, type LocatedTransaction } from "../../chain/queries-transactions.ts";
import type { ChainView, UnconfirmedRecord } from "../../chain/store.ts";
import { encodeTransaction } from "../../chain/transaction.ts";
import { parseHash } from "../../cipher/hash.ts";
import { badRequest, notFound } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import type { JsonObject } from "../json.ts";
import { count, flag, hash, hex, listOf, objectOf, unixTime } from "../json-schema.ts";
import { readableStatus, readableTransaction, readableUnconfirmed, verboseTransaction } from "../readable.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";

const encodedSchema = objectOf({ status: shape("Status"), time: unixTime, encoded_transaction: hex });

/** One transaction, or those of the pool. Source: api.md 14.1 to 14.3 and 14.5. */
export function transactionRoutes(context: ApiContext): Route[] {
  const methods = { GET: ["READ"] } as const;
  return [
    {
      path: "/api/v1/pendingTxs",
      about: {
        summary: "Transactions that wait for a block",
        parameters: { verbose: { ...flag, description: "With what the inputs were worth, and fees" } },
        answer: listOf(shape("PendingTransaction")),
      },
      methods,
      follows: "pool",
      handler: (request) => pending(context, request),
    },
    {
      path: "/api/v1/transaction",
      about: {
        summary: "A transaction, confirmed or not",
        parameters: {
          "txid!": hash,
          verbose: { ...flag, description: "With what the inputs were worth, and fees" },
          encoded: { ...flag, description: "As hex; not together with verbose" },
        },
        answer: { anyOf: [shape("LocatedTransaction"), encodedSchema] },
      },
      methods,
      follows: "pool",
      handler: (request) => transaction(context, request),
    },
    {
      path: "/api/v1/rawtx",
      about: { summary: "A transaction as hex", parameters: { "txid!": hash }, answer: hex },
      methods,
      follows: "pool",
      handler: (request) => raw(context, request),
    },
    {
      path: "/api/v1/transactions/num",
      about: { summary: "How many transactions are confirmed", answer: objectOf({ txns_num: count }) },
      methods,
      handlerErrors: 2, // a slip of the reference: only its 405 and 403 have the form of v1
      // Confirmed ones only: the pool is not counted.
      follows: "chain",
      handler: () => ({ txns_num: context.view.transactionCount() }),
    },
  ];
}

function pending({ view, services }: ApiContext, request: ApiRequest): HandlerResult {
  const verbose = request.flag("verbose", "Invalid value for verbose");
  const { time } = headOf(view);
  return services.pool.all().map((record) => readablePending(view, record, verbose ? time : undefined));
}

/** A transaction of the pool; verbose with its inputs valued at `at`, when given. @throws QueryError */
export function readablePending(view: ChainView, record: UnconfirmedRecord, at: number | undefined): JsonObject {
  const { txn } = record;
  const readable =
    at === undefined
      ? readableTransaction(txn, false)
      : verboseTransaction(txn, transactionInputs(view, txn, at), false);
  return readableUnconfirmed(record, readable);
}

function transaction(context: ApiContext, request: ApiRequest): HandlerResult {
  if (request.value("txid") === "") throw badRequest("txid is empty");
  const verbose = request.flag("verbose", "Invalid value for verbose");
  const encoded = request.flag("encoded", "Invalid value for encoded");
  if (verbose && encoded) throw badRequest("verbose and encoded cannot be combined");
  const located = wanted(context, request);
  if (!encoded) return context.located(located, verbose, 0);
  return { status: readableStatus(located), time: located.time, encoded_transaction: hexOf(located) };
}

function raw(context: ApiContext, request: ApiRequest): HandlerResult {
  if (request.value("txid") === "") throw badRequest("txid is empty");
  return hexOf(wanted(context, request));
}

function hexOf({ txn }: LocatedTransaction): string {
  return toHex(encodeTransaction(txn));
}

function wanted({ view, services }: ApiContext, request: ApiRequest): LocatedTransaction {
  const id = parsed(() => parseHash(request.value("txid")));
  const located = findTransaction(view, services.pool, id);
  if (located === undefined) throw notFound();
  return located;
}
