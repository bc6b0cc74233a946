import type { SignedBlock } from "../../chain/block.ts";
import { headOf, QueryError } from "../../chain/queries.ts";
import { parseHash } from "../../cipher/hash.ts";
import { badRequest, notFound } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { goQuote, parseUint } from "../go-text.ts";
import { JsonLazyList, type JsonRaw } from "../json.ts";
import { count, flag, hash, text } from "../json-schema.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";

/** `/api/v1/block`, `/blocks` and `/last_blocks`. Source: api.md 13.5 to 13.7. */
export function blockRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v1/block",
      about: {
        summary: "A block by hash or height",
        parameters: {
          hash,
          seq: count,
          verbose: { ...flag, description: "With what the inputs were worth, and fees" },
        },
        answer: shape("Block"),
      },
      methods: { GET: ["READ"] },
      follows: "nothing",
      handler: (request) => oneBlock(context, request),
    },
    {
      path: "/api/v1/blocks",
      about: {
        summary: "Blocks by range or heights",
        description: "Either seqs, or start and end, both included.",
        parameters: {
          start: count,
          end: count,
          seqs: { ...text, description: "Heights, separated by commas" },
          verbose: { ...flag, description: "With what the inputs were worth, and fees" },
        },
        answer: shape("Blocks"),
      },
      methods: { GET: ["READ"], POST: ["READ"] },
      heavy: () => true,
      follows: "chain",
      handler: (request) => someBlocks(context, request),
    },
    {
      path: "/api/v1/last_blocks",
      about: {
        summary: "The newest blocks, oldest first",
        parameters: { "num!": count, verbose: { ...flag, description: "With what the inputs were worth, and fees" } },
        answer: shape("Blocks"),
      },
      methods: { GET: ["READ"] },
      heavy: manyBlocks,
      follows: "chain",
      handler: (request) => lastBlocks(context, request),
    },
  ];
}

function isVerbose(request: ApiRequest): boolean {
  return request.flag("verbose", "Invalid value for verbose");
}

function oneBlock(context: ApiContext, request: ApiRequest): HandlerResult {
  const [hash, seq] = [request.value("hash"), request.value("seq")];
  const verbose = isVerbose(request);
  if (hash === "" && seq === "") throw badRequest("should specify one filter, hash or seq");
  if (hash !== "" && seq !== "") throw badRequest("should only specify one filter, hash or seq");
  const block =
    hash === ""
      ? blockAt(
          context,
          parseSeq(seq, () => `Invalid seq value ${goQuote(seq)}`),
        )
      : context.view.blockByHash(parsed(() => parseHash(hash)));
  if (block === undefined) throw notFound();
  return context.block(block, verbose, 0);
}

function someBlocks(context: ApiContext, request: ApiRequest): HandlerResult {
  const verbose = isVerbose(request);
  const [start, end, seqs] = [request.value("start"), request.value("end"), request.value("seqs")];
  if (seqs !== "" && (start !== "" || end !== "")) throw badRequest("seqs cannot be used with start or end");
  if (seqs === "" && start === "" && end === "") {
    throw badRequest("At least one of seqs or start or end are required");
  }
  if (seqs !== "") return blocksBySeq(context, parseSeqs(seqs), verbose);
  const first = start === "" ? 0n : parseSeq(start, () => `Invalid start value ${goQuote(start)}`);
  const last = end === "" ? 0n : parseSeq(end, () => `Invalid end value ${goQuote(end)}`);
  return blockRange(context, first, last, verbose);
}

const FEW_BLOCKS = 10;

function manyBlocks(request: ApiRequest): boolean {
  return Number(request.value("num")) > FEW_BLOCKS;
}

function lastBlocks(context: ApiContext, request: ApiRequest): HandlerResult {
  const verbose = isVerbose(request);
  const text = request.value("num");
  const num = parseSeq(text, () => `Invalid num value ${goQuote(text)}`);
  const max = context.options.maxLastBlocksCount;
  if (num > BigInt(max)) throw badRequest(`num: ${goQuote(text)} must < ${max}`); // equal is allowed, despite the text
  const last = BigInt(headOf(context.view).seq);
  const first = last - num + 1n;
  return blockRange(context, first < 0n ? 0n : first, last, verbose);
}

/** Ascending, both ends included; what lies beyond the head is cut. Sent while it is made. */
function blockRange(context: ApiContext, first: bigint, last: bigint, verbose: boolean): HandlerResult {
  const head = BigInt(headOf(context.view).seq);
  return { blocks: new JsonLazyList(blocksBetween(context, first, last < head ? last : head, verbose)) };
}

function* blocksBetween(context: ApiContext, first: bigint, last: bigint, verbose: boolean): Generator<JsonRaw> {
  for (let seq = first; seq <= last; seq++) {
    const read = (): SignedBlock => {
      const block = blockAt(context, seq);
      if (block === undefined) throw missing(seq);
      return block;
    };
    yield context.blockOf(Number(seq), read, verbose, 2);
  }
}

/** In the order asked. All are looked up before the first is sent, since one that is missing makes a 404. */
function blocksBySeq(context: ApiContext, seqs: readonly bigint[], verbose: boolean): HandlerResult {
  const head = BigInt(headOf(context.view).seq);
  const unknown = seqs.find((seq) => seq > head);
  if (unknown !== undefined) throw notFound(missing(unknown).message);
  const blocks = function* (): Generator<JsonRaw> {
    for (const seq of seqs) yield* blocksBetween(context, seq, seq, verbose);
  };
  return { blocks: new JsonLazyList(blocks()) };
}

function blockAt(context: ApiContext, seq: bigint): SignedBlock | undefined {
  return seq > BigInt(headOf(context.view).seq) ? undefined : context.view.blockBySeq(Number(seq));
}

function missing(seq: bigint): QueryError {
  return new QueryError("QUERY_BLOCK_UNKNOWN", `block does not exist seq=${seq}`, { seq });
}

function parseSeq(text: string, message: () => string): bigint {
  return parsed(() => parseUint(text), message);
}

/** Numbers separated by commas, without blanks, each once. @throws ApiError 400 */
function parseSeqs(text: string): bigint[] {
  const seen = new Set<bigint>();
  text.split(",").forEach((item, i) => {
    const seq = parseSeq(item, () => `Invalid sequence ${goQuote(item)} at seqs[${i}]`);
    if (seen.has(seq)) throw badRequest(`Duplicate sequence ${seq} at seqs[${i}]`);
    seen.add(seq);
  });
  return [...seen];
}
