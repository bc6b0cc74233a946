import { readFile } from "node:fs/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "./api-error.ts";
import type { RequestGate } from "./gate.ts";
import { html } from "./pages/html.ts";
import { sendBytes, wantsGzip } from "./respond.ts";
import { WEB_FOLDER } from "./web-folder.ts";

const FOLDER = new URL("docs/", WEB_FOLDER);

/** The page builds its parts by script and styles them inline; it asks this node alone. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8" } as const;

/**
 * `/openapi.json`, and `/docs`, a page to read and try it. Behind the same checks as the API. The page's files are
 * large and seldom asked for, so they are read when they are.
 */
export function addApiDocs(app: FastifyInstance, gate: RequestGate, document: object): void {
  const text = Buffer.from(`${JSON.stringify(document)}\n`);
  const guarded = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void => {
    app.route({
      url,
      method: ["GET", "HEAD"],
      onRequest: (request, reply, done) => {
        if (gate.admit(request, reply, { version: 1, type: "", csrf: true })) done();
      },
      handler,
    });
  };
  guarded("/openapi.json", (_request, reply) => sendBytes(reply, 200, "application/json", text));
  const page = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const [script, style] = await Promise.all([bundle("docs.js"), bundle("docs.css")]);
    const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of this node</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/${style}">
<script type="module" src="/docs/${script}"></script>
</head>
<body>
<div id="docs"><noscript>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript></div>
</body>
</html>
`;
    reply.headers({ ...HEADERS, "cache-control": "no-cache" });
    return sendBytes(reply, 200, "text/html; charset=utf-8", Buffer.from(body.text));
  };
  guarded("/docs", page);
  guarded("/docs/", page);
  guarded("/docs/:file", async (request, reply) => {
    const { file } = request.params as { file: string };
    const names = await Promise.all([bundle("docs.js"), bundle("docs.css")]);
    if (!names.includes(file)) throw notFound();
    const packed = wantsGzip(reply);
    if (packed) reply.header("content-encoding", "gzip");
    return reply
      .headers({ ...HEADERS, "cache-control": "public, max-age=31536000, immutable", vary: "accept-encoding" })
      .header("content-type", TYPES[file.endsWith(".js") ? "js" : "css"])
      .send(await readFile(new URL(packed ? `${file}.gz` : file, FOLDER)));
  });
}

/** Name of a bundle: it changes with its content. */
async function bundle(name: string): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL("manifest.json", FOLDER), "utf8")) as Record<string, string>;
  const file = manifest[name];
  if (file === undefined) throw new Error(`${name} is not in the build`);
  return file;
}
