/** Names and values that tell one sample of a metric from another. */
export type Labels = Readonly<Record<string, string | number>>;

/** One sample. */
export type Sample = readonly [labels: Labels, value: number];

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Builds the text format Prometheus scrapes, version 0.0.4: every metric with its help and type, once. */
export class MetricsText {
  #text = "";

  counter(name: string, help: string, samples: number | Iterable<Sample>): this {
    return this.#family("counter", name, help, samples);
  }

  gauge(name: string, help: string, samples: number | Iterable<Sample>): this {
    return this.#family("gauge", name, help, samples);
  }

  /** `counts` has one more entry than `bounds`: what lies above the last. Not cumulative; the format's sums are made here. */
  histogram(name: string, help: string, bounds: readonly number[], series: Iterable<HistogramSeries>): this {
    this.#head("histogram", name, help);
    for (const { labels, counts, sum } of series) {
      let total = 0;
      counts.forEach((count, i) => {
        total += count;
        this.#sample(`${name}_bucket`, { ...labels, le: bounds[i] ?? "+Inf" }, total);
      });
      this.#sample(`${name}_sum`, labels, sum);
      this.#sample(`${name}_count`, labels, total);
    }
    return this;
  }

  finish(): string {
    return this.#text;
  }

  #family(type: string, name: string, help: string, samples: number | Iterable<Sample>): this {
    this.#head(type, name, help);
    if (typeof samples === "number") this.#sample(name, {}, samples);
    else for (const [labels, value] of samples) this.#sample(name, labels, value);
    return this;
  }

  #head(type: string, name: string, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
  }
}

export interface HistogramSeries {
  readonly labels: Labels;
  readonly counts: readonly number[];
  readonly sum: number;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
