import type { FastifyInstance, FastifyReply } from "fastify";
import type { ApiContext } from "./context.ts";
import type { RequestGate } from "./gate.ts";
import { METRICS_TYPE } from "./metrics-text.ts";
import { metricsText, type NodeMetrics } from "./node-metrics.ts";
import { alarms, unreadiness } from "./readiness.ts";
import { sendBytes } from "./respond.ts";

const METHODS = ["GET", "HEAD"] as const;

/**
 * Paths for those who run the node, outside the API. `/healthz`: the process answers. `/readyz`: it should get
 * traffic, else 503 with the reasons. Both say nothing worth hiding and are asked by machines that know neither
 * password nor host name, so no check stands before them. `/metrics` passes the same checks as the API.
 */
export function addOperations(
  app: FastifyInstance,
  gate: RequestGate,
  context: ApiContext,
  metrics: NodeMetrics,
): void {
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
  open("/healthz", () => {
    const raised = alarms(context.services);
    return { status: 200, body: { status: "ok", ...(raised.length > 0 && { alarms: raised }) } };
  });
  open("/readyz", () => {
    const reasons = unreadiness(context.services);
    return reasons.length === 0
      ? { status: 200, body: { status: "ready" } }
      : { status: 503, body: { status: "not ready", reasons } };
  });
  if (context.options.audience === "public") return;
  const guarded = (path: string, version: 1 | 2): void => {
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
}

function sendPlain(reply: FastifyReply, status: number, type: string, text: string): FastifyReply {
  reply.header("cache-control", "no-store");
  return sendBytes(reply, status, type, Buffer.from(text));
}
