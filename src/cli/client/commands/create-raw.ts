import { toHex } from "../../../base/bytes.ts";
import { RuleError } from "../../../chain/rules.ts";
import { encodeTransaction, type Transaction } from "../../../chain/transaction.ts";
import { type Address, decodeAddress, encodeAddress } from "../../../cipher/address.ts";
import {
  createRawTransaction as buildRaw,
  checkRawTransaction,
  type RawSpend,
} from "../../../wallet/raw-transaction.ts";
import { unlockWallet } from "../../../wallet/secrets.ts";
import { signWithWallet } from "../../../wallet/sign.ts";
import { isLocked, type Wallet, walletAddresses, walletEntry, wipeSecrets } from "../../../wallet/wallet.ts";
import { atLeast, type CommandCall, defineCommand } from "../command.ts";
import type { ClientContext } from "../context.ts";
import { ClientError, refused, SeeHelpError } from "../errors.ts";
import { candidateOf, checkedHead, fetchOutputs, parseOutputs, spendableOutputs } from "../outputs.ts";
import { type Receiver, receiverOf, receiversOfCsv, receiversOfJson } from "../receivers.ts";
import { loadLocalWallet, localSecretBox, passwordBytes } from "../wallet-file.ts";
import { inject } from "./transactions.ts";

const FLAGS = {
  "from-address": { kind: "string", value: "", short: "a", help: "spend from this address of the wallet only" },
  "change-address": {
    kind: "string",
    value: "",
    short: "c",
    help: "where the change goes, an address of the wallet.\nDefault: the address of -a, else the wallet's first",
  },
  many: {
    kind: "string",
    value: "",
    short: "m",
    help: 'several receivers as JSON,\nfor example [{"addr":"$addr1","coins":"10.2"},{"addr":"$addr2","coins":"20"}]',
  },
  password: { kind: "string", value: "", short: "p", help: "password of the wallet" },
  json: { kind: "bool", value: false, short: "j", help: "print JSON" },
  csv: { kind: "string", value: "", help: "file with a receiver a line: address,amount" },
} as const;

const AMOUNTS = `Amounts are in coins, for example 1, 1.001 or 1.000000.
[to address] [amount] may be replaced by --many or --csv.
A password given with -p may stay in the shell's history; without it you are asked.`;

export const createRawTransaction = defineCommand({
  name: "createRawTransaction",
  arguments: "[wallet file] [to address] [amount]",
  summary: "Create a raw transaction, to be sent later",
  description: `Creates and signs a transaction from a wallet file of this machine and prints it.\n${AMOUNTS}`,
  flags: FLAGS,
  count: atLeast(1),
  async run(call) {
    let rawtx: string;
    try {
      rawtx = toHex(encodeTransaction(await createSigned(call)));
    } catch (error) {
      throw error instanceof WalletLoadError ? pointToHelp(error) : error;
    }
    if (call.flags.json) call.context.printJson({ rawtx });
    else call.context.print(rawtx);
  },
});

export const send = defineCommand({
  name: "send",
  arguments: "[wallet file] [to address] [amount]",
  summary: "Send coins from a wallet to an address",
  description: `Creates and signs a transaction from a wallet file of this machine and sends it.\n${AMOUNTS}`,
  flags: FLAGS,
  count: atLeast(1),
  async run(call) {
    let txn: Transaction;
    try {
      txn = await createSigned(call);
    } catch (error) {
      throw pointToHelp(error);
    }
    const txid = await inject(call.context.api, toHex(encodeTransaction(txn)));
    if (call.flags.json) call.context.printJson({ txid });
    else call.context.print(`txid:${txid}`);
  },
});

/** The wallet cannot even be read to find a change address. */
class WalletLoadError extends ClientError {}

function pointToHelp(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return new SeeHelpError("CLIENT_INPUT", error.message, {}, { cause: error });
}

