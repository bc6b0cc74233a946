import { unixSeconds } from "../../base/clock.ts";
import { headOf } from "../../chain/queries.ts";
import type { ApiContext } from "../context.ts";
import { goDuration } from "../go-text.ts";
import type { JsonObject } from "../json.ts";
import { count, flag, objectOf, text, unixTime } from "../json-schema.ts";
import type { FiberFacts } from "../options.ts";
import { readableVerify } from "../readable.ts";
import type { Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { readableMetadata } from "./blockchain.ts";
import { readableVersion } from "./version.ts";

const NS_PER_MS = 1_000_000;
const NS_PER_SECOND = 1_000_000_000n;

const healthSchema = objectOf({
  blockchain: objectOf({ head: shape("Header"), unspents: count, unconfirmed: count, time_since_last_block: text }),
  ...{ version: shape("Version"), coin: text, user_agent: text },
  ...{ open_connections: count, outgoing_connections: count, incoming_connections: count, uptime: text },
  ...{ csrf_enabled: flag, header_check_enabled: flag, csp_enabled: flag, wallet_api_enabled: flag },
  ...{ gui_enabled: flag, block_publisher: flag },
  user_verify_transaction: shape("VerifyParameters"),
  unconfirmed_verify_transaction: shape("VerifyParameters"),
  started_at: unixTime,
  fiber: objectOf({
    ...{ name: text, display_name: text, ticker: text },
    ...{ coin_hours_display_name: text, coin_hours_display_name_singular: text, coin_hours_ticker: text },
    ...{ qr_uri_prefix: text, explorer_url: text, version_url: text, bip44_coin: count },
  }),
});

/** `GET /api/v1/health`. No members may be added: clients refuse unknown ones. Source: api.md 13.2. */
export function healthRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v1/health",
      about: { summary: "How the node is configured and doing", answer: healthSchema },
      methods: { GET: ["READ", "STATUS"] },
      follows: "moment",
      handler: () => readableHealth(context),
    },
  ];
}

function readableHealth(context: ApiContext): JsonObject {
  const { options, services, startedAt } = context;
  const connections = (services.network?.connections() ?? []).filter(({ state }) => state !== "pending");
  const outgoing = connections.filter((c) => c.outgoing).length;
  const sinceBlock = unixSeconds(services.clock) - headOf(context.view).time;
  const uptimeMs = services.clock.monotonicMs() - startedAt.monotonicMs;
  return {
    blockchain: {
      ...readableMetadata(context),
      time_since_last_block: goDuration(BigInt(sinceBlock) * NS_PER_SECOND),
    },
    version: readableVersion(options.node),
    coin: options.node.fiber.name,
    user_agent: options.node.userAgent,
    open_connections: connections.length,
    outgoing_connections: outgoing,
    incoming_connections: connections.length - outgoing,
    uptime: goDuration(BigInt(Math.round(uptimeMs * NS_PER_MS))),
    csrf_enabled: !options.disableCsrf,
    header_check_enabled: !options.disableHeaderCheck,
    csp_enabled: !options.disableCsp,
    wallet_api_enabled: context.isSetEnabled("WALLET"),
    gui_enabled: options.guiDir !== undefined,
    block_publisher: options.node.blockPublisher,
    user_verify_transaction: readableVerify(services.chain.params.user),
    unconfirmed_verify_transaction: readableVerify(services.chain.params.unconfirmed),
    started_at: Math.floor(startedAt.ms / 1000),
    fiber: readableFiber(options.node.fiber),
  };
}

function readableFiber(fiber: FiberFacts): JsonObject {
  return {
    name: fiber.name,
    display_name: fiber.displayName,
    ticker: fiber.ticker,
    coin_hours_display_name: fiber.coinHoursName,
    coin_hours_display_name_singular: fiber.coinHoursNameSingular,
    coin_hours_ticker: fiber.coinHoursTicker,
    qr_uri_prefix: fiber.qrUriPrefix,
    explorer_url: fiber.explorerUrl,
    version_url: fiber.versionUrl,
    bip44_coin: fiber.bip44Coin,
  };
}
