import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Nodes } from "./go-pair.ts";

/** The same requests to a reference node and to ours: status, headers and body must be the same. */

/** LOGINCHAIN_SEED repeats a run of a test that draws its requests. */
export const drawSeed = Number(process.env.LOGINCHAIN_SEED ?? 20_261);

export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Told {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export const FORM = { "content-type": "application/x-www-form-urlencoded" };
export const JSON_BODY = { "content-type": "application/json" };

export function send(web: string, { method, target, headers = {}, body }: Asked): Promise<Told> {
  const { hostname, port } = new URL(web);
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) own[name] = value.replaceAll("{PORT}", port);
  if (body !== undefined) own["content-length"] = String(Buffer.byteLength(body)); // node leaves it out for DELETE
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path: target, headers: own, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** How long a body is and how the connection goes on is the server's affair; both forms are valid HTTP. */
const OF_THE_SERVER = new Set(["date", "content-length", "transfer-encoding", "connection", "keep-alive"]);

/** Facts of one node or one moment, in both kinds of text. */
const PASSING: readonly (readonly [RegExp, string])[] = [
  [/"(received|checked|announced)": "[^"]*"/g, '"$1": "(time)"'],
  [/("crypto_type": "[^"]*",\s*"timestamp": )\d+/g, "$1(time)"],
  // When a pool transaction came, said twice, the second time inside it.
  [/("block_seq": 0\s*\},\s*"time": )\d+(,\s*"txn": \{\s*"timestamp": )\d+/g, "$1(time)$2(time)"],
  [/("block_seq": 0\s*\},\s*"time": )\d+/g, "$1(time)"],
  [/("seed": ")([a-z]+ ){11,23}[a-z]+/g, "$1(seed)"],
  [/("connections": \[)\s*\{[\s\S]*/, "$1(own view of the link)"],
  [/\d{4}_\d\d_\d\d_[0-9a-f]{4}\.wlt/g, "(wallet)"],
];

export function comparable({ status, headers, body }: Told, web: string): unknown {
  const plain = headers["content-encoding"] === "gzip" && body.length > 0 ? gunzipSync(body) : body;
  let text = plain.toString("utf8").replaceAll(new URL(web).host, "(node)");
  for (const [found, put] of PASSING) text = text.replace(found, put);
  const kept = Object.entries(headers)
    .filter(([name]) => !OF_THE_SERVER.has(name) && !(body.length === 0 && name === "content-encoding"))
    .map(([name, value]) => [name, String(value).replaceAll(new URL(web).host, "(node)")] as const)
    .sort(([a], [b]) => a.localeCompare(b));
  return { status, headers: Object.fromEntries(kept), text };
}

export const failed = (error: unknown) => ({ dropped: (error as { code?: string }).code ?? String(error) });

/** Sends every request to both; reports all differences at once. */
export async function compareAll(t: TestContext, { ours, go }: Nodes, requests: readonly Asked[]): Promise<void> {
  const different: string[] = [];
  for (const asked of requests) {
    const [mine, theirs] = await Promise.all(
      [ours, go].map((web) => send(web, asked).then((told) => comparable(told, web), failed)),
    );
    try {
      assert.deepEqual(mine, theirs);
    } catch (error) {
      different.push(`${JSON.stringify(asked)}\n${(error as Error).message.slice(0, 1500)}`);
    }
  }
  t.diagnostic(`${requests.length} requests compared, seed ${drawSeed}`);
  assert.equal(different.length, 0, `${different.length} differ\n${different.slice(0, 60).join("\n\n")}`);
}
