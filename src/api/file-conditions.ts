import type { IncomingHttpHeaders } from "node:http";

/** What a request says of the file it wants. */
export interface FileQuestion {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Whether a file of that age is sent: "failed" is 412, "unchanged" is 304. Files have no ETag here, so of the
 * lists of tags only `*` fits. Source: RFC 9110 13.2.2 as Go's `http.ServeContent` reads it.
 */
export function conditionOf(question: FileQuestion, mtimeMs: number): "met" | "unchanged" | "failed" {
  const { headers } = question;
  const changed = Math.floor(mtimeMs / 1000);
  const ifMatch = headers["if-match"] ?? "";
  const notAfter = parseHttpTime(headers["if-unmodified-since"] ?? "");
  if (ifMatch !== "" ? !namesAny(ifMatch) : notAfter !== undefined && changed > notAfter) return "failed";
  const isRead = question.method === "GET" || question.method === "HEAD";
  const ifNoneMatch = headers["if-none-match"] ?? "";
  if (ifNoneMatch !== "") return !namesAny(ifNoneMatch) ? "met" : isRead ? "unchanged" : "failed";
  const since = isRead ? parseHttpTime(headers["if-modified-since"] ?? "") : undefined;
  return since !== undefined && changed <= since ? "unchanged" : "met";
}

/** `*` in a list of tags, up to the first thing that is no tag. */
function namesAny(list: string): boolean {
  return /^[\s,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[\s,]*)*\*/.test(list);
}

/** First byte and how many. */
export interface ByteRange {
  readonly first: number;
  readonly length: number;
}

export type RangeFlaw = "invalid range" | "invalid range: failed to overlap";

/**
 * The part of a file of `size` bytes that is asked for; undefined is all of it.
 * Differs: several parts at once are answered with the whole file, as HTTP allows.
 */
export function rangeOf(question: FileQuestion, size: number, mtimeMs: number): ByteRange | RangeFlaw | undefined {
  const header = question.headers.range;
  if (header === undefined || header === "" || isOutdated(question, mtimeMs)) return undefined;
  if (!header.startsWith("bytes=")) return "invalid range";
  const ranges: ByteRange[] = [];
  let isBeyond = false;
  for (const part of header.slice("bytes=".length).split(",").map(trimBlanks)) {
    if (part === "") continue;
    const range = readRange(part, size);
    if (range === "invalid range") return range;
    if (range === undefined) isBeyond = true;
    else ranges.push(range);
  }
  if (ranges.length === 0 && isBeyond) return "invalid range: failed to overlap";
  return ranges.length === 1 ? ranges[0] : undefined;
}

/** Undefined: behind the end. */
function readRange(part: string, size: number): ByteRange | "invalid range" | undefined {
  const dash = part.indexOf("-");
  if (dash < 0) return "invalid range";
  const [from, to] = [trimBlanks(part.slice(0, dash)), trimBlanks(part.slice(dash + 1))];
  if (from === "") {
    const count = to.startsWith("-") ? undefined : readCount(to);
    if (count === undefined) return "invalid range";
    const length = Math.min(count, size);
    return { first: size - length, length };
  }
  const first = readCount(from);
  if (first === undefined) return "invalid range";
  if (first >= size) return undefined;
  if (to === "") return { first, length: size - first };
  const last = readCount(to);
  if (last === undefined || first > last) return "invalid range";
  return { first, length: Math.min(last, size - 1) - first + 1 };
}

/** As Go's ParseInt, for counts. */
function readCount(text: string): number | undefined {
  const isNumber = /^(?:\+?\d+|-0+)$/.test(text) && BigInt(text.replace(/^[+-]/, "")) < 1n << 63n;
  return isNumber ? Math.abs(Number(text)) : undefined;
}

const trimBlanks = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** If-Range names a tag, which no file has, or another time than the file's. */
function isOutdated({ method, headers }: FileQuestion, mtimeMs: number): boolean {
  const ifRange = headers["if-range"];
  if (typeof ifRange !== "string" || ifRange === "" || (method !== "GET" && method !== "HEAD")) return false;
  return parseHttpTime(ifRange) !== Math.floor(mtimeMs / 1000);
}

const DAYS = "(?:mon|tue|wed|thu|fri|sat|sun)";
const LONG_DAYS = "(?:mon|tues|wednes|thurs|fri|satur|sun)day";
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<hour>\\d\\d?):(?<minute>\\d\\d):(?<second>\\d\\d)";
/** The three forms of RFC 9110 5.6.7. */
const FORMS = [
  new RegExp(`^${DAYS}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`, "i"),
  new RegExp(`^${LONG_DAYS}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} [A-Z]{3,4}$`, "i"),
  new RegExp(`^${DAYS} ${MONTH} {1,2}(?<day>\\d\\d?) ${TIME} (?<year>\\d{4})$`, "i"),
];

/** Unix seconds; undefined for what is no time. The day of the week is not compared, as in Go. */
function parseHttpTime(text: string): number | undefined {
  if (/gmt|utc/i.test(text) && !/GMT|UTC/.test(text)) return undefined; // names in any case, zones in capitals
  const parts = FORMS.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return undefined;
  const month = MONTHS.indexOf((parts.month ?? "").toLowerCase());
  const [day, hour, minute, second, year] = ["day", "hour", "minute", "second", "year"].map((name) =>
    Number(parts[name]),
  ) as [number, number, number, number, number];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fullYear = parts.year?.length === 2 ? year + (year >= 69 ? 1900 : 2000) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month, day);
  date.setUTCHours(hour, minute, second);
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() / 1000 : undefined;
}
