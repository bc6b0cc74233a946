import { type FileHandle, open, stat } from "node:fs/promises";
import { goQuote } from "../../../api/go-text.ts";
import { toHex } from "../../../base/bytes.ts";
import { errorText } from "../../../base/errors.ts";
import { addressOf, encodeAddress } from "../../../cipher/address.ts";
import { generateMnemonic, validateMnemonic } from "../../../cipher/bip39.ts";
import { sha256 } from "../../../cipher/hash.ts";
import { deterministicKeys, type KeyPair } from "../../../cipher/keys.ts";
import { platformRandom } from "../../../cipher/random.ts";
import { openErrorText } from "../../../config/errors.ts";
import { newWalletDocument, serializeWallet } from "../../../wallet/document.ts";
import { hasSecret } from "../../../wallet/entry.ts";
import { resolveCoin } from "../../../wallet/meta.ts";
import { lockWallet } from "../../../wallet/secrets.ts";
import { type Wallet, walletCoinText, walletEntries, withoutSecrets } from "../../../wallet/wallet.ts";
import { any, defineCommand } from "../command.ts";
import type { ClientContext } from "../context.ts";
import { refused } from "../errors.ts";
import { localSecretBox, passwordBytes } from "../wallet-file.ts";

/** A bound against a slip of the finger: this many take minutes. */
const ADDRESSES_MAX = 1_000_000;

export const addressGen = defineCommand({
  name: "addressGen",
  summary: "Generate skycoin or bitcoin addresses",
  description: `Generates addresses from a seed, a fresh mnemonic by default, and prints them as a wallet document,
as plain addresses or as secret keys. Nothing is sent anywhere.`,
  flags: {
    num: { kind: "int", value: 1, short: "n", help: "how many addresses" },
    coin: {
      kind: "string",
      value: "skycoin",
      short: "c",
      help: "skycoin or bitcoin; bitcoin keys are in wallet import format",
    },
    label: { kind: "string", value: "", short: "l", help: "label of the wallet" },
    hex: { kind: "bool", value: false, help: "without -s: use 64 random hex digits as the seed" },
    seed: { kind: "string", value: "", short: "s", help: "seed; default: a fresh mnemonic" },
    "strict-seed": { kind: "bool", value: false, short: "t", help: "refuse a seed that is no valid mnemonic" },
    entropy: { kind: "int", value: 128, short: "e", help: "bits of a fresh mnemonic, 128 or 256" },
    "hide-secrets": { kind: "bool", value: false, short: "i", help: "leave seed and secret keys out of the document" },
    mode: { kind: "string", value: "wallet", short: "m", help: "wallet, addresses or secrets" },
    encrypt: { kind: "bool", value: false, short: "x", help: "encrypt the document; asks for a password" },
  },
  count: any,
  async run({ flags, context }) {
    if (flags.num <= 0) throw refused("num must be > 0");
    if (flags.num > ADDRESSES_MAX) throw refused(`num must be <= ${ADDRESSES_MAX}`);
    const coin = resolveCoin(flags.coin);
    const mode = flags.mode.toLowerCase();
    const document = mode === "wallet" || mode === "json";
    const seed = chooseSeed(flags);
    if (flags.encrypt && !document) throw refused("Encrypt flag requires -mode to be json");
    const password = flags.encrypt ? await context.password("") : "";
    const { nowMs } = context;
    const wallet = newWalletDocument({
      label: flags.label || "default",
      addresses: flags.num,
      nowMs: nowMs(),
      seed,
      coin,
    });
    if (document) {
      const bare = flags["hide-secrets"] ? withoutSecrets(wallet) : wallet;
      const printed = flags.encrypt ? await lockWallet(wallet, passwordBytes(password), localSecretBox) : bare;
      context.print(serializeWallet(printed));
      return;
    }
    printPlain(wallet, mode, flags["hide-secrets"], context);
  },
});

function printPlain(wallet: Wallet, mode: string, hideSecrets: boolean, context: ClientContext): void {
  const text = walletCoinText(wallet);
  const entries = walletEntries(wallet);
  if (mode === "addresses" || mode === "addrs") {
    for (const entry of entries) context.print(text.encodeAddress(entry.address));
  } else if (mode === "secrets") {
    if (hideSecrets) throw refused("secrets mode selected but hideSecrets enabled");
    for (const entry of entries) if (hasSecret(entry)) context.print(text.encodeSecret(entry.secretKey));
  } else {
    throw refused("invalid mode");
  }
}

