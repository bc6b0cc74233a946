import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorText } from "../base/errors.ts";
import { type Hash, parseHash } from "../cipher/hash.ts";
import { combineApiSets } from "./api-sets.ts";
import type {
  CipherBackendName,
  DaemonPaths,
  LogConfig,
  LoginConfig,
  LogLevelName,
  NetworkConfig,
  PublishConfig,
  WalletCryptoType,
  WebConfig,
} from "./daemon-config.ts";
import type { DaemonFlags } from "./daemon-flags.ts";
import { invalid, panic } from "./errors.ts";
import { checkMessageLength } from "./limits.ts";
import { dataDirectory, expandHome, guiDirectory } from "./paths.ts";
import { checkPeerAddress, isLoopback, loadPeersFile } from "./peers.ts";
import { formatUserAgent, type UserAgent } from "./user-agent.ts";

/** @throws ConfigError CONFIG_INVALID */
export function pathOptions(
  flags: DaemonFlags,
  { home, cwd, fiberToml }: { home: string; cwd: string; fiberToml: string | undefined },
): DaemonPaths {
  const data = dataDirectory(flags["data-dir"], { home, cwd });
  const inside = (given: string, name: string): string =>
    given === "" ? join(data, name) : resolve(cwd, expandHome(given, home));
  return {
    dataDirectory: data,
    database: databasePath(inside(flags["db-path"], "chain")),
    peersFile: join(data, "peers.json"),
    wallets: inside(flags["wallet-dir"], "wallets"),
    storage: inside(flags["storage-dir"], "data"),
    certificate: inside(flags["web-interface-cert"], "skycoind.cert"),
    key: inside(flags["web-interface-key"], "skycoind.key"),
    logs: join(data, "logs"),
    login: join(data, "login"),
    publisherMark: join(data, "publisher.head"),
    evidence: join(data, "evidence"),
    reward: inside(flags["reward-file"], "reward.txt"),
    fiberToml,
  };
}

/** Our database is a directory; a file of that name belongs to another program and is left alone. */
function databasePath(path: string): string {
  if (existsSync(path) && !statSync(path).isDirectory()) {
    throw invalid(`-db-path ${path} is a file; this node keeps its database in a directory`);
  }
  return path;
}

/** @throws ConfigError CONFIG_INVALID */
export function webOptions(flags: DaemonFlags, { cwd, program }: { cwd: string; program: string }): WebConfig {
  const apiSets = combineApiSets({
    all: flags["enable-all-api-sets"],
    enable: flags["enable-api-sets"],
    disable: flags["disable-api-sets"],
  });
  const wallet = apiSets.includes("WALLET");
  const gui = flags["enable-gui"] && wallet;
  const guiFolder = gui ? guiDirectory(flags["gui-dir"], { cwd, program }) : undefined;
  const whitelist = flags["host-whitelist"];
  if (whitelist !== "" && flags["disable-header-check"]) {
    throw invalid("host whitelist should be empty when header check is disabled");
  }
  const [username, password] = [flags["web-interface-username"], flags["web-interface-password"]];
  const auth = username !== "" || password !== "";
  if (auth && !flags["web-interface-https"] && !flags["web-interface-plaintext-auth"]) {
    throw invalid(
      "Web interface auth enabled but HTTPS is not enabled. Use -web-interface-plaintext-auth=true if this is desired",
    );
  }
  return {
    enabled: flags["web-interface"],
    address: flags["web-interface-addr"],
    port: flags["web-interface-port"],
    https: flags["web-interface-https"],
    username,
    password,
    apiSets,
    csrf: !flags["disable-csrf"],
    headerCheck: !flags["disable-header-check"],
    csp: !flags["disable-csp"],
    hostWhitelist: whitelist === "" ? [] : whitelist.split(","),
    guiDirectory: guiFolder,
    launchBrowser: flags["launch-browser"] && wallet,
    lastBlocksMax: flags["max-last-blocks-count"],
    publicListener: hostPort("public-addr", flags["public-addr"]),
  };
}

/** @throws ConfigError CONFIG_INVALID */
export function profilingOptions(flags: DaemonFlags): { readonly address: string; readonly port: number } | undefined {
  if (!flags["http-prof"]) return undefined;
  const where = hostPort("http-prof-host", flags["http-prof-host"]);
  if (where === undefined) throw invalid("-http-prof-host must be host:port with -http-prof");
  return where.address === "localhost" ? { ...where, address: "127.0.0.1" } : where; // as Go: IPv4 before IPv6
}

