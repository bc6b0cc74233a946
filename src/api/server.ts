import { METHODS } from "node:http";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { addApiDocs } from "./api-docs.ts";
import { escapePath } from "./clean-path.ts";
import { ApiContext } from "./context.ts";
import { CsrfTokens } from "./csrf.ts";
import { failureOf, isUnexpected } from "./error-handler.ts";
import { unescapePercent } from "./form.ts";
import { RequestGate } from "./gate.ts";
import { HeavyWork } from "./heavy-work.ts";
import { IndexPages } from "./index-pages.ts";
import { encodeJson, type JsonValue } from "./json.ts";
import { addLoginApi } from "./login/index.ts";
import { nodeDocument } from "./node-document.ts";
import { NodeMetrics } from "./node-metrics.ts";
import { addOperations } from "./operations.ts";
import { type ApiOptions, BODY_BYTES_MAX } from "./options.ts";
import { addPages, type NotFoundPage } from "./pages/index.ts";
import { ReadyOffers, stateOf } from "./ready-offers.ts";
import { givenId, REQUEST_ID, requestIds } from "./request-id.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { sendFailure, sendResult } from "./respond.ts";
import { type ApiMethod, ApiRequest, type ApiVersion, type Route } from "./route.ts";
import { routeTable } from "./routes/index.ts";
import type { ApiServices } from "./services.ts";

/**
 * Builds the HTTP API: registers everything, never listens. `ApiListener` binds the socket and feeds it; tests use
 * `inject`. The order of all checks is that of api.md 2; gate.ts holds it.
 */
export function buildServer(options: ApiOptions, services: ApiServices): FastifyInstance {
  const ids = requestIds();
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false, // HEAD is 405 on the API
    logger: false, // one line per request is written below, at debug
    frameworkErrors: (_error, _request, reply) => refuseTarget(reply),
    rewriteUrl: goTarget,
    genReqId: ids,
  });
  const tokens = new CsrfTokens({ clock: services.clock });
  const context = new ApiContext(options, services);
  const metrics = services.metrics ?? new NodeMetrics();
  const gate = new RequestGate(options, { tokens, clock: services.clock, metrics: metrics.requests });
  takeEveryBody(app);
  takeEveryMethod(app);
  observeRequests(app, services, metrics.requests);
  const operations = addOperations(app, gate, context, metrics);
  const heavy = new HeavyWork(metrics.requests);
  const offers = new ReadyOffers({ services, metrics: metrics.requests, nextId: () => ids({ headers: {} }) });
  const table = routeTable(context, tokens);
  for (const route of Object.values(table).flat()) addRoute(app, route, { gate, heavy, offers, services });
  const open = options.audience === "public";
  const login = open && services.login !== undefined ? addLoginApi(app, services.login) : [];
  addApiDocs(app, gate, nodeDocument({ table, operations, login, options, isEnabled: (set) => gate.isEnabled(set) }));
  const missing = open ? addPages(app, context, services.login) : undefined;
  addIndex(app, gate, { pages: new IndexPages(options), missing }, services);
  return app;
}

/** Bodies stay bytes: what they mean depends on the route, and Go does not look at the type for JSON. */
function takeEveryBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

/** So that an odd method on a known path is 405, as in Go, and not 404. */
function takeEveryMethod(app: FastifyInstance): void {
  for (const method of METHODS)
    if (!app.supportedMethods.includes(method) && method !== "CONNECT") app.addHttpMethod(method);
}

interface RouteDeps {
  readonly gate: RequestGate;
  readonly heavy: HeavyWork;
  readonly offers: ReadyOffers;
  readonly services: ApiServices;
}

function addRoute(app: FastifyInstance, route: Route, { gate, heavy, offers, services }: RouteDeps): void {
  const version: ApiVersion = route.path.startsWith("/api/v2/") ? 2 : 1;
  const methods = allowedMethods(route, gate);
  app.route({
    url: route.path,
    method: app.supportedMethods,
    onRequest(request, reply, done) {
      const type = takeContentType(request);
      const passed = gate.admit(request, reply, { version, type, csrf: route.csrfExempt !== true });
      if (passed && checkMethod(request, reply, version, methods)) done();
    },
    errorHandler: (error, request, reply) => fail(error, request, reply, route.handlerErrors ?? version, services),
    handler: async (request, reply) => {
      const asked = apiRequest(request);
      if (route.heavy?.(asked) === true) await heavy.begin(reply);
      if (route.follows === undefined) return sendResult(reply, version, await route.handler(asked));
      const isCurrent = stateOf(route.follows, services);
      const again = route.follows === "moment" ? () => bodyOfMoment(route, asked) : undefined;
      return sendResult(reply, version, await route.handler(asked), (body) =>
        offers.offer(reply, again ?? body, isCurrent),
      );
    },
  });
}

