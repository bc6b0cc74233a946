import assert from "node:assert/strict";
import { isIP } from "node:net";
import { isAuthorized } from "../../src/api/basic-auth.ts";
import { cleanedTarget, redirectPage } from "../../src/api/clean-path.ts";
import { actualHeaders, preflightHeaders } from "../../src/api/cors.ts";
import { FormValues, splitList } from "../../src/api/form.ts";
import { goQuote, parseBool, parseInteger, parseUint } from "../../src/api/go-text.ts";
import { urlHost } from "../../src/api/host-check.ts";
import { parseAddresses, parseHashes } from "../../src/api/parameters.ts";
import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { blockHash, encodeSignedBlock } from "../../src/chain/block.ts";
import { type Transaction, transactionSize, txid } from "../../src/chain/transaction.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import { checkPeerAddress as checkConfigured } from "../../src/config/peers.ts";
import { checkPeerAddress } from "../../src/p2p/address.ts";
import type { Random } from "../../src/p2p/deps.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { decodeMessage, encode, LIST_MAX } from "../../src/p2p/messages.ts";
import { PeerBook } from "../../src/p2p/peer-book.ts";
import { TrustedProxies } from "../../src/p2p/trusted-proxies.ts";
import { isPublicAddress } from "../../src/webhooks/address-guard.ts";
import { alice } from "../support/chain.ts";
import { type ReadBlock, readBlocks } from "../support/independent-client.ts";
import { rawFrame } from "../support/p2p-wire.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { attempt, type FuzzTarget } from "./engine.ts";
import { makeBlock, makeTarget } from "./grammar.ts";
import { below } from "./mutate.ts";

const text = new TextEncoder();
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const words = (...list: readonly string[]): Uint8Array[] => list.map((word) => text.encode(word));

/** What a reader written from the description alone makes of the same bytes. */
const twoReaders: FuzzTarget = {
  name: "two-readers",
  seeds: [1, 2].map((seed) => blocksBody(seededRandom(seed))),
  make: blocksBody,
  run(body) {
    const frame = rawFrame("GIVB", body);
    const message = attempt(() => decodeMessage(frame));
    const theirs = independently(Buffer.from(body));
    if (message?.id !== "GIVB") {
      // What we refuse and it reads is beyond a bound that it does not have.
      const isBeyond = (block: ReadBlock) => [4, 12].some((at) => block.header.readUInt32LE(at + 4) >= 0x20_0000);
      assert.ok(theirs === undefined || theirs.length > LIST_MAX.GIVB || theirs.some(isBeyond), "refused by us alone");
      return;
    }
    // The length a transaction claims is a rule for us, and none of the codec's.
    const isTrue = (txn: Transaction) => txn.length === transactionSize(txn);
    if (theirs === undefined) {
      assert.ok(!message.blocks.every(({ transactions }) => transactions.every(isTrue)), "read by us alone");
      return;
    }
    const facts = (hash: Uint8Array, txids: readonly Uint8Array[], sig: Uint8Array) =>
      [hash, ...txids, sig].map(toHex).join(" ");
    assert.deepEqual(
      theirs.map(({ hash, txids, signature }) => facts(hash, txids, signature)),
      message.blocks.map((block) => facts(blockHash(block), block.transactions.map(txid), block.sig)),
    );
  },
};

function blocksBody(random: Random): Uint8Array {
  const blocks = Array.from({ length: below(random, 3) }, () => encodeSignedBlock(makeBlock(random)));
  return encode.blocks(blocks).subarray(8);
}

function independently(body: Buffer): ReadBlock[] | undefined {
  try {
    return readBlocks(body);
  } catch {
    return undefined;
  }
}

const VALUES = [
  ...[encodeAddress(alice.address), "a".repeat(64), "0", "1", "true", "-1", "99999999999999999999", "1e3", ""],
  ...["\u0000", "\t", "\u3000", "é", "%", "%zz", ",", "asc", "localhost:6420", "[::1]:80", "//evil.example"],
];
const queries: FuzzTarget = {
  name: "queries",
  seeds: [Buffer.from(`/api/v1/balance?addrs=${encodeAddress(alice.address)},b&verbose=1`)],
  words: words("%2F", "/../", "//", "/./", "%00", "?", "&", "=", ";", "#", "%c0%af"),
  make: (random) => makeTarget(random, VALUES),
  run(input) {
    const target = Buffer.from(input).toString("latin1"); // as Node hands it over
    const cleaned = attempt(() => cleanedTarget(target));
    if (cleaned !== undefined) {
      assert.match(cleaned, /^\/(?![/\\])/, "a redirect stays on this host");
      assert.equal(cleanedTarget(cleaned), undefined, "a redirect leads to where none is needed");
      assert.doesNotMatch(redirectPage(cleaned), /<(?!\/?a)/);
    }
    const query = target.slice(target.indexOf("?") + 1);
    const form = new FormValues({ method: "GET", query, contentType: "", body: new Uint8Array(0) });
    for (const name of ["addrs", "hashes", "verbose", "limit", "n"]) readValue(form.get(name));
  },
};

