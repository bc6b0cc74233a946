import { formatDroplets } from "../../chain/droplet.ts";
import { coinSupply } from "../../chain/queries-supply.ts";
import { encodeAddress } from "../../cipher/address.ts";
import type { ApiContext } from "../context.ts";
import { parseInteger } from "../go-text.ts";
import { address, coins, count, digits, flag, listOf, objectOf } from "../json-schema.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";

const RICHLIST_DEFAULT = 20n;

const supplySchema = objectOf({
  ...{ current_supply: coins, total_supply: coins, max_supply: coins },
  ...{ current_coinhour_supply: digits, total_coinhour_supply: digits },
  unlocked_distribution_addresses: listOf(address),
  locked_distribution_addresses: listOf(address),
});

/** `/api/v1/coinSupply`, `/richlist` and `/addresscount`. Source: api.md 13.12 to 13.14. */
export function explorerRoutes(context: ApiContext): Route[] {
  const methods = { GET: ["READ"] } as const;
  return [
    {
      path: "/api/v1/coinSupply",
      about: { summary: "Coins and hours there are and may be", answer: supplySchema },
      methods,
      heavy: () => true,
      follows: "chain",
      handler: () => supply(context),
    },
    {
      path: "/api/v1/richlist",
      about: {
        summary: "Addresses that hold most",
        parameters: {
          n: { type: "integer", default: 20, description: "0: all" },
          "include-distribution": { ...flag, description: "With the addresses coins are distributed from" },
        },
        answer: objectOf({ richlist: listOf(objectOf({ address, coins, locked: flag })) }),
      },
      methods,
      heavy: () => true,
      follows: "chain",
      handler: (request) => richest(context, request),
    },
    {
      path: "/api/v1/addresscount",
      about: { summary: "How many addresses hold something", answer: objectOf({ count }) },
      methods,
      follows: "chain",
      handler: () => ({ count: context.view.addressCount() }),
    },
  ];
}

async function supply(context: ApiContext): Promise<HandlerResult> {
  const { distribution } = context.services.chain.params;
  const figures = await context.perHead("supply", () => coinSupply(context.view, distribution, context.outputHours));
  return {
    current_supply: formatDroplets(figures.current),
    total_supply: formatDroplets(figures.total),
    max_supply: formatDroplets(figures.max),
    current_coinhour_supply: String(figures.currentHours),
    total_coinhour_supply: String(figures.totalHours),
    unlocked_distribution_addresses: figures.unlocked.map(encodeAddress),
    locked_distribution_addresses: figures.locked.map(encodeAddress),
  };
}

async function richest(context: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const text = request.value("n");
  const n =
    text === ""
      ? RICHLIST_DEFAULT
      : parsed(
          () => parseInteger(text),
          () => "invalid n",
        );
  const withDistribution = request.flag("include-distribution", "invalid include-distribution");
  const count = n > 0n ? Number(n) : undefined;
  const wanted = await context.richList.ask((list, view) => list.first(count, withDistribution, view));
  return {
    richlist: wanted.map(({ address, coins, locked }) => ({
      address: encodeAddress(address),
      coins: formatDroplets(coins),
      locked,
    })),
  };
}
