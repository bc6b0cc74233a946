import { grouped } from "./format.ts";
import { type Html, html } from "./html.ts";

export interface Plot {
  readonly name: string;
  /** What one bar counts, e.g. "per minute". */
  readonly per: string;
  /** Oldest first. */
  readonly values: readonly number[];
  readonly span: string;
}

const HEIGHT = 48;
const STEP = 4;

/** Bars from old to new. Who does not see it reads the same in its label. */
export function barPlot({ name, per, values, span }: Plot): Html {
  const top = Math.max(1, ...values);
  const total = values.reduce((sum, value) => sum + value, 0);
  const bars = values.map((value, i) => {
    const height = value === 0 ? 1 : Math.max(2, Math.round((value / top) * HEIGHT));
    const kind = value === 0 ? "none" : "some";
    return html`<rect class="${kind}" x="${i * STEP}" y="${HEIGHT - height}" width="${STEP - 1}" height="${height}"/>`;
  });
  const label = `${name} ${per}, last ${span}: ${total} in all, at most ${Math.max(0, ...values)}, now ${values.at(-1) ?? 0}`;
  return html`<figure class="plot">
<figcaption><span>${name} <small>${per}, ${span}</small></span> <b>${grouped(total)}</b></figcaption>
<svg viewBox="0 0 ${values.length * STEP} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">${bars}</svg>
</figure>`;
}