function hostPort(flag: string, text: string): WebConfig["publicListener"] {
  if (text === "") return undefined;
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw invalid(`-${flag} must be ip:port, not ${JSON.stringify(text)}`);
  return { address: (match[1] as string).replace(/^\[(.*)\]$/, "$1"), port };
}

/** @throws ConfigError CONFIG_INVALID */
export function loginOptions(flags: DaemonFlags, { home, cwd }: { home: string; cwd: string }): LoginConfig {
  const file = (given: string): string => (given === "" ? "" : resolve(cwd, expandHome(given, home)));
  return {
    enabled: flags.login && flags["public-addr"] !== "" && !flags["db-read-only"],
    stockFile: file(flags["login-stock"]),
    clientsFile: file(flags["login-clients"]),
    publicUrl: publicUrl(flags["public-url"]),
  };
}

function publicUrl(text: string): string | undefined {
  if (text === "") return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain =
    url?.username === "" && url.password === "" && url.search === "" && url.hash === "" && url.pathname === "/";
  if (url === undefined || !plain || !/^https?:$/.test(url.protocol)) {
    throw invalid(`-public-url must be http or https with a host and nothing behind it, not ${JSON.stringify(text)}`);
  }
  return url.origin;
}

/** @throws ConfigError CONFIG_INVALID */
export async function networkOptions(
  flags: DaemonFlags,
  options: {
    readonly userAgent: UserAgent;
    readonly defaultConnections: readonly string[];
    readonly home: string;
    readonly cwd: string;
  },
): Promise<NetworkConfig> {
  const localhostOnly = flags["localhost-only"];
  const address = listenAddress(flags.address, localhostOnly);
  checkMessageLength(flags);
  const peersFile = flags["custom-peers-file"];
  const enabled = !flags["disable-networking"];
  return {
    address,
    port: flags.port,
    localhostOnly,
    enabled,
    incoming: enabled && !flags["disable-incoming"],
    outgoing: enabled && !flags["disable-outgoing"],
    peerExchange: enabled && !flags["disable-pex"],
    legacyPeerCompat: flags["legacy-peer-compat"],
    userAgent: options.userAgent,
    userAgentText: formatUserAgent(options.userAgent),
    defaultConnections: flags["disable-default-peers"] ? [] : checkDefaults(options.defaultConnections, localhostOnly),
    customPeers:
      peersFile === ""
        ? []
        : await loadPeersFile(resolve(options.cwd, expandHome(peersFile, options.home)), {
            allowLoopback: localhostOnly,
          }),
    peerListUrl: flags["download-peerlist"] && flags["peerlist-url"] !== "" ? flags["peerlist-url"] : undefined,
    peerListSize: flags["peerlist-size"],
    connectionRateMs: flags["connection-rate"] === 0 ? 1 : flags["connection-rate"],
    connectionsMax: flags["max-connections"],
    outgoingMax: flags["max-outgoing-connections"],
    incomingMax: flags["max-incoming-connections"],
    defaultPeerOutgoingMax: flags["max-default-peer-outgoing-connections"],
    webSocketListen: webSocketListen(flags["ws-listen"], localhostOnly),
    webSocketMax: flags["ws-max"],
    webSocketUrls: listOf(flags["ws-connect"]).map((text) => webSocketUrl(text, localhostOnly)),
    webSocketOrigins: listOf(flags["ws-origin"]).map(webSocketOrigin),
    webSocketProxies: listOf(flags["ws-trusted-proxy"]),
    outgoingMessageBytesMax: flags["max-out-msg-len"],
    incomingMessageBytesMax: flags["max-in-msg-len"],
    logPings: !flags["no-ping-log"],
    limitsText: flags["p2p-limits"],
  };
}

