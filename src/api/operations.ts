import type { FastifyInstance, FastifyReply } from "fastify";
import type { ApiContext } from "./context.ts";
import type { RequestGate } from "./gate.ts";
import { type JsonSchema, listOf, objectOf, text } from "./json-schema.ts";
import { METRICS_TYPE } from "./metrics-text.ts";
import { metricsText, type NodeMetrics } from "./node-metrics.ts";
import { alarms, unreadiness } from "./readiness.ts";
import { sendBytes } from "./respond.ts";

/** A GET outside the route table. */
export interface PlainOperation {
  readonly path: string;
  readonly summary: string;
  readonly type: string;
  /** By status. */
  readonly answers: Readonly<Record<number, JsonSchema>>;
}

const HEALTHZ: PlainOperation = {
  path: "/healthz",
  summary: "Does the process answer?",
  type: "application/json",
  answers: { 200: objectOf({ status: { const: "ok" } }, { alarms: listOf(text) }) },
};
const READYZ: PlainOperation = {
  path: "/readyz",
  summary: "Should this node get traffic?",
  type: "application/json",
  answers: {
    200: objectOf({ status: { const: "ready" } }),
    503: objectOf({ status: { const: "not ready" }, reasons: listOf(text) }),
  },
};

const METHODS = ["GET", "HEAD"] as const;

/**
 * Paths for those who run the node, outside the API. `/healthz`: the process answers. `/readyz`: it should get
 * traffic, else 503 with the reasons. Both say nothing worth hiding and are asked by machines that know neither
 * password nor host name, so no check stands before them. `/metrics` passes the same checks as the API.
 * Returns what there is, for the OpenAPI document.
 */
export function addOperations(
  app: FastifyInstance,
  gate: RequestGate,
  context: ApiContext,
  metrics: NodeMetrics,
): readonly PlainOperation[] {
  const told: PlainOperation[] = [HEALTHZ, READYZ];
  const open = (path: string, answer: () => { readonly status: number; readonly body: object }): void => {
    app.route({
      url: path,
      method: [...METHODS],
      handler: (_request, reply) => {
        const { status, body } = answer();
        return sendPlain(reply, status, "application/json", `${JSON.stringify(body)}\n`);
      },
    });
  };
  open(HEALTHZ.path, () => {
    const raised = alarms(context.services);
    return { status: 200, body: { status: "ok", ...(raised.length > 0 && { alarms: raised }) } };
  });
  open(READYZ.path, () => {
    const reasons = unreadiness(context.services);
    return reasons.length === 0
      ? { status: 200, body: { status: "ready" } }
      : { status: 503, body: { status: "not ready", reasons } };
  });
  if (context.options.audience === "public") return told;
  const guarded = (path: string, version: 1 | 2): void => {
    told.push({ path, summary: "Figures for Prometheus", type: METRICS_TYPE, answers: { 200: text } });
    app.route({
      url: path,
      method: [...METHODS],
      onRequest: (request, reply, done) => {
        if (gate.admit(request, reply, { version, type: "", csrf: true })) done();
      },
      handler: (_request, reply) => sendPlain(reply, 200, METRICS_TYPE, metricsText(context, metrics)),
    });
  };
  guarded("/metrics", 1);
  if (gate.isEnabled("PROMETHEUS")) guarded("/api/v2/metrics", 2); // off: unknown, as in the reference
  return told;
}

function sendPlain(reply: FastifyReply, status: number, type: string, text: string): FastifyReply {
  reply.header("cache-control", "no-store");
  return sendBytes(reply, status, type, Buffer.from(text));
}
