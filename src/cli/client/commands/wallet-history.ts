import { formatDroplets } from "../../../chain/droplet.ts";
import { defineCommand, exactly } from "../command.ts";
import { refused } from "../errors.ts";
import { asCount, asList, asObject, asString, asUint, type Json } from "../json.ts";
import type { NodeApi } from "../node-api.ts";
import { fetchWallet } from "../node-wallet.ts";

export const walletHistory = defineCommand({
  name: "walletHistory",
  arguments: "[wallet]",
  summary: "Print what the addresses of a wallet in the node received and spent",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const { addresses } = await fetchWallet(context.api, args[0] as string);
    if (addresses.length === 0) throw refused("Wallet is empty");
    const times = new Map<number, number>();
    const records: HistoryRecord[] = [];
    for (const address of addresses) records.push(...(await historyOf(context.api, address, times)));
    // Differs: the reference leaves entries of one second in a random order.
    records.sort((a, b) => a.time - b.time);
    context.printJson(records.length === 0 ? null : records.map(readable));
  },
});

/** One address's change by one transaction. */
interface HistoryRecord {
  readonly txid: string;
  readonly address: string;
  /** Droplets, negative when more was spent than received. */
  readonly amount: bigint;
  /** Unix seconds. */
  readonly time: number;
}

function readable({ txid, address, amount, time }: HistoryRecord): Json {
  const coins = formatDroplets(amount < 0n ? -amount : amount);
  const timestamp = new Date(time * 1000).toISOString().replace(".000Z", "Z");
  return { txid, address, amount: amount < 0n ? `-${coins}` : coins, timestamp, status: 1 };
}

/** `times` remembers block times between addresses. */
async function historyOf(api: NodeApi, address: string, times: Map<number, number>): Promise<HistoryRecord[]> {
  const byTransaction = new Map<string, { amount: bigint; time: number }>();
  const spent: { txid: string; coins: bigint; seq: number }[] = [];
  for (const item of asList(await api.get("/api/v1/address_uxouts", { address }), "outputs")) {
    const ux = asObject(item, "output");
    const [txid, coins] = [asString(ux.src_tx, "src_tx"), asUint(ux.coins, "coins")];
    const known = byTransaction.get(txid);
    const time = known?.time ?? asCount(ux.time, "time");
    byTransaction.set(txid, { amount: (known?.amount ?? 0n) + coins, time });
    const seq = asCount(ux.spent_block_seq, "spent_block_seq");
    if (seq !== 0) spent.push({ txid: asString(ux.spent_tx, "spent_tx"), coins, seq });
  }
  for (const { txid, coins, seq } of spent) {
    const known = byTransaction.get(txid);
    const time = known?.time ?? (await blockTime(api, seq, times));
    byTransaction.set(txid, { amount: (known?.amount ?? 0n) - coins, time });
  }
  return [...byTransaction].map(([txid, { amount, time }]) => ({ txid, address, amount, time }));
}

async function blockTime(api: NodeApi, seq: number, times: Map<number, number>): Promise<number> {
  const known = times.get(seq);
  if (known !== undefined) return known;
  const block = asObject(await api.get("/api/v1/block", { seq }), "block");
  const time = asCount(asObject(block.header, "header").timestamp, "timestamp");
  times.set(seq, time);
  return time;
}
