import { access, constants, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { equalBytes } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/log.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { walletFingerprint } from "./create.ts";
import { DOCUMENT_CHARACTERS_MAX, parseWallet, serializeWallet } from "./document.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { isTemporary } from "./meta.ts";
import { type Wallet, walletCoin, walletCoinText, walletEntries, walletId } from "./wallet.ts";

const EXTENSION = "wlt";

/** What one directory may hold: a bound against a directory that is not one of wallets. */
export const WALLET_FILES_MAX = 10_000;

/**
 * Reads one wallet file of any name.
 * @throws WalletFault WALLET_FILE_MISSING `wallet "path" doesn't exist`, WALLET_FILE_INVALID, ...: see `parseWallet`
 */
export async function loadWalletFile(path: string): Promise<Wallet | undefined> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > DOCUMENT_CHARACTERS_MAX) throw new WalletFault("WALLET_FILE_INVALID", `${path}: file is too large`);
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) throw new WalletFault("WALLET_FILE_MISSING", `wallet "${path}" doesn't exist`);
    throw error;
  }
  return parseWallet(text, basename(path));
}

/**
 * Every wallet of a directory, by file name, in name order; makes the directory when it is missing.
 * @throws WalletFault WALLET_FILES: a file does not load, two wallets are one, or one is empty
 */
export async function loadWalletDirectory(directory: string, log: Logger = silentLogger): Promise<Map<string, Wallet>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeLeftovers(directory);
  try {
    return await loadDistinct(directory, log);
  } catch (error) {
    // Differs: the reference names neither the directory nor a way out.
    const remedy = `restore the file from a backup, or move it out of ${directory}`;
    throw new WalletFault("WALLET_FILES", `${errorText(error)}; ${remedy}`, {}, { cause: error });
  }
}

async function loadDistinct(directory: string, log: Logger): Promise<Map<string, Wallet>> {
  const wallets = await loadAll(directory, log).catch((error) => {
    throw new WalletFault("WALLET_FILES", `failed to load all wallets: ${errorText(error)}`, {}, { cause: error });
  });
  requireDistinct(wallets);
  for (const [name, wallet] of wallets) {
    if (isEmpty(wallet)) throw new WalletFault("WALLET_FILES", `empty wallet file found: "${name}"`);
  }
  return wallets;
}

async function loadAll(directory: string, log: Logger): Promise<Map<string, Wallet>> {
  const wallets = new Map<string, Wallet>();
  for (const name of await walletFileNames(directory)) {
    const wallet = await loadWalletFile(join(directory, name)).catch((error) => {
      // Differs: the reference does not say which file. The texts quote no secrets.
      throw new WalletFault("WALLET_FILES", `${name}: ${errorText(error)}`, {}, { cause: error });
    });
    if (wallet === undefined) {
      log.warn({ file: name }, "wallet of unknown type skipped");
      continue;
    }
    wallets.set(name, wallet);
    warnOfOddities(name, wallet, log);
  }
  for (const [name, wallet] of wallets) {
    if (walletCoin(wallet) !== "skycoin") {
      const text = `LoadWallets only support skycoin wallets, ${name} is a ${walletCoin(wallet)} wallet`;
      throw new WalletFault("WALLET_FILES", text);
    }
  }
  return wallets;
}

/** Loaded all the same, since the reference loads them. */
function warnOfOddities(file: string, wallet: Wallet, log: Logger): void {
  if (wallet.type === "xpub" && wallet.key.depth !== 4) {
    log.warn({ file, depth: wallet.key.depth }, "xpub wallet on a key that is no chain's makes unusual addresses");
  }
  const coin = walletCoinText(wallet);
  if (walletEntries(wallet).some((entry) => !equalBytes(coin.addressOf(entry.publicKey), entry.address))) {
    log.warn({ file }, "wallet holds addresses that are not its keys'");
  }
}

/** Regular files whose name ends with `wlt`, no dot required. */
async function walletFileNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((e) => e.isFile() && e.name.endsWith(EXTENSION)).map((e) => e.name);
  if (names.length > WALLET_FILES_MAX)
    throw new WalletFault("WALLET_FILES", `more than ${WALLET_FILES_MAX} wallet files`);
  return names.sort();
}

/**
 * Removes what a crash while writing left (it may hold secrets), and `X.wlt.bak` beside an `X.wlt` of version 0.1,
 * from an old writer.
 */
async function removeLeftovers(directory: string): Promise<void> {
  const names = new Set(await readdir(directory));
  for (const name of names) {
    const [, original, rest] = /^(.*wlt)(\.bak|\.tmp\.[0-9a-f]{8})$/.exec(name) ?? [];
    if (original === undefined || !names.has(original)) continue;
    if (rest !== ".bak" || (await isVersion(join(directory, original), "0.1"))) await rm(join(directory, name));
  }
}

async function isVersion(path: string, version: string): Promise<boolean> {
  const wallet = await loadWalletFile(path).catch(() => undefined);
  return wallet?.meta.get("version") === version;
}

function requireDistinct(wallets: ReadonlyMap<string, Wallet>): void {
  const seen = new Set<string>();
  for (const [name, wallet] of wallets) {
    const fingerprint = walletFingerprint(wallet);
    if (fingerprint === "") continue;
    if (seen.has(fingerprint)) {
      const text = `duplicate wallet found with fingerprint ${fingerprint} in file "${name}"`;
      throw new WalletFault("WALLET_FILES", text);
    }
    seen.add(fingerprint);
  }
}

function isEmpty(wallet: Wallet): boolean {
  if (wallet.type === "collection") return false;
  if (wallet.type !== "bip44") return walletEntries(wallet).length === 0;
  return !wallet.accounts.some(({ chains }) => chains.some((c) => c.index === 0 && c.entries.length > 0));
}

/**
 * Saves a wallet under its id; temporary ones are never saved. Written to a temporary file, flushed to disk, then
 * renamed: a crash leaves the old file or the new one. Readable by its owner only.
 * Differs: the reference writes into the file itself, and truncates it first to see whether it may.
 */
export async function saveWallet(wallet: Wallet, directory: string): Promise<void> {
  if (isTemporary(wallet.meta)) return;
  await writeFileAtomically(join(directory, walletId(wallet)), serializeWallet(wallet));
}

/** Something of that name is there already. */
export async function walletFileExists(name: string, directory: string): Promise<boolean> {
  return access(join(directory, name)).then(
    () => true,
    () => false,
  );
}

/** The file of a wallet may be written, or is not there yet. @throws WalletError WALLET_NOT_WRITABLE */
export async function requireWritable(wallet: Wallet, directory: string): Promise<void> {
  if (isTemporary(wallet.meta)) return;
  try {
    await access(join(directory, walletId(wallet)), constants.W_OK);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw new WalletError("WALLET_NOT_WRITABLE");
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null)?.code === code;
}
