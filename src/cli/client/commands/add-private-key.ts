import { basename, dirname } from "node:path";
import { goQuote } from "../../../api/go-text.ts";
import { parseSecretKey, type SecretKey } from "../../../cipher/keys.ts";
import { entryOfSecret } from "../../../wallet/entry.ts";
import { WalletFault } from "../../../wallet/errors.ts";
import { saveWallet } from "../../../wallet/files.ts";
import { lockWallet, unlockWallet } from "../../../wallet/secrets.ts";
import { type CollectionWallet, isLocked, walletCoinText, walletEntry, wipeSecrets } from "../../../wallet/wallet.ts";
import { defineCommand, exactly } from "../command.ts";
import { refused, SeeHelpError } from "../errors.ts";
import { loadLocalWallet, localSecretBox, passwordBytes } from "../wallet-file.ts";

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
  const wallet = await loadLocalWallet(file, path).catch((error: Error & { cause?: unknown }) => {
    // This command opens the file itself, so a missing one reads like any file.
    const missing = error.cause instanceof WalletFault && error.cause.code === "WALLET_FILE_MISSING";
    const reason = missing ? `open ${file}: no such file or directory` : error.message;
    throw new SeeHelpError("CLIENT_WALLET_FILE", `Load wallet failed: ${reason}`, {}, { cause: error });
  });
  if (wallet.type === "collection") return wallet;
  const reason = `invalid wallet ${goQuote(basename(file))}: invalid wallet type`;
  throw new SeeHelpError("CLIENT_WALLET_FILE", `Load wallet failed: ${reason}`);
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
