import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { CheckedTransaction } from "../chain/blockchain.ts";
import type { SignedMode } from "../chain/check-transaction.ts";
import type { ChainParams, VerifyParams } from "../chain/params.ts";
import type { GuardState } from "../chain/publisher-guard.ts";
import type { PoolView } from "../chain/queries.ts";
import type { ChainView } from "../chain/store.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { KeyValueService } from "../keyvalue/service.ts";
import type { RewardFile } from "../reward/file.ts";
import type { WalletService } from "../wallet/service.ts";
import type { WalletSpending } from "../wallet/wallet-spending.ts";
import type { LoginServices } from "./login/route.ts";
import type { NodeMetrics } from "./node-metrics.ts";

/** What the API needs of the node, as narrow as the handlers are. `node` passes the real parts. */
export interface ApiServices {
  readonly chain: ChainService;
  readonly pool: PoolService;
  /** Absent: networking is disabled. */
  readonly network?: NetworkService | undefined;
  readonly wallets: WalletsService;
  readonly spending: SpendingService;
  readonly keyValues: KeyValuesService;
  /** Absent: the node keeps no reward address. */
  readonly rewards?: RewardsService | undefined;
  /** What the public listener serves beside the chain API; absent: nothing. */
  readonly login?: LoginServices | undefined;
  /** Absent: no trouble is known of. */
  readonly condition?: ConditionService | undefined;
  /** Counted by all listeners of a node together; absent: the server counts for itself. */
  readonly metrics?: NodeMetrics | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the node knows of its own trouble. */
export interface ConditionService {
  /** The last write failed and none has succeeded since. */
  databaseFailing(): boolean;
  /** This node publishes, and its last attempt failed for a reason other than having nothing to publish. */
  publisherFailing(): boolean;
  /** Absent: nobody watches. */
  safety?(): SafetyState;
}

/** Whether the publisher's key still signs one chain only. */
export interface SafetyState {
  /** Heights of which two signed blocks have been seen, not settled by the operator. */
  readonly forks: readonly number[];
  /** On a publisher: whether it makes blocks. */
  readonly publisher?: GuardState;
  /** Why it makes none. */
  readonly refusal?: string;
}

/** Satisfied by chain's `Blockchain`. */
export interface ChainService {
  readonly params: ChainParams;
  readonly store: ChainView;
  /** Hard rules at the head. @throws RuleError */
  checkHard(txn: Transaction, mode?: SignedMode): Promise<CheckedTransaction>;
}

/** Satisfied by chain's `UnconfirmedPool`. */
export interface PoolService extends PoolView {
  /**
   * Checks by the user's rules, then `broadcast`, then stores durably; a throw of one keeps the next from happening.
   * @throws RuleError, StoreError, whatever `broadcast` throws
   */
  injectFromUser(
    txn: Transaction,
    options?: { readonly broadcast?: (txn: Transaction) => void | Promise<void> },
  ): Promise<unknown>;
}

/** Satisfied by wallet's `WalletService`; without the WALLET set it refuses everything. */
export type WalletsService = Pick<
  WalletService,
  | "get"
  | "list"
  | "directory"
  | "addresses"
  | "create"
  | "newAddresses"
  | "scan"
  | "updateLabel"
  | "unload"
  | "encrypt"
  | "decrypt"
  | "seed"
  | "recover"
>;

/** Satisfied by wallet's `WalletSpending`. */
export type SpendingService = Pick<WalletSpending, "create" | "createFromWallet" | "sign">;

/** Satisfied by keyvalue's `KeyValueService`. */
export type KeyValuesService = Pick<KeyValueService, "all" | "get" | "set" | "remove">;

/** Satisfied by reward's `RewardFile`. */
export type RewardsService = Pick<RewardFile, "get" | "set">;

/** Satisfied by p2p's `Network`. */
export interface NetworkService {
  /** Every connection, pending ones included. */
  connections(): readonly ConnectionInfo[];
  connection(address: string): ConnectionInfo | undefined;
  /** False when there is no such connection. The peer is told that the operator asked for it. */
  disconnect(id: number): boolean;
  trustedConnections(): readonly string[];
  exchangeablePeers(): readonly string[];
  /** Counters and gauges of the network layer, for `/metrics`. */
  statistics?(): readonly MetricFamily[];
  /** Sends to every peer. @throws CoinError NETWORK_*, with the texts of p2p.md 8.3 */
  broadcastTransaction(txn: Transaction): void | Promise<void>;
}

/** One metric and its samples; the name still lacks the prefix of its kind. */
export interface MetricFamily {
  readonly type: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

export interface ConnectionInfo {
  readonly id: number;
  /** "ip:port" as seen from here. */
  readonly address: string;
  /** Unix seconds, 0 for never. */
  readonly lastSent: number;
  readonly lastReceived: number;
  readonly connectedAt: number;
  readonly outgoing: boolean;
  readonly state: ConnectionState;
  readonly mirror: number;
  readonly listenPort: number;
  readonly height: number;
  /** Empty before introduction. */
  readonly userAgent: string;
  readonly trusted: boolean;
  readonly unconfirmedVerify: VerifyParams;
}

export const CONNECTION_STATES = ["pending", "connected", "introduced"] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];
