import { equalBytes } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import type { Address } from "../cipher/address.ts";
import { decodeAddress } from "../cipher/address.ts";
import { type PublicKey, parsePublicKey, parseSecretKey, publicKeyOf, type SecretKey } from "../cipher/keys.ts";
import { parseSignature, type Signature } from "../cipher/sign.ts";
import { ConfigError, invalid, panic } from "./errors.ts";
import type { GenesisWallet } from "./genesis-wallet.ts";

/** Who may sign blocks and who owns the genesis output, as text. An empty text means "not given". */
export interface IdentityTexts {
  readonly address: string;
  readonly publicKey: string;
  readonly secretKey: string;
  readonly signature: string;
}

export interface Identity {
  readonly address: Address;
  readonly publicKey: PublicKey;
  /** Only for a publisher. */
  readonly secretKey: SecretKey | undefined;
  readonly signature: Signature | undefined;
}

/** Parses in the reference's order. @throws ConfigError CONFIG_INVALID, exit code 2 */
export function parseIdentity(texts: IdentityTexts, { publisher }: { publisher: boolean }): Identity {
  const signature = texts.signature === "" ? undefined : parsed("Signature", texts.signature, parseSignature);
  const address = parsed("Address", texts.address, decodeAddress);
  const publicKey = parsed("Pubkey", texts.publicKey, parsePublicKey);
  // A peer's key is checked as the reference does, and then forgotten: it has no use for it.
  const secretKey = texts.secretKey === "" ? undefined : parsed("Seckey", texts.secretKey, parseSecretKey);
  return { address, publicKey, signature, secretKey: publisher ? secretKey : undefined };
}

function parsed<T>(what: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    // No cause for the key: an error object may carry what it was made from.
    throw panic(`Invalid ${what}: ${errorText(error)}`, what === "Seckey" ? undefined : error);
  }
}

/** A publisher's key must be there and belong to the chain. @throws ConfigError CONFIG_INVALID */
export function checkPublisherKey({ publicKey, secretKey }: Identity): void {
  if (secretKey === undefined) throw panic("Attempt to load null seckey, unsafe");
  if (!equalBytes(publicKeyOf(secretKey), publicKey)) {
    throw invalid("Cannot run as block publisher: invalid seckey for pubkey");
  }
}

/**
 * A publisher takes everything from its wallet; the configured signature is dropped, it belongs to another key or
 * another timestamp.
 */
export function identityOfWallet({ address, publicKey, secretKey }: GenesisWallet): IdentityTexts {
  return { address, publicKey, secretKey, signature: "" };
}

/**
 * A peer with GENESIS is a mistake (config.md 8.2): harmless when the wallet is this chain's, since nothing is taken
 * from it, and an error otherwise.
 * @returns the warning to give @throws ConfigError CONFIG_GENESIS_WALLET
 */
export function checkPeerWallet(wallet: GenesisWallet, configured: IdentityTexts): string {
  const same =
    wallet.address === configured.address && wallet.publicKey.toLowerCase() === configured.publicKey.toLowerCase();
  if (same)
    return "GENESIS is set on a node that is no block publisher: the wallet is ignored, its secret key not loaded";
  throw new ConfigError(
    "CONFIG_GENESIS_WALLET",
    `GENESIS names the wallet of genesis address ${wallet.address}, but this node is no block publisher and its ` +
      `configuration says ${configured.address || "nothing"}: unset GENESIS for a peer, or add -block-publisher`,
  );
}
