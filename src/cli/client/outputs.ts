import { equalBytes } from "../../base/bytes.ts";
import { errorText } from "../../base/errors.ts";
import { type BlockHeader, blockHash } from "../../chain/block.ts";
import { parseDroplets } from "../../chain/droplet.ts";
import type { Hours } from "../../chain/uxout.ts";
import { decodeAddress } from "../../cipher/address.ts";
import { parseHash } from "../../cipher/hash.ts";
import type { SpendCandidate } from "../../wallet/choose-spends.ts";
import { ClientError, refused } from "./errors.ts";
import { asCount, asList, asObject, asString, asUint, type Json } from "./json.ts";
import type { NodeApi } from "./node-api.ts";

/** An output as `/api/v1/outputs` lists it. */
export interface ListedOutput {
  readonly hash: string;
  readonly time: number;
  readonly seq: number;
  readonly source: string;
  readonly address: string;
  /** Coins as text. */
  readonly coins: string;
  readonly hours: bigint;
  /** Hours at the head's time. */
  readonly calculatedHours: bigint;
}

export interface OutputsSummary {
  readonly head: Json | undefined;
  readonly confirmed: readonly ListedOutput[];
  /** Confirmed ones that pool transactions spend. */
  readonly outgoing: readonly ListedOutput[];
  /** What pool transactions would create. */
  readonly incoming: readonly ListedOutput[];
}

/** Raw answer of `POST /api/v1/outputs` for addresses. @throws ClientError CLIENT_NODE_* */
export function fetchOutputs(api: NodeApi, addresses: readonly string[]): Promise<Json> {
  return api.postForm("/api/v1/outputs", { addrs: addresses.join(",") });
}

/** @throws ClientError CLIENT_NODE_ANSWER */
export function parseOutputs(answer: Json): OutputsSummary {
  const { head, head_outputs, outgoing_outputs, incoming_outputs } = asObject(answer, "outputs");
  const list = (value: Json | undefined, what: string): ListedOutput[] => asList(value, what).map(listedOutput);
  return {
    head,
    confirmed: list(head_outputs, "head_outputs"),
    outgoing: list(outgoing_outputs, "outgoing_outputs"),
    incoming: list(incoming_outputs, "incoming_outputs"),
  };
}

function listedOutput(value: Json): ListedOutput {
  const o = asObject(value, "output");
  return {
    hash: asString(o.hash, "hash"),
    time: asCount(o.time, "time"),
    seq: asCount(o.block_seq, "block_seq"),
    source: asString(o.src_tx, "src_tx"),
    address: asString(o.address, "address"),
    coins: asString(o.coins, "coins"),
    hours: asUint(o.hours, "hours"),
    calculatedHours: asUint(o.calculated_hours, "calculated_hours"),
  };
}

/** Confirmed outputs that no pool transaction spends. */
export function spendableOutputs({ confirmed, outgoing }: OutputsSummary): readonly ListedOutput[] {
  const spent = new Set(outgoing.map((o) => o.hash));
  return confirmed.filter((o) => !spent.has(o.hash));
}

/** A listed output as the wallet code chooses from. @throws ClientError CLIENT_NODE_ANSWER */
export function candidateOf(o: ListedOutput): SpendCandidate {
  const field = <T>(name: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw new ClientError("CLIENT_NODE_ANSWER", `UnspentOutput ${name} is invalid: ${errorText(error)}`);
    }
  };
  return {
    id: field("hash", () => parseHash(o.hash)),
    coins: field("coins", () => parseDroplets(o.coins)),
    address: field("address", () => decodeAddress(o.address)),
    srcTransaction: field("src_tx", () => parseHash(o.source)),
    seq: o.seq,
    time: o.time,
    initialHours: o.hours as Hours,
    hours: o.calculatedHours as Hours,
  };
}

/** The head, if it hashes to what the node says it does. @throws ClientError CLIENT_NODE_ANSWER */
export function checkedHead({ head }: OutputsSummary): BlockHeader {
  const h = asObject(head, "head");
  const hash = (name: string) => parseHash(asString(h[name], `head.${name}`));
  const header: BlockHeader = {
    version: asCount(h.version, "head.version"),
    time: asCount(h.timestamp, "head.timestamp"),
    seq: asCount(h.seq, "head.seq"),
    fee: asUint(h.fee, "head.fee") as Hours,
    prevHash: hash("previous_block_hash"),
    bodyHash: hash("tx_body_hash"),
    uxHash: hash("ux_hash"),
  };
  if (!equalBytes(blockHash({ header }), hash("block_hash"))) {
    throw new ClientError("CLIENT_NODE_ANSWER", "readable.BlockHeader.Hash != recovered coin.BlockHeader.Hash()");
  }
  return header;
}

/** Checks addresses given as arguments, in order. @throws ClientError CLIENT_INPUT */
export function checkAddresses(addresses: readonly string[]): readonly string[] {
  for (const address of addresses) {
    try {
      decodeAddress(address);
    } catch (error) {
      throw refused(`invalid address: ${address}, err: ${errorText(error)}`);
    }
  }
  return addresses;
}
