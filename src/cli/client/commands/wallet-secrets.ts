import { goQuote } from "../../../api/go-text.ts";
import { toHex } from "../../../base/bytes.ts";
import {
  bip44Account,
  type ExtendedPrivateKey,
  formatExtendedKey,
  neuter,
  privateChild,
} from "../../../cipher/bip32.ts";
import { mnemonicSeed } from "../../../cipher/bip39.ts";
import { WalletError } from "../../../wallet/errors.ts";
import { defineCommand, exactly } from "../command.ts";
import { refused } from "../errors.ts";
import { asObject, asString } from "../json.ts";
import type { NodeApi } from "../node-api.ts";
import { fetchWallet } from "../node-wallet.ts";

const PASSWORD = { kind: "string", value: "", short: "p", help: "password of the wallet" } as const;
const PASSWORD_NOTE = "A password given with -p may stay in the shell's history; without it you are asked.";

export const encryptWallet = defineCommand({
  name: "encryptWallet",
  arguments: "[wallet]",
  summary: "Encrypt a wallet in the node",
  description: PASSWORD_NOTE,
  flags: { password: PASSWORD },
  count: exactly(1),
  async run({ context, args, flags }) {
    const id = args[0] as string;
    const { encrypted, temporary } = await fetchWallet(context.api, id);
    if (encrypted) throw new WalletError("WALLET_ENCRYPTED");
    if (temporary) throw refused("temporary wallet does not support encryption");
    const password = await context.password(flags.password);
    context.printJson(await context.api.postForm("/api/v1/wallet/encrypt", { id, password }));
  },
});

export const decryptWallet = defineCommand({
  name: "decryptWallet",
  arguments: "[wallet]",
  summary: "Decrypt a wallet in the node",
  description: PASSWORD_NOTE,
  flags: { password: PASSWORD },
  count: exactly(1),
  async run({ context, args, flags }) {
    const id = args[0] as string;
    if (!(await fetchWallet(context.api, id)).encrypted) throw new WalletError("WALLET_NOT_ENCRYPTED");
    const password = await context.password(flags.password);
    context.printJson(await context.api.postForm("/api/v1/wallet/decrypt", { id, password }));
  },
});

interface Seed {
  readonly seed: string;
  readonly passphrase: string;
}

async function fetchSeed(api: NodeApi, id: string, password: string): Promise<Seed> {
  const answer = asObject(await api.postForm("/api/v1/wallet/seed", { id, password }), "the answer");
  return { seed: asString(answer.seed, "seed"), passphrase: asString(answer.seed_passphrase ?? "", "seed_passphrase") };
}

export const showSeed = defineCommand({
  name: "showSeed",
  arguments: "[wallet]",
  summary: "Print the seed of an encrypted wallet in the node",
  description: `The node must have the API set INSECURE_WALLET_SEED enabled.\n${PASSWORD_NOTE}`,
  flags: { password: PASSWORD, json: { kind: "bool", value: false, short: "j", help: "print JSON" } },
  count: exactly(1),
  async run({ context, args, flags }) {
    const id = args[0] as string;
    const { encrypted } = await fetchWallet(context.api, id);
    const password = encrypted ? await context.password(flags.password) : "";
    const { seed, passphrase } = await fetchSeed(context.api, id, password);
    if (flags.json) context.printJson({ seed, ...(passphrase === "" ? {} : { seed_passphrase: passphrase }) });
    else for (const line of passphrase === "" ? [seed] : [seed, passphrase]) context.print(line);
  },
});

export const walletKeyExport = defineCommand({
  name: "walletKeyExport",
  arguments: "[wallet]",
  summary: "Print a key of a bip44 wallet in the node",
  description: `Prints a key along account'/change/child of a bip44 wallet. The node must have the API set
INSECURE_WALLET_SEED enabled. The apostrophe of the account is implied.
Example: -k xpub --path=0 prints the key of account 0, which a login by xpub needs
Example: -k xpub --path=0/0 prints the key of its external chain
Example: -k prv --path=0/1/8 prints the secret key of change address 8
${PASSWORD_NOTE}`,
  flags: {
    key: { kind: "string", value: "xpub", short: "k", help: "xpub, xprv, pub or prv" },
    path: { kind: "string", value: "0/0", help: "account, change and child" },
    password: PASSWORD,
  },
  count: exactly(1),
  async run({ context, args, flags }) {
    const format = KEY_FORMATS.get(flags.key);
    if (format === undefined) throw refused('key must be "xpub", "xprv", "pub" or "prv"');
    const id = args[0] as string;
    const wallet = await fetchWallet(context.api, id);
    if (wallet.type !== "bip44") throw refused("unsupported wallet type for key export command");
    const password = wallet.encrypted ? await context.password(flags.password) : "";
    const { seed, passphrase } = await fetchSeed(context.api, id, password);
    const [account = 0, ...children] = parsePath(flags.path);
    let key = bip44Account(mnemonicSeed(seed, passphrase), wallet.bip44Coin ?? 8000, account);
    for (const child of children) key = privateChild(key, child);
    context.print(format(key));
  },
});

const KEY_FORMATS: ReadonlyMap<string, (key: ExtendedPrivateKey) => string> = new Map([
  ["xpub", (key) => formatExtendedKey(neuter(key))],
  ["xprv", (key) => formatExtendedKey(key)],
  ["pub", (key) => toHex(neuter(key).key)],
  ["prv", (key) => toHex(key.key)],
] as [string, (key: ExtendedPrivateKey) => string][]);

function parsePath(path: string): readonly number[] {
  const nodes = path.split("/").map((text, i) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
    if (value > 0xffff_ffff) throw refused(`invalid path node number ${goQuote(text)} at position ${i}`);
    return value;
  });
  if (nodes.length > 3) throw refused("path can have at most 3 elements");
  return nodes;
}
