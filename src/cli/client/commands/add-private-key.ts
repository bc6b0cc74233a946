import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { goQuote } from "../../../api/go-text.ts";
import { errorText } from "../../../base/errors.ts";
import { parseSecretKey, type SecretKey } from "../../../cipher/keys.ts";
import { openErrorText } from "../../../config/errors.ts";
import { parseWallet } from "../../../wallet/document.ts";
import { entryOfSecret } from "../../../wallet/entry.ts";
import { WalletError } from "../../../wallet/errors.ts";
import { saveWallet } from "../../../wallet/files.ts";
import { member, parseJson } from "../../../wallet/json-text.ts";
import { metaText, readMeta, resolveCoin, validateLoadedMeta, withMeta } from "../../../wallet/meta.ts";
import { lockWallet, unlockWallet } from "../../../wallet/secrets.ts";
import { type CollectionWallet, isLocked, walletCoinText, walletEntry, wipeSecrets } from "../../../wallet/wallet.ts";
import { defineCommand, exactly } from "../command.ts";
import { ClientError, refused, SeeHelpError } from "../errors.ts";
import { localSecretBox, passwordBytes } from "../wallet-file.ts";

export const addPrivateKey = defineCommand({
  name: "addPrivateKey",
  arguments: "[wallet file] [private key]",
  summary: "Add a private key to a collection wallet file",
  description: `Adds a key to a wallet file of this machine; of collection wallets only.
The key and a password given with -p may stay in the shell's history.`,
  flags: { password: { kind: "string", value: "", short: "p", help: "password of the wallet" } },
  count: exactly(2),
  async run({ args, flags, context }) {
    const [file, key] = args as [string, string];
    const path = context.path(file);
    const wallet = await loadCollection(file, path);
    if (!isLocked(wallet)) {
      await saveWallet(withKey(wallet, parseKey(key)), dirname(path));
    } else {
      const password = passwordBytes(await context.password(flags.password));
      const open = await unlockWallet(wallet, password, localSecretBox);
      const more = withKey(open, parseKey(key));
      const locked = await lockWallet(more, password, localSecretBox);
      wipeSecrets(more);
      await saveWallet(locked, dirname(path));
    }
    context.print("success");
  },
});

async function loadCollection(file: string, path: string): Promise<CollectionWallet> {
  try {
    const text = await readFile(path, "utf8").catch((cause) => {
      throw new ClientError("CLIENT_WALLET_FILE", openErrorText(file, cause), {}, { cause });
    });
    requireCollection(text);
    return parseWallet(text, basename(path)) as CollectionWallet;
  } catch (cause) {
    throw new SeeHelpError("CLIENT_WALLET_FILE", `Load wallet failed: ${errorText(cause)}`, {}, { cause });
  }
}

/** Whatever the file is of, the reference reads it as a collection, and names it as the document does. */
function requireCollection(text: string): void {
  const loaded = readMeta(member(parseJson(text), "meta"));
  const meta = withMeta(loaded, { coin: resolveCoin(metaText(loaded, "coin")) });
  try {
    validateLoadedMeta(meta);
    if (metaText(meta, "type") !== "collection") throw new WalletError("WALLET_TYPE_INVALID");
  } catch (error) {
    throw refused(`invalid wallet ${goQuote(metaText(meta, "filename"))}: ${errorText(error)}`);
  }
}

/** Differs: the reference repeats the refused text, which is most of a key. */
function parseKey(key: string): SecretKey {
  try {
    return parseSecretKey(key);
  } catch {
    throw refused("invalid private key: must be a hex string of length 64");
  }
}

function withKey(wallet: CollectionWallet, key: SecretKey): CollectionWallet {
  const entry = entryOfSecret(walletCoinText(wallet), key);
  if (walletEntry(wallet, entry.address) !== undefined)
    throw refused("wallet already contains entry with this address");
  return { ...wallet, entries: [...wallet.entries, entry] };
}
