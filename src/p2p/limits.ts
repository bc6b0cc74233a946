import { WireError } from "./errors.ts";

/**
 * Every cap, rate and timeout of the peer-to-peer layer, each with its reason (p2p.md 12.2): one table that the code,
 * the flag `-p2p-limits`, the metrics and the documentation share. "Reference" marks the Go node's own values.
 */
interface Row<T extends number | boolean | Rate> {
  readonly value: T;
  readonly unit: string;
  readonly why: string;
}

/** A token bucket: `perSecond` on average, `burst` at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

const cap = (value: number, unit: string, why: string): Row<number> => ({ value, unit, why });
const flag = (value: boolean, why: string): Row<boolean> => ({ value, unit: "switch", why });
const rate = (perSecond: number, burst: number, unit: string, why: string): Row<Rate> => ({
  value: { perSecond, burst },
  unit,
  why,
});

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const LIMIT_TABLE = {
  // Sockets
  socketsMax: cap(
    192,
    "sockets",
    "in any state: 128 that take part and 64 on their way in; more are destroyed as they come, never queued. Grows with -max-connections",
  ),
  perIpMax: cap(3, "sockets", "of one address, an IPv6 /64 being one; the reference says 3 and means 2"),
  perIpUnintroducedMax: cap(
    2,
    "sockets",
    "of one address before introduction: a silent client must not take a household's places",
  ),
  perSubnetMax: cap(16, "sockets", "of one /24, or IPv6 /48: a rented network must not take all places"),
  loopbackCounts: flag(
    false,
    "whether the three limits per address hold for loopback in localhost-only mode too; a machine's own nodes share one address",
  ),
  acceptPauseMs: cap(
    50,
    "ms",
    "after a failed accept newcomers are dropped for so long, instead of spending the last descriptors on them",
  ),

  // WebSocket
  wsSocketsMax: cap(
    2_048,
    "sockets",
    "in any state, of all listeners together; more are answered 503 at once. -ws-max says how many may take part",
  ),
  wsPerIpMax: cap(
    8,
    "sockets",
    "of one client address, an IPv6 /64 being one; loopback is free in localhost-only mode, as above",
  ),
  wsFragmentsMax: cap(64, "fragments", "of one message: no sender needs more, and each costs memory of its own"),
  wsControlPerSecond: cap(200, "frames", "WebSocket pings and pongs in one second that end a connection"),
  wsHeadersMs: cap(5_000, "ms", "for the header of the upgrade request"),

  // Deadlines
  introductionMs: cap(
    10_000,
    "ms",
    "absolute, from connect to a valid introduction, cleared by it; the reference waits 30 s and a byte now and then keeps it waiting",
  ),
  strangerMs: cap(
    500,
    "ms",
    "a stranger may stay to introduce itself when others want its place; sooner evicted, nobody from afar could come in during a flood",
  ),
  silentDiallerMs: cap(
    1_000,
    "ms",
    "an acceptor speaks second, but not never: a dialler that waits too would wait for ever",
  ),
  idleMs: cap(MINUTE, "ms", "without a complete frame; reference"),
  silenceMs: cap(30_000, "ms", "without a byte; reference"),
  frameMs: cap(
    10_000,
    "ms",
    "a begun frame has this long, plus a second per 16 KiB: one byte now and then is no sender",
  ),
  pingAfterMs: cap(5_000, "ms", "nothing sent for so long and PING is due; reference"),
  writeMs: cap(30_000, "ms", "age of the oldest unsent byte; reference"),
  sweepMs: cap(1_000, "ms", "how often deadlines are looked at; reference"),
  disconnectFlushMs: cap(500, "ms", "after DISC, for it to leave"),
  stopFlushMs: cap(500, "ms", "the same, for all, when the node stops"),

  // Write queues
  sendFramesMax: cap(
    128,
    "frames",
    "waiting to be sent to one peer; replies beyond are dropped, INTR, PING, PONG and DISC never; reference",
  ),
  sendBytesMax: cap(
    MIB,
    "bytes",
    "the same in bytes; the reference holds up to 32 MiB for one reader that does not read",
  ),
  sendDropsMax: cap(
    3,
    "frames",
    "dropped within the window below end the connection: who reads too slowly gains nothing from staying",
  ),
  sendDropWindowMs: cap(MINUTE, "ms", "the window of the drops above"),
  answerBelowBytes: cap(
    512 * KIB,
    "bytes",
    "queued; answers to requests wait while there is more, so that a slow reader holds two and not as many as it asked for",
  ),

  // Sender rules
  isolateAboveBytes: cap(
    1_016,
    "bytes",
    "frames above stand alone in time, toward peers not known to be ours: the reference loses frames that share a read with a part of the next",
  ),
  isolateMs: cap(20, "ms", "of silence around such a frame"),
  burstFrames: cap(
    16,
    "frames",
    "at once at most, toward the same peers: the reference closes a connection with more than 32 waiting",
  ),
  burstMs: cap(50, "ms", 'what "at once" means above'),

  // Work waiting
  inboxFramesMax: cap(
    64,
    "frames",
    "decoded and waiting, per connection; then reading stops and what has come stays undecoded",
  ),
  framesWaitingMax: cap(
    2_048,
    "frames",
    "decoded and waiting, of all connections; the one that makes it more and holds more than its share is closed at once, nothing is queued beyond",
  ),
  inputBytesMax: cap(
    16 * MIB,
    "bytes",
    "read and not handled, of all connections; whoever holds most is closed at once. Differs: a quarter of what the specification allows, to stay below 300 MB in all",
  ),
  outputBytesMax: cap(
    32 * MIB,
    "bytes",
    "queued to be sent, of all connections, on the same terms. Differs: a quarter of what the specification allows, as above",
  ),
  strangersBelowPercent: cap(80, "percent", "of the two pools above in use, and strangers are not read any more"),
  turnMs: cap(10, "ms", "longest run of block execution before other work gets its turn"),
  roundMs: cap(
    1,
    "ms",
    "of one round of the event loop for frames and answers: Node accepts one connection of each listener in a round, so that long ones keep newcomers waiting",
  ),
  turnFrames: cap(256, "frames", "handled in one such round"),
  turnBlocks: cap(8, "blocks", "executed in one such run"),
  turnTransactions: cap(160, "transactions", "executed in one such run"),

  // Rates
  frames: rate(100, 400, "per second", "of a connection, and at once; over it reading pauses"),
  framesOurs: rate(1_000, 4_000, "per second", "of one of our own nodes"),
  unsolicitedBytes: rate(512 * KIB, 4 * MIB, "bytes per second", "that we did not ask for; over it reading pauses"),
  pings: rate(1, 10, "per second", "answered; the rest is not"),
  pingFloodPerSecond: cap(20, "per second", "PINGs (ten times as many at once) that end a connection"),
  getBlocks: rate(
    100,
    200,
    "per second",
    "answered, the newest waits. Differs: the specification says 10 (20), but a reference peer that catches up on small blocks asks some 27 times a second, and what answers cost is bounded in bytes",
  ),
  getBlocksAll: rate(
    2_000,
    2_000,
    "per second",
    "answered, of all peers together: small answers cost more work than bytes",
  ),
  givenBytes: rate(
    2 * MIB,
    4 * MIB,
    "bytes per second",
    "of blocks for one stranger: 24 bytes of question make up to 256 KiB of answer",
  ),
  givenBytesOurs: rate(
    16 * MIB,
    16 * MIB,
    "bytes per second",
    "of blocks for one of our own nodes, which take more than 10,000 transactions a second",
  ),
  givenBytesAll: rate(32 * MIB, 32 * MIB, "bytes per second", "of blocks for all peers together"),
  getPeers: rate(0.1, 3, "per second", "GETP answered; the rest is not"),
  announceTransactions: rate(20, 256, "per second", "ANNT taken; the rest is not"),
  announceBlocks: rate(2, 20, "per second", "ANNB taken; the rest is not"),
  getTransactions: rate(4, 32, "per second", "GETT answered; the rest costs points"),
  giveTransactions: rate(10, 100, "per second", "GIVT taken; the rest costs points"),
  transactionsOurs: rate(
    200,
    1_000,
    "per second",
    "of each of the three above for one of our own nodes: a peer hands on each transaction of its users at once, the bytes are bounded above",
  ),

  // Points
  "points.malformed": cap(50, "points", "a frame that cannot be read"),
  "points.unknownId": cap(20, "points", "a frame of no known type"),
  "points.beforeIntroduction": cap(20, "points", "a frame before introduction"),
  "points.forgedBlock": cap(50, "points", "a block the publisher did not sign"),
  "points.invalidBlock": cap(30, "points", "a block that breaks a rule"),
  "points.hardInvalidTransaction": cap(10, "points", "a transaction that can never be valid"),
  "points.flood": cap(1, "points", "a request over its rate"),
  pointsBan: cap(
    100,
    "points",
    "of one address: DISC 3, and its connections are refused for a while; loopback and trusted peers are only disconnected",
  ),
  pointsHalveMs: cap(10 * MINUTE, "ms", "after which points are worth half"),
  banMs: cap(60 * MINUTE, "ms", "of a ban"),
  bannedMax: cap(4_096, "addresses", "remembered with points or a ban, the oldest give way"),

  // Catching up
  blocksPerAnswer: cap(20, "blocks", "asked for and answered at once; reference"),
  blocksPerAnswerOurs: cap(128, "blocks", "the same toward our own nodes, which say so when introduced"),
  blockRequestsOutstanding: cap(6, "requests", "ahead of the answers"),
  blockRequestsWaiting: cap(
    16,
    "requests",
    "of one of our own nodes that wait to be answered, a quarter for strangers; the oldest gives way",
  ),
  remindAfterMs: cap(
    10_000,
    "ms",
    "a stranger that asks no further after an answer may have lost it: it is reminded once",
  ),
  syncBlocksMax: cap(1_024, "blocks", "received and not yet executed"),
  syncBytesMax: cap(512 * KIB, "bytes", "the same in bytes"),
  strayBlocksMax: cap(64, "blocks", "that may come unasked and ahead of their turn"),
  syncStallMs: cap(10_000, "ms", "without progress and somebody else is asked"),
  syncPrepareSignatures: cap(512, "signatures", "recovered in one batch"),
  syncPreparesOpen: cap(3, "batches", "of signatures under way"),
  syncFlushBlocks: cap(64, "blocks", "staged, worth a write while more are coming"),
  syncFlushMs: cap(50, "ms", "after which fewer are worth one too"),
  syncStagedMax: cap(256, "blocks", "staged ahead of the disk"),

  // Gossip
  transactionRetryMs: cap(10_000, "ms", "without an answer and another peer is asked for a transaction"),
  transactionsWantedMax: cap(4_096, "transactions", "announced to us and not yet here"),
  knownIdsMax: cap(4_096, "ids", "of transactions remembered per peer, either direction"),

  // Peer exchange
  pexKeepMax: cap(64, "addresses", "looked at of one GIVP, chosen at random"),
  pexPerSourceMax: cap(1_024, "addresses", "kept of one source: no single peer fills the list"),
  pexSolicitedMs: cap(30_000, "ms", "after our GETP in which an answer is expected"),
  pexUnsolicitedMs: cap(10 * MINUTE, "ms", "between answers to nothing that are looked at"),
  neverReachedMax: cap(
    4_096,
    "addresses",
    "kept that no dial of ours has ever reached; then who told most gives one up for another",
  ),
  portsPerIpMax: cap(
    16,
    "addresses",
    "of them that one IP says of itself, the newest: who dials us may announce any port, each time another",
  ),

  // Dialling
  dialMs: cap(10_000, "ms", "to connect"),
  dialSpacingMs: cap(250, "ms", "between two dials"),
  dialsAtOnceMax: cap(4, "dials", "under way"),
  backoffFirstMs: cap(2_000, "ms", "an address rests after a failure, doubled by the next"),
  backoffMaxMs: cap(MINUTE, "ms", "the longest such rest"),
  shadowMs: cap(2_000, "ms", "a second link to the same node may live before one of the two has to go"),
  handOverMs: cap(
    200,
    "ms",
    "for a reference node to notice that its old link has ended before we speak on the new one",
  ),

  // Log
  logLinesPerKind: cap(
    5,
    "lines",
    "of one kind within the window below; the rest is counted. Differs: the specification says 1, which hides the second peer at a start",
  ),
  logWindowMs: cap(10_000, "ms", "the window of the lines above"),
} as const;

type Table = typeof LIMIT_TABLE;
type Value<T> = T extends Row<infer V> ? V : never;
type PointName<K> = K extends `points.${infer Name}` ? Name : never;

/** What misbehaviour costs; `pointsBan` of them and the connection ends. */
export type Points = { readonly [K in keyof Table as PointName<K>]: number };

