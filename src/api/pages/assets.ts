import { readFileSync } from "node:fs";
import { extname } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { WEB_FOLDER } from "../web-folder.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
}

/** Style and scripts of the pages: a few small files with a hash of their content in the name, kept in memory. */
export class Assets {
  readonly #urls: Readonly<Record<string, string>>;
  readonly #files = new Map<string, Asset>();

  /** @throws an error of the file system when the program was not built completely */
  constructor(folder: URL = WEB_FOLDER) {
    this.#urls = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as Record<string, string>;
    for (const file of Object.values(this.#urls)) {
      const read = (name: string): Buffer => readFileSync(new URL(name, folder));
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      this.#files.set(file, { type, plain: read(file), gzip: read(`${file}.gz`), brotli: read(`${file}.br`) });
    }
  }

  /** Path of an asset by its plain name, e.g. `style.css`. */
  path(name: string): string {
    return `/assets/${this.#urls[name] ?? name}`;
  }

  register(app: FastifyInstance): void {
    for (const [file, asset] of this.#files) {
      app.route({
        url: `/assets/${file}`,
        method: ["GET", "HEAD"],
        handler: (request, reply) => send(request, reply, asset),
      });
    }
  }
}

/** The name changes with the content, so a copy is good for ever. */
function send(request: FastifyRequest, reply: FastifyReply, { type, ...forms }: Asset): FastifyReply {
  const accepted = String(request.headers["accept-encoding"] ?? "");
  const [coding, body] = /\bbr\b/.test(accepted)
    ? ["br", forms.brotli]
    : /\bgzip\b/.test(accepted)
      ? ["gzip", forms.gzip]
      : [undefined, forms.plain];
  if (coding !== undefined) reply.header("content-encoding", coding);
  return reply
    .headers({
      "content-type": type,
      "content-length": body.length,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    })
    .send(request.method === "HEAD" ? undefined : body);
}
