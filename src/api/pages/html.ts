/** Text that is HTML already: made by `html` alone, so everything in it has been escaped or written here. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | bigint | undefined | false | readonly Part[];

/** A template whose values are escaped, in text and in quoted attributes alike. Lists are joined, `false` is nothing. */
export function html(fixed: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(fixed.map((text, i) => (i === 0 ? text : write(values[i - 1]) + text)).join(""));
}

function write(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(write).join("");
  return escapeHtml(String(part));
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
}
