import type { LoginServices } from "./login/route.ts";
import type { MetricsText } from "./metrics-text.ts";

const CONDITIONS = ["ok", "low", "exhausted", "off"] as const;

/** Gauges of the login service. Coins in droplets. */
export function writeLoginMetrics(
  text: MetricsText,
  { login, feed, webhooks }: Pick<LoginServices, "login" | "feed" | "webhooks">,
): void {
  const stock = login.stock();
  text
    .gauge("login_stock_ready", "Outputs of the size of one funding that are free.", stock.ready)
    .gauge("login_stock_reserved", "Outputs of the stock in transactions that no block has yet.", stock.reserved)
    .gauge("login_stock_outputs", "Outputs of the stock, returned coins included.", stock.outputs)
    .gauge("login_stock_droplets", "Coins of the stock in droplets.", Number(stock.coins))
    .gauge("login_stock_hours", "Coin hours of the stock.", Number(stock.hours))
    .gauge(
      "login_stock_condition",
      "1 for the present condition of the stock.",
      CONDITIONS.map((condition) => [{ condition }, condition === stock.condition ? 1 : 0] as const),
    )
    .gauge("login_challenges_open", "Challenges that wait for their proof.", login.challenges.openCount)
    .counter(
      "login_challenges_total",
      "Challenges by the status they came to, since the start.",
      Object.entries(login.challenges.counts()).map(([status, count]) => [{ status }, count] as const),
    )
    .counter("login_events_dropped_total", "Events that could not be stored for replay.", feed.dropped);
  if (webhooks.length === 0) return;
  const each = (figure: "delivered" | "failures" | "abandoned" | "queued") =>
    webhooks.map((webhook) => [{ webhook: webhook.id }, webhook[figure]] as const);
  text
    .counter("login_webhook_delivered_total", "Messages that a receiver took.", each("delivered"))
    .counter("login_webhook_failures_total", "Posts that a receiver did not take.", each("failures"))
    .counter("login_webhook_abandoned_total", "Messages given up, and blocks left out.", each("abandoned"))
    .gauge("login_webhook_queued", "Messages that wait to be delivered.", each("queued"));
}
