import type { Socket } from "node:net";
import { concat } from "../../src/base/bytes.ts";
import { DEFAULT_VERIFY } from "../../src/chain/params.ts";
import { newTransaction, signTransaction } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { addressOf } from "../../src/cipher/address.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import type { PublicKey, SecretKey } from "../../src/cipher/keys.ts";
import { publicKeyOf } from "../../src/cipher/keys.ts";
import type { Random } from "../../src/p2p/deps.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { encode } from "../../src/p2p/messages.ts";
import { WEBSOCKET_PATH, WEBSOCKET_PROTOCOL } from "../../src/p2p/websocket.ts";
import { rawFrame } from "./p2p-wire.ts";

export type HostileDoor = "p2p" | "api" | "public";

/** What an attacker of a chain has to know of it: all of it is public. */
export interface ChainFacts {
  readonly publisherKey: PublicKey;
  readonly genesisHash: Hash;
}

/** One who means harm, on one connection: called once it stands, and then twice a second while it does. */
export interface Visit {
  readonly begin: (socket: Socket) => void;
  readonly tick?: (socket: Socket, ticks: number) => void;
  /** Never reads what the node sends. */
  readonly deaf?: boolean;
}

interface VisitContext {
  readonly words: Words;
  /** Of a node that has not been seen yet. */
  readonly introduction: Uint8Array;
}

export function visitContext(chain: ChainFacts, random: Random): VisitContext {
  const words = wordsFor(chain, random);
  return { words, introduction: renamed(words.introduction, random) };
}

export interface VisitorKind {
  readonly name: string;
  readonly door: HostileDoor;
  readonly make: (context: VisitContext) => Visit;
}

const HALF_FRAME = rawFrame("GIVT", new Uint8Array(1_000_000)).subarray(0, 500_000);
const BODY = new Uint8Array(262_000).fill(0x20);
const NESTED = new Uint8Array(100_000).fill(0x5b);

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const head = (...lines: string[]): Uint8Array => text(`${lines.join("\r\n")}\r\n\r\n`);

/** What attackers say, made once for all of them: making it is not what is measured. */
interface Words {
  readonly garbage: Uint8Array;
  readonly introduction: Uint8Array;
  readonly foreignIntroduction: Uint8Array;
  readonly brokenIntroduction: Uint8Array;
  /** Signed for real, of outputs that never were. */
  readonly invalidTransactions: Uint8Array;
  /** Everything that costs a node something. */
  readonly flood: Uint8Array;
  readonly requests: Uint8Array;
}

let known: Words | undefined;

function wordsFor(chain: ChainFacts, random: Random): Words {
  known ??= makeWords(chain, random);
  return known;
}

function makeWords({ publisherKey, genesisHash }: ChainFacts, random: Random): Words {
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.u32() & 255);
  const hash = () => bytes(32) as Hash;
  const introduction = (genesis: Hash): Uint8Array => {
    const identity = { mirror: 0, listenPort: 6000, publisherKey, genesisHash: genesis, verify: DEFAULT_VERIFY };
    return encode.introduction(introductionOf({ ...identity, userAgent: "skycoin:0.27.1" }));
  };
  const secret = bytes(32) as SecretKey;
  const address = addressOf(publicKeyOf(secret));
  const transactions = Array.from({ length: 16 }, () => {
    const unsigned = newTransaction([hash()], [{ address, coins: 1_000_000n as Droplets, hours: 1n as Hours }]);
    return signTransaction(unsigned, [secret]);
  });
  const ids = Array.from({ length: 16 }, hash);
  const requests = (count: number) => concat(...Array.from({ length: count }, () => encode.getBlocks(0, 20)));
  const invalidTransactions = encode.transactions(transactions);
  return {
    garbage: bytes(4_096),
    introduction: introduction(genesisHash),
    foreignIntroduction: introduction(hash()),
    brokenIntroduction: rawFrame("INTR", bytes(200)),
    invalidTransactions,
    flood: concat(
      requests(10),
      encode.txids("ANNT", ids),
      encode.txids("GETT", ids),
      invalidTransactions,
      encode.announceBlocks(random.u32()),
      encode.empty("GETP"),
      encode.empty("PING"),
    ),
    requests: requests(50),
  };
}

const MIRROR_AT = 8;

/** The same for another node. */
function renamed(introduction: Uint8Array, random: Random): Uint8Array {
  const copy = introduction.slice();
  new DataView(copy.buffer).setUint32(MIRROR_AT, random.u32(), true);
  return copy;
}

/** One binary message of a client; the mask is all zeros, so that the frame is seen as it is. */
function webSocketMessage(payload: Uint8Array, opcode = 2): Uint8Array {
  const short = payload.length < 126;
  const header = new Uint8Array(short ? 6 : 8);
  header[0] = 0x80 | opcode;
  header[1] = 0x80 | (short ? payload.length : 126);
  if (!short) new DataView(header.buffer).setUint16(2, payload.length);
  return concat(header, payload);
}

const UPGRADE = head(
  `GET ${WEBSOCKET_PATH} HTTP/1.1`,
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  `Sec-WebSocket-Protocol: ${WEBSOCKET_PROTOCOL}`,
);