/** The operator's words, and where WebSocket peers are taken, unless they say that themselves (p2p.md 13). */
export function userAgentRemark(flags: DaemonFlags): string {
  const remark = flags["user-agent-remark"];
  const port = hostPort("ws-listen", flags["ws-listen"])?.port ?? 0;
  if (port === 0 || /\bwss?=/.test(remark)) return remark;
  return remark === "" ? `ws=${port}` : `${remark}; ws=${port}`;
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function webSocketListen(text: string, localhostOnly: boolean): NetworkConfig["webSocketListen"] {
  const where = hostPort("ws-listen", text);
  if (where === undefined) return undefined;
  if (localhostOnly && !isLoopback(where.address))
    throw invalid("-ws-listen must be a loopback address with -localhost-only");
  return { ip: where.address, port: where.port };
}

/** A bare address gets the path of the protocol. */
function webSocketUrl(text: string, localhostOnly: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.username !== "" || url.hash !== "") {
    throw invalid(`-ws-connect must be a ws:// or wss:// address, not ${JSON.stringify(text)}`);
  }
  if (localhostOnly && !isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"))) {
    throw invalid(`-ws-connect ${text} is not on this machine, and -localhost-only is set`);
  }
  if (url.pathname === "/") url.pathname = "/p2p/v2";
  return url.href;
}

function webSocketOrigin(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : "null";
  if (origin !== text || origin === "null") {
    throw invalid(`-ws-origin must be as https://example.org, not ${JSON.stringify(text)}`);
  }
  return origin;
}

function listenAddress(address: string, localhostOnly: boolean): string {
  if (!localhostOnly) return address;
  if (address === "") return "127.0.0.1";
  if (!isLoopback(address)) throw panic("Invalid address for localhost-only");
  return address;
}

function checkDefaults(connections: readonly string[], allowLoopback: boolean): readonly string[] {
  return connections.map((connection) => {
    try {
      return checkPeerAddress(connection, { allowLoopback });
    } catch (error) {
      throw invalid(`Add default peer failed: ${connection}: ${errorText(error)}`, error);
    }
  });
}

const LOG_LEVELS: Readonly<Record<string, LogLevelName>> = {
  debug: "debug",
  info: "info",
  notice: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "fatal",
  critical: "fatal",
  panic: "fatal",
};

/** @throws ConfigError CONFIG_INVALID */
export function logOptions(flags: DaemonFlags): LogConfig {
  const name = flags["log-level"].toLowerCase();
  const level = Object.hasOwn(LOG_LEVELS, name) ? LOG_LEVELS[name] : undefined;
  if (level === undefined) throw invalid("Invalid -log-level: could not convert string to log level");
  const format = oneOf("log-format", flags["log-format"], ["text", "json"] as const);
  return { level, format, color: flags["color-log"], toFile: flags.logtofile };
}

/** @throws ConfigError CONFIG_INVALID */
export function publishOptions(flags: DaemonFlags): PublishConfig {
  const mode = oneOf("publish", flags.publish, ["interval", "on-demand"] as const);
  if (mode === "on-demand") {
    return { mode, companyWindowMs: flags["company-window"], leadSecondsMax: flags["lead-seconds-max"] };
  }
  if (flags["block-interval"] <= 0) throw invalid("-block-interval must be greater than 0");
  return { mode, intervalMs: flags["block-interval"] };
}

/** The block the operator accepts as the head. @throws ConfigError CONFIG_INVALID */
export function acceptHead(flags: DaemonFlags): Hash | undefined {
  const text = flags["accept-head"];
  if (text === "") return undefined;
  if (!/^[0-9a-f]{64}$/i.test(text)) throw invalid("-accept-head must be the hash of a block, 64 hex digits");
  return parseHash(text);
}

/** @throws ConfigError CONFIG_INVALID, exit code 2 */
export function walletCryptoType(flags: DaemonFlags): WalletCryptoType {
  const type = flags["wallet-crypto-type"];
  if (type === "scrypt-chacha20poly1305" || type === "scrypt-chacha20poly1305-insecure" || type === "sha256-xor") {
    return type;
  }
  throw panic("unknown crypto type");
}

/** @throws ConfigError CONFIG_INVALID */
export function cipherBackend(flags: DaemonFlags): CipherBackendName {
  return oneOf("cipher-backend", flags["cipher-backend"], ["auto", "bindings", "wasm", "noble"] as const);
}

function oneOf<const T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((c) => c === value);
  if (choice === undefined) throw invalid(`-${name} must be ${choices.join(" or ")}, not ${JSON.stringify(value)}`);
  return choice;
}
