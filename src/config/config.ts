import { resolve } from "node:path";
import { DEFAULT_VERIFY } from "../chain/params.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { chainParams, distributionOf, paramsWarnings, usableSignature } from "./chain-options.ts";
import type { DaemonConfig } from "./daemon-config.ts";
import { DAEMON_FLAGS, type DaemonFlags } from "./daemon-flags.ts";
import { type Environment, homeDirectory, userLimits, variable } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { coinNameOf, daemonDefaults } from "./fiber-defaults.ts";
import type { FiberNode, FiberParams } from "./fiber-schema.ts";
import { loadFiberConfig } from "./fiber-toml.ts";
import type { Branding } from "./genesis-file.ts";
import { loadGenesisWallet } from "./genesis-wallet.ts";
import { describeFlags, parseGoFlags } from "./go-flags.ts";
import { checkPeerWallet, checkPublisherKey, type IdentityTexts, identityOfWallet, parseIdentity } from "./identity.ts";
import { checkLimits } from "./limits.ts";
import {
  acceptHead,
  cipherBackend,
  loginOptions,
  logOptions,
  networkOptions,
  pathOptions,
  profilingOptions,
  publishOptions,
  userAgentRemark,
  walletCryptoType,
  webOptions,
} from "./options.ts";
import { isLoopback } from "./peers.ts";
import { SKYCOIN } from "./skycoin.ts";
import { formatUserAgent } from "./user-agent.ts";
import { compatVersion } from "./version.ts";

export type { DaemonConfig } from "./daemon-config.ts";
export { ConfigError } from "./errors.ts";

/** Where a configuration is read from; all of it is given, nothing is taken from the process. */
export interface ConfigSource {
  /** Arguments after the program's and command's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
  /** Replaces `$HOME` in paths; default: found in `env`. */
  readonly home?: string;
  /** Path of the running program, for relative GUI directories. */
  readonly program?: string;
}

/** What a daemon's command line asks for: to run, or to print something and end. */
export type DaemonStart =
  | { readonly kind: "run"; readonly config: DaemonConfig }
  | { readonly kind: "print"; readonly stream: "stdout" | "stderr"; readonly text: string; readonly exitCode: 0 | 2 };

/**
 * `loadDaemonConfig` with the answers a command line program needs: `-version` on stdout, `-help` and the usage
 * after a bad flag on stderr. @throws ConfigError for everything else that is wrong
 */
