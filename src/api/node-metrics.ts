import { unixSeconds } from "../base/clock.ts";
import { GUARD_STATES } from "../chain/publisher-guard.ts";
import { headOf } from "../chain/queries.ts";
import { transactionSize } from "../chain/transaction.ts";
import type { ApiContext } from "./context.ts";
import { writeLoginMetrics } from "./login-metrics.ts";
import { MetricsText, type Sample } from "./metrics-text.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import { unreadiness } from "./readiness.ts";
import { RequestMetrics } from "./request-metrics.ts";
import type { SafetyState } from "./services.ts";

/** What a node counts, over all its listeners. */
export class NodeMetrics {
  readonly requests = new RequestMetrics();
  readonly process = new ProcessMetrics();
}

/** Everything in the text format. The first eight names are those of the reference's sibling branch (api.md 15.1). */
export function metricsText(context: ApiContext, metrics: NodeMetrics): string {
  const { services, startedAt, view } = context;
  const head = headOf(view);
  const all = services.network?.connections() ?? [];
  const open = all.filter(({ state }) => state !== "pending");
  const outgoing = open.filter((connection) => connection.outgoing).length;
  const pooledBytes = services.pool.all().reduce((sum, { txn }) => sum + transactionSize(txn), 0);
  const text = new MetricsText()
    .gauge("unspent_outputs", "Unspent outputs.", view.unspentCount())
    .gauge("unconfirmed_txns", "Transactions in the pool.", services.pool.size)
    .gauge("time_since_last_block_seconds", "Age of the head block.", unixSeconds(services.clock) - head.time)
    .gauge("open_connections", "Connections to peers.", open.length)
    .gauge("outgoing_connections", "Connections this node opened.", outgoing)
    .gauge("incoming_connections", "Connections peers opened.", open.length - outgoing)
    .gauge("started_at", "Start of the API, unix time.", Math.floor(startedAt.ms / 1000))
    .gauge("last_block_seq", "Height of the chain.", head.seq)
    .gauge("pending_connections", "Connections being made.", all.length - open.length)
    .gauge("unconfirmed_bytes", "Size of the transactions in the pool.", pooledBytes)
    .gauge("transactions_confirmed", "Transactions in blocks.", view.transactionCount())
    .gauge("node_ready", "1 when /readyz says so.", unreadiness(services).length === 0 ? 1 : 0);
  writeSafety(text, services.condition?.safety?.());
  for (const { type, name, help, samples } of services.network?.statistics?.() ?? []) text[type](name, help, samples);
  if (services.login !== undefined) writeLoginMetrics(text, services.login);
  metrics.process.write(text);
  metrics.requests.write(text);
  return text.finish();
}

function writeSafety(text: MetricsText, state: SafetyState | undefined): void {
  if (state === undefined) return;
  text.gauge(
    "chain_forks_signed",
    "Heights of which the publisher signed two blocks, not settled.",
    state.forks.length,
  );
  if (state.publisher === undefined) return;
  const samples = GUARD_STATES.map((name): Sample => [{ state: name }, name === state.publisher ? 1 : 0]);
  text.gauge("publisher_state", "1 for what the publisher is doing.", samples);
}
