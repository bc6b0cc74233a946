import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Names a request in logs. Returned to who sent one, and with failures of ours. */
export const REQUEST_ID = "x-request-id";

const SANE = /^[A-Za-z0-9._-]{1,64}$/;

/** The client's id when it fits into a log line, else one of our own: a start of its own per process, then counted. */
export function requestIds(): (request: Pick<IncomingMessage, "headers">) => string {
  const start = randomBytes(4).toString("hex");
  let count = 0;
  return (request) => givenId(request) ?? `${start}-${(++count).toString(36)}`;
}

export function givenId({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  const given = headers[REQUEST_ID];
  return typeof given === "string" && SANE.test(given) ? given : undefined;
}
