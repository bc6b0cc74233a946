import { checkPage, PAGE_SIZE_DEFAULT, transactionPage } from "../../chain/queries-pages.ts";
import { type TransactionFilter, transactionsByTime } from "../../chain/queries-transactions.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goTrim, parseUint } from "../go-text.ts";
import { JsonLazyList } from "../json.ts";
import { count, flag, listOf, objectOf, text } from "../json-schema.ts";
import { CACHE_BYTES_MAX } from "../options.ts";
import { parseAddresses } from "../parameters.ts";
import { stateOf } from "../ready-offers.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";

/** Lists of transactions: all at once under v1, in pages under v2. Source: api.md 14.4 and 14.6. */
export function transactionsRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v1/transactions",
      about: {
        summary: "Transactions, of addresses or all, by time",
        parameters: {
          addrs: { ...text, description: "Addresses, separated by commas; absent: all" },
          confirmed: { ...flag, description: "Only confirmed ones, or only others" },
          verbose: { ...flag, description: "With what the inputs were worth, and fees" },
        },
        answer: listOf(shape("LocatedTransaction")),
      },
      methods: { GET: ["READ"], POST: ["READ"] },
      heavy: (request) => request.value("addrs") === "",
      follows: "pool",
      handler: (request) => everything(context, request),
    },
    {
      path: "/api/v2/transactions",
      about: {
        summary: "Transactions in pages",
        parameters: {
          addrs: { ...text, description: "Addresses, separated by commas; absent: all" },
          confirmed: { ...flag, description: "Only confirmed ones, or only others" },
          verbose: { ...flag, description: "With what the inputs were worth, and fees" },
          page: { ...count, default: 1 },
          limit: { ...count, default: 10, description: "Of a page" },
          sort: { type: "string", enum: ["asc", "desc"] },
        },
        answer: objectOf({
          page_info: objectOf({ total_pages: count, page_size: count, current_page: count }),
          txns: listOf(shape("LocatedTransaction")),
        }),
      },
      methods: { GET: ["READ"] },
      follows: "pool",
      handler: (request) => page(context, request),
    },
  ];
}

function everything(context: ApiContext, request: ApiRequest): HandlerResult | Promise<HandlerResult> {
  const verbose = request.flag("verbose", "Invalid value for verbose");
  const filter = parseFilter(request);
  const { view, services, lists } = context;
  const ofAddresses = filter.addresses.length > 0;
  const bytes = context.transactionBytes(verbose);
  const keepEach = ofAddresses || bytes <= CACHE_BYTES_MAX; // a walk over more would find none of them remembered
  const make = (): JsonLazyList =>
    JsonLazyList.of(transactionsByTime(view, services.pool, filter), (one) =>
      context.located(one, verbose, 1, keepEach),
    );
  if (ofAddresses || filter.confirmed === false || !lists.fits(bytes)) return make();
  const name = `transactions ${verbose} ${filter.confirmed}`;
  return lists.get({ name, isCurrent: stateOf("pool", services), bytes, depth: 0, make });
}

async function page(context: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const verbose = request.flag("verbose", "invalid value for verbose");
  const filter = parseFilter(request);
  const order = parseOrder(request.value("sort"));
  const size = parseCount(request, "limit", PAGE_SIZE_DEFAULT);
  const number = parseCount(request, "page", 1n);
  parsed(() => checkPage({ size, page: number }));
  const { view, services } = context;
  const wanted = { ...filter, order, size, page: number };
  const found = await transactionPage(view, services.pool, context.order, wanted);
  return {
    page_info: { total_pages: found.totalPages, page_size: size, current_page: number },
    txns: found.transactions.map((located) => context.located(located, verbose, 3)),
  };
}

function parseFilter(request: ApiRequest): TransactionFilter {
  const addresses = parseAddresses(request.value("addrs"), (reason) => `parse parameter: 'addrs' failed: ${reason}`);
  const confirmed = request.optionalFlag("confirmed", (reason) => `invalid 'confirmed' value: ${reason}`);
  return { addresses, confirmed };
}

function parseOrder(text: string): "asc" | "desc" {
  if (text === "") return "asc";
  const order = goTrim(text).toLowerCase();
  if (order === "asc" || order === "desc") return order;
  throw badRequest("invalid 'sort' value: Unknown sort order");
}

function parseCount(request: ApiRequest, name: string, absent: bigint): bigint {
  const text = request.value(name);
  return text === ""
    ? absent
    : parsed(
        () => parseUint(text),
        (reason) => `invalid '${name}' value: ${reason}`,
      );
}
