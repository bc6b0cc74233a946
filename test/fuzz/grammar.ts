import { encodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
import { computeInnerHash, encodeTransaction, type Transaction, transactionSize } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import type { Address } from "../../src/cipher/address.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import type { Signature } from "../../src/cipher/sign.ts";
import type { Random } from "../../src/p2p/deps.ts";
import { encode } from "../../src/p2p/messages.ts";
import { below, EDGES } from "./mutate.ts";

// Values that are well formed, with everything in them left to chance: they pass the checks of lengths, counts and
// inner hashes, behind which damaged bytes seldom come.

const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)] as T;
const many = <T>(random: Random, max: number, make: () => T): T[] =>
  Array.from({ length: below(random, max + 1) }, make);
const chanceBytes = (random: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => random.u32() & 0xff);
const edge = (random: Random): bigint => pick(random, EDGES);
/** What reads as itself: heights and times above 2^53-1 are refused or read as that. */
const size = (random: Random): number => Number(edge(random) & 0x1f_ffff_ffff_ffffn);

export function makeTransaction(random: Random): Transaction {
  const inputs = many(random, 4, () => chanceBytes(random, 32) as Hash);
  const signed = below(random, 4) > 0 ? inputs.length : below(random, 5);
  const bare = {
    ...{ length: 0, type: below(random, 4) > 0 ? 0 : below(random, 256), innerHash: new Uint8Array(32) as Hash },
    ...{ sigs: Array.from({ length: signed }, () => chanceBytes(random, 65) as Signature), inputs },
    outputs: many(random, 4, () => ({
      address: chanceBytes(random, 21) as Address,
      coins: (below(random, 2) === 0 ? edge(random) : 1_000_000n * BigInt(below(random, 100))) as Droplets,
      hours: edge(random) as Hours,
    })),
  };
  // A value of its own each time: what is remembered of one must not be taken for the next.
  const length = below(random, 8) > 0 ? transactionSize(bare) : random.u32();
  const innerHash = below(random, 8) > 0 ? computeInnerHash({ ...bare }) : bare.innerHash;
  return { ...bare, length, innerHash };
}

export function makeBlock(random: Random): SignedBlock {
  return {
    header: {
      ...{ version: random.u32(), time: size(random), seq: size(random), fee: edge(random) as Hours },
      prevHash: chanceBytes(random, 32) as Hash,
      bodyHash: chanceBytes(random, 32) as Hash,
      uxHash: chanceBytes(random, 32) as Hash,
    },
    transactions: many(random, 3, () => makeTransaction(random)),
    sig: chanceBytes(random, 65) as Signature,
  };
}

export function makeMessage(random: Random): Uint8Array {
  const hashes = () => many(random, 8, () => chanceBytes(random, 32) as Hash);
  switch (below(random, 9)) {
    case 0:
      return encode.introduction({
        ...{ mirror: random.u32(), listenPort: random.u32() & 0xffff, protocolVersion: below(random, 4) },
        extra: chanceBytes(random, below(random, 120)),
      });
    case 1:
      return encode.peers(
        many(random, 9, () => ({ ip: chanceBytes(random, 4).join("."), port: random.u32() & 0xffff })),
      );
    case 2:
      return encode.getBlocks(size(random), size(random));
    case 3:
      return encode.blocks(many(random, 3, () => encodeSignedBlock(makeBlock(random))));
    case 4:
      return encode.announceBlocks(size(random));
    case 5:
      return encode.txids(pick(random, ["GETT", "ANNT"]), hashes());
    case 6:
      return encode.transactions(many(random, 4, () => makeTransaction(random)));
    case 7:
      return encode.disconnect(random.u32() & 0xffff);
    default:
      return encode.empty(pick(random, ["GETP", "PING", "PONG"]));
  }
}

export const transactionBytes = (random: Random): Uint8Array => encodeTransaction(makeTransaction(random));
export const blockBytes = (random: Random): Uint8Array => encodeSignedBlock(makeBlock(random));

const SCALARS = [null, true, false, 0, -0, -1, 1, 0.5, 1e300, 2 ** 53, 4294967296, "", "0", "-1", "true", "null"];
const TEXTS = [
  "\u0000",
  "__proto__",
  "constructor",
  "9".repeat(40),
  "\ud800",
  "é".repeat(20),
  "0x10",
  "1e3",
  " ",
  "{}",
];
const DEPTH_MAX = 40;

/** A changed copy of a JSON text: members dropped, doubled, exchanged, of another type, deep; not JSON: as it is. */
export function mutateJson(from: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const [root, donor] = [read(from), read(other)];
  if (root === undefined) return from;
  const box: Record<string, unknown> = { root };
  for (let steps = 1 + below(random, 4); steps > 0; steps--) changeOne(box, donor, random);
  return new TextEncoder().encode(JSON.stringify(box.root) ?? "");
}

function read(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

function changeOne(box: Record<string, unknown>, donor: unknown, random: Random): void {
  const [parent, key] = pick(random, placesIn(box));
  const target = parent as Record<string, unknown>;
  const value = target[key];
  switch (below(random, 7)) {
    case 0:
      target[key] = pick(random, [...SCALARS, ...TEXTS]);
      break;
    case 1:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else if (parent !== box) delete target[key];
      break;
    case 2:
      target[key] = pick<unknown>(random, [{}, [], [value], { [key]: value }, [value, value]]);
      break;
    case 3: {
      const [from, at] = pick(random, placesIn({ donor }));
      target[key] = structuredClone((from as Record<string, unknown>)[at]);
      break;
    }
    case 4: {
      const name = pick(random, [key.toUpperCase(), `${key} `, ...TEXTS]);
      if (parent !== box && !Array.isArray(parent)) setOwn(parent, name, value);
      break;
    }
    case 5:
      target[key] = typeof value === "string" ? value.slice(below(random, value.length + 1)) : `${value}`;
      break;
    default:
      for (let depth = below(random, DEPTH_MAX); depth > 0; depth--) target[key] = [target[key]];
  }
}

/** `__proto__` too, as JSON.parse makes it. */
function setOwn(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Every member there is, as what holds it and its name. */
function placesIn(root: Record<string, unknown>): [object, string][] {
  const places: [object, string][] = [];
  const visit = (holder: object): void => {
    for (const [key, value] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof value === "object" && value !== null && places.length < 500) visit(value as object);
    }
  };
  visit(root);
  return places;
}

const NAMES = ["addrs", "hashes", "verbose", "page", "limit", "sort", "start", "end", "seqs", "n", "txid", "coin"];

/** A request target: a path of the API or something like it, and a query of plausible and implausible values. */
export function makeTarget(random: Random, values: readonly string[]): Uint8Array {
  const segment = () => pick(random, ["api", "v1", "v2", "balance", "..", ".", "", "%2e%2e", "%2F", "a b", "é", "%"]);
  const path = many(random, 6, segment).join("/");
  const value = () =>
    many(random, 3, () => pick(random, values))
      .map((text) => (below(random, 2) === 0 ? encodeURIComponent(text) : text))
      .join(pick(random, [",", "%2C", " ", "+", ";"]));
  const query = many(random, 5, () => `${pick(random, NAMES)}=${value()}`).join("&");
  return Buffer.from(`/${path}?${query}`, "latin1");
}
