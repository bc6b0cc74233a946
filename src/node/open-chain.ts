import type { Logger } from "../base/log.ts";
import { silentLogger } from "../base/log.ts";
import { Blockchain } from "../chain/blockchain.ts";
import type { SignatureRecovery } from "../chain/signatures.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { makeDirectories } from "../config/directories.ts";
import { type InstalledBackend, installNativeBackend } from "../native/install.ts";
import { RecoveryPool } from "../native/recovery-pool.ts";
import { type LevelStore, openLevelStore } from "../storage/level-store.ts";

/** A node's state with nothing around it: what the daemon and the `chain` command both stand on. */
export interface OpenChain {
  readonly chain: Blockchain;
  readonly store: LevelStore;
  readonly recovery: SignatureRecovery;
  readonly backend: InstalledBackend;
  /** May be called twice. The database last. */
  close(): Promise<void>;
}

/**
 * Installs the cipher backend, opens the database and the chain in it; an empty one gets its genesis block when
 * `create` is set. @throws StoreError, ChainError, NativeError, ConfigError
 */
export async function openChain(
  config: DaemonConfig,
  { create, log = silentLogger }: { readonly create: boolean; readonly log?: Logger },
): Promise<OpenChain> {
  const force = config.cipherBackend === "auto" ? undefined : config.cipherBackend;
  if (create && !config.databaseReadOnly) await makeDirectories(config);
  const [backend, store] = await Promise.all([
    installNativeBackend(force === undefined ? {} : { force }),
    openLevelStore({
      dir: config.paths.database,
      readOnly: config.databaseReadOnly,
      create,
      log: log.child({ module: "storage" }),
    }),
  ]);
  const recovery = new RecoveryPool(
    { backend: backend.kind, ...(config.syncWorkers === 0 ? {} : { workers: config.syncWorkers }) },
    { log: log.child({ module: "native" }) },
  );
  try {
    const secret = config.publisherSecretKey;
    const chain = await Blockchain.open({
      params: config.params,
      store,
      recovery,
      log: log.child({ module: "chain" }),
      ...(secret === undefined ? {} : { secretKey: secret }),
    });
    return {
      chain,
      store,
      recovery,
      backend,
      async close() {
        await recovery.close();
        await store.close();
      },
    };
  } catch (error) {
    await recovery.close();
    await store.close();
    throw error;
  }
}
