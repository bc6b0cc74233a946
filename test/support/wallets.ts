import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type Address, decodeAddress } from "../../src/cipher/address.ts";
import type { ActivityFinder } from "../../src/wallet/activity.ts";
import { WalletError } from "../../src/wallet/errors.ts";
import { nodeSealingTools } from "../../src/wallet/node-sealing.ts";
import { seal, unseal } from "../../src/wallet/sealing.ts";
import type { SecretBox } from "../../src/wallet/secret-box.ts";
import { WalletService, type WalletServiceDeps, type WalletServiceOptions } from "../../src/wallet/service.ts";
import { ManualClock } from "./chain.ts";

export const ABANDON = `${"abandon ".repeat(11)}about`;
/** Key of the external chain of `ABANDON`'s account 0. */
export const ABANDON_XPUB =
  "xpub6EqqWfTLqEwSZtw3VzmTXjD1TiRQTaEbygGidA1879WFuTRqAPPDLN9wTGre6La4jooj6NojdRgkEwLCLT2GrHc7oLcc5qY9Nmp4CcdHb4W";

/** The real formats on this thread. For the quick types only: the default one takes seconds. */
export const inlineBox: SecretBox = {
  async seal(type, plain, password) {
    return seal(type, plain, password, nodeSealingTools);
  },
  async open(type, sealed, password) {
    try {
      return unseal(type, sealed, password, nodeSealingTools);
    } catch {
      throw new WalletError("WALLET_PASSWORD_INVALID");
    }
  },
};

/** These addresses were used. */
export function activityOf(...texts: readonly string[]): ActivityFinder & { readonly used: Set<string> } {
  const used = new Set(texts.map((text) => toHex(decodeAddress(text))));
  return { used, areActive: (addresses: readonly Address[]) => addresses.map((a) => used.has(toHex(a))) };
}

/** A service over a directory, quick encryption, all APIs on. */
export function openService(
  directory: string,
  changes: Partial<WalletServiceOptions & WalletServiceDeps> = {},
): Promise<WalletService> {
  return WalletService.open(
    { directory, cryptoType: "sha256-xor", enableWalletApi: true, enableSeedApi: true, bip44Coin: 8000, ...changes },
    { box: inlineBox, activity: activityOf(), clock: new ManualClock(), log: silentLogger, ...changes },
  );
}
