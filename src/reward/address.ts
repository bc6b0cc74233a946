import { equalBytes } from "../base/bytes.ts";
import { CoinError } from "../base/errors.ts";
import { decodeAddress, encodeAddress, NULL_ADDRESS } from "../cipher/address.ts";
import { Bip32Error, formatExtendedKey, HARDENED, parseExtendedPublicKey } from "../cipher/bip32.ts";
import { CipherError } from "../cipher/errors.ts";

export type RewardErrorCode = "REWARD_EMPTY" | "REWARD_SECRET" | "REWARD_ADDRESS" | "REWARD_XPUB" | "REWARD_FILE";

/** The message never holds what was given: it may have been a secret, pasted by mistake. */
export class RewardError extends CoinError<RewardErrorCode> {}

export interface RewardAddress {
  readonly kind: "address" | "xpub";
  /** The one way to write it. */
  readonly text: string;
}

/**
 * What rewards may be paid to: an address, or the extended public key of a bip44 account (depth 3), of which whoever
 * pays takes addresses of the external chain. @throws RewardError REWARD_EMPTY, REWARD_SECRET, REWARD_ADDRESS, REWARD_XPUB
 */
export function parseRewardAddress(given: string): RewardAddress {
  const text = given.trim();
  if (text === "") throw new RewardError("REWARD_EMPTY", "an address or an account's xpub is needed");
  const secret = secretKind(text);
  if (secret !== undefined) {
    throw new RewardError(
      "REWARD_SECRET",
      `this looks like ${secret}: never give it to anybody, and move its coins if it has been shown. Give the address`,
    );
  }
  return text.startsWith("xpub") ? { kind: "xpub", text: parseAccount(text) } : { kind: "address", text: parse(text) };
}

function secretKind(text: string): string | undefined {
  if (/^[xyzt]prv/.test(text)) return "an extended private key";
  if (/^(0x)?[0-9a-f]{64}$/i.test(text)) return "a secret key";
  if (/^[5KL][1-9A-HJ-NP-Za-km-z]{50,51}$/.test(text)) return "a secret key in import format";
  return text.split(/\s+/).length >= 3 ? "the words of a seed" : undefined;
}

function parse(text: string): string {
  try {
    const address = decodeAddress(text);
    if (!equalBytes(address, NULL_ADDRESS)) return encodeAddress(address);
  } catch (cause) {
    if (!(cause instanceof CipherError)) throw cause;
    throw new RewardError("REWARD_ADDRESS", `not an address: ${cause.message}`, {}, { cause });
  }
  throw new RewardError("REWARD_ADDRESS", "the null address belongs to nobody: what is paid to it is lost");
}

function parseAccount(text: string): string {
  try {
    const key = parseExtendedPublicKey(text);
    if (key.depth === 3 && key.childNumber >= HARDENED) return formatExtendedKey(key);
  } catch (cause) {
    if (!(cause instanceof Bip32Error)) throw cause;
    throw new RewardError("REWARD_XPUB", `not an extended public key: ${cause.message}`, {}, { cause });
  }
  const what = "this is not the key of a bip44 account";
  throw new RewardError("REWARD_XPUB", `${what}; give the account key: walletKeyExport WALLET -k xpub --path=0`);
}
