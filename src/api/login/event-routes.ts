import { equalBytes } from "../../base/bytes.ts";
import { errorText } from "../../base/errors.ts";
import { formatDroplets } from "../../chain/droplet.ts";
import { headOf } from "../../chain/queries.ts";
import { makeReceipt } from "../../chain/receipt.ts";
import { txid } from "../../chain/transaction.ts";
import { decodeAddress } from "../../cipher/address.ts";
import { parseHash } from "../../cipher/hash.ts";
import { LoginError } from "../../login/errors.ts";
import {
  type Cursor,
  formatCursor,
  isPrivate,
  matchTopics,
  parseCursor,
  type Subscription,
  TOPICS,
  type Topic,
  type TopicEvent,
  wants,
} from "../../login/events/topics.ts";
import type { ClientAuth } from "./client-auth.ts";
import type { EventStream, StreamSlots } from "./event-stream.ts";
import { HANDLED, type LoginAnswer, type LoginRequest, type LoginRoute, type LoginServices } from "./route.ts";

/** What one who comes back may have missed; whoever missed more is told how much. */
const REPLAY_MAX = { blocksMax: 1000 };
/** A stranger begins no long walk through the log with one line; a service, known by its secret, may have the whole day. */
const STRANGER_REPLAY_MAX = { ...REPLAY_MAX, entriesMax: 5_000 };
const ADDRESSES_MAX = 100;

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;

/** What happens on the chain and to a service's own visitors, receipts, and figures for everybody (docs/login.md). */
export function eventRoutes(services: LoginServices, streams: StreamSlots, auth: ClientAuth): readonly LoginRoute[] {
  return [
    {
      method: "GET",
      path: "/login/v1/events",
      summary: "What happens, as server-sent events",
      description:
        "Every event since Last-Event-ID (without one: from now on), then each as it happens. `login.*` tells a service of its own visitors, and asks for its id and secret as HTTP Basic.",
      query: {
        topics: { type: "string", description: `Separated by commas, of ${TOPICS.join(", ")}; ends in * for a prefix` },
        addresses: { type: "string", description: "For address.activity: only these, separated by commas" },
        last_event_id: { type: "string", description: "Instead of the header, for those who cannot send one" },
      },
      answers: { 200: { description: "Events named by topic", type: "text/event-stream" } },
      problems: ["bad_request", "client_not_authenticated", "rate_limited", "busy"],
      handler: (request) => tellEvents(request, services, streams, auth),
    },
    {
      method: "GET",
      path: "/login/v1/receipts/{txid}",
      summary: "Proof for an archive that a block holds a transaction",
      description: "Checked offline with the publisher's public key alone: `verifyReceipt` of loginchain/client.",
      answers: { 200: { description: "The receipt", schema: receiptSchema } },
      problems: ["bad_request", "not_found"],
      handler: ({ params }) => ({
        json: receiptOf(params.txid as string, services),
        headers: { "cache-control": "public, max-age=31536000, immutable" },
      }),
    },
    {
      method: "GET",
      path: "/login/v1/status",
      summary: "Figures for everybody",
      answers: { 200: { description: "How the service is doing", schema: statusSchema } },
      handler: () => ({ json: statusOf(services) }),
    },
  ];
}

async function tellEvents(
  request: LoginRequest,
  services: LoginServices,
  streams: StreamSlots,
  auth: ClientAuth,
): Promise<LoginAnswer> {
  const { feed, log } = services;
  const wanted = subscription(request, auth);
  const from = request.header("last-event-id") ?? request.query.get("last_event_id") ?? "";
  const asked = from === "" ? feed.end() : parseCursor(from);
  if (asked === undefined) throw new LoginError("bad_request", "Last-Event-ID is not an id of this stream");
  const bounds = wanted.clientId === undefined ? STRANGER_REPLAY_MAX : REPLAY_MAX;
  const { cursor, skipped } = feed.within(asked, bounds);
  const stream = streams.start(request);
  stream.mark(formatCursor(cursor));
  if (skipped.blocks > 0 || skipped.entries > 0) stream.send({ event: "skipped", data: JSON.stringify(skipped) });
  const reading = new Reading(services, stream, wanted, cursor);
  const stop = feed.onNews.on(() => reading.wake());
  stream.onEnd(stop);
  reading.onError = (error) => {
    log.warn({ error: errorText(error) }, "event stream cut: events cannot be read");
    stream.end();
  };
  reading.wake();
  return HANDLED;
}

/** One reader's way through the feed, at its own pace. */
class Reading {
  onError: (error: unknown) => void = () => {};
  readonly #services: LoginServices;
  readonly #stream: EventStream;
  readonly #wanted: Subscription;
  #cursor: Cursor;
  #hungry = false;
  #busy = false;

  constructor(services: LoginServices, stream: EventStream, wanted: Subscription, cursor: Cursor) {
    this.#services = services;
    this.#stream = stream;
    this.#wanted = wanted;
    this.#cursor = cursor;
  }