/** The values alone, those of misbehaviour in a table of their own. */
export type Limits = { readonly [K in keyof Table as K extends `points.${string}` ? never : K]: Value<Table[K]> } & {
  readonly points: Points;
};

export const LIMITS: Limits = Object.freeze(nest(Object.entries(LIMIT_TABLE).map(([name, row]) => [name, row.value])));

/** The name of each row with its value in `limits`, in the order of the table. */
export function limitEntries(limits: Limits): [name: keyof Table, value: number | boolean | Rate][] {
  return (Object.keys(LIMIT_TABLE) as (keyof Table)[]).map((name) => [name, limitValue(limits, name)]);
}

function limitValue(limits: Limits, name: keyof Table): number | boolean | Rate {
  return name.startsWith("points.")
    ? limits.points[name.slice("points.".length) as keyof Points]
    : limits[name as Exclude<keyof Limits, "points">];
}

/** Rows named `points.x` become one member `points`. */
function nest(rows: readonly (readonly [string, number | boolean | Rate])[]): Limits {
  const points = rows.filter(([name]) => name.startsWith("points."));
  const others = rows.filter(([name]) => !name.startsWith("points."));
  const named = points.map(([name, value]) => [name.slice("points.".length), value] as const);
  return { ...Object.fromEntries(others), points: Object.freeze(Object.fromEntries(named)) } as Limits;
}

