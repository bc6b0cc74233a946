import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { addressOf, encodeAddress } from "../cipher/address.ts";
import { bip44Account, privateChild } from "../cipher/bip32.ts";
import { mnemonicSeed, validateMnemonic } from "../cipher/bip39.ts";
import { sha256 } from "../cipher/hash.ts";
import { deterministicKeys, parseSecretKey, publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import { signHash } from "../cipher/sign.ts";
import { ClientError } from "./errors.ts";

/** A key and where it comes from. The secret never leaves the process or page that made it. */
export interface SeedKey {
  readonly address: string;
  readonly secret: SecretKey;
  /** As wallets name it: `m/44'/8000'/0'/1/0`, `address 1 of the seed`, `secret key`. */
  readonly origin: string;
}

/** Coin number of reward wallets and their login addresses, whatever the chain says of itself. */
export const LOGIN_BIP44_COIN = 8000;

/**
 * What a person may type: a bip39 mnemonic, any text that is the seed of a deterministic wallet, or a secret key as
 * 64 hex digits. A phrase can be the seed of either kind of wallet, so both kinds of keys come out, bip44 first:
 * account 0, change chain (login addresses) and external chain. Lazily: who looks for one address stops at it.
 * @throws ClientError CLIENT_SEED when nothing was typed
 */
export function* keysOfSeed(
  typed: string,
  { count = 8, coin = LOGIN_BIP44_COIN }: { readonly count?: number; readonly coin?: number } = {},
): Generator<SeedKey> {
  const text = typed.trim();
  if (text === "") throw new ClientError("CLIENT_SEED", "type a seed, a mnemonic or a secret key");
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    const secret = secretOf(text);
    if (secret !== undefined) yield key(secret, "secret key");
  }
  const phrase = text.toLowerCase().split(/\s+/).join(" ");
  if (isMnemonic(phrase)) {
    const account = bip44Account(mnemonicSeed(phrase), coin, 0);
    for (const chain of [1, 0]) {
      const parent = privateChild(account, chain);
      for (let i = 0; i < count; i++) yield key(privateChild(parent, i).key, `m/44'/${coin}'/0'/${chain}/${i}`);
    }
  }
  let seed: Uint8Array = new TextEncoder().encode(text);
  for (let i = 0; i < count; i++) {
    const { keys, lastSeed } = deterministicKeys(seed, 1);
    for (const { secret } of keys) yield key(secret, `address ${i + 1} of the seed`);
    seed = lastSeed;
  }
}

/** The key of the wanted address among those of a seed. */
export function findKey(typed: string, address: string): SeedKey | undefined {
  for (const candidate of keysOfSeed(typed)) if (candidate.address === address) return candidate;
  return undefined;
}

export function isMnemonic(phrase: string): boolean {
  try {
    validateMnemonic(phrase);
    return true;
  } catch {
    return false;
  }
}

/** The signature method `signature` asks for, as hex: over SHA-256 of the message, recoverable. */
export function signMessage(message: string, secret: SecretKey): string {
  return toHex(signHash(sha256(new TextEncoder().encode(message)), secret));
}

/** @throws ClientError CLIENT_SEED */
export function keyOfSecret(hex: string, origin = "secret key"): SeedKey {
  try {
    return key(parseSecretKey(hex), origin);
  } catch (cause) {
    throw new ClientError("CLIENT_SEED", `not a secret key: ${errorText(cause)}`);
  }
}

function secretOf(hex: string): SecretKey | undefined {
  try {
    return parseSecretKey(hex);
  } catch {
    return undefined; // then it is a seed that happens to look like one
  }
}

function key(secret: SecretKey, origin: string): SeedKey {
  return { address: encodeAddress(addressOf(publicKeyOf(secret))), secret, origin };
}
