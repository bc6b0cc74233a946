import { type Html, html } from "./html.ts";

/** Coins without the zeros that say nothing: `0.01`, `1,000`. */
export function coinsText(droplets: bigint): string {
  const whole = grouped(droplets / 1_000_000n);
  const rest = String(droplets % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return rest === "" ? whole : `${whole}.${rest}`;
}

/** Digits in groups of three. */
export function grouped(value: bigint | number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A moment, exactly, with how long ago it was for people. */
export function timeTag(unixSeconds: number, nowSeconds: number): Html {
  const iso = new Date(unixSeconds * 1000).toISOString().replace(".000Z", "Z");
  return html`<time datetime="${iso}" title="${iso}">${ago(nowSeconds - unixSeconds)}</time>`;
}

export function ago(seconds: number): string {
  return seconds < 1 ? "just now" : `${duration(seconds)} ago`;
}

/** `4 min 10 s`, `3 h 5 min`, `12 days`; number and unit stay on one line. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}\u00a0s`;
  if (s < 3600) return join(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 172_800) return join(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return `${Math.floor(s / 86_400)}\u00a0days`;
}

function join(large: number, unit: string, small: number, rest: string): string {
  return small === 0 ? `${large}\u00a0${unit}` : `${large}\u00a0${unit} ${small}\u00a0${rest}`;
}

/** `1 block`, `2 blocks`. */
export function count(n: number | bigint, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 || n === 1n ? one : many}`;
}

/** The middle of a long id left out on narrow screens: the whole is in the title and is what gets copied. */
export function idText(id: string, keep = 8): Html {
  return html`<code class="id" title="${id}">${id.slice(0, keep)}<span class="mid">${id.slice(keep, -keep)}</span>${id.slice(-keep)}</code>`;
}

export function addressLink(address: string): Html {
  return html`<a href="/address/${address}">${idText(address)}</a>`;
}

export function txLink(txid: string): Html {
  return html`<a href="/tx/${txid}">${idText(txid)}</a>`;
}

export function blockLink(seq: number): Html {
  return html`<a href="/block/${seq}">${grouped(seq)}</a>`;
}

/** Rows of a name and a value. */
export function facts(rows: readonly (readonly [name: string, value: Html | string] | undefined)[]): Html {
  const known = rows.filter((row) => row !== undefined);
  return html`<dl class="facts">${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** With a button that copies; the button needs script and is shown by it. */
export function copyable(text: string, what: string): Html {
  return html`<span class="copyable"><code>${text}</code><button type="button" class="small" data-copy="${text}" hidden>Copy<span class="sr"> the ${what}</span></button></span>`;
}
