import type { Logger } from "../base/log.ts";
import { silentLogger } from "../base/log.ts";
import { blockHash } from "../chain/block.ts";
import { Blockchain } from "../chain/blockchain.ts";
import { makeGenesisBlock } from "../chain/genesis.ts";
import type { SignatureRecovery } from "../chain/signatures.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { makeDirectories } from "../config/directories.ts";
import { type InstalledBackend, installNativeBackend } from "../native/install.ts";
import { RecoveryPool } from "../native/recovery-pool.ts";
import { moveAside } from "../storage/directory.ts";
import { StoreError } from "../storage/errors.ts";
import { type LevelStore, type LevelStoreOptions, openLevelStore } from "../storage/level-store.ts";

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
  // Side by side: loading native code and verifying the database are the two slow parts of a start.
  const opening = openDatabase(config, create, log.child({ module: "storage" }));
  const backend = await installNativeBackend(force === undefined ? {} : { force }).catch(async (error: unknown) => {
    await opening.then(
      (store) => store.close(),
      () => {},
    );
    throw error;
  });
  const store = await opening;
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

/**
 * The database of this chain. With `-reset-corrupt-db` a damaged one is moved aside, never deleted, and the chain
 * downloaded anew; a publisher never does that to itself.
 */
async function openDatabase(config: DaemonConfig, create: boolean, log: Logger): Promise<LevelStore> {
  const { params, databaseReadOnly, blockPublisher } = config;
  const options: LevelStoreOptions = {
    dir: config.paths.database,
    readOnly: databaseReadOnly,
    create: create && !databaseReadOnly,
    chain: { genesisHash: blockHash(makeGenesisBlock(params.genesis)), publisherKey: params.publisherKey },
    // A peer downloads lost blocks again; a publisher would sign others in their place.
    lostBlocks: blockPublisher ? "refuse" : "accept",
    log,
  };
  try {
    return await openLevelStore(options);
  } catch (error) {
    const damaged = error instanceof StoreError && error.code === "STORE_DAMAGED";
    if (!damaged || !config.resetCorruptDatabase || blockPublisher || databaseReadOnly || !create) throw error;
    const moved = await moveAside(options.dir);
    log.warn({ reason: error.message, moved }, "damaged database moved aside, the chain is downloaded anew");
    return openLevelStore(options);
  }
}