/**
 * Reads changes to the table: `name=value` separated by commas; a rate is `perSecond/burst`, a switch true or false.
 * @returns all limits, the table's where nothing is said
 * @throws WireError P2P_LIMIT for a name that does not exist and a value that is none
 */
export function parseLimits(text: string): Limits {
  const values = new Map<string, number | boolean | Rate>(limitEntries(LIMITS));
  for (const part of text.split(",").map((item) => item.trim())) {
    if (part === "") continue;
    const [name = "", given = "", ...more] = part.split("=").map((item) => item.trim());
    const present = values.get(name);
    if (present === undefined) throw refused(name, "there is no limit of that name; docs/operating.md lists them");
    const value = more.length > 0 ? undefined : parseValue(present, given);
    if (value === undefined) throw refused(name, `${JSON.stringify(given)} is no value for it, ${example(present)} is`);
    values.set(name, value);
  }
  return Object.freeze(nest([...values]));
}

function parseValue(present: number | boolean | Rate, text: string): number | boolean | Rate | undefined {
  if (typeof present === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  if (typeof present === "number") return positive(text, /^\d+$/);
  const [perSecond, burst, ...more] = text.split("/");
  const parsed = { perSecond: positive(perSecond, /^\d+(\.\d+)?$/), burst: positive(burst, /^\d+$/) };
  if (parsed.perSecond === undefined || parsed.burst === undefined || more.length > 0) return undefined;
  return { perSecond: parsed.perSecond, burst: parsed.burst };
}

/** Nothing here may be 0: it would stop the network, and there are flags for that. */
function positive(text: string | undefined, form: RegExp): number | undefined {
  const value = Number(text);
  return text !== undefined && form.test(text) && value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

function example(value: number | boolean | Rate): string {
  return typeof value === "object" ? `${value.perSecond}/${value.burst}` : String(value);
}

function refused(name: string, why: string): WireError {
  return new WireError("P2P_LIMIT", `limit ${JSON.stringify(name)}: ${why}`, { name });
}
