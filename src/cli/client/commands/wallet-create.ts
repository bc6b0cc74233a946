import { toHex } from "../../../base/bytes.ts";
import { errorText } from "../../../base/errors.ts";
import { generateMnemonic, validateMnemonic } from "../../../cipher/bip39.ts";
import { sha256 } from "../../../cipher/hash.ts";
import { platformRandom } from "../../../cipher/random.ts";
import { WalletError } from "../../../wallet/errors.ts";
import { WALLET_TYPES, type WalletType } from "../../../wallet/meta.ts";
import { any, type CommandCall, defineCommand } from "../command.ts";
import { refused } from "../errors.ts";
import { fetchWallet, parseWallet } from "../node-wallet.ts";
import { parsePrivateKeys } from "../private-keys.ts";

const COMMON = {
  label: { kind: "string", value: "", short: "l", help: "label that tells the wallet from others" },
  random: { kind: "bool", value: false, short: "r", help: "make a random seed of 64 hex digits" },
  mnemonic: { kind: "bool", value: false, short: "m", help: "make a mnemonic as the seed" },
  wordcount: { kind: "uint64", value: 12n, short: "w", help: "words of the mnemonic: 12, 15, 18, 21 or 24" },
  seed: { kind: "string", value: "", short: "s", help: "the seed" },
  "bip44-coin": { kind: "uint32", value: 8000, help: "coin number of a bip44 wallet" },
  num: { kind: "uint64", value: 1n, short: "n", help: "how many addresses" },
  scan: { kind: "uint64", value: 1n, help: "how many addresses to look ahead for balances" },
  type: { kind: "string", value: "deterministic", short: "t", help: "deterministic, bip44, collection or xpub" },
  xpub: { kind: "string", value: "", help: "extended public key of an xpub wallet" },
  "private-keys": { kind: "string", value: "", help: "keys of a collection wallet, separated by commas" },
} as const;

export const walletCreate = defineCommand({
  name: "walletCreate",
  arguments: "[label]",
  summary: "Create a wallet in the node",
  description: `Creates a wallet in the node; the seed is made here. Encrypted unless -e=false is given.
A password given with -p may stay in the shell's history; without it you are asked.`,
  flags: {
    ...COMMON,
    "seed-passphrase": { kind: "string", value: "", help: "passphrase of the seed, bip44 wallets only" },
    encrypt: { kind: "bool", value: true, short: "e", help: "encrypt the wallet" },
    password: { kind: "string", value: "", short: "p", help: "password of the wallet" },
  },
  count: any,
  async run(call) {
    const { flags, context } = call;
    const plan = planWallet(call);
    if (plan.type === "collection") checkKeys(flags["private-keys"]);
    const encrypt = flags.encrypt && plan.type !== "xpub";
    const password = encrypt ? await context.password(flags.password) : "";
    await create(call, "/api/v1/wallet/create", plan, {
      encrypt: String(encrypt),
      ...given("password", password),
      ...given("seed-passphrase", flags["seed-passphrase"]),
    });
  },
});

export const walletCreateTemp = defineCommand({
  name: "walletCreateTemp",
  summary: "Create a wallet in the node's memory",
  description: "Creates a wallet that the node forgets when it stops; the seed is made here. It is never encrypted.",
  flags: COMMON,
  count: any,
  run: (call) => create(call, "/api/v1/wallet/createTemp", planWallet(call), {}),
});

interface WalletPlan {
  readonly type: WalletType;
  readonly seed: string;
  readonly scan: bigint;
  /** Addresses wanted on the external chain. */
  readonly addresses: bigint;
}

