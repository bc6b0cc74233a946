import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goNamedString, goString, goStruct } from "../go-json.ts";
import { mapOf, text } from "../json-schema.ts";
import { Answer, type ApiRequest, type HandlerResult, type Route } from "../route.ts";

const StorageRequest = goStruct("StorageRequest", {
  type: goNamedString("kvstorage.Type"),
  key: goString,
  val: goString,
});

const key = { type: { type: "string", enum: ["txid", "client"] }, key: text } as const;
const dataAbout = {
  GET: {
    summary: "Texts kept with the node",
    parameters: { "type!": key.type, key: { ...text, description: "Absent: all" } },
    answer: { anyOf: [text, mapOf("key", text)] },
  },
  POST: { summary: "Keeps a text", body: StorageRequest, bodyRequired: ["type", "key"] },
  DELETE: { summary: "Forgets a text", parameters: { "type!": key.type, "key!": text } },
} as const;

/** `/api/v2/data`: texts that clients keep with the node. Source: api.md 12.20. */
export function dataRoutes(context: ApiContext): Route[] {
  const sets = ["STORAGE"] as const;
  const methods = { GET: sets, POST: sets, DELETE: sets };
  return [{ path: "/api/v2/data", about: dataAbout, methods, handler: (request) => data(context, request) }];
}

function data(context: ApiContext, request: ApiRequest): HandlerResult | Promise<HandlerResult> {
  switch (request.method) {
    case "POST":
      return set(context, request);
    case "DELETE":
      return remove(context, request);
    default:
      return get(context, request);
  }
}

/** One value, or all of a type. */
function get({ services }: ApiContext, request: ApiRequest): HandlerResult {
  const [type, key] = [request.value("type"), request.value("key")];
  if (type === "") throw badRequest("type is required");
  return key === "" ? services.keyValues.all(type) : services.keyValues.get(type, key);
}

async function set({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const { type, key, val } = request.json(StorageRequest);
  requireBoth(type, key);
  await services.keyValues.set(type, key, val);
  return new Answer({});
}

async function remove({ services }: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const [type, key] = [request.value("type"), request.value("key")];
  requireBoth(type, key);
  await services.keyValues.remove(type, key);
  return new Answer({});
}

function requireBoth(type: string, key: string): void {
  if (type === "") throw badRequest("type is required");
  if (key === "") throw badRequest("key is required");
}
