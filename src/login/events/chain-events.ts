import { blockHash } from "../../chain/block.ts";
import { formatDroplets } from "../../chain/droplet.ts";
import type { ChainView } from "../../chain/store.ts";
import { type Transaction, txid } from "../../chain/transaction.ts";
import { encodeAddress } from "../../cipher/address.ts";
import { type Hash, hashHex } from "../../cipher/hash.ts";
import type { Json } from "../store.ts";
import type { TopicEvent } from "./topics.ts";

/** Everything a stored block has to tell, in order: its transactions, whom they touch, then the block itself. */
export function eventsOfBlock(view: ChainView, seq: number): TopicEvent[] {
  const block = view.blockBySeq(seq);
  if (block === undefined) return [];
  const time = new Date(block.header.time * 1000).toISOString();
  const events: TopicEvent[] = [];
  for (const txn of block.transactions) {
    events.push(...eventsOfTransaction(view, txn, { time, status: "confirmed", block_seq: seq }));
  }
  const hash = hashHex(blockHash(block));
  const txids = block.transactions.map((txn) => hashHex(txid(txn)));
  events.push({
    id: `block-${seq}`,
    topic: "block.new",
    time,
    key: "chain",
    data: { seq, hash, time: block.header.time, transactions: txids.length, txids },
  });
  return events;
}

/** A transaction that came into the pool. */
export function eventsOfPending(view: ChainView, txn: Transaction, time: string): TopicEvent[] {
  return eventsOfTransaction(view, txn, { time, status: "pending" });
}

interface Occasion {
  readonly time: string;
  readonly status: "pending" | "confirmed";
  readonly block_seq?: number;
}

function eventsOfTransaction(view: ChainView, txn: Transaction, { time, ...occasion }: Occasion): TopicEvent[] {
  const id = hashHex(txid(txn));
  const movements = movementsOf(view, txn);
  const own: TopicEvent = {
    id: `txn-${occasion.status}-${id}`,
    topic: `txn.${occasion.status}`,
    time,
    key: id,
    data: { txid: id, ...occasion, addresses: [...movements.keys()] },
  };
  const touched = [...movements].map(([address, { sent, received }]): TopicEvent => {
    const data: Record<string, Json> = { address, txid: id, ...occasion };
    return {
      id: `address-${occasion.status}-${id}-${address}`,
      topic: "address.activity",
      time,
      key: address,
      data: { ...data, sent: formatDroplets(sent), received: formatDroplets(received) },
    };
  });
  return [own, ...touched];
}

/** Droplets out of and into each address, senders first. Outputs not known here (yet) count as nothing sent. */
function movementsOf(view: ChainView, txn: Transaction): Map<string, { sent: bigint; received: bigint }> {
  const movements = new Map<string, { sent: bigint; received: bigint }>();
  const of = (address: string) => {
    const known = movements.get(address) ?? { sent: 0n, received: 0n };
    movements.set(address, known);
    return known;
  };
  for (const input of txn.inputs) {
    const body = spentBody(view, input);
    if (body !== undefined) of(encodeAddress(body.address)).sent += body.coins;
  }
  for (const out of txn.outputs) of(encodeAddress(out.address)).received += out.coins;
  return movements;
}

function spentBody(view: ChainView, id: Hash) {
  return (view.unspent(id) ?? view.uxOut(id)?.ux)?.body;
}
