import type { FlagTable, FlagValues } from "./go-flags.ts";

const bool = <const V extends boolean>(value: V, help: string) =>
  ({ kind: "bool", value: value as boolean, help }) as const;
const str = (value: string, help: string) => ({ kind: "string", value, help }) as const;
const secret = (help: string) => ({ kind: "string", value: "", help, secret: true }) as const;
const int = (value: number, help: string) => ({ kind: "int", value, help }) as const;
const uint = (value: number, help: string) => ({ kind: "uint", value, help }) as const;
const duration = (value: number, help: string) => ({ kind: "duration", value, help }) as const;

const SETS = "READ, STATUS, WALLET, TXN, NET_CTRL, INSECURE_WALLET_SEED, STORAGE, EXPLORER, REWARD";

/** Every flag of the daemon (config.md 3) with its built-in default; the last group exists only here. */
export const DAEMON_FLAGS = {
  help: bool(false, "print this text and end"),
  version: bool(false, "print the version and end"),

  "data-dir": str("$HOME/.skycoin", "directory of everything the node keeps; made with mode 0700"),
  "db-path": str("", "directory of the chain database; empty: chain inside the data directory"),
  "db-read-only": bool(false, "open the database for reading only: no genesis, no blocks, no pool changes"),
  "wallet-dir": str("", "directory of the wallet files; empty: wallets inside the data directory"),
  "storage-dir": str("", "directory of the key-value files; empty: data inside the data directory"),
  "wallet-crypto-type": str(
    "scrypt-chacha20poly1305",
    "encryption of new wallets: scrypt-chacha20poly1305, scrypt-chacha20poly1305-insecure, sha256-xor",
  ),

  address: str("", "IP address of the peer listener; empty: all interfaces"),
  port: int(6000, "port of the peer listener"),
  "localhost-only": bool(false, "listen on loopback and connect to loopback peers only"),
  "disable-networking": bool(false, "no listener, no connections, no broadcasts"),
  "disable-outgoing": bool(false, "make no outgoing connections"),
  "disable-incoming": bool(false, "take no incoming connections"),
  "disable-pex": bool(false, "neither ask for peers nor give any"),
  "download-peerlist": bool(true, "fetch a list of peers from -peerlist-url at start"),
  "peerlist-url": str(
    "https://downloads.skycoin.com/blockchain/peers.txt",
    "text file with one ip:port a line; empty: no download",
  ),
  "disable-default-peers": bool(false, "forget the default connections"),
  "custom-peers-file": str("", "text file of further peers, one ip:port a line"),
  "peerlist-size": int(65535, "most peers to remember"),
  "connection-rate": duration(5000, "pause between outgoing connection attempts"),
  "max-connections": int(128, "most connections in total"),
  "max-outgoing-connections": int(8, "most outgoing connections"),
  "max-incoming-connections": int(120, "most incoming connections"),
  "max-default-peer-outgoing-connections": int(2, "most outgoing connections to default peers"),
  "max-out-msg-len": int(262144, "most bytes of an outgoing message"),
  "max-in-msg-len": int(1048576, "most bytes of an incoming message"),
  "legacy-peer-compat": bool(false, "accept peers whose introduction has no blockchain public key"),
  "user-agent-remark": str("", "remark added to the user agent in brackets"),

  "web-interface": bool(true, "serve the REST API"),
  "web-interface-addr": str("127.0.0.1", "IP address of the REST API"),
  "web-interface-port": int(6420, "port of the REST API; 0: the system chooses"),
  "web-interface-https": bool(false, "serve the REST API over TLS"),
  "web-interface-cert": str("", "certificate file; empty: skycoind.cert inside the data directory, made when missing"),
  "web-interface-key": str("", "key file; empty: skycoind.key inside the data directory, made when missing"),
  "web-interface-username": str("", "user name for basic authentication"),
  "web-interface-password": secret("password for basic authentication"),
  "web-interface-plaintext-auth": bool(false, "permit basic authentication without TLS"),
  "enable-all-api-sets": bool(false, "enable all API sets that are neither insecure nor deprecated"),
  "enable-api-sets": str("READ,TXN", `API sets to add, separated by commas, of ${SETS}`),
  "disable-api-sets": str("", `API sets to take away, separated by commas, of ${SETS}`),
  "disable-csrf": bool(false, "do not ask for CSRF tokens"),
  "disable-header-check": bool(false, "do not check Host, Origin and Referer"),
  "host-whitelist": str("", "host names to accept besides loopback ones, separated by commas"),
  "disable-csp": bool(false, "send no content security policy"),
  "enable-gui": bool(false, "serve the web wallet"),
  "gui-dir": str("./src/gui/static/", "directory with the files of the web wallet"),
  "launch-browser": bool(false, "open the web wallet in the system's browser"),
  "max-last-blocks-count": uint(256, "most blocks of one /api/v1/last_blocks answer"),

  "block-publisher": bool(false, "make and sign blocks; needs the secret key of the blockchain"),
  "blockchain-public-key": str("", "public key that signs the blocks, 66 hex digits"),
  "blockchain-secret-key": secret(
    "secret key that signs the blocks; prefer the GENESIS file, arguments are visible to others",
  ),
  "genesis-address": str("", "address of the genesis output"),
  "genesis-signature": str("", "signature of the genesis block, 130 hex digits"),
  "genesis-timestamp": uint(0, "unix time of the genesis block"),
  "burn-factor-unconfirmed": uint(10, "inverse of the fraction of coin hours to burn, to enter the pool"),
  "max-txn-size-unconfirmed": uint(32768, "most bytes of a transaction, to enter the pool"),
  "max-decimals-unconfirmed": uint(3, "most decimals of an amount, to enter the pool"),
  "burn-factor-create-block": uint(10, "inverse of the fraction of coin hours to burn, to enter a block"),
  "max-txn-size-create-block": uint(32768, "most bytes of a transaction, to enter a block"),
  "max-decimals-create-block": uint(3, "most decimals of an amount, to enter a block"),
  "max-block-size": uint(32768, "most bytes of all transactions of a block"),

  "verify-db": bool(false, "check the whole database at start"),
  "reset-corrupt-db": bool(false, "move a corrupt database aside and start afresh instead of stopping"),
  "log-level": str("INFO", "debug, info, warn, error, fatal or panic"),
  "color-log": bool(true, "colour the log"),
  logtofile: bool(false, "also log to a file inside the data directory"),
  "no-ping-log": bool(false, "do not log pings and pongs"),
  "profile-cpu": bool(false, "accepted for compatibility, without effect"),
  "profile-cpu-file": str("cpu.prof", "accepted for compatibility, without effect"),
  "http-prof": bool(false, "serve profiles of this process at /debug/pprof/"),
  "http-prof-host": str(
    "localhost:6060",
    "host:port of those profiles; keep it on loopback, they show what the node does",
  ),

  "coin-name": str("skycoin", "name of the coin in health"),
  "display-name": str("Skycoin", "name of the coin for people"),
  ticker: str("SKY", "ticker of the coin"),
  "coin-hours-name": str("Coin Hours", "name of the coin hours"),
  "coin-hours-name-singular": str("Coin Hour", "name of one coin hour"),
  "coin-hours-ticker": str("SCH", "ticker of the coin hours"),
  "qr-uri-prefix": str("skycoin", "prefix of payment codes"),
  "explorer-url": str("https://explorer.skycoin.com", "address of the explorer"),
  "version-url": str("https://version.skycoin.com/skycoin/version.txt", "where wallets look for a newer version"),
  "bip44-coin": uint(8000, "coin number of bip44 wallets"),

  publish: str(
    "interval",
    "when a publisher makes blocks: interval, or on-demand as soon as there is something to publish",
  ),
  "block-interval": {
    ...duration(10_000, "pause between blocks with -publish interval; a bare number is seconds"),
    bareSeconds: true,
  },
  "company-window": duration(20, "how long a first transaction waits for company with -publish on-demand"),
  "lead-seconds-max": uint(60, "how far block times may run ahead of the clock with -publish on-demand"),
  "publisher-wait": duration(5000, "how long a publisher waits at start for a peer to say how far the chain is"),
  "takeover-wait": duration(
    15_000,
    "how long a publisher whose head another made leaves a transaction to that other before it publishes",
  ),
  "accept-head": str("", "hash of the head block: build on it whatever was in doubt; see docs/operating.md"),
  "public-addr": str(
    "",
    "ip:port of a second REST listener for strangers: sets READ and TXN, no CSRF, no wallets; empty: none",
  ),
  "ws-listen": str("", "ip:port of a listener for WebSocket peers, usually 127.0.0.1:6001; empty: none"),
  "ws-trusted-proxy": str(
    "",
    "networks of reverse proxies whose X-Forwarded-For counts, as 10.0.0.0/8, separated by commas",
  ),
  "ws-origin": str("", "origins of pages that may connect as WebSocket peers, separated by commas; empty: all"),
  "ws-max": int(512, "most WebSocket peers"),
  "ws-connect": str("", "ws:// or wss:// addresses to keep a WebSocket link to, separated by commas; trusted"),
  login: bool(true, "serve the login service on the public listener"),
  "login-stock": str("", "wallet file whose coins are lent to visitors for their proof; empty: none are"),
  "login-clients": str("", "TOML file of the services that may ask for logins; empty: anybody may, none has rights"),
  "public-url": str("", "address under which visitors reach the public listener, e.g. https://login.example.org"),
  "reward-file": str("", "file that keeps the operator's reward address; empty: reward.txt inside the data directory"),
  "log-format": str("text", "text, or json for one object a line"),
  "p2p-limits": str("", "changes to the limits of docs/operating.md: name=value,name=value"),
  "cipher-backend": str("auto", "signature arithmetic: auto, bindings, wasm or noble"),
  "sync-workers": uint(0, "threads that recover signatures; 0: chosen by the number of processors"),
} as const satisfies FlagTable;

export type DaemonFlagTable = typeof DAEMON_FLAGS;
export type DaemonFlags = FlagValues<DaemonFlagTable>;