/** Asks the node for outputs, chooses, builds, signs and checks (cli.md 1.5), in the reference's order of errors. */
async function createSigned({ args, flags, context }: CommandCall<typeof FLAGS>): Promise<Transaction> {
  const file = args[0] as string;
  const from = flags["from-address"];
  if (from !== "") parseOr(from, `invalid address: ${from}`);
  if (file === "" && from === "" && flags["change-address"] === "") {
    throw refused("wallet file, from address and change address are empty");
  }
  const change = flags["change-address"] || from || (await firstAddress(context, file));
  parseOr(change, `invalid change address: ${change}`);
  const receivers = await readReceivers(args.slice(1), flags, context);
  const to = receivers.map(({ address, droplets }) => {
    const parsed = parseOr(address, "invalid address");
    if (droplets === 0n) throw refused("Cannot send 0 coins");
    return { address: parsed, coins: droplets };
  });
  if (to.length === 0) throw refused("No destination addresses");

  const wallet = await loadLocalWallet(file, context.path(file));
  if (from !== "") requireEntry(wallet, from, `${from} address is not in wallet`);
  requireEntry(wallet, change, `change address ${change} is not in wallet`);
  if (!isLocked(wallet) && flags.password !== "") throw refused("wallet is not encrypted");
  const password = isLocked(wallet) ? await context.password(flags.password) : "";

  const chain = await context.chain();
  const addresses = from === "" ? walletAddresses(wallet).map(encodeAddress) : [from];
  const summary = parseOutputs(await fetchOutputs(context.api, addresses));
  const spend: RawSpend = {
    spendable: spendableOutputs(summary).map(candidateOf),
    incoming: summary.incoming.map(candidateOf),
    to,
    changeAddress: decodeAddress(change),
    burnFactor: chain.user.burnFactor,
  };
  const created = buildRaw(spend);
  const owners = created.inputs.map((input) => input.address);
  for (const owner of owners) requireEntry(wallet, encodeAddress(owner), `${encodeAddress(owner)} is not in wallet`);
  const txn = await withSecretKeys(wallet, password, (open) => signWithWallet(open, created.txn, owners));
  const checks = { head: checkedHead(summary), distribution: chain.distribution, policy: chain.user };
  try {
    checkRawTransaction({ txn, inputs: created.inputs }, checks);
  } catch (error) {
    throw error instanceof RuleError ? refused(error.prefixed) : error;
  }
  return txn;
}

async function firstAddress(context: ClientContext, file: string): Promise<string> {
  let wallet: Wallet;
  try {
    wallet = await loadLocalWallet(file, context.path(file));
  } catch (error) {
    throw new WalletLoadError(
      "CLIENT_WALLET_FILE",
      `Load wallet failed: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
  requireAccount(wallet, "failed to get external chain, err: account index 0 out of range");
  const [address] = walletAddresses(wallet);
  if (address === undefined) throw refused("no change address was found");
  return encodeAddress(address);
}

function parseOr(address: string, message: string): Address {
  try {
    return decodeAddress(address);
  } catch {
    throw refused(message);
  }
}

function requireEntry(wallet: Wallet, address: string, message: string): void {
  requireAccount(wallet, "account index 0 out of range");
  if (walletEntry(wallet, decodeAddress(address)) === undefined) throw refused(message);
}

function requireAccount(wallet: Wallet, message: string): void {
  if (wallet.type === "bip44" && wallet.accounts.length === 0) throw refused(message);
}

async function readReceivers(
  args: readonly string[],
  { many, csv }: { readonly many: string; readonly csv: string },
  context: ClientContext,
): Promise<readonly Receiver[]> {
  if (csv !== "" && many !== "") throw refused("-csv and -m cannot be combined");
  if (many !== "") return receiversOfJson(many);
  if (csv !== "") return receiversOfCsv(csv, context.path(csv));
  return [receiverOf(args, "invalid amount: ")];
}

/** Runs with an open copy of the wallet and wipes its keys afterwards. @throws WalletError WALLET_PASSWORD_INVALID */
async function withSecretKeys<T>(wallet: Wallet, password: string, use: (open: Wallet) => T): Promise<T> {
  const open = isLocked(wallet) ? await unlockWallet(wallet, passwordBytes(password), localSecretBox) : wallet;
  try {
    return use(open);
  } finally {
    wipeSecrets(open);
  }
}
