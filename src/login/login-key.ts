import { CoinError } from "../base/errors.ts";
import { type Address, addressOf } from "../cipher/address.ts";
import { type ExtendedPublicKey, HARDENED, parseExtendedPublicKey, publicChild } from "../cipher/bip32.ts";
import type { PublicKey } from "../cipher/keys.ts";

/** A key from which the login address cannot be reached; the message tells a person what to give instead. */
export class LoginKeyError extends CoinError<"LOGIN_KEY_EXTERNAL" | "LOGIN_KEY_LEVEL"> {}

export interface LoginKey {
  readonly address: Address;
  readonly publicKey: PublicKey;
}

const ADVICE = "give the account key: walletKeyExport WALLET -k xpub --path=0";

/**
 * The login address of an account's extended public key: change chain, index 0 (`m/44'/8000'/account'/1/0`). The key
 * of the change chain itself will do too. Depth and number in the text are claims only; identity must come from a
 * signature by the derived key. An extended private key is refused and must never be asked for.
 * Source: wallet.md 4.6. @throws Bip32Error, LoginKeyError
 */
export function loginKey(text: string): LoginKey {
  const key = publicChild(changeChain(parseExtendedPublicKey(text)), 0).key;
  return { address: addressOf(key), publicKey: key };
}

function changeChain(key: ExtendedPublicKey): ExtendedPublicKey {
  const { depth, childNumber } = key;
  if (depth === 3 && childNumber >= HARDENED) return publicChild(key, 1);
  if (depth === 4 && childNumber === 1) return key;
  if (depth === 4 && childNumber === 0) {
    const why = "this is the key of the external chain, from which the login address cannot be derived";
    throw new LoginKeyError("LOGIN_KEY_EXTERNAL", `${why}; ${ADVICE}`, { depth, childNumber });
  }
  throw new LoginKeyError("LOGIN_KEY_LEVEL", `this is not a bip44 account key; ${ADVICE}`, { depth, childNumber });
}
