import { isZero } from "../../../base/bytes.ts";
import { decodeAddress } from "../../../cipher/address.ts";
import { isLocked } from "../../../wallet/wallet.ts";
import { atLeast, defineCommand, exactly } from "../command.ts";
import { refused } from "../errors.ts";
import { asObject, asString } from "../json.ts";
import { fetchWallet } from "../node-wallet.ts";
import { receiverOf, receiversOfCsv } from "../receivers.ts";
import { loadLocalWallet } from "../wallet-file.ts";
import { decodeTransactionHex } from "./raw-transaction.ts";

export const createRawTransactionV2 = defineCommand({
  name: "createRawTransactionV2",
  arguments: "[wallet] [to address] [amount]",
  summary: "Have the node create a raw transaction, to be sent later",
  description: `Creates a transaction from a wallet inside the node and prints it.
Amounts are in coins, for example 1, 1.001 or 1.000000. [to address] [amount] may be replaced by --csv.
A password given with -p may stay in the shell's history; without it you are asked.`,
  flags: {
    "from-address": { kind: "string", value: "", short: "a", help: "spend from this address of the wallet only" },
    "change-address": {
      kind: "string",
      value: "",
      short: "c",
      help: "where the change goes; default: the node chooses",
    },
    csv: { kind: "string", value: "", help: "file with a receiver a line: address,amount" },
    password: { kind: "string", value: "", short: "p", help: "password of the wallet" },
    unsign: { kind: "bool", value: false, help: "do not sign" },
    json: { kind: "bool", value: false, short: "j", help: "print the node's whole answer" },
    "ignore-unconfirmed": { kind: "bool", value: false, help: "do not refuse addresses with unconfirmed transactions" },
    "hours-selection-type": { kind: "string", value: "auto", help: "how hours are shared out" },
    "hours-selection-mode": { kind: "string", value: "share", help: "mode of the sharing" },
    "hours-selection-share-factor": { kind: "string", value: "0.5", help: "part of the hours the receivers get" },
  },
  count: atLeast(1),
  async run({ args, flags, context }) {
    const wallet = await fetchWallet(context.api, args[0] as string);
    const from = flags["from-address"];
    if (from !== "") checkFrom(from);
    const receivers =
      flags.csv === "" ? [receiverOf(args.slice(1), "")] : await receiversOfCsv(flags.csv, context.path(flags.csv));
    const factor = flags["hours-selection-share-factor"];
    const body = {
      unsigned: flags.unsign,
      wallet_id: wallet.id,
      password: wallet.encrypted && !flags.unsign ? await context.password(flags.password) : "",
      ignore_unconfirmed: flags["ignore-unconfirmed"],
      hours_selection: {
        type: flags["hours-selection-type"],
        mode: flags["hours-selection-mode"],
        ...(factor === "" ? {} : { share_factor: factor }),
      },
      ...(flags["change-address"] === "" ? {} : { change_address: flags["change-address"] }),
      to: receivers.map(({ address, coins }) => ({ address, coins })),
      addresses: from === "" ? wallet.addresses : [from],
    };
    const answer = await context.api.postJson("/api/v1/wallet/transaction", body);
    if (flags.json) context.printJson(answer);
    else context.print(asString(asObject(answer, "the answer").encoded_transaction, "encoded_transaction"));
  },
});

function checkFrom(address: string): void {
  try {
    decodeAddress(address);
  } catch {
    throw refused(`invalid address: ${address}`);
  }
}

export const signTransaction = defineCommand({
  name: "signTransaction",
  arguments: "[wallet] [raw transaction]",
  summary: "Have the node sign a transaction with one of its wallets",
  description: `[wallet] is the wallet's name in the node and must also be its path here: the file shows whether a
password is needed.`,
  flags: {},
  count: exactly(2),
  async run({ args, context }) {
    const [wallet, encoded] = args as [string, string];
    const txn = decodeTransactionHex(encoded);
    const [first] = txn.sigs;
    if (first !== undefined && !isZero(first)) throw refused("Transaction already signed");
    const local = await loadLocalWallet(wallet, context.path(wallet));
    const password = isLocked(local) ? await context.password("") : "";
    const body = { wallet_id: wallet, password, encoded_transaction: encoded };
    context.printJson(await context.api.postV2("/api/v2/wallet/transaction/sign", body));
  },
});
