import { headOf, QueryError } from "../../chain/queries.ts";
import type { ApiContext } from "../context.ts";
import type { JsonObject } from "../json.ts";
import { count, listOf, objectOf, text } from "../json-schema.ts";
import { readableHeader } from "../readable.ts";
import type { Route } from "../route.ts";
import { shape } from "../shapes.ts";

const progressSchema = objectOf({
  ...{ current: count, highest: count },
  peers: listOf(objectOf({ address: text, height: count })),
});

/** `GET /api/v1/blockchain/metadata` and `/progress`. Source: api.md 13.3 and 13.4. */
export function blockchainRoutes(context: ApiContext): Route[] {
  const methods = { GET: ["READ", "STATUS"] } as const;
  return [
    {
      path: "/api/v1/blockchain/metadata",
      about: { summary: "Newest block, sizes of unspent set and pool", answer: shape("Metadata") },
      methods,
      follows: "pool",
      handler: () => readableMetadata(context),
    },
    {
      path: "/api/v1/blockchain/progress",
      about: { summary: "Height here, and of the peers", answer: progressSchema },
      methods,
      follows: "moment",
      handler: () => readableProgress(context),
    },
  ];
}

/** Head, size of the unspent set, size of the pool. */
export function readableMetadata(context: ApiContext): JsonObject {
  return {
    head: readableHead(context),
    unspents: context.view.unspentCount(),
    unconfirmed: context.services.pool.size,
  };
}

/** Header of the newest block. */
export function readableHead(context: ApiContext): JsonObject {
  const { view } = context;
  return context.perHead("head", () => {
    const { seq } = headOf(view);
    const block = view.blockBySeq(seq);
    if (block === undefined) throw new QueryError("QUERY_NO_CHAIN", "no head block", { seq });
    return readableHeader(block.header);
  });
}

function readableProgress({ view, services }: ApiContext): JsonObject {
  const current = headOf(view).seq;
  const peers = (services.network?.connections() ?? [])
    .filter(({ state }) => state !== "pending")
    .map(({ address, height }) => ({ address, height }));
  return { current, highest: peers.reduce((highest, { height }) => Math.max(highest, height), current), peers };
}
