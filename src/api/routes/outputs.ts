import { headOf, unknownUxOut } from "../../chain/queries.ts";
import {
  allOutputs,
  confirmedOutputs,
  type OutputFilter,
  poolOutputs,
  receivedBy,
  unspentHours,
} from "../../chain/queries-outputs.ts";
import type { Head, IdentifiedUxOut } from "../../chain/store.ts";
import { decodeAddress } from "../../cipher/address.ts";
import { parseHash } from "../../cipher/hash.ts";
import { badRequest } from "../api-error.ts";
import type { ApiContext } from "../context.ts";
import { JsonLazyList } from "../json.ts";
import { address, hash, listOf, objectOf, text } from "../json-schema.ts";
import { parseAddresses, parseHashes } from "../parameters.ts";
import { readableHistoryUxOut, readableUnspent } from "../readable.ts";
import { stateOf } from "../ready-offers.ts";
import { type ApiRequest, type HandlerResult, parsed, type Route } from "../route.ts";
import { shape } from "../shapes.ts";
import { readableHead } from "./blockchain.ts";

/** What one takes as text. */
const OUTPUT_BYTES = 400;

const outputsSchema = objectOf({
  head: shape("Header"),
  head_outputs: listOf(shape("UnspentOutput")),
  outgoing_outputs: listOf(shape("UnspentOutput")),
  incoming_outputs: listOf(shape("UnspentOutput")),
});

/** `/api/v1/outputs`, `/uxout` and `/address_uxouts`. Source: api.md 13.9 to 13.11. */
export function outputRoutes(context: ApiContext): Route[] {
  return [
    {
      path: "/api/v1/outputs",
      about: {
        summary: "Unspent outputs, of addresses, by hashes, or all",
        parameters: {
          addrs: { ...text, description: "Addresses, separated by commas" },
          hashes: { ...text, description: "Ids of outputs, separated by commas; not together with addrs" },
        },
        answer: outputsSchema,
      },
      methods: { GET: ["READ"], POST: ["READ"] },
      heavy: (request) => request.value("addrs") === "" && request.value("hashes") === "",
      follows: "pool",
      handler: (request) => outputs(context, request),
    },
    {
      path: "/api/v1/uxout",
      about: {
        summary: "An output, spent or not",
        parameters: { "uxid!": hash },
        answer: shape("HistoryOutput"),
      },
      methods: { GET: ["READ"] },
      follows: "chain",
      handler: (request) => uxOut(context, request),
    },
    {
      path: "/api/v1/address_uxouts",
      about: {
        summary: "Every output an address ever received",
        parameters: { "address!": address },
        answer: listOf(shape("HistoryOutput")),
      },
      methods: { GET: ["READ"] },
      follows: "chain",
      handler: (request) => addressUxOuts(context, request),
    },
  ];
}

async function outputs(context: ApiContext, request: ApiRequest): Promise<HandlerResult> {
  const filter = parseFilter(request);
  const { view, services } = context;
  // Nothing is awaited before all of it is asked for: a block may come while the set is read.
  const head = headOf(view);
  const readable = readableHead(context);
  const { outgoing, incoming } = poolOutputs(services.pool, filter);
  const confirmed = filter === undefined ? allRows(context, head) : rows(confirmedOutputs(view, filter), head);
  return {
    head: readable,
    head_outputs: await confirmed,
    outgoing_outputs: rows(outgoing, head),
    incoming_outputs: rows(incoming, head),
  };
}

/** The whole set, serialised once for each head, unless that is too much to keep. */
async function allRows({ view, services, lists }: ApiContext, head: Head): Promise<JsonLazyList> {
  const bytes = view.unspentCount() * OUTPUT_BYTES;
  const make = async (): Promise<JsonLazyList> => rows(await allOutputs(view), head);
  if (!lists.fits(bytes)) return make();
  return lists.get({ name: "outputs", isCurrent: stateOf("chain", services), bytes, depth: 1, make });
}

function rows(outputs: readonly IdentifiedUxOut[], head: Head): JsonLazyList {
  return JsonLazyList.of(outputs, (output) => readableUnspent(output, unspentHours(output, head)));
}

/** Undefined: all are wanted. */
function parseFilter(request: ApiRequest): OutputFilter | undefined {
  const [addrs, hashes] = [request.value("addrs"), request.value("hashes")];
  if (addrs !== "" && hashes !== "") throw badRequest("addrs and hashes cannot be specified together");
  const addresses = parseAddresses(addrs);
  if (addresses.length > 0) return { addresses };
  const ids = parseHashes(hashes);
  return ids.length > 0 ? { ids } : undefined;
}

function uxOut({ view }: ApiContext, request: ApiRequest): HandlerResult {
  const text = request.value("uxid");
  if (text === "") throw badRequest("uxid is empty");
  const id = parsed(() => parseHash(text));
  const output = view.uxOut(id);
  if (output === undefined) throw badRequest(unknownUxOut(id).message); // not 404, as the reference
  return readableHistoryUxOut(output, headOf(view).time);
}

/** Every output the address ever received, oldest first. */
function addressUxOuts({ view }: ApiContext, request: ApiRequest): HandlerResult {
  const text = request.value("address");
  if (text === "") throw badRequest("address is empty");
  const address = parsed(() => decodeAddress(text));
  const { time } = headOf(view);
  return JsonLazyList.of(receivedBy(view, address), (output) => readableHistoryUxOut(output, time));
}
