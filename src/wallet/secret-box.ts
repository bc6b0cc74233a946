import type { CryptoType } from "./meta.ts";

/**
 * Encrypts and decrypts the secrets of wallets. Deriving a key takes seconds and a gigabyte by design, so the node's
 * implementation works in a thread of its own (`unlock-pool.ts`).
 */
export interface SecretBox {
  /** Base64 text for `meta.secrets`. */
  seal(type: CryptoType, plain: Uint8Array, password: Uint8Array): Promise<string>;
  /** @throws WalletError WALLET_PASSWORD_INVALID whatever is wrong: text, password or parameters */
  open(type: CryptoType, sealed: string, password: Uint8Array): Promise<Uint8Array>;
}