export async function readDaemonCommandLine(source: ConfigSource): Promise<DaemonStart> {
  try {
    return { kind: "run", config: await loadDaemonConfig(source) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    switch (error.code) {
      case "CONFIG_VERSION":
        return { kind: "print", stream: "stdout", text: `${error.message}\n`, exitCode: 0 };
      case "CONFIG_HELP":
        return { kind: "print", stream: "stderr", text: error.message, exitCode: 0 };
      case "CONFIG_USAGE":
        return { kind: "print", stream: "stderr", text: `${error.message}\n${await usageText(source)}`, exitCode: 2 };
      default:
        throw error;
    }
  }
}

/**
 * Built-in Skycoin values, the file named by FIBER_TOML, the wallet named by GENESIS, then flags; checked in the
 * reference's order (config.md 1, 4) and frozen. Reads files, writes nothing.
 * @throws ConfigError with the reference's text and exit code; CONFIG_HELP and CONFIG_VERSION carry the text to print
 */
export async function loadDaemonConfig(source: ConfigSource): Promise<DaemonConfig> {
  const { env } = source;
  const cwd = source.cwd ?? process.cwd();
  const home = source.home ?? homeDirectory(env);
  const { given, help } = parseGoFlags(DAEMON_FLAGS, source.argv);
  if (help || given.help === true) throw new ConfigError("CONFIG_HELP", await usageText(source), { exitCode: 0 });
  if (given.version === true) throw new ConfigError("CONFIG_VERSION", compatVersion, { exitCode: 0 });

  const fiber = await readFiber(env, cwd);
  const user = userLimits(env, fiber.params, DEFAULT_VERIFY);
  const flags: DaemonFlags = { ...tableDefaults(), ...daemonDefaults(fiber.node), ...given };
  const publisher = flags["block-publisher"];
  const warnings: string[] = [];

  const texts = await identityTexts({ env, cwd, fiber: fiber.node, given, publisher, warnings });
  const identity = parseIdentity(texts, { publisher });
  const paths = pathOptions(flags, { home, cwd, fiberToml: fiber.path });
  // The flag renames the coin in health only; the user agent keeps the file's name.
  const coin = coinNameOf(fiber.node) ?? SKYCOIN.coin;
  const userAgent = { coin, version: compatVersion, remark: userAgentRemark(flags) };
  formatUserAgent(userAgent);
  const web = webOptions(flags, { cwd, program: source.program ?? process.argv[1] ?? "" });
  checkLimits(flags, user);
  const log = logOptions(flags);
  const cryptoType = walletCryptoType(flags);
  const distribution = distributionOf(fiber.params);
  if (publisher) checkPublisherKey(identity);
  const defaultConnections = fiber.node.default_connections ?? SKYCOIN.network.defaultConnections;
  const network = await networkOptions(flags, { userAgent, defaultConnections, home, cwd });
  const volume = fiber.node.genesis_coin_volume ?? BigInt(SKYCOIN.genesis.volume);
  const signature = usableSignature({ identity, time: flags["genesis-timestamp"], volume, publisher, warnings });
  const params = chainParams({ coin, identity: { ...identity, signature }, flags, volume, distribution, user });

  const profiling = profilingOptions(flags);
  warnings.push(...paramsWarnings(params), ...flagWarnings(given, profiling));
  return freezeConfig(
    {
      params,
      coinName: flags["coin-name"],
      branding: brandingOf(flags),
      blockPublisher: publisher,
      paths,
      databaseReadOnly: flags["db-read-only"],
      verifyDatabase: flags["verify-db"],
      resetCorruptDatabase: flags["reset-corrupt-db"],
      network,
      web,
      profiling,
      login: loginOptions(flags, { home, cwd }),
      walletCryptoType: cryptoType,
      log,
      publish: publishOptions(flags),
      publisherWaitMs: flags["publisher-wait"],
      takeoverWaitMs: flags["takeover-wait"],
      acceptHead: acceptHead(flags),
      cipherBackend: cipherBackend(flags),
      syncWorkers: flags["sync-workers"],
      warnings,
    },
    { publisherSecretKey: identity.secretKey, webPassword: web.password },
  );
}

async function readFiber(
  env: Environment,
  cwd: string,
): Promise<{ path: string | undefined; node: FiberNode; params: FiberParams }> {
  const path = variable(env, "FIBER_TOML");
  return path === undefined ? { path: undefined, node: {}, params: {} } : loadFiberConfig(path, { cwd });
}

function tableDefaults(): DaemonFlags {
  return Object.fromEntries(Object.entries(DAEMON_FLAGS).map(([name, spec]) => [name, spec.value])) as DaemonFlags;
}

/** Built-in or file, then the wallet (publishers only), then flags. */
async function identityTexts(options: {
  readonly env: Environment;
  readonly cwd: string;
  readonly fiber: FiberNode;
  readonly given: Partial<DaemonFlags>;
  readonly publisher: boolean;
  readonly warnings: string[];
}): Promise<IdentityTexts> {
  const { env, given, publisher, warnings } = options;
  const over = (base: IdentityTexts): IdentityTexts => ({
    address: given["genesis-address"] ?? base.address,
    publicKey: given["blockchain-public-key"] ?? base.publicKey,
    secretKey: given["blockchain-secret-key"] ?? base.secretKey,
    signature: given["genesis-signature"] ?? base.signature,
  });
  const defaults = daemonDefaults(options.fiber);
  const configured = over({
    address: defaults["genesis-address"] ?? "",
    publicKey: defaults["blockchain-public-key"] ?? "",
    secretKey: defaults["blockchain-secret-key"] ?? "",
    signature: defaults["genesis-signature"] ?? "",
  });
  const path = variable(env, "GENESIS");
  if (path === undefined) return configured;
  const wallet = await loadGenesisWallet(resolve(options.cwd, path));
  if (publisher) return over(identityOfWallet(wallet));
  warnings.push(checkPeerWallet(wallet, configured));
  return configured;
}

function brandingOf(flags: DaemonFlags): Branding {
  return {
    displayName: flags["display-name"],
    ticker: flags.ticker,
    coinHoursName: flags["coin-hours-name"],
    coinHoursNameSingular: flags["coin-hours-name-singular"],
    coinHoursTicker: flags["coin-hours-ticker"],
    qrUriPrefix: flags["qr-uri-prefix"],
    explorerUrl: flags["explorer-url"],
    versionUrl: flags["version-url"],
    bip44Coin: flags["bip44-coin"],
  };
}

function flagWarnings(given: Partial<DaemonFlags>, profiling: DaemonConfig["profiling"]): string[] {
  const warnings: string[] = [];
  if (given["blockchain-secret-key"] !== undefined) {
    warnings.push("-blockchain-secret-key is visible to every local user; name a wallet file in GENESIS instead");
  }
  if (given["web-interface-password"] !== undefined) {
    warnings.push("-web-interface-password is visible to every local user");
  }
  if (given["profile-cpu"] === true) warnings.push("-profile-cpu has no effect here; -http-prof serves profiles");
  if (profiling !== undefined && !isLoopback(profiling.address)) {
    warnings.push("-http-prof-host is not on loopback: whoever reaches it sees what the node does and holds in memory");
  }
  return warnings;
}

/** Freezes every level; the two secrets become properties that are not enumerated, so nothing prints them. */
function freezeConfig(
  config: Omit<DaemonConfig, "publisherSecretKey">,
  secrets: { readonly publisherSecretKey: SecretKey | undefined; readonly webPassword: string },
): DaemonConfig {
  Object.defineProperty(config.web, "password", { value: secrets.webPassword, enumerable: false });
  Object.defineProperty(config, "publisherSecretKey", { value: secrets.publisherSecretKey, enumerable: false });
  deepFreeze(config);
  return config as DaemonConfig;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}

/** With the values of FIBER_TOML as defaults when it can be read; never a secret. */
async function usageText({ env, cwd = process.cwd() }: ConfigSource): Promise<string> {
  const fiber = await readFiber(env, cwd).catch(() => ({ node: {} as FiberNode }));
  const defaults = daemonDefaults(fiber.node);
  const name = (fiber.node.display_name || coinNameOf(fiber.node) || SKYCOIN.coin).toLowerCase();
  return `Usage of the ${name} daemon:
${describeFlags(DAEMON_FLAGS, defaults)}

Environment: FIBER_TOML names a coin's fiber.toml, GENESIS a publisher's wallet file; USER_BURN_FACTOR,
USER_MAX_TXN_SIZE and USER_MAX_DECIMALS bound the transactions made here.
`;
}