/** Undefined when it fails: the failure is then answered in the usual way. */
function bodyOfMoment(route: Route, asked: ApiRequest): Uint8Array | undefined {
  try {
    return Buffer.from(encodeJson(route.handler(asked) as JsonValue));
  } catch {
    return undefined;
  }
}

/** Enabled or not, per method of the table. */
function allowedMethods(route: Route, gate: RequestGate): ReadonlyMap<string, boolean> {
  const methods = new Map<string, boolean>();
  for (const [method, sets] of Object.entries(route.methods) as [ApiMethod, Route["methods"][ApiMethod]][]) {
    if (sets !== undefined) methods.set(method, sets === "always" || sets.some((set) => gate.isEnabled(set)));
  }
  return methods;
}

/** Step 9 of api.md 2: an API set that is off is told only after token and origin were accepted. */
function checkMethod(
  request: FastifyRequest,
  reply: FastifyReply,
  version: ApiVersion,
  methods: ReadonlyMap<string, boolean>,
): boolean {
  const enabled = methods.get(request.method);
  if (enabled === true) return true;
  const failure =
    enabled === undefined ? { status: 405, message: "" } : { status: 403, message: "Endpoint is disabled" };
  sendFailure(reply, version, failure);
  return false;
}

const contentTypes = new WeakMap<object, string>();

/**
 * Reads the type and hides it from Fastify, which would answer 415 to one it cannot parse before any handler runs;
 * Go accepts whatever stands there.
 */
function takeContentType(request: FastifyRequest): string {
  const type = request.raw.headers["content-type"] ?? "";
  delete request.raw.headers["content-type"];
  contentTypes.set(request, type);
  return type;
}

function apiRequest(request: FastifyRequest): ApiRequest {
  const mark = request.url.indexOf("?");
  return new ApiRequest({
    method: request.method,
    headers: request.headers,
    contentType: contentTypes.get(request) ?? "",
    query: mark < 0 ? "" : request.url.slice(mark + 1),
    ...(Buffer.isBuffer(request.body) && { body: request.body }),
  });
}

/** `/`, files of the GUI, and 404 for the rest: checked like v1 routes, but without API sets and methods. */
function addIndex(
  app: FastifyInstance,
  gate: RequestGate,
  { pages, missing }: { readonly pages: IndexPages; readonly missing: NotFoundPage | undefined },
  services: ApiServices,
): void {
  app.setNotFoundHandler((request, reply) => {
    const forPeople = missing !== undefined && request.headers.accept?.includes("text/html") === true;
    return forPeople ? missing(request, reply) : pages.send(request, reply);
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404) return done();
    const type = takeContentType(request);
    if (pages.redirect(request, reply)) return;
    if (gate.admit(request, reply, { version: 1, type, csrf: true })) done();
  });
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, 1, services));
}

function fail(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  version: ApiVersion,
  services: ApiServices,
): void {
  const failure = failureOf(error);
  if (isUnexpected(error)) {
    const { id, method } = request;
    services.log.error({ id, method, path: pathOf(request), error }, "request failed");
    reply.header(REQUEST_ID, id); // so that who saw the failure can name it
  }
  sendFailure(reply, version, failure);
}

/** Differs: the reference logs each request at info. A busy node would log nothing else. */
function observeRequests(app: FastifyInstance, { log }: ApiServices, metrics: RequestMetrics): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (givenId(request) !== undefined) reply.header(REQUEST_ID, request.id);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const { statusCode: status, elapsedTime: elapsedMs } = reply;
    const { method, id } = request;
    // An unknown method is the client's own word, and an unknown path too: neither may make a series.
    const route = request.is404 ? "other" : (request.routeOptions.url ?? "other");
    metrics.series(route, COMMON_METHODS.has(method) ? method : "other", status).observe(elapsedMs / 1000);
    log.debug({ id, status, method, path: pathOf(request), elapsedMs: Math.round(elapsedMs) }, "request");
    done();
  });
}

const COMMON_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? "";
}

/**
 * The target as Go's mux sees it: escapes in the path mean nothing by themselves, a hash is an ordinary character,
 * and a request sent as if to a proxy names the host in its first line, which then counts as the Host header.
 */
function goTarget(request: { url?: string | undefined; headers: Record<string, unknown> }): string {
  const proxied = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? "/");
  if (proxied !== null) request.headers.host = proxied[1];
  const target = (proxied === null ? (request.url ?? "/") : (proxied[2] ?? "")).replaceAll("#", "%23");
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const decoded = path.includes("%") ? unescapePercent(path) : undefined;
  const plain = decoded === undefined ? path : escapePath(decoded);
  return `${plain.startsWith("/") ? "" : "/"}${plain}${mark < 0 ? "" : target.slice(mark)}`;
}

/** A target Go's server does not parse, refused before any handler in its words. */
function refuseTarget(reply: FastifyReply): void {
  const type = "text/plain; charset=utf-8";
  reply.code(400).header("content-type", type).header("connection", "close").send("400 Bad Request");
}
