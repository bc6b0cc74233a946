import { parseHash } from "../../../cipher/hash.ts";
import { any, atMost, defineCommand, exactly, none } from "../command.ts";
import { ClientError, refused } from "../errors.ts";
import { asString } from "../json.ts";
import type { NodeApi } from "../node-api.ts";
import { checkAddresses } from "../outputs.ts";

export const transaction = defineCommand({
  name: "transaction",
  arguments: "[transaction id]",
  summary: "Print one transaction",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const txid = args[0] as string;
    if (txid === "") throw refused("txid is empty");
    try {
      parseHash(txid);
    } catch {
      throw refused("invalid txid");
    }
    context.printJson({ transaction: await context.api.get("/api/v1/transaction", { txid }) });
  },
});

export const addressTransactions = defineCommand({
  name: "addressTransactions",
  arguments: "[address list]",
  summary: "Print the transactions of addresses",
  description:
    "Prints the transactions of addresses, separated by blanks.\nExample: addressTransactions addr1 addr2 addr3",
  flags: {},
  count: any,
  async run({ context, args }) {
    checkAddresses(args);
    if (args.length === 0) {
      throw refused("at least one address must be specified. Example: addressTransactions addr1 addr2 addr3");
    }
    const query = { addrs: args.join(","), verbose: "1" };
    context.printJson(await context.api.postForm("/api/v1/transactions", query));
  },
});

export const pendingTransactions = defineCommand({
  name: "pendingTransactions",
  summary: "Print all unconfirmed transactions",
  flags: {
    verbose: {
      kind: "bool",
      value: false,
      short: "v",
      help: "show owner, coins and hours of the inputs, with the hours they would have now",
    },
  },
  count: none,
  async run({ context, flags }) {
    context.printJson(await context.api.get("/api/v1/pendingTxs", flags.verbose ? { verbose: 1 } : {}));
  },
});

export const verifyTransaction = defineCommand({
  name: "verifyTransaction",
  arguments: "[encoded transaction]",
  summary: "Verify that a transaction could be spent now",
  flags: {},
  // The reference crashes without an argument.
  count: atMost(1),
  async run({ context, args }) {
    const encoded = args[0];
    if (encoded === undefined) throw new ClientError("CLIENT_USAGE", "requires at least 1 arg(s), only received 0");
    if (encoded === "") throw refused("transaction is empty");
    await context.api.postV2("/api/v2/transaction/verify", { unsigned: false, encoded_transaction: encoded });
    context.print("transaction is spendable");
  },
});

export const broadcastTransaction = defineCommand({
  name: "broadcastTransaction",
  arguments: "[raw transaction]",
  summary: "Send a raw transaction to the network",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    context.print(await inject(context.api, args[0] as string));
  },
});

/** Hands a transaction to the node. Resolves with its id. @throws ClientError CLIENT_NODE_* */
export async function inject(api: NodeApi, rawtx: string, { broadcast = true } = {}): Promise<string> {
  const body = broadcast ? { rawtx } : { rawtx, no_broadcast: true };
  return asString(await api.postJson("/api/v1/injectTransaction", body), "the transaction id");
}