/** As every parameter of every type. */
function readValue(value: string): void {
  for (const read of [parseUint, parseInteger, parseBool, parseAddresses, parseHashes]) attempt(() => read(value));
  assert.equal(splitList(splitList(value).join(",")).join(), splitList(value).join());
  assert.doesNotMatch(goQuote(value), /\p{Cc}/u);
}

const headers: FuzzTarget = {
  name: "headers",
  seeds: [
    ...["http://127.0.0.1:6420/x?y#z", "https://user@[::1]:80", "Basic YTpi", "X-CSRF-Token, content-type"],
    ...["10.1.2.3, [2001:db8::1]:443", "::ffff:10.0.0.1", "fe80::1%eth0", "203.0.113.9:80"],
  ].map((value) => text.encode(value)),
  words: words(
    "://",
    "@",
    "[",
    "]",
    ":",
    "%25",
    "Basic ",
    "==",
    ", ",
    "::",
    "::ffff:",
    "\u0000",
    "127.0.0.1",
    "/",
    "%1",
  ),
  run(input) {
    const value = Buffer.from(input).toString("latin1");
    for (const each of [value, value.toLowerCase()]) assert.notEqual(urlHost(each), null);
    assert.equal(isAuthorized(value, { username: "nobody", password: "c5f2" }), false);
    const origins = new Set(["http://127.0.0.1:6420"]);
    for (const method of ["OPTIONS", "GET"]) {
      const question = { method, origin: value, requestMethod: value, requestHeaders: value };
      const given = { ...preflightHeaders(question, origins), ...actualHeaders(question, origins) };
      const allowed = (given as Record<string, string>)["access-control-allow-origin"];
      if (allowed !== undefined) assert.ok(origins.has(allowed.toLowerCase()));
    }
    // Nobody is told to be a proxy of ours by what a stranger wrote, and what is no address stays out.
    assert.notEqual(isIP(proxies.clientIp("10.0.0.1", value)), 0);
    assert.equal(proxies.clientIp("198.51.100.7", value), "198.51.100.7");
    attempt(() => new TrustedProxies([value]));
    if (isPublicAddress(value)) assert.notEqual(isIP(value), 0);
  },
};
const proxies = new TrustedProxies(["10.0.0.0/8", "::1"]);

const peersFile: FuzzTarget = {
  name: "peers-files",
  json: true,
  seeds: [
    '{"1.2.3.4:6000":{"Addr":"1.2.3.4:6000","LastSeen":1500000000,"Private":false,"Trusted":true,"HasIncomePort":true}}',
    '{"1.2.3.4:6000":{"Addr":"1.2.3.4:6000","LastSeen":"1700000000","HasIncomingPort":true,"UserAgent":"a","Chain":"ours"}}',
  ].map((file) => text.encode(file)),
  words: words("1.2.3.4:6000", "Chain", "LastSeen", "1e400", "9".repeat(20), "127.0.0.1:6000", "null"),
  run(input) {
    const given = textOf(input);
    const book = bookOf(given);
    assert.ok(book.size <= BOOK_MAX);
    // Who has its peers from there on writes them as they were.
    const written = book.serialize();
    assert.equal(bookOf(written).serialize(), written);
  },
};
const BOOK_MAX = 3;

function bookOf(file: string): PeerBook {
  const options = { sizeMax: BOOK_MAX, chain: "ours", limits: LIMITS, allowLoopback: false };
  const book = new PeerBook(options, { clock: new VirtualClock(), random: seededRandom(1), log: silentLogger });
  book.load(file);
  return book;
}

/** The configuration and the peer list judge an address alike. */
const peerAddresses: FuzzTarget = {
  name: "peer-addresses",
  seeds: ["1.2.3.4:6000", "127.0.0.1:6000", " 224.0.0.1 : 1024", "169.254.0.1:1023", "1.2.3.4:006000"].map((each) =>
    text.encode(each),
  ),
  words: words(".", ":", "0", "255", "65535", "00", "\u3000", "-1", "+1", "::ffff:"),
  run(input) {
    for (const allowLoopback of [true, false]) {
      const [stored, configured] = [checkPeerAddress, checkConfigured].map((check) =>
        attempt(() => check(textOf(input), { allowLoopback })),
      );
      assert.equal(configured, stored);
    }
  },
};

/** Doors of the HTTP API, of the peer list, and the wire as a second reader sees it. */
export const EDGE_TARGETS: readonly FuzzTarget[] = [twoReaders, queries, headers, peersFile, peerAddresses];