function chooseSeed(flags: {
  readonly entropy: number;
  readonly seed: string;
  readonly "strict-seed": boolean;
  readonly hex: boolean;
}): string {
  checkEntropy(flags.entropy);
  if (flags.seed === "") return flags.hex ? toHex(sha256(platformRandom(1024))) : generateMnemonic(flags.entropy);
  if (flags["strict-seed"]) {
    try {
      validateMnemonic(flags.seed);
    } catch (error) {
      throw refused(`seed is not a valid bip39 seed: ${errorText(error)}`);
    }
  }
  return flags.seed;
}

function checkEntropy(bits: number): void {
  if (bits !== 128 && bits !== 256) throw refused("entropy must be 128 or 256");
}

export const fiberAddressGen = defineCommand({
  name: "fiberAddressGen",
  summary: "Generate distribution addresses and their seeds for a new coin",
  description: `Writes addresses in the form fiber.toml takes for distribution_addresses, and a csv file with the
mnemonic of each. Whoever has the second file has the coins: it is made readable by you only.`,
  flags: {
    num: { kind: "int", value: 100, short: "n", help: "how many addresses" },
    entropy: { kind: "int", value: 128, short: "e", help: "bits of the mnemonics, 128 or 256" },
    "addrs-file": { kind: "string", value: "addresses.txt", short: "a", help: "file for the addresses" },
    "seeds-file": { kind: "string", value: "seeds.csv", short: "s", help: "file for addresses and mnemonics" },
    overwrite: { kind: "bool", value: false, short: "o", help: "replace the files when they exist" },
  },
  count: any,
  async run({ args, flags, context }) {
    if (args.length > 0) throw refused("this command does not take any positional arguments");
    if (flags.num < 1) throw refused("num must be > 0");
    if (flags.num > ADDRESSES_MAX) throw refused(`num must be <= ${ADDRESSES_MAX}`);
    checkEntropy(flags.entropy);
    const files = [
      { option: "addrs-file", given: flags["addrs-file"], mode: 0o666 },
      { option: "seeds-file", given: flags["seeds-file"], mode: 0o600 },
    ].map((file) => ({ ...file, path: context.path(file.given) }));
    const [addrs, seeds] = files as [OutputFile, OutputFile];
    if (!flags.overwrite) for (const file of files) await requireAbsent(file);
    // Differs: the reference writes one file through two handles, and the lines run into each other.
    if (addrs.path === seeds.path) throw refused(`-addrs-file and -seeds-file are both ${goQuote(addrs.given)}`);
    const made = Array.from({ length: flags.num }, () => newSeededAddress(flags.entropy));
    const lines = [
      made.map(({ address }) => `"${address}",\n`),
      made.map(({ address, seed }) => `"${address}","${seed}"\n`),
    ];
    // Both are there before a line is written: no address is kept without its seed.
    const opened: FileHandle[] = [];
    try {
      for (const file of files) opened.push(await create(file, flags.overwrite));
      for (const [at, file] of opened.entries()) {
        await file.writeFile(lines[at]?.join("") ?? "");
        await file.sync();
      }
    } finally {
      for (const file of opened) await file.close();
    }
  },
});

interface OutputFile {
  readonly option: string;
  readonly given: string;
  readonly path: string;
  readonly mode: number;
}

function newSeededAddress(entropy: number): { address: string; seed: string } {
  const seed = generateMnemonic(entropy);
  const [pair] = deterministicKeys(new TextEncoder().encode(seed), 1).keys as [KeyPair];
  return { address: encodeAddress(addressOf(pair.public)), seed };
}

async function requireAbsent({ option, given, path }: OutputFile): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw refused(openErrorText(given, error).replace("open", "stat"));
  }
  throw refused(`-${option} ${goQuote(given)} already exists. Use -overwrite to force writing`);
}

async function create({ given, path, mode }: OutputFile, overwrite: boolean): Promise<FileHandle> {
  try {
    const file = await open(path, overwrite ? "w" : "wx", mode);
    // An older file keeps its mode when it is truncated.
    if (mode === 0o600) await file.chmod(mode);
    return file;
  } catch (error) {
    throw refused(openErrorText(given, error));
  }
}