  wake(): void {
    this.#hungry = true;
    if (this.#busy) return;
    this.#busy = true;
    this.#read()
      .catch((error: unknown) => this.onError(error))
      .finally(() => {
        this.#busy = false;
        if (this.#hungry && this.#stream.isOpen) this.wake();
      });
  }

  async #read(): Promise<void> {
    while (this.#hungry && this.#stream.isOpen) {
      this.#hungry = false; // before reading: news that come meanwhile make it true again
      const page = await this.#services.feed.read(this.#cursor);
      const moved = formatCursor(page.next) !== formatCursor(this.#cursor);
      this.#cursor = page.next;
      if (moved) this.#tell(page.events.filter((event) => wants(this.#wanted, event)));
      this.#hungry ||= page.more;
      await this.#stream.drained();
    }
  }

  /** Only the last names the place after all of them: who comes back in between hears some twice, and none is missed. */
  #tell(events: readonly TopicEvent[]): void {
    const id = formatCursor(this.#cursor);
    events.forEach((event, i) => {
      const data = textOf(event);
      this.#stream.send({ event: event.topic, data, ...(i === events.length - 1 && { id }) });
    });
    if (events.length === 0) this.#stream.mark(id);
  }
}

const texts = new WeakMap<TopicEvent, string>();

/** Made once for all readers. */
function textOf(event: TopicEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const { id, topic, time, data } = event;
  const made = JSON.stringify({ id, type: topic, timestamp: time, data });
  texts.set(event, made);
  return made;
}

/** @throws LoginError bad_request, client_not_authenticated, rate_limited */
function subscription(request: LoginRequest, auth: ClientAuth): Subscription {
  const client = auth.of(request);
  const names = listOf(request.query.get("topics"));
  const open = TOPICS.filter((topic) => !isPrivate(topic));
  const topics = names.length === 0 ? new Set<Topic>(client === undefined ? open : TOPICS) : matchTopics(names);
  if (topics === undefined) throw new LoginError("bad_request", `topics are ${TOPICS.join(", ")}, or prefixes with *`);
  // A star takes what there is for the one who asks; a private topic by name needs the right to it.
  const named = names.some((name) => name.startsWith("login."));
  if (client === undefined && named) auth.require(request);
  if (client === undefined) for (const topic of TOPICS) if (isPrivate(topic)) topics.delete(topic);
  const addresses = listOf(request.query.get("addresses"));
  if (addresses.length > ADDRESSES_MAX) throw new LoginError("bad_request", `at most ${ADDRESSES_MAX} addresses`);
  for (const address of addresses) checkAddress(address);
  return { topics, clientId: client?.id, addresses: addresses.length === 0 ? undefined : new Set(addresses) };
}

function listOf(text: string | null): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function checkAddress(address: string): void {
  try {
    decodeAddress(address);
  } catch (cause) {
    throw new LoginError("bad_request", `addresses: ${errorText(cause)}`, { cause });
  }
}

/** @throws LoginError bad_request, not_found */
function receiptOf(text: string, { node }: LoginServices) {
  const view = node.chain.store;
  if (!/^[0-9a-f]{64}$/.test(text)) throw new LoginError("bad_request", "a txid is 64 lower-case hex digits");
  const id = parseHash(text);
  const block = view.blockBySeq(view.transaction(id)?.blockSeq ?? -1);
  const index = block?.transactions.findIndex((txn) => equalBytes(txid(txn), id)) ?? -1;
  if (block === undefined || index < 0) throw new LoginError("not_found", "No block holds such a transaction");
  return makeReceipt(block, index);
}

function statusOf({ login, node, feed }: LoginServices) {
  const { seq, time } = headOf(node.chain.store);
  const { ready, coins, condition } = login.stock();
  return {
    chain: { seq, time, peers: node.network?.connections().filter(({ state }) => state === "introduced").length ?? 0 },
    challenges_open: login.challenges.openCount,
    challenges: login.challenges.counts(),
    logins_last_hour: login.loginsPerMinute().reduce((sum, count) => sum + count, 0),
    stock: { ready, coins: formatDroplets(coins as Parameters<typeof formatDroplets>[0]), condition },
    events: formatCursor(feed.end()),
  };
}

const receiptSchema = {
  type: "object",
  properties: {
    kind: text,
    version: integer,
    transaction: text,
    index: integer,
    path: { type: "array", items: text },
    header: text,
    signature: text,
  },
} as const;

const statusSchema = {
  type: "object",
  properties: {
    chain: { type: "object", properties: { seq: integer, time: integer, peers: integer } },
    challenges_open: integer,
    challenges: { type: "object", description: "How many came to each status since the start" },
    logins_last_hour: integer,
    stock: { type: "object", properties: { ready: integer, coins: text, condition: text } },
    events: { type: "string", description: "Where the event stream stands: a Last-Event-ID" },
  },
} as const;
