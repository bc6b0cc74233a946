import type { KeyValuesService, SpendingService, WalletsService } from "../api/services.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import type { ChainParams } from "../chain/params.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import type { DaemonPaths, WalletCryptoType, WebConfig } from "../config/daemon-config.ts";
import { KeyValueService } from "../keyvalue/service.ts";
import { chainActivity, chainLedger } from "../wallet/chain-ledger.ts";
import type { SecretBox } from "../wallet/secret-box.ts";
import { WalletService } from "../wallet/service.ts";
import { UnlockThread } from "../wallet/unlock-thread.ts";
import { WalletSpending } from "../wallet/wallet-spending.ts";

/** The part of a `DaemonConfig` that is needed. */
export interface ClientStoresConfig {
  readonly params: Pick<ChainParams, "user">;
  readonly paths: Pick<DaemonPaths, "wallets" | "storage">;
  readonly web: Pick<WebConfig, "enabled" | "apiSets">;
  readonly branding: { readonly bip44Coin: number };
  readonly walletCryptoType: WalletCryptoType;
}

export type ClosableBox = SecretBox & { close(): Promise<void> };

/** What the API keeps for its clients: wallets, and texts under keys. */
export interface ClientStores {
  readonly wallets: WalletsService;
  readonly spending: SpendingService;
  readonly keyValues: KeyValuesService;
  /** Ends what waits for the encryption thread, then waits until nothing is being written. May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens what the enabled API sets need; for the others no file is read and no folder made.
 * @throws WalletFault WALLET_FILES, KeyValueError KEYVALUE_FILES: the node must not start
 */
export async function openClientStores(
  config: ClientStoresConfig,
  parts: {
    readonly chain: Blockchain;
    readonly pool: UnconfirmedPool;
    readonly clock: Clock;
    readonly log: Logger;
    /** Encrypts wallets; closed with the rest. A thread of its own by default. */
    readonly box?: ClosableBox;
  },
): Promise<ClientStores> {
  const { params, paths, web, branding } = config;
  const isOn = (set: WebConfig["apiSets"][number]): boolean => web.enabled && web.apiSets.includes(set);
  const { clock } = parts;
  const box = parts.box ?? new UnlockThread();
  const wallets = await WalletService.open(
    {
      directory: paths.wallets,
      cryptoType: config.walletCryptoType,
      enableWalletApi: isOn("WALLET"),
      enableSeedApi: isOn("INSECURE_WALLET_SEED"),
      bip44Coin: branding.bip44Coin,
    },
    { box, activity: chainActivity(parts), clock, log: parts.log.child({ module: "wallet" }) },
  );
  const keyValues = await KeyValueService.open(
    { directory: paths.storage, enabled: isOn("STORAGE") },
    { log: parts.log.child({ module: "keyvalue" }) },
  );
  const spending = new WalletSpending({ burnFactor: params.user.burnFactor }, { ledger: chainLedger(parts), wallets });
  return {
    wallets,
    spending,
    keyValues,
    async close() {
      // The thread first: a change that waits for it then fails with nothing written, instead of taking seconds.
      await box.close();
      await Promise.all([wallets.close(), keyValues.close()]);
    },
  };
}
