import assert from "node:assert/strict";
import { FormValues } from "../../src/api/form.ts";
import { decodeGoJson } from "../../src/api/go-json.ts";
import { CreateTransactionRequest } from "../../src/api/spend-request.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import { CoinError } from "../../src/base/errors.ts";
import { decodeSignedBlock, encodeSignedBlock } from "../../src/chain/block.ts";
import { checkShape } from "../../src/chain/check-transaction.ts";
import { formatDroplets, parseDroplets } from "../../src/chain/droplet.ts";
import { makeReceipt, verifyReceipt } from "../../src/chain/receipt.ts";
import { decodeTransaction, encodeTransaction, transactionSize, txid } from "../../src/chain/transaction.ts";
import { decodeUxOut, encodeUxOut } from "../../src/chain/uxout.ts";
import { decodeAddress, encodeAddress } from "../../src/cipher/address.ts";
import { formatExtendedKey, parseExtendedPublicKey } from "../../src/cipher/bip32.ts";
import { parseFiberConfig } from "../../src/config/fiber-toml.ts";
import { editToml } from "../../src/config/fiber-write.ts";
import { parseGenesisFile } from "../../src/config/genesis-file.ts";
import { parseGenesisWallet } from "../../src/config/genesis-wallet.ts";
import { parseGoDuration } from "../../src/config/go-duration.ts";
import { parseLoginClients } from "../../src/config/login-clients.ts";
import { FrameSplitter } from "../../src/p2p/frame.ts";
import { decodeMessage, encode, type MessageId } from "../../src/p2p/messages.ts";
import { formatUserAgent, parseUserAgent, sanitizeUserAgent } from "../../src/p2p/user-agent.ts";
import { parseWallet, serializeWallet } from "../../src/wallet/document.ts";
import { alice, bob, type Coin, out, publisher, spend, TestChain } from "../support/chain.ts";
import { encodeMessage } from "../support/p2p-wire.ts";
import { EDGE_TARGETS } from "./edge-targets.ts";
import { attempt, type FuzzTarget } from "./engine.ts";
import { blockBytes as anyBlock, makeMessage, transactionBytes } from "./grammar.ts";

const text = new TextEncoder();
const bytesOf = (...lines: readonly string[]): Uint8Array => text.encode(lines.join("\n"));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const words = (...list: readonly string[]): Uint8Array[] => list.map((word) => text.encode(word));

const chain = await TestChain.open();
const [first, second] = (await chain.fund(alice, 2)) as [Coin, Coin];
const payment = spend([first, second], [out(bob, first.ux.body.coins, 5n), out(alice, second.ux.body.coins, 7n)]);
const block = await chain.add([payment]);
const blockBytes = encodeSignedBlock(block);
const IDS = words(
  "INTR",
  "GETP",
  "GIVP",
  "PING",
  "PONG",
  "GETB",
  "GIVB",
  "ANNB",
  "GETT",
  "GIVT",
  "ANNT",
  "DISC",
  "RJCT",
);

const frames: FuzzTarget = {
  name: "frames",
  seeds: [
    Buffer.concat([encode.empty("PING"), encode.getBlocks(5, 20), encode.announceBlocks(9)]),
    Buffer.concat([encode.transactions([payment]), encode.blocks([blockBytes]), encode.disconnect(7)]),
  ],
  words: IDS,
  run(input) {
    // However the stream is cut, the same frames come out, and it breaks or not at the same place.
    assert.deepEqual(framesOf(input, 1 + ((input[0] ?? 0) % 61)), framesOf(input, input.length + 1));
  },
};

function framesOf(stream: Uint8Array, chunk: number): { readonly frames: string[]; readonly broken: string } {
  const splitter = new FrameSplitter();
  const frames: string[] = [];
  try {
    for (let at = 0; at < stream.length; at += chunk) {
      for (const frame of splitter.push(stream.subarray(at, at + chunk)))
        frames.push(Buffer.from(frame).toString("hex"));
    }
  } catch (error) {
    if (!(error instanceof CoinError)) throw error;
    return { frames, broken: error.code };
  }
  return { frames, broken: "" };
}

/** These may carry more than is kept of them, so they have no one form. */
const KEPT_IN_PART: ReadonlySet<MessageId> = new Set(["INTR", "GETB", "ANNB", "DISC"]);

