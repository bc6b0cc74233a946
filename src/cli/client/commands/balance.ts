import { U64_MAX } from "../../../base/uint64.ts";
import { formatDroplets, parseDroplets } from "../../../chain/droplet.ts";
import { atLeast, defineCommand, exactly } from "../command.ts";
import { ClientError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { NodeApi } from "../node-api.ts";
import { fetchWallet } from "../node-wallet.ts";
import { checkAddresses, fetchOutputs, type ListedOutput, parseOutputs, spendableOutputs } from "../outputs.ts";

export const addressBalance = defineCommand({
  name: "addressBalance",
  arguments: "[addresses]",
  summary: "Check the balance of addresses",
  description: "Checks the balance of addresses, separated by blanks.\nExample: addressBalance $addr1 $addr2 $addr3",
  flags: {},
  count: atLeast(1),
  async run({ context, args }) {
    context.printJson(await balancesOf(context.api, checkAddresses(args)));
  },
});

export const walletBalance = defineCommand({
  name: "walletBalance",
  arguments: "[wallet]",
  summary: "Check the balance of a wallet in the node",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const { addresses } = await fetchWallet(context.api, args[0] as string);
    context.printJson(await balancesOf(context.api, addresses));
  },
});

interface Sums {
  coins: bigint;
  hours: bigint;
}

/** Confirmed, spendable (without what the pool spends) and expected (with what it creates), per address and in all. */
async function balancesOf(api: NodeApi, addresses: readonly string[]): Promise<Json> {
  const summary = parseOutputs(await fetchOutputs(api, addresses));
  const spendable = spendableOutputs(summary);
  const kinds = {
    confirmed: sumByAddress(addresses, summary.confirmed),
    spendable: sumByAddress(addresses, spendable),
    expected: sumByAddress(addresses, [...spendable, ...summary.incoming]),
  };
  const of = (address: string): Json => ({
    confirmed: balance(kinds.confirmed.get(address)),
    spendable: balance(kinds.spendable.get(address)),
    expected: balance(kinds.expected.get(address)),
    address,
  });
  return {
    confirmed: balance(total(addresses, kinds.confirmed)),
    spendable: balance(total(addresses, kinds.spendable)),
    expected: balance(total(addresses, kinds.expected)),
    addresses: addresses.map(of),
  };
}

function sumByAddress(addresses: readonly string[], outputs: readonly ListedOutput[]): ReadonlyMap<string, Sums> {
  const sums = new Map<string, Sums>(addresses.map((address) => [address, { coins: 0n, hours: 0n }]));
  for (const output of outputs) {
    const sum = sums.get(output.address);
    if (sum === undefined) {
      throw new ClientError(
        "CLIENT_NODE_ANSWER",
        `Found address ${output.address} in GetUnspentOutputs result, but this address wasn't requested`,
      );
    }
    sum.coins += parseDroplets(output.coins);
    sum.hours += output.calculatedHours;
  }
  return sums;
}

/** An address given twice counts twice, as in the reference. */
function total(addresses: readonly string[], sums: ReadonlyMap<string, Sums>): Sums {
  const all = { coins: 0n, hours: 0n };
  for (const address of addresses) {
    all.coins += sums.get(address)?.coins ?? 0n;
    all.hours += sums.get(address)?.hours ?? 0n;
  }
  return all;
}

function balance({ coins, hours }: Sums = { coins: 0n, hours: 0n }): Json {
  if (coins > U64_MAX || hours > U64_MAX) throw new ClientError("CLIENT_NODE_ANSWER", "uint64 addition overflow");
  return { coins: formatDroplets(coins), hours: String(hours) };
}
