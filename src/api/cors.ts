/** Cross-origin answers: GET and POST, five request headers, no credentials, no max-age. Source: api.md 6. */

const METHODS = new Set(["GET", "POST"]);
const HEADERS = new Set(["Origin", "Accept", "Content-Type", "X-Requested-With", "X-Csrf-Token"]);

export type CorsHeaders = Readonly<Record<string, string | string[]>>;

const PREFLIGHT_VARY = ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"];

export interface CorsQuestion {
  readonly method: string;
  readonly origin: string;
  readonly requestMethod: string;
  readonly requestHeaders: string;
}

export function isPreflight(question: CorsQuestion): boolean {
  return question.method === "OPTIONS" && question.requestMethod !== "";
}

/** Headers of a preflight answer: all three or, when one thing is not allowed, none beside Vary. */
export function preflightHeaders(question: CorsQuestion, origins: ReadonlySet<string>): CorsHeaders {
  const method = question.requestMethod.toUpperCase();
  const headers = headerList(question.requestHeaders);
  const allowed =
    origins.has(question.origin.toLowerCase()) &&
    (method === "OPTIONS" || METHODS.has(method)) &&
    headers.every((name) => HEADERS.has(name));
  return {
    vary: PREFLIGHT_VARY,
    ...(allowed && { "access-control-allow-origin": question.origin, "access-control-allow-methods": method }),
    ...(allowed && headers.length > 0 && { "access-control-allow-headers": headers.join(", ") }),
  };
}

/** Headers of any other answer. A plain OPTIONS request gets none at all. */
export function actualHeaders(question: CorsQuestion, origins: ReadonlySet<string>): CorsHeaders {
  if (question.method === "OPTIONS") return {};
  const allowed = METHODS.has(question.method) && origins.has(question.origin.toLowerCase());
  return { vary: "Origin", ...(allowed && { "access-control-allow-origin": question.origin }) };
}

/** Names in canonical case. Characters that cannot stand in a header name are dropped, as rs/cors does. */
function headerList(text: string): string[] {
  return text
    .split(/[ ,]/)
    .map((name) => name.replace(/[^A-Za-z0-9._-]/g, "").toLowerCase())
    .map((name) => name.replace(/(^|[-_])([a-z])/g, (_, lead: string, letter: string) => lead + letter.toUpperCase()))
    .filter((name) => name !== "");
}
