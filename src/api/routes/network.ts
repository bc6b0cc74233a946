import { badRequest, notFound } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { parseUint } from "../go-text.ts";
import { count, listOf, objectOf, text } from "../json-schema.ts";
import { readableConnection } from "../readable.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { CONNECTION_STATES, type ConnectionState } from "../services.ts";
import { shape } from "../shapes.ts";

const DEFAULT_STATES: readonly ConnectionState[] = ["connected", "introduced"];

/** `/api/v1/network/...`. Source: api.md 13.16 to 13.19. */
export function networkRoutes(context: ApiContext): Route[] {
  const { network } = context.services;
  const { defaultConnections } = context.options.node;
  const methods = { GET: ["READ", "STATUS"] } as const;
  const sorted = (list: readonly string[] | undefined): HandlerResult => [...(list ?? [])].sort();
  return [
    {
      path: "/api/v1/network/connection",
      about: {
        summary: "A connection",
        parameters: { "addr!": { ...text, description: "ip:port" } },
        answer: shape("Connection"),
      },
      methods,
      handler: (request) => connection(context, request),
    },
    {
      path: "/api/v1/network/connections",
      about: {
        summary: "Connections",
        parameters: {
          states: {
            ...text,
            description: "Of pending, connected, introduced, separated by commas; the last two when absent",
          },
          direction: { type: "string", enum: ["incoming", "outgoing"] },
        },
        answer: objectOf({ connections: listOf(shape("Connection")) }),
      },
      methods,
      handler: (request) => connections(context, request),
    },
    {
      path: "/api/v1/network/defaultConnections",
      about: { summary: "Peers named by the configuration", answer: listOf(text) },
      methods,
      handler: () => sorted(defaultConnections),
    },
    {
      path: "/api/v1/network/connections/trust",
      about: { summary: "Trusted peers", answer: listOf(text) },
      methods,
      // Default connections are the trusted ones of a peer list that networking never filled.
      handler: () => sorted(network?.trustedConnections() ?? defaultConnections),
    },
    {
      path: "/api/v1/network/connections/exchange",
      about: { summary: "Peers that others are told of", answer: listOf(text) },
      methods,
      handler: () => sorted(network?.exchangeablePeers()),
    },
    {
      path: "/api/v1/network/connection/disconnect",
      about: {
        summary: "Closes a connection",
        parameters: { "id!": count },
        answer: objectOf({}),
      },
      methods: { POST: ["NET_CTRL"] },
      handler: (request) => disconnect(context, request),
    },
  ];
}

function connection({ services }: ApiContext, request: ApiRequest): HandlerResult {
  const address = request.value("addr");
  if (address === "") throw badRequest("addr is required");
  const found = services.network?.connection(address);
  if (found === undefined) throw notFound();
  return readableConnection(found);
}

function connections({ services }: ApiContext, request: ApiRequest): HandlerResult {
  const states = parseStates(request.value("states"));
  const direction = request.value("direction");
  if (direction !== "" && direction !== "incoming" && direction !== "outgoing") {
    throw badRequest('Invalid direction. Valid directions are "outgoing" or "incoming"');
  }
  const chosen = (services.network?.connections() ?? [])
    .filter(({ state }) => states.includes(state))
    .filter(({ outgoing }) => direction === "" || outgoing === (direction === "outgoing"))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return { connections: chosen.map(readableConnection) };
}

function parseStates(text: string): readonly ConnectionState[] {
  if (text === "") return DEFAULT_STATES;
  return text.split(",").map((item) => {
    const state = CONNECTION_STATES.find((known) => known === item);
    if (state !== undefined) return state;
    throw badRequest('Invalid state in states. Valid states are "pending", "connected" or "introduced"');
  });
}

function disconnect({ services }: ApiContext, request: ApiRequest): HandlerResult {
  const text = request.value("id");
  if (text === "") throw badRequest("id is required");
  const id = parsed(
    () => parseUint(text),
    () => "invalid id",
  );
  if (id === 0n) throw badRequest("invalid id");
  const known = id <= BigInt(Number.MAX_SAFE_INTEGER) && services.network?.disconnect(Number(id));
  if (known !== true) throw notFound();
  return {};
}
