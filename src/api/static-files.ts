import { createReadStream, type Stats } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createGzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { unescapePercent } from "./form.ts";
import { sendBytes, wantsGzip } from "./respond.ts";

/**
 * Files as Go's `http.FileServer` serves them: type by extension, Last-Modified, one byte range, redirects to the
 * one name of a thing, listings of folders without index.html. Source: api.md 8.
 * Differs: a request for several ranges at once gets the whole file, as HTTP allows.
 */
export async function serveFile(request: FastifyRequest, reply: FastifyReply, root: string): Promise<unknown> {
  const path = unescapePercent(request.url.split("?", 1)[0] ?? "/") ?? "/";
  if (path.endsWith("/index.html")) return redirect(request, reply, "./");
  const file = join(root, path.replace(/\/$/, ""));
  const info = await facts(file);
  if (info === undefined) return missing(reply);
  if (info.isDirectory() && !path.endsWith("/")) return redirect(request, reply, `${encodeURI(basename(path))}/`);
  if (!info.isDirectory() && path.endsWith("/")) return redirect(request, reply, `../${encodeURI(basename(path))}`);
  if (!info.isDirectory()) return sendFile(request, reply, file, info);
  const index = join(file, "index.html");
  const indexInfo = await facts(index);
  return indexInfo === undefined ? listing(reply, file) : sendFile(request, reply, index, indexInfo);
}

/** One named file, whatever the path of the request says: the index page. */
export async function serveNamed(request: FastifyRequest, reply: FastifyReply, file: string): Promise<unknown> {
  const info = await facts(file);
  return info === undefined ? missing(reply) : sendFile(request, reply, file, info);
}

async function facts(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch {
    return undefined;
  }
}

function missing(reply: FastifyReply): FastifyReply {
  reply.header("x-content-type-options", "nosniff");
  return sendBytes(reply, 404, "text/plain; charset=utf-8", Buffer.from("404 page not found\n"));
}

function redirect(request: FastifyRequest, reply: FastifyReply, target: string): FastifyReply {
  const mark = request.url.indexOf("?");
  return reply
    .code(301)
    .header("location", mark < 0 ? target : target + request.url.slice(mark))
    .send();
}

async function listing(reply: FastifyReply, folder: string): Promise<FastifyReply> {
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
  if (isUnchanged(request, info)) return reply.code(304).send();
  const type = TYPES[extname(file).toLowerCase()] ?? (await sniff(file));
  const range = rangeOf(request, info.size);
  reply.header("accept-ranges", "bytes");
  if (range === "invalid") {
    reply.header("content-range", `bytes */${info.size}`).header("x-content-type-options", "nosniff");
    return sendBytes(reply, 416, "text/plain; charset=utf-8", Buffer.from("invalid range: failed to overlap\n"));
  }
  const [first, last] = range ?? [0, info.size - 1];
  const length = last - first + 1;
  reply.code(range === undefined ? 200 : 206).header("content-type", type);
  if (range !== undefined) reply.header("content-range", `bytes ${first}-${last}/${info.size}`);
  if (request.method === "HEAD") return reply.header("content-length", length).send();
  const stream = createReadStream(file, length === 0 ? {} : { start: first, end: last });
  if (!wantsGzip(reply)) return reply.header("content-length", length).send(stream);
  const gzip = createGzip();
  stream.on("error", (error) => gzip.destroy(error));
  return reply.header("content-encoding", "gzip").send(stream.pipe(gzip));
}

function isUnchanged(request: FastifyRequest, info: Stats): boolean {
  const since = request.headers["if-modified-since"];
  if (since === undefined || (request.method !== "GET" && request.method !== "HEAD")) return false;
  const time = Date.parse(since);
  return !Number.isNaN(time) && Math.floor(info.mtimeMs / 1000) * 1000 <= time;
}

/** First and last byte asked for; undefined means all of them. */
function rangeOf(request: FastifyRequest, size: number): [number, number] | "invalid" | undefined {
  const header = request.headers.range;
  if (header === undefined || request.headers["if-range"] !== undefined || header.includes(",")) return undefined;
  const found = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header);
  if (found === null || (found[1] === "" && found[2] === "")) return "invalid";
  if (found[1] === "") {
    const count = Math.min(Number(found[2]), size);
    return count === 0 ? "invalid" : [size - count, size - 1];
  }
  const first = Number(found[1]);
  const last = found[2] === "" ? size - 1 : Math.min(Number(found[2]), size - 1);
  return first >= size || last < first ? "invalid" : [first, last];
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
