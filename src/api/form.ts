/** Form and query values as Go's `Request.FormValue` finds them. Source: api.md 9.6, net/http and net/url. */

export interface FormSource {
  readonly method: string;
  /** The raw query, without the question mark. */
  readonly query: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** More parts than any of our forms has fields; the rest of a body is then not looked at. */
const MULTIPART_PARTS_MAX = 1000;
const BODY_METHODS = new Set(["POST", "PUT", "PATCH"]);

/** First value of each name. An url-encoded body goes before the query, multipart parts go behind it. */
export class FormValues {
  readonly #values = new Map<string, string>();

  constructor(source: FormSource) {
    const mediaType = source.contentType.split(";", 1)[0]?.trim().toLowerCase();
    const hasBody = BODY_METHODS.has(source.method) && source.body.length > 0;
    if (hasBody && mediaType === "application/x-www-form-urlencoded")
      this.#add(Buffer.from(source.body).toString("utf8"));
    this.#add(source.query);
    if (hasBody && mediaType === "multipart/form-data") {
      for (const [name, value] of multipartValues(source.contentType, source.body)) this.#first(name, value);
    }
  }

  /** The value, or the empty text, as for Go an absent parameter and an empty one are the same. */
  get(name: string): string {
    return this.#values.get(name) ?? "";
  }

  #first(name: string, value: string): void {
    if (!this.#values.has(name)) this.#values.set(name, value);
  }

  /** Go drops a pair that holds a semicolon or a malformed escape, and only that pair. */
  #add(encoded: string): void {
    if (encoded === "") return;
    for (const pair of encoded.split("&")) {
      if (pair === "" || pair.includes(";")) continue;
      const cut = pair.indexOf("=");
      const name = unescapeQuery(cut < 0 ? pair : pair.slice(0, cut));
      const value = unescapeQuery(cut < 0 ? "" : pair.slice(cut + 1));
      if (name !== undefined && value !== undefined) this.#first(name, value);
    }
  }
}

/** Go's `url.QueryUnescape`; undefined for a malformed escape. */
export function unescapeQuery(text: string): string | undefined {
  return unescapePercent(text.replaceAll("+", " "));
}

/** Percent-decodes; undefined for a malformed escape. Bytes that are not UTF-8 become U+FFFD. */
export function unescapePercent(text: string): string | undefined {
  if (!text.includes("%")) return text;
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const bytes: number[] = [];
  const raw = Buffer.from(text, "utf8");
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] as number;
    if (c === 0x25) {
      bytes.push(Number.parseInt(raw.toString("latin1", i + 1, i + 3), 16));
      i += 2;
    } else {
      bytes.push(c);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}

/** Name and text of each part that is not a file. A body that does not parse has no values, as in Go. */
function multipartValues(contentType: string, body: Uint8Array): [string, string][] {
  const boundary = parameter(contentType, "boundary");
  if (boundary === undefined || boundary === "" || boundary.length > 70) return [];
  const data = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const values: [string, string][] = [];
  const mark = `--${boundary}`;
  let at = data.indexOf(mark);
  if (at < 0 || (at > 0 && data.toString("latin1", at - 2, at) !== "\r\n")) return [];
  for (let part = 0; part < MULTIPART_PARTS_MAX; part++) {
    at += mark.length;
    if (data.toString("latin1", at, at + 2) === "--") return values;
    const headersEnd = data.indexOf("\r\n\r\n", at);
    const next = data.indexOf(`\r\n${mark}`, headersEnd + 2);
    if (headersEnd < 0 || next < 0) return [];
    const disposition =
      /^content-disposition:\s*form-data(.*)$/im.exec(data.toString("utf8", at, headersEnd))?.[1] ?? "";
    const name = parameter(disposition, "name");
    if (name !== undefined && name !== "" && parameter(disposition, "filename") === undefined) {
      values.push([name, data.toString("utf8", headersEnd + 4, Math.max(next, headersEnd + 4))]);
    }
    at = next + 2;
  }
  return values;
}

/** A parameter of a header value, quoted or plain. */
function parameter(header: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, "i").exec(header);
  return found?.[1]?.replace(/\\(.)/g, "$1") ?? found?.[2];
}

/**
 * Items of a list parameter: separated by commas or white space, empty ones dropped, each once, order kept.
 * Go's `splitCommaString`; its notion of white space is Unicode's White_Space.
 */
export function splitList(text: string): string[] {
  return [...new Set(text.split(/[,\p{White_Space}]+/u).filter((item) => item !== ""))];
}