/** Checks the options in the reference's order and chooses the seed. @throws ClientError CLIENT_INPUT, WalletError */
function planWallet({ flags, given }: CommandCall<typeof COMMON>): WalletPlan {
  if (flags.label === "") throw refused("label must not be empty");
  if (flags.scan === 0n) throw refused("scan must be > 0");
  if (flags.num === 0n) throw refused("-n must > 0");
  // Addresses that are made anyway need no looking ahead.
  const scan = flags.num >= flags.scan ? 1n : flags.scan;
  if (!flags.mnemonic && given.has("wordcount")) throw refused("-m must also be set when using -wordcount");
  const type = WALLET_TYPES.find((t) => t === flags.type);
  if (type === undefined) throw new WalletError("WALLET_TYPE_INVALID");
  switch (type) {
    case "bip44":
      return { type, scan, seed: bip44Seed(flags), addresses: flags.num };
    case "deterministic":
      return { type, scan, seed: deterministicSeed(flags), addresses: flags.num };
    case "collection":
      refuseSeed(type, flags);
      if (given.has("num")) throw refused('"collection" type wallets do not support address generation');
      return { type, scan, seed: "", addresses: 0n };
    case "xpub":
      refuseSeed(type, flags);
      return { type, scan, seed: "", addresses: flags.num };
  }
}

function checkKeys(keys: string): void {
  try {
    parsePrivateKeys(keys);
  } catch {
    throw new WalletError("WALLET_PRIVATE_KEYS_INVALID");
  }
}

interface SeedFlags {
  readonly seed: string;
  readonly random: boolean;
  readonly mnemonic: boolean;
  readonly wordcount: bigint;
}

function refuseSeed(type: WalletType, { seed, random, mnemonic }: SeedFlags): void {
  if (seed !== "" || random || mnemonic) throw refused(`"${type}" type wallets do not use seeds`);
}

function bip44Seed({ seed, random, mnemonic, wordcount }: SeedFlags): string {
  if (seed !== "" && (random || mnemonic)) throw refused("-r and -m can't be used with -s");
  if (random) throw refused("-r can't be used for bip44 wallets");
  const chosen = mnemonic || seed === "" ? newMnemonic(wordcount) : seed;
  try {
    validateMnemonic(chosen);
  } catch (error) {
    throw refused(`seed must be a valid bip39 mnemonic: ${errorText(error)}`);
  }
  return chosen;
}

function deterministicSeed({ seed, random, mnemonic, wordcount }: SeedFlags): string {
  if (seed !== "" && (random || mnemonic)) throw refused("seed already specified, must not use -r or -m again");
  if (seed !== "") return seed;
  if (random && mnemonic) throw refused("for -r and -m, only one option can be used");
  return random ? toHex(sha256(platformRandom(64))) : newMnemonic(wordcount);
}

const ENTROPY_BITS: Readonly<Record<string, number>> = { 12: 128, 15: 160, 18: 192, 21: 224, 24: 256 };

function newMnemonic(words: bigint): string {
  const bits = ENTROPY_BITS[String(words)];
  if (bits === undefined) throw refused("word count must be 12, 15, 18, 21 or 24");
  return generateMnemonic(bits);
}

function given(name: string, value: string): Record<string, string> {
  return value === "" ? {} : { [name]: value };
}

async function create(
  { flags, given: set, context }: CommandCall<typeof COMMON>,
  path: string,
  { type, seed, scan, addresses }: WalletPlan,
  more: Readonly<Record<string, string>>,
): Promise<void> {
  const fields = {
    type,
    seed,
    label: flags.label,
    scan: String(scan),
    ...(set.has("bip44-coin") ? { "bip44-coin": String(flags["bip44-coin"]) } : {}),
    ...given("xpub", flags.xpub),
    ...given("private-keys", type === "collection" ? flags["private-keys"] : ""), // as the reference: not sent for others
    ...more,
  };
  const { id, externalCount } = parseWallet(await context.api.postForm(path, fields));
  // Differs: the reference subtracts unsigned, and asks for 2^64 addresses when scanning found more than wanted.
  const missing = addresses - BigInt(externalCount);
  if (missing > 0n) {
    const password = given("password", more.password ?? "");
    await context.api.postForm("/api/v1/wallet/newAddress", { id, num: missing, ...password });
  }
  context.printJson((await fetchWallet(context.api, id)).answer);
}
