import type { ChainParams } from "../chain/params.ts";
import type { Hash } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";
import type { ApiSet } from "./api-sets.ts";
import type { Branding } from "./genesis-file.ts";
import type { UserAgent } from "./user-agent.ts";

/** Absolute paths. Nothing is created by reading the configuration: see `makeDirectories`. */
export interface DaemonPaths {
  readonly dataDirectory: string;
  /** Directory of the chain database. */
  readonly database: string;
  readonly peersFile: string;
  readonly wallets: string;
  readonly storage: string;
  readonly certificate: string;
  readonly key: string;
  readonly logs: string;
  /** Directory of the login service's state and keys. */
  readonly login: string;
  /** What a publisher remembers of its last block, outside of the database. */
  readonly publisherMark: string;
  /** Directory of proofs that the publisher's key signed two blocks of one height. */
  readonly evidence: string;
  /** File of the operator's reward address. */
  readonly reward: string;
  /** The file named by FIBER_TOML: where a publisher writes its genesis signature. */
  readonly fiberToml: string | undefined;
}

export interface NetworkConfig {
  /** Empty: all interfaces. Already a loopback address with `localhostOnly`. */
  readonly address: string;
  readonly port: number;
  readonly localhostOnly: boolean;
  /** False: no listener, no dialling, no broadcasts. */
  readonly enabled: boolean;
  readonly incoming: boolean;
  readonly outgoing: boolean;
  readonly peerExchange: boolean;
  readonly legacyPeerCompat: boolean;
  readonly userAgent: UserAgent;
  readonly userAgentText: string;
  /** `ip:port`, checked; empty with `disable-default-peers`. */
  readonly defaultConnections: readonly string[];
  /** From `custom-peers-file`. */
  readonly customPeers: readonly string[];
  /** Undefined: no download. */
  readonly peerListUrl: string | undefined;
  readonly peerListSize: number;
  readonly connectionRateMs: number;
  readonly connectionsMax: number;
  readonly outgoingMax: number;
  readonly incomingMax: number;
  readonly defaultPeerOutgoingMax: number;
  readonly webSocketListen: { readonly ip: string; readonly port: number } | undefined;
  readonly webSocketMax: number;
  readonly webSocketUrls: readonly string[];
  readonly webSocketOrigins: readonly string[];
  /** Networks as text; read where they are used. */
  readonly webSocketProxies: readonly string[];
  readonly outgoingMessageBytesMax: number;
  readonly incomingMessageBytesMax: number;
  readonly logPings: boolean;
  /** Changes to the table of limits, `name=value,...`; read where the table is. */
  readonly limitsText: string;
}

export interface WebConfig {
  readonly enabled: boolean;
  readonly address: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly https: boolean;
  readonly username: string;
  /** Not enumerable. */
  readonly password: string;
  readonly apiSets: readonly ApiSet[];
  readonly csrf: boolean;
  readonly headerCheck: boolean;
  readonly csp: boolean;
  readonly hostWhitelist: readonly string[];
  /** Folder with the web wallet's files; undefined: not served. */
  readonly guiDirectory: string | undefined;
  readonly launchBrowser: boolean;
  readonly lastBlocksMax: number;
  /** A second listener for strangers, without wallets and control; undefined: none. */
  readonly publicListener: { readonly address: string; readonly port: number } | undefined;
}

export interface LoginConfig {
  /** On a node with a public listener and a database it may write. */
  readonly enabled: boolean;
  /** Absolute path of the stock's wallet file; empty: no coins are lent. */
  readonly stockFile: string;
  /** Absolute path of the file that describes the services; empty: none. */
  readonly clientsFile: string;
  /** Without a slash at the end; undefined: that of the listener. */
  readonly publicUrl: string | undefined;
}

export type LogLevelName = "debug" | "info" | "warn" | "error" | "fatal";

export interface LogConfig {
  readonly level: LogLevelName;
  readonly format: "text" | "json";
  readonly color: boolean;
  readonly toFile: boolean;
}

/** When a publisher makes a block (login-service.md 2). */
export type PublishConfig =
  | { readonly mode: "on-demand"; readonly companyWindowMs: number; readonly leadSecondsMax: number }
  | { readonly mode: "interval"; readonly intervalMs: number };

export type CipherBackendName = "auto" | "bindings" | "wasm" | "noble";
export type WalletCryptoType = "scrypt-chacha20poly1305" | "scrypt-chacha20poly1305-insecure" | "sha256-xor";

/** Everything a daemon is told, checked and frozen. Secrets are not enumerable, so that no log or dump shows them. */
export interface DaemonConfig {
  readonly params: ChainParams;
  /** Name in health; `params.coin` names the user agent. */
  readonly coinName: string;
  readonly branding: Branding;
  readonly blockPublisher: boolean;
  /** Only for a publisher. Not enumerable. */
  readonly publisherSecretKey: SecretKey | undefined;
  readonly paths: DaemonPaths;
  readonly databaseReadOnly: boolean;
  readonly verifyDatabase: boolean;
  readonly resetCorruptDatabase: boolean;
  readonly network: NetworkConfig;
  readonly web: WebConfig;
  /** Listener of profiles; undefined: none. */
  readonly profiling: { readonly address: string; readonly port: number } | undefined;
  readonly login: LoginConfig;
  readonly walletCryptoType: WalletCryptoType;
  readonly log: LogConfig;
  readonly publish: PublishConfig;
  /** How long a publisher waits for a first peer. */
  readonly publisherWaitMs: number;
  /** How long it leaves a transaction to whoever made the head. */
  readonly takeoverWaitMs: number;
  /** The operator says: this is the right head. */
  readonly acceptHead: Hash | undefined;
  readonly cipherBackend: CipherBackendName;
  /** 0: chosen by the number of processors. */
  readonly syncWorkers: number;
  /** What an operator should know although the node starts; to be logged once. */
  readonly warnings: readonly string[];
}
