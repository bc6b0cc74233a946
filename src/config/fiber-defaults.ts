import type { DaemonFlags } from "./daemon-flags.ts";
import type { FiberNode } from "./fiber-schema.ts";
import { derivedDataDirectory } from "./paths.ts";
import { SKYCOIN } from "./skycoin.ts";

type Defaults = { -readonly [Name in keyof DaemonFlags]?: DaemonFlags[Name] };

/**
 * The built-in Skycoin values overlaid with a fiber.toml's: what the flags default to (config.md 7.1).
 * Differs: a key that is present but empty or zero counts (no explorer, no peers, 0 decimals), where the reference
 * cannot tell it from an absent one. Address, keys and signature stay "not given" when empty.
 */
export function daemonDefaults(node: FiberNode): Defaults {
  const { genesis, network, branding, limits } = SKYCOIN;
  const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
  return {
    "data-dir": dataDirectoryDefault(node),
    port: node.port ?? network.port,
    "web-interface-port": node.web_interface_port ?? network.webInterfacePort,
    "peerlist-url": node.peer_list_url ?? network.peerListUrl,
    "genesis-address": given(node.genesis_address_str) ?? genesis.address,
    "genesis-signature": given(node.genesis_signature_str) ?? genesis.signature,
    "genesis-timestamp": node.genesis_timestamp ?? genesis.timestamp,
    "blockchain-public-key": given(node.blockchain_pubkey_str) ?? SKYCOIN.publisherKey,
    "blockchain-secret-key": node.blockchain_seckey_str ?? "",
    "burn-factor-unconfirmed": node.unconfirmed_burn_factor ?? limits.unconfirmed.burnFactor,
    "max-txn-size-unconfirmed": node.unconfirmed_max_transaction_size ?? limits.unconfirmed.maxTransactionSize,
    "max-decimals-unconfirmed": node.unconfirmed_max_decimals ?? limits.unconfirmed.maxDecimals,
    "burn-factor-create-block": node.create_block_burn_factor ?? limits.createBlock.burnFactor,
    "max-txn-size-create-block": node.create_block_max_transaction_size ?? limits.createBlock.maxTransactionSize,
    "max-decimals-create-block": node.create_block_max_decimals ?? limits.createBlock.maxDecimals,
    "max-block-size": node.max_block_transactions_size ?? limits.maxBlockTransactionsSize,
    "coin-name": coinNameOf(node) ?? SKYCOIN.coin,
    "display-name": node.display_name ?? branding.displayName,
    ticker: node.ticker ?? branding.ticker,
    "coin-hours-name": node.coin_hours_display_name ?? branding.coinHoursName,
    "coin-hours-name-singular": node.coin_hours_display_name_singular ?? branding.coinHoursNameSingular,
    "coin-hours-ticker": node.coin_hours_ticker ?? branding.coinHoursTicker,
    "qr-uri-prefix": node.qr_uri_prefix ?? branding.qrUriPrefix,
    "explorer-url": node.explorer_url ?? branding.explorerUrl,
    "version-url": node.version_url ?? branding.versionUrl,
    "bip44-coin": node.bip44_coin ?? branding.bip44Coin,
  };
}

/** The coin's name in either spelling; undefined when the file gives none. */
export function coinNameOf(node: FiberNode): string | undefined {
  return node.coinname || node.coin_name || undefined;
}

function dataDirectoryDefault(node: FiberNode): string {
  const given = node.datadirectory || node.data_directory;
  return given || derivedDataDirectory(coinNameOf(node) ?? (node.display_name || SKYCOIN.coin));
}
