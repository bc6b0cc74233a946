import { toHex } from "../../base/bytes.ts";
import { headOf } from "../../chain/queries.ts";
import { addBalances, balancesOf } from "../../chain/queries-balance.ts";
import { type Address, encodeAddress } from "../../cipher/address.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { count, flag, listOf, objectOf, text } from "../json-schema.ts";
import { readableBalancePair } from "../readable.ts";
import { readableAddresses } from "../readable-wallet.ts";
import type { ApiRequest, HandlerResult, Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { answering } from "../wallet-failures.ts";
import { readablePending } from "./transaction.ts";
import { parseCount, parsePrivateKeys } from "./wallet-create.ts";
import { walletIdOf } from "./wallet-list.ts";

const SCAN_DEFAULT = 20;
/** Any failure is the client's here, as in the reference. */
const ALL_BAD = { codes: { WALLET_UNKNOWN: "API_BAD_REQUEST" }, rest: "API_BAD_REQUEST" } as const;

/** New addresses, and what the wallet's own hold. Source: api.md 12.8, 12.9, 12.11 and 12.12. */
export function walletAddressRoutes(context: ApiContext): Route[] {
  const [get, post] = [{ GET: ["WALLET"] }, { POST: ["WALLET"] }] as const;
  return [
    {
      path: "/api/v1/wallet/newAddress",
      about: {
        summary: "Makes addresses",
        parameters: { "id!": text, num: count, password: text, "private-keys": text },
        answer: shape("NewAddresses"),
      },
      methods: post,
      handler: (request) => newAddresses(context, request),
    },
    {
      path: "/api/v1/wallet/scan",
      about: {
        summary: "Looks for used addresses behind the last",
        parameters: { "id!": text, num: { ...count, default: 20 }, password: text },
        answer: shape("NewAddresses"),
      },
      methods: post,
      handler: (request) => scan(context, request),
    },
    {
      path: "/api/v1/wallet/balance",
      about: { summary: "What a wallet holds", parameters: { "id!": text }, answer: shape("Balances") },
      methods: get,
      handler: (request) => balance(context, request),
    },
    {
      path: "/api/v1/wallet/transactions",
      about: {
        summary: "Transactions that pay a wallet and wait for a block",
        parameters: { "id!": text, verbose: { ...flag, description: "With what the inputs were worth, and fees" } },
        answer: objectOf({ transactions: listOf(shape("PendingTransaction")) }),
      },
      methods: get,
      handler: (request) => transactions(context, request),
    },
  ];
}

/** Without `num` none, although the reference's own documentation says one. */
function newAddresses({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const id = walletIdOf(request);
  const count = parseCount(request, "num", "invalid num value") ?? 0;
  const password = request.value("password");
  const privateKeys = parsePrivateKeys(request, "invalid private keys");
  return answering(ALL_BAD, async () =>
    readableAddresses(await services.wallets.newAddresses(id, { count, password, privateKeys })),
  );
}

function scan({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const id = walletIdOf(request);
  const count = parseCount(request, "num", "invalid num value") ?? SCAN_DEFAULT;
  if (count === 0) throw badRequest("invalid num value, must be > 0");
  const password = request.value("password");
  return answering(ALL_BAD, async () => readableAddresses(await services.wallets.scan(id, { count, password })));
}

function balance({ view, services }: ApiContext, request: ApiRequest): HandlerResult {
  const addresses = distinct(services.wallets.addresses(walletIdOf(request)));
  const pairs = balancesOf(view, services.pool, addresses);
  return {
    ...readableBalancePair(addBalances(pairs)),
    addresses: new Map(pairs.map((pair, i) => [encodeAddress(addresses[i] as Address), readableBalancePair(pair)])),
  };
}

/** A collection may hold a key twice; its coins count once. */
function distinct(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [toHex(address), address])).values()];
}

/** Pool transactions that pay the wallet. One that only spends from it is not listed, unless change comes back. */
function transactions(context: ApiContext, request: ApiRequest): HandlerResult {
  const { view, services } = context;
  const verbose = request.flag("verbose", "Invalid value for verbose");
  const own = new Set(services.wallets.addresses(walletIdOf(request)).map(toHex));
  const paying = services.pool.all().filter(({ txn }) => txn.outputs.some(({ address }) => own.has(toHex(address))));
  const { time } = headOf(view);
  return { transactions: paying.map((record) => readablePending(view, record, verbose ? time : undefined)) };
}
