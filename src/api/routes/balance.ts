import { addBalances, balancesOf } from "../../chain/queries-balance.ts";
import { encodeAddress } from "../../cipher/address.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { text } from "../json-schema.ts";
import { parseAddresses } from "../parameters.ts";
import { readableBalancePair } from "../readable.ts";
import type { ApiRequest, HandlerResult, Route } from "../route.ts";
import { shape } from "../shapes.ts";

/** `GET, POST /api/v1/balance`: sums first, then each address. Source: api.md 13.8. */
export function balanceRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v1/balance",
      about: {
        summary: "Coins and hours of addresses",
        description: "Predicted: as if the pool were confirmed.",
        parameters: { "addrs!": { ...text, description: "Addresses, separated by commas" } },
        answer: shape("Balances"),
      },
      methods: { GET: ["READ"], POST: ["READ"] },
      follows: "pool",
      handler: (request) => balance(context, request),
    },
  ];
}

function balance({ view, services }: ApiContext, request: ApiRequest): HandlerResult {
  const addresses = parseAddresses(request.value("addrs"));
  if (addresses.length === 0) throw badRequest("addrs is required");
  const pairs = balancesOf(view, services.pool, addresses);
  return {
    ...readableBalancePair(addBalances(pairs)),
    addresses: new Map(pairs.map((pair, i) => [encodeAddress(addresses[i] as never), readableBalancePair(pair)])),
  };
}
