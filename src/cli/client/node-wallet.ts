import { asCount, asList, asObject, asString, type Json, type JsonObject } from "./json.ts";
import type { NodeApi } from "./node-api.ts";

/** A wallet inside the node, as `/api/v1/wallet` answers. */
export interface NodeWallet {
  readonly id: string;
  readonly type: string;
  readonly label: string;
  readonly encrypted: boolean;
  readonly temporary: boolean;
  /** bip44 only. */
  readonly bip44Coin: number | undefined;
  readonly addresses: readonly string[];
  /** Addresses that are not on the change chain of a bip44 wallet. */
  readonly externalCount: number;
  /** The answer itself, for printing. */
  readonly answer: Json;
}

/** @throws ClientError CLIENT_NODE_* */
export async function fetchWallet(api: NodeApi, id: string): Promise<NodeWallet> {
  return parseWallet(await api.get("/api/v1/wallet", { id }));
}

/** @throws ClientError CLIENT_NODE_ANSWER */
export function parseWallet(answer: Json): NodeWallet {
  const wallet = asObject(answer, "wallet");
  const meta = asObject(wallet.meta, "meta");
  const entries = asList(wallet.entries, "entries").map((entry) => asObject(entry, "entry"));
  return {
    id: asString(meta.filename, "meta.filename"),
    type: asString(meta.type, "meta.type"),
    label: asString(meta.label, "meta.label"),
    encrypted: meta.encrypted === true,
    temporary: meta.temp === true,
    bip44Coin: meta.bip44_coin === undefined ? undefined : asCount(meta.bip44_coin, "meta.bip44_coin"),
    addresses: entries.map((entry) => asString(entry.address, "address")),
    externalCount: entries.filter((entry: JsonObject) => entry.change !== 1).length,
    answer,
  };
}