const messages: FuzzTarget = {
  name: "messages",
  seeds: [
    encode.introduction({ mirror: 1, listenPort: 6000, protocolVersion: 2, extra: new Uint8Array(90) }),
    encode.introduction({ mirror: 1, listenPort: 6000, protocolVersion: 2, extra: new Uint8Array(0) }),
    encode.peers([{ ip: "127.0.0.1", port: 6000 }]),
    encode.getBlocks(1, 20),
    encode.blocks([blockBytes]),
    encode.announceBlocks(3),
    encode.txids("GETT", [txid(payment)]),
    encode.txids("ANNT", [txid(payment), block.header.prevHash]),
    encode.transactions([payment]),
    encode.disconnect(5),
    encode.empty("PONG"),
  ],
  words: IDS,
  make: makeMessage,
  run(input) {
    if (input.length < 8) return;
    const message = decodeMessage(input);
    if (KEPT_IN_PART.has(message.id)) return;
    const again = encodeMessage(message);
    assert.ok(equalBytes(again.subarray(4), input.subarray(4)), `${message.id} reads as another`);
  },
};

const transactions: FuzzTarget = {
  name: "transactions",
  seeds: [encodeTransaction(payment)],
  make: transactionBytes,
  run(input) {
    const txn = decodeTransaction(input);
    assert.ok(equalBytes(encodeTransaction(txn), input), "one value, one form");
    assert.equal(transactionSize(txn), input.length);
    assert.equal(txid(txn).length, 32);
    checkShape(txn);
  },
};

const blocks: FuzzTarget = {
  name: "blocks",
  seeds: [blockBytes, encodeSignedBlock(chain.chain.genesis)],
  make: anyBlock,
  run(input) {
    assert.ok(equalBytes(encodeSignedBlock(decodeSignedBlock(input)), input), "one value, one form");
  },
};

const outputs: FuzzTarget = {
  name: "outputs",
  seeds: [encodeUxOut(first.ux)],
  run(input) {
    assert.ok(equalBytes(encodeUxOut(decodeUxOut(input)), input), "one value, one form");
  },
};

const receipts: FuzzTarget = {
  name: "receipts",
  json: true,
  seeds: [bytesOf(JSON.stringify(makeReceipt(block, 0)))],
  run(input) {
    let receipt: unknown;
    try {
      receipt = JSON.parse(textOf(input));
    } catch {
      return;
    }
    const content = verifyReceipt(receipt, publisher.public);
    // Every block whose signature is known here, those behind kept inputs too, holds one transaction.
    assert.ok(equalBytes(content.txid, content.header.bodyHash), "a changed receipt proves another transaction");
  },
};

const TEXTS = ["2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6", "1.000001", "1e6", "5s", "1h2m0.5s", "skycoin:0.27.1(a b)"];
const XPUB =
  "xpub6EqqWfTLqEwSZtw3VzmTXjD1TiRQTaEbygGidA1879WFuTRqAPPDLN9wTGre6La4jooj6NojdRgkEwLCLT2GrHc7oLcc5qY9Nmp4CcdHb4W";
const texts: FuzzTarget = {
  name: "texts",
  seeds: [...TEXTS, XPUB, encodeAddress(alice.address)].map((each) => bytesOf(each)),
  words: words("e", "-", ".", "0", "9999999999", "ms", "(", ")", "xpub"),
  run(input) {
    const given = textOf(input);
    const address = attempt(() => decodeAddress(given));
    if (address !== undefined) assert.equal(encodeAddress(address), given);
    const droplets = attempt(() => parseDroplets(given));
    if (droplets !== undefined) assert.equal(parseDroplets(formatDroplets(droplets)), droplets);
    const key = attempt(() => parseExtendedPublicKey(given));
    if (key !== undefined) assert.equal(formatExtendedKey(key), given);
    const agent = attempt(() => parseUserAgent(sanitizeUserAgent(input)));
    if (agent !== undefined) assert.deepEqual(parseUserAgent(formatUserAgent(agent)), agent);
    parseGoDuration(given);
  },
};

const FIBER = bytesOf(
  "# a coin",
  "[node]",
  'genesis_signature_str = ""',
  `genesis_address_str = "${encodeAddress(alice.address)}" # whose`,
  'blockchain_pubkey_str = ""',
  "genesis_timestamp = 1600000000",
  "genesis_coin_volume = 1000000000",
  'default_connections = ["127.0.0.1:6002"]',
  "port = 6001",
  "[params]",
  "max_coin_supply = 1000",
  `distribution_addresses = ["${encodeAddress(bob.address)}"]`,
);
const identity = { address: "A".repeat(34), publicKey: "b".repeat(66), signature: "c".repeat(130) };
const fiberToml: FuzzTarget = {
  name: "fiber-toml",
  seeds: [FIBER],
  words: words(
    "[node]",
    "[params]",
    '"""',
    "'''",
    "#",
    "=",
    "\n",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "genesis_signature_str",
    "1_0",
    "0x1",
  ),
  run(input) {
    const given = textOf(input);
    parseFiberConfig(given, "toml");
    // What is written back is read again, and nothing but the identity has changed.
    const before = parseFiberConfig(given, "toml");
    const edited = attempt(() => editToml(given, identity as never));
    if (edited !== undefined) assert.deepEqual(parseFiberConfig(edited, "toml").params, before.params);
  },
};