export const PEER_KINDS: readonly VisitorKind[] = [
  { name: "silent", door: "p2p", make: () => ({ begin: () => {} }) },
  {
    name: "one byte at a time",
    door: "p2p",
    make: ({ words }) => ({
      begin: () => {},
      tick: (socket, ticks) => void socket.write(words.introduction.subarray(ticks, ticks + 1)),
    }),
  },
  {
    name: "garbage",
    door: "p2p",
    make: ({ words }) => ({ begin: (socket) => void socket.write(words.garbage) }),
  },
  {
    name: "length of 4 GB",
    door: "p2p",
    make: () => ({ begin: (socket) => void socket.write(concat(Uint8Array.of(255, 255, 255, 255), text("GIVB"))) }),
  },
  {
    name: "foreign introduction",
    door: "p2p",
    make: ({ words }) => ({ begin: (socket) => void socket.write(words.foreignIntroduction) }),
  },
  {
    name: "broken introduction",
    door: "p2p",
    make: ({ words }) => ({ begin: (socket) => void socket.write(words.brokenIntroduction) }),
  },
  { name: "half-open", door: "p2p", make: () => ({ begin: (socket) => void socket.end() }) },
  {
    name: "gone at once",
    door: "p2p",
    make: () => ({ begin: (socket) => void socket.resetAndDestroy() }),
  },
  {
    name: "flood",
    door: "p2p",
    make: ({ words, introduction }) => ({
      begin: (socket) => void socket.write(introduction),
      tick: (socket) => void (socket.writableLength < 262_144 && socket.write(words.flood)),
    }),
  },
  {
    name: "asks and does not read",
    door: "p2p",
    make: ({ words, introduction }) => ({
      deaf: true,
      begin: (socket) => void socket.write(introduction),
      tick: (socket) => void (socket.writableLength < 65_536 && socket.write(words.requests)),
    }),
  },
  {
    name: "half a large frame",
    door: "p2p",
    make: ({ introduction }) => ({
      begin: (socket) => {
        socket.write(introduction);
        socket.write(HALF_FRAME);
      },
    }),
  },
];

export const WEBSOCKET_KINDS: readonly VisitorKind[] = [
  { name: "silent after the upgrade", door: "public", make: () => ({ begin: (socket) => void socket.write(UPGRADE) }) },
  {
    name: "slow upgrade",
    door: "public",
    make: () => ({
      begin: () => {},
      tick: (socket, ticks) => void socket.write(UPGRADE.subarray(ticks, ticks + 1)),
    }),
  },
  {
    name: "text after the upgrade",
    door: "public",
    make: () => ({
      begin: (socket) => void socket.write(UPGRADE),
      tick: (socket, ticks) => void (ticks === 1 && socket.write(webSocketMessage(text("hello"), 1))),
    }),
  },
  {
    name: "flood over WebSocket",
    door: "public",
    make: ({ words, introduction }) => ({
      begin: (socket) => void socket.write(UPGRADE),
      tick: (socket, ticks) => {
        if (ticks === 1) socket.write(webSocketMessage(introduction));
        else if (ticks > 1 && socket.writableLength < 262_144) {
          for (let i = 0; i < 20; i++) socket.write(webSocketMessage(encode.getBlocks(0, 20)));
          socket.write(webSocketMessage(words.invalidTransactions));
        }
      },
    }),
  },
];

/** The same against either listener, the private one or that for strangers. */
export function httpKinds(door: HostileDoor, port: number): readonly VisitorKind[] {
  const host = `Host: 127.0.0.1:${port}`;
  const once = (name: string, bytes: Uint8Array): VisitorKind => ({
    ...{ name, door },
    make: () => ({ begin: (socket) => void socket.write(bytes) }),
  });
  const post = (path: string, ...lines: string[]): Uint8Array =>
    head(`POST ${path} HTTP/1.1`, host, "Content-Type: application/json", ...lines);
  return [
    { name: "silent", door, make: () => ({ begin: () => {} }) },
    {
      name: "slow header",
      door,
      make: () => ({
        begin: (socket) => void socket.write(`GET /api/v1/health HTTP/1.1\r\n${host}\r\n`),
        tick: (socket, ticks) => void socket.write(`X-${ticks}: a\r\n`),
      }),
    },
    {
      name: "slow body",
      door,
      make: () => ({
        begin: (socket) => void socket.write(post("/api/v1/injectTransaction", "Content-Length: 100000")),
        tick: (socket) => void socket.write(" "),
      }),
    },
    {
      name: "large body that never ends",
      door,
      make: () => ({
        begin: (socket) => {
          socket.write(post("/api/v1/injectTransaction", "Content-Length: 262144"));
          socket.write(BODY);
        },
      }),
    },
    once("oversized body", post("/api/v1/injectTransaction", "Content-Length: 1000000000")),
    once("deeply nested body", concat(post("/api/v2/transaction", `Content-Length: ${NESTED.length}`), NESTED)),
    once("endless header", text(`GET / HTTP/1.1\r\n${host}\r\nX: ${"x".repeat(100_000)}`)),
    once("garbage", text("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\r\n\r\n")),
    once("foreign name as Host", head("GET /api/v1/wallets HTTP/1.1", "Host: evil.example")),
    once(
      "foreign Origin",
      head("GET /api/v1/wallets HTTP/1.1", host, "Origin: https://evil.example", "Connection: close"),
    ),
    once(
      "wrong password",
      head("GET /api/v1/health HTTP/1.1", host, "Authorization: Basic dTp3cm9uZw==", "Connection: close"),
    ),
    {
      name: "asks for much and does not read",
      door,
      make: () => ({
        deaf: true,
        begin: (socket) => void socket.write(head("GET /api/v1/last_blocks?num=256 HTTP/1.1", host)),
        tick: (socket) =>
          void (socket.writableLength < 65_536 && socket.write(head("GET /api/v1/last_blocks?num=256 HTTP/1.1", host))),
      }),
    },
  ];
}
