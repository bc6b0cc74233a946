import type { HistogramSeries, MetricsText, Sample } from "./metrics-text.ts";

/** Upper bounds in seconds. Cached answers take well below a millisecond, walks over the whole chain seconds. */
const BOUNDS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
] as const;

/** Statuses times routes of a node stay far below; methods and paths nobody serves count as one. */
const SERIES_MAX = 2048;

/** Why a request or connection was turned away before any route saw it. */
export const REFUSALS = [
  "in-flight",
  "client",
  "heavy",
  "body",
  "output",
  "pipelined",
  "password",
  "malformed",
  "accept",
  "evicted",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** One route, method and status. Kept by who answers often, so that counting costs no look-up. */
export class RequestSeries {
  readonly labels: { readonly route: string; readonly method: string; readonly status: number };
  readonly counts: number[] = new Array<number>(BOUNDS.length + 1).fill(0);
  sum = 0;

  constructor(route: string, method: string, status: number) {
    this.labels = { route, method, status };
  }

  observe(seconds: number): void {
    let i = 0;
    while (i < BOUNDS.length && seconds > (BOUNDS[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += seconds;
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}

/** Requests of all listeners of a node, by route, method and status. */
export class RequestMetrics {
  /** Requests whose answer is not finished. */
  inFlight = 0;
  readonly #series = new Map<string, RequestSeries>();
  readonly #rest = new RequestSeries("other", "other", 0);
  readonly #refused = new Map<Refusal, number>();

  /** `route` is a path of the route table, never what a client sent. */
  series(route: string, method: string, status: number): RequestSeries {
    const key = `${route} ${method} ${status}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= SERIES_MAX) return this.#rest;
    const made = new RequestSeries(route, method, status);
    this.#series.set(key, made);
    return made;
  }

  refused(why: Refusal): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
  }

  write(text: MetricsText): void {
    const series = [...this.#series.values(), ...(this.#rest.total > 0 ? [this.#rest] : [])];
    text
      .gauge("http_requests_in_flight", "Requests being answered.", this.inFlight)
      .counter(
        "http_requests_total",
        "Requests answered.",
        series.map((one): Sample => [one.labels, one.total]),
      )
      .counter(
        "http_refused_total",
        "Requests and connections turned away by a limit.",
        REFUSALS.map((reason): Sample => [{ reason }, this.#refused.get(reason) ?? 0]),
      )
      .histogram(
        "http_request_duration_seconds",
        "From the end of the request's header to the end of the answer.",
        BOUNDS,
        byRoute(series),
      );
  }
}

/** Durations by route and method: a histogram per status as well would triple the text for little. */
function byRoute(series: readonly RequestSeries[]): HistogramSeries[] {
  const merged = new Map<string, RequestSeries>();
  for (const one of series) {
    const { route, method } = one.labels;
    const into = merged.get(`${route} ${method}`) ?? new RequestSeries(route, method, 0);
    merged.set(`${route} ${method}`, into);
    one.counts.forEach((count, i) => {
      into.counts[i] = (into.counts[i] as number) + count;
    });
    into.sum += one.sum;
  }
  return [...merged.values()].map(({ labels: { route, method }, counts, sum }) => ({
    labels: { route, method },
    counts,
    sum,
  }));
}
