import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import { cleanedTarget, redirectPage } from "./clean-path.ts";
import { unescapePercent } from "./form.ts";
import type { ApiOptions } from "./options.ts";
import { sendFailure } from "./respond.ts";
import { serveFile, serveNamed } from "./static-files.ts";

/** On the index, on 404s of unknown paths and on files of the GUI; never on the API. The tab is the reference's. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "connect-src 'self' https://api.coinpaprika.com https://swaplab.cc https://version.skycoin.com https://downloads.skycoin.com http://127.0.0.1:9510",
  "img-src 'self' 'unsafe-inline' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src\t'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "block-all-mixed-content",
  "base-uri 'self'",
].join("; ");

/** Everything that is not an API route: the GUI's files as found at start, and 404 in v1 form. Source: api.md 8. */
export class IndexPages {
  readonly #dir: string | undefined;
  readonly #csp: boolean;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  constructor({ guiDir, disableCsp }: Pick<ApiOptions, "guiDir" | "disableCsp">) {
    this.#dir = guiDir;
    this.#csp = !disableCsp;
    if (guiDir === undefined) return;
    for (const entry of readdirSync(guiDir, { withFileTypes: true })) {
      (entry.isDirectory() ? this.#folders : this.#files).add(entry.name);
    }
  }

  /** What Go's mux does before any handler, so before all checks. True when it has answered. */
  redirect(request: FastifyRequest, reply: FastifyReply): boolean {
    const cleaned = cleanedTarget(request.url);
    const target = this.#withSlash(cleaned ?? request.url) ?? cleaned;
    if (target === undefined) return false;
    reply.code(301).header("location", target);
    if (request.method === "GET" || request.method === "HEAD") reply.header("content-type", "text/html; charset=utf-8");
    reply.send(request.method === "GET" ? Buffer.from(redirectPage(target)) : undefined);
    return true;
  }

  #withSlash(url: string): string | undefined {
    const [path = "", ...query] = url.split(/(?=\?)/);
    return this.#folders.has((unescapePercent(path) ?? "").slice(1)) ? `${path}/${query.join("")}` : undefined;
  }

  send(request: FastifyRequest, reply: FastifyReply): unknown {
    if (this.#csp) reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
    const path = unescapePercent(request.url.split("?", 1)[0] ?? "") ?? "";
    if (this.#dir !== undefined && path === "/") return serveNamed(request, reply, join(this.#dir, "index.html"));
    if (this.#dir !== undefined && this.#has(path)) return serveFile(request, reply, this.#dir);
    return sendFailure(reply, 1, { status: 404, message: "" });
  }

  #has(path: string): boolean {
    const [, first = "", ...rest] = path.split("/");
    return rest.length === 0 ? this.#files.has(first) : this.#folders.has(first);
  }
}
