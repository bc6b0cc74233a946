import { createReadStream, type Stats } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createGzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { conditionOf, type RangeFlaw, rangeOf } from "./file-conditions.ts";
import { unescapePercent } from "./form.ts";
import { sendBytes, wantsGzip } from "./respond.ts";

/**
 * Files as Go's `http.FileServer` serves them: type by extension, Last-Modified, one byte range, redirects to the
 * one name of a thing, listings of folders without index.html. Source: api.md 8.
 */
export async function serveFile(request: FastifyRequest, reply: FastifyReply, root: string): Promise<unknown> {
  const path = unescapePercent(request.url.split("?", 1)[0] ?? "/") ?? "/";
  if (path.endsWith("/index.html")) return redirect(request, reply, "./");
  if (path.includes("\0")) return refuse(reply, 500, "500 Internal Server Error"); // no file can have this name
  const file = join(root, path.replace(/\/$/, ""));
  const info = await facts(file);
  if (info === undefined) return refuse(reply, 404, "404 page not found");
  if (info.isDirectory() && !path.endsWith("/")) return redirect(request, reply, `${encodeURI(basename(path))}/`);
  if (!info.isDirectory() && path.endsWith("/")) return redirect(request, reply, `../${encodeURI(basename(path))}`);
  if (!info.isDirectory()) return sendFile(request, reply, file, info);
  const index = join(file, "index.html");
  const indexInfo = await facts(index);
  return indexInfo === undefined ? listing(request, reply, file, info) : sendFile(request, reply, index, indexInfo);
}

/** One named file, whatever the path of the request says: the index page. */
export async function serveNamed(request: FastifyRequest, reply: FastifyReply, file: string): Promise<unknown> {
  const info = await facts(file);
  return info === undefined ? refuse(reply, 404, "404 page not found") : sendFile(request, reply, file, info);
}

async function facts(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch {
    return undefined;
  }
}

/** As Go's `http.Error`. */
function refuse(reply: FastifyReply, status: number, text: string): FastifyReply {
  reply.header("x-content-type-options", "nosniff");
  return sendBytes(reply, status, "text/plain; charset=utf-8", Buffer.from(`${text}\n`));
}

function redirect(request: FastifyRequest, reply: FastifyReply, target: string): FastifyReply {
  const mark = request.url.indexOf("?");
  return reply
    .code(301)
    .header("location", mark < 0 ? target : target + request.url.slice(mark))
    .send();
}

/** Of the conditions, Go holds a folder against If-Modified-Since only. */
async function listing(
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
  folder: string,
  info: Stats,
): Promise<FastifyReply> {
  const since = { "if-modified-since": headers["if-modified-since"] };
  if (conditionOf({ method, headers: since }, info.mtimeMs) === "unchanged") return reply.code(304).send();
  reply.header("last-modified", info.mtime.toUTCString());
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const lines = names.map((name) => `<a href="${encodeURI(name)}">${escapeHtml(name)}</a>\n`);
  return sendBytes(reply, 200, "text/html; charset=utf-8", Buffer.from(`<pre>\n${lines.join("")}</pre>\n`));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

async function sendFile(request: FastifyRequest, reply: FastifyReply, file: string, info: Stats): Promise<unknown> {
  reply.header("last-modified", info.mtime.toUTCString());
  const condition = conditionOf(request, info.mtimeMs);
  if (condition !== "met") return reply.code(condition === "unchanged" ? 304 : 412).send();
  const range = rangeOf(request, info.size, info.mtimeMs);
  if (typeof range === "string") return refuseRange(reply, range, info.size);
  const { first, length } = range ?? { first: 0, length: info.size };
  const type = TYPES[extname(file).toLowerCase()] ?? (await sniff(file));
  reply
    .code(range === undefined ? 200 : 206)
    .header("content-type", type)
    .header("accept-ranges", "bytes");
  if (range !== undefined) reply.header("content-range", `bytes ${first}-${first + length - 1}/${info.size}`);
  if (request.method === "HEAD") return reply.header("content-length", length).send();
  if (length === 0) return sendBytes(reply, reply.statusCode, type, Buffer.alloc(0));
  const stream = createReadStream(file, { start: first, end: first + length - 1 });
  if (!wantsGzip(reply)) return reply.header("content-length", length).send(stream);
  const gzip = createGzip();
  stream.on("error", (error) => gzip.destroy(error));
  return reply.header("content-encoding", "gzip").send(stream.pipe(gzip));
}

function refuseRange(reply: FastifyReply, flaw: RangeFlaw, size: number): FastifyReply {
  if (flaw === "invalid range: failed to overlap") reply.header("content-range", `bytes */${size}`);
  return refuse(reply, 416, flaw);
}

/** Go's built-in table, and the fonts and icons a GUI has. */
const TYPES: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".htm": "text/html; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/vnd.microsoft.icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".ttf": "font/ttf",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".xml": "text/xml; charset=utf-8",
};

/** Go looks at the first 512 bytes of a file with an unknown extension; text or not is all we tell. */
async function sniff(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    const binary = buffer
      .subarray(0, bytesRead)
      .some((c) => c < 0x09 || c === 0x0b || (c > 0x0d && c < 0x20 && c !== 0x1b));
    return binary ? "application/octet-stream" : "text/plain; charset=utf-8";
  } finally {
    await handle.close();
  }
}
