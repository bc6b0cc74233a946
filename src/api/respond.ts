import { Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";
import type { FastifyReply } from "fastify";
import { type Failure, failureForm, JSON_TYPE } from "./error-handler.ts";
import { encodeJson, holdsLazy, type JsonValue, jsonPieces } from "./json.ts";
import { Answer, type ApiVersion, Blank, type HandlerResult } from "./route.ts";

/** Sent with one length up to here; longer lists are sent while they are made. */
const WHOLE_BYTES_MAX = 512 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Told of a body that was sent as a whole, as it was sent. */
type OnWhole = (body: Uint8Array) => void;

/** What a handler returned, in the form of its version. Throws what making the first part of a list throws. */
export function sendResult(
  reply: FastifyReply,
  version: ApiVersion,
  result: HandlerResult,
  onWhole?: OnWhole,
): FastifyReply {
  if (result instanceof Blank) return sendNothing(reply);
  if (version === 1 && !(result instanceof Answer)) return sendJson(reply, 200, result, onWhole);
  const { data, error } = result instanceof Answer ? result : { data: result, error: undefined };
  const value = { error: error && { message: error.message, code: error.code }, data };
  return sendJson(reply, error?.code ?? 200, value, onWhole);
}

function sendJson(reply: FastifyReply, status: number, value: JsonValue, onWhole?: OnWhole): FastifyReply {
  if (!holdsLazy(value)) return sendBytes(reply, status, JSON_TYPE, Buffer.from(encodeJson(value)), onWhole);
  const pieces = chunked(jsonPieces(value));
  const first: Buffer[] = [];
  for (let size = 0; size < WHOLE_BYTES_MAX; ) {
    const next = pieces.next();
    if (next.done === true) return sendBytes(reply, status, JSON_TYPE, Buffer.concat(first), onWhole);
    first.push(next.value);
    size += next.value.length;
  }
  return sendStream(reply, status, joined(first, pieces));
}

/** The failure in the form of the version. */
export function sendFailure(reply: FastifyReply, version: ApiVersion, failure: Failure): FastifyReply {
  const { contentType, nosniff, body } = failureForm(version, failure);
  if (nosniff) reply.header("x-content-type-options", "nosniff");
  return sendBytes(reply, failure.status, contentType, Buffer.from(body));
}

/** Compressed when the client names gzip anywhere, whatever the size and status. Source: api.md 7. */
export function sendBytes(
  reply: FastifyReply,
  status: number,
  contentType: string,
  body: Uint8Array,
  onWhole?: OnWhole,
): FastifyReply {
  reply.code(status).header("content-type", contentType);
  const isPacked = wantsGzip(reply);
  if (isPacked) reply.header("content-encoding", "gzip");
  const sent = isPacked ? gzipSync(body) : body;
  reply.send(sent);
  onWhole?.(sent);
  return reply;
}

/** 200 without a type, which Fastify would give to bytes. Compressed it is what gzip makes of nothing, as in the reference. */
function sendNothing(reply: FastifyReply): FastifyReply {
  reply.code(200);
  return wantsGzip(reply) ? reply.header("content-encoding", "gzip").send(Readable.from([gzipSync("")])) : reply.send();
}

function sendStream(reply: FastifyReply, status: number, chunks: Iterable<Buffer>): FastifyReply {
  const stream = Readable.from(chunks, { objectMode: false, highWaterMark: CHUNK_BYTES });
  reply.code(status).header("content-type", JSON_TYPE);
  if (!wantsGzip(reply)) return reply.send(stream);
  const gzip = createGzip();
  stream.on("error", (error) => gzip.destroy(error));
  gzip.on("close", () => stream.destroy());
  return reply.header("content-encoding", "gzip").send(stream.pipe(gzip));
}

/** Differs: not where there is no body; the reference names gzip on HEAD, too. */
export function wantsGzip(reply: FastifyReply): boolean {
  const { method, headers } = reply.request;
  return method !== "HEAD" && String(headers["accept-encoding"] ?? "").includes("gzip");
}

/** Gathers small pieces, so that the socket sees few writes. Large ones are not copied. */
function* chunked(pieces: Iterable<Uint8Array>): Generator<Buffer> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for (const piece of pieces) {
    const isLarge = piece.length >= CHUNK_BYTES;
    if (!isLarge) {
      waiting.push(piece);
      size += piece.length;
    }
    if (size >= CHUNK_BYTES || (isLarge && size > 0)) {
      yield Buffer.concat(waiting, size);
      waiting = [];
      size = 0;
    }
    if (isLarge) yield Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}

function* joined(first: Iterable<Buffer>, rest: Iterable<Buffer>): Generator<Buffer> {
  yield* first;
  yield* rest;
}