const documents: FuzzTarget = {
  name: "config-documents",
  json: true,
  seeds: [
    bytesOf('[clients.rewards]\nname = "Rewards"\nredirect_uris = ["https://example.org/back"]'),
    bytesOf('{"format":"loginchain-genesis-1","node":{},"params":{}}'),
    bytesOf('{"meta":{"type":"deterministic"},"entries":[{"address":"","public_key":"","secret_key":""}]}'),
  ],
  words: words('"', "{", "}", "[", "]", ":", ",", "null", "1e999", "webhooks", "secret_sha256", "\\u0000"),
  run(input) {
    const given = textOf(input);
    attempt(() => parseLoginClients(given));
    attempt(() => parseGenesisFile(given));
    attempt(() => parseGenesisWallet(given));
  },
};

const META = {
  ...{
    coin: "skycoin",
    filename: "a.wlt",
    label: "a",
    lastSeed: "x",
    seed: "seed",
    encrypted: "false",
    version: "0.4",
  },
  ...{ tm: "1", type: "deterministic", secrets: "", cryptoType: "", seedPassphrase: "" },
};
const { secret, public: publicKey, address } = alice;
const ENTRY = {
  address: encodeAddress(address),
  public_key: Buffer.from(publicKey).toString("hex"),
  secret_key: Buffer.from(secret).toString("hex"),
};
const wallets: FuzzTarget = {
  name: "wallets",
  json: true,
  seeds: [
    bytesOf(JSON.stringify({ meta: META, entries: [ENTRY] })),
    bytesOf(JSON.stringify({ meta: { ...META, type: "collection", seed: "" }, entries: [ENTRY] })),
    bytesOf(JSON.stringify({ meta: { ...META, type: "bip44", bip44Coin: "8000" }, accounts: [] })),
    bytesOf(JSON.stringify({ meta: { ...META, type: "xpub", xpub: XPUB }, entries: [] })),
  ],
  words: words(
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "bip44",
    "xpub",
    "collection",
    "entries",
    "accounts",
    "chains",
    "1e30",
  ),
  run(input) {
    const wallet = parseWallet(textOf(input), "a.wlt");
    if (wallet === undefined) return;
    const written = serializeWallet(wallet);
    const again = parseWallet(written, "a.wlt");
    assert.ok(again !== undefined);
    assert.equal(serializeWallet(again), written, "what is written is read as the same");
  },
};

const SPEND = {
  ...{ ignore_unconfirmed: true, hours_selection: { type: "auto", mode: "share", share_factor: "0.5" } },
  ...{ to: [{ address: ENTRY.address, coins: "1.5", hours: "2" }], unspents: [], addresses: [ENTRY.address] },
};
const json: FuzzTarget = {
  name: "json-bodies",
  json: true,
  seeds: [bytesOf(JSON.stringify(SPEND)), bytesOf('{"to":null,"TO":[],"x":[1,2.5e3,-0,"\\ud83d\\ude00"]}')],
  words: words("null", "true", '"', "\\u", "\\ud800", "1e400", "-0", "{", "}", "[", "[[[[[[[[", ",", ":", "\u0000"),
  run(input) {
    const read = decodeGoJson(input, CreateTransactionRequest);
    assert.ok(Array.isArray(read.to) && Array.isArray(read.addresses));
  },
};

const forms: FuzzTarget = {
  name: "forms",
  seeds: [
    bytesOf("addrs=a,b&verbose=1&x=%41+%zz;y=2"),
    bytesOf('--b\r\nContent-Disposition: form-data; name="addrs"\r\n\r\nvalue\r\n--b--\r\n'),
  ],
  words: words("%", "&", "=", ";", "+", "--b", "\r\n", "name="),
  run(input) {
    const query = textOf(input);
    for (const contentType of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]) {
      assert.equal(typeof new FormValues({ method: "POST", query, contentType, body: input }).get("addrs"), "string");
    }
  },
};

export const TARGETS: readonly FuzzTarget[] = [
  ...[frames, messages, transactions, blocks, outputs, receipts, texts],
  ...[fiberToml, documents, wallets, json, forms],
  ...EDGE_TARGETS,
];
