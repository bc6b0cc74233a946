import { atLeast, defineCommand, exactly } from "../command.ts";
import { fetchWallet } from "../node-wallet.ts";
import { checkAddresses, fetchOutputs } from "../outputs.ts";

export const addressOutputs = defineCommand({
  name: "addressOutputs",
  arguments: "[address list]",
  summary: "Print the outputs of addresses",
  description: "Prints the outputs of addresses, separated by blanks.\nExample: addressOutputs $addr1 $addr2 $addr3",
  flags: {},
  count: atLeast(1),
  async run({ context, args }) {
    context.printJson({ outputs: await fetchOutputs(context.api, checkAddresses(args)) });
  },
});

export const walletOutputs = defineCommand({
  name: "walletOutputs",
  arguments: "[wallet]",
  summary: "Print the outputs of a wallet in the node",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const { addresses } = await fetchWallet(context.api, args[0] as string);
    context.printJson({ outputs: await fetchOutputs(context.api, addresses) });
  },
});
