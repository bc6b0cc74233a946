import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { toHex } from "../../../base/bytes.ts";
import { atMost, defineCommand, exactly } from "../command.ts";
import { refused } from "../errors.ts";
import { asList, asObject, asString, type Json } from "../json.ts";
import { fetchWallet, parseWallet } from "../node-wallet.ts";
import { parsePrivateKeys } from "../private-keys.ts";

const PASSWORD_NOTE = "A password given with -p may stay in the shell's history; without it you are asked.";

export const listWallets = defineCommand({
  name: "listWallets",
  summary: "List the wallets in the node",
  flags: {},
  count: atMost(0),
  async run({ context }) {
    const folder = asObject(await context.api.get("/api/v1/wallets/folderName"), "the answer");
    const wallets = asList(await context.api.get("/api/v1/wallets"), "wallets").map((answer): Json => {
      const { id, label, addresses } = parseWallet(answer);
      return { name: id, label, address_num: addresses.length };
    });
    context.printJson({ directory: asString(folder.address, "address"), wallets });
  },
});

export const listAddresses = defineCommand({
  name: "listAddresses",
  arguments: "[wallet]",
  summary: "List the addresses of a wallet in the node",
  flags: {},
  count: exactly(1),
  async run({ context, args }) {
    const { addresses } = await fetchWallet(context.api, args[0] as string);
    context.printJson({ addresses: orNull(addresses) });
  },
});

/** Go prints a list it never made as null. */
function orNull(items: readonly string[]): Json {
  return items.length === 0 ? null : items;
}

export const walletAddAddresses = defineCommand({
  name: "walletAddAddresses",
  arguments: "[wallet]",
  summary: "Add addresses to a wallet in the node",
  description: `Adds addresses as the wallet's type makes them; on the external chain for bip44 wallets.
Long runs of unused addresses (over 20) may be missed when the wallet is loaded from its seed elsewhere.
${PASSWORD_NOTE}`,
  flags: {
    num: { kind: "uint64", value: 1n, short: "n", help: "how many addresses" },
    password: { kind: "string", value: "", short: "p", help: "password of the wallet" },
    json: { kind: "bool", value: false, short: "j", help: "print JSON" },
    "private-keys": { kind: "string", value: "", help: "keys for a collection wallet, separated by commas" },
  },
  count: exactly(1),
  async run({ context, args, flags }) {
    const id = args[0] as string;
    const wallet = await fetchWallet(context.api, id);
    const fields: Record<string, string> = { id };
    if (wallet.type === "collection") {
      const keys = parsePrivateKeys(flags["private-keys"]);
      if (keys.length > 0) fields["private-keys"] = keys.map(toHex).join(",");
    } else {
      if (flags.num === 0n) throw refused("-n must > 0");
      fields.num = String(flags.num);
    }
    // A bip44 wallet makes addresses without being unlocked.
    if (wallet.encrypted && wallet.type !== "bip44") fields.password = await context.password(flags.password);
    const answer = asObject(await context.api.postForm("/api/v1/wallet/newAddress", fields), "the answer");
    const addresses = asList(answer.addresses, "addresses").map((a) => asString(a, "address"));
    if (flags.json) context.printJson({ addresses: answer.addresses ?? null });
    else context.print(addresses.join(","));
  },
});

export const walletScanAddresses = defineCommand({
  name: "walletScanAddresses",
  arguments: "[wallet]",
  summary: "Look for used addresses ahead in a wallet in the node",
  description: `[wallet] is the wallet's name or a path to its file, of which only the name counts.
${PASSWORD_NOTE}`,
  flags: {
    num: { kind: "uint64", value: 20n, short: "n", help: "how many addresses to look ahead" },
    password: { kind: "string", value: "", short: "p", help: "password of the wallet" },
    json: { kind: "bool", value: false, short: "j", help: "print JSON" },
  },
  count: exactly(1),
  async run({ context, args, flags }) {
    if (flags.num === 0n) throw refused("--num or -n must be > 0");
    const given = args[0] as string;
    const id = given.endsWith("/") ? "" : basename(given);
    if (id !== given) {
      await stat(context.path(given)).catch(() => {
        throw refused(`wallet file ${given} does not exist`);
      });
    }
    const wallet = await fetchWallet(context.api, id);
    const locked = wallet.encrypted && wallet.type !== "bip44";
    const password = locked ? await context.password(flags.password) : "";
    const answer = asObject(
      await context.api.postForm("/api/v1/wallet/scan", { id, password, num: flags.num }),
      "the answer",
    );
    const addresses = asList(answer.addresses, "addresses").map((a) => asString(a, "address"));
    if (flags.json) context.printJson({ addresses: orNull(addresses) });
    else for (const address of addresses) context.print(address);
  },
});
