import { goQuote } from "../../api/go-text.ts";
import { errorText } from "../../base/errors.ts";
import { openErrorText } from "../../config/errors.ts";
import { WalletError } from "../../wallet/errors.ts";
import { loadWalletFile } from "../../wallet/files.ts";
import { nodeSealingTools } from "../../wallet/node-sealing.ts";
import { seal, unseal } from "../../wallet/sealing.ts";
import type { SecretBox } from "../../wallet/secret-box.ts";
import type { Wallet } from "../../wallet/wallet.ts";
import { ClientError } from "./errors.ts";

/** Reads a wallet file of the local machine, of any name; messages name it as given. @throws ClientError CLIENT_WALLET_FILE */
export async function loadLocalWallet(given: string, path: string): Promise<Wallet> {
  try {
    const wallet = await loadWalletFile(path);
    if (wallet === undefined) throw new Error(`wallet ${goQuote(given)} is of an unknown type`);
    return wallet;
  } catch (cause) {
    const isSystems = typeof (cause as NodeJS.ErrnoException).syscall === "string";
    const message = isSystems ? openErrorText(given, cause) : errorText(cause).replaceAll(path, () => given);
    throw new ClientError("CLIENT_WALLET_FILE", message, { path: given }, { cause });
  }
}

/** Seals and opens in this thread: a command has nothing else to do meanwhile. */
export const localSecretBox: SecretBox = {
  seal: async (type, plain, password) => seal(type, plain, password, nodeSealingTools),
  async open(type, sealed, password) {
    try {
      return unseal(type, sealed, password, nodeSealingTools);
    } catch {
      throw new WalletError("WALLET_PASSWORD_INVALID");
    }
  },
};

export function passwordBytes(password: string): Uint8Array {
  return new TextEncoder().encode(password);
}
