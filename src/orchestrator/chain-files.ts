import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { signedGenesis } from "../chain/genesis.ts";
import { type Address, decodeAddress } from "../cipher/address.ts";
import { parseSecretKey } from "../cipher/keys.ts";
import { loadDaemonConfig } from "../config/config.ts";
import { loadFiberConfig } from "../config/fiber-toml.ts";
import { writeGenesisIdentity } from "../config/fiber-write.ts";
import { type GenesisWallet, loadGenesisWallet } from "../config/genesis-wallet.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { newWalletDocument, serializeDocument } from "../wallet/document.ts";
import { OrchestratorError } from "./child-node.ts";

/** The files of a login chain in its directory; the names are the Go command's, so parts can be exchanged. */
export interface ChainFiles {
  readonly directory: string;
  readonly genesis: string;
  /** Wallet of the coins that are lent to visitors: the peer holds it, and never the genesis key. */
  readonly stock: string;
  /** The peer's reward address; made when one is set. Stays when the chain begins anew. */
  readonly reward: string;
  readonly publisherToml: string;
  readonly peerToml: string;
  readonly publisherData: string;
  readonly peerData: string;
}

export function chainFiles(directory: string): ChainFiles {
  return {
    directory,
    genesis: join(directory, "login_genesis.json"),
    stock: join(directory, "login_stock.json"),
    reward: join(directory, "login_reward.txt"),
    publisherToml: join(directory, "login_fiber.toml"),
    peerToml: join(directory, "login_peer.toml"),
    publisherData: join(directory, "login_data"),
    peerData: join(directory, "login_peer_data"),
  };
}

export interface Ports {
  readonly publisherPort: number;
  readonly publisherApi: number;
  readonly peerPort: number;
  readonly peerApi: number;
}

export const DEFAULT_PORTS: Ports = { publisherPort: 6001, publisherApi: 6421, peerPort: 6002, peerApi: 6422 };

export interface PrepareOptions {
  readonly files: ChainFiles;
  readonly ports: Ports;
  /** Forget the chain: removes the two data directories, and nothing else. */
  readonly fresh: boolean;
  readonly nowSeconds: number;
}

/**
 * Makes the directory ready for a publisher: genesis wallet and publisher's toml. An existing chain is continued
 * (login-chain.md 8.14). @throws OrchestratorError UP_GENESIS_FILE, UP_FILES_DISAGREE
 */
export async function prepareChainFiles(
  options: PrepareOptions,
): Promise<{ wallet: GenesisWallet; continued: boolean }> {
  const { files, ports, fresh, nowSeconds } = options;
  await mkdir(files.directory, { recursive: true, mode: 0o700 });
  const wallet = await loadOrCreateWallet(files.genesis, nowSeconds * 1000);
  if (fresh) {
    // The publisher's last: a peer without publisher would be refused after a power cut in between.
    for (const data of [files.peerData, files.publisherData]) await rm(data, { recursive: true, force: true });
  }
  if (existsSync(files.publisherData)) {
    await checkContinues(files, wallet);
    return { wallet, continued: true };
  }
  if (existsSync(files.peerData)) {
    throw disagree(
      files,
      "login_peer_data exists without login_data: the peer follows a chain whose publisher is gone",
    );
  }
  await writeFileAtomically(files.publisherToml, publisherToml(wallet.address, ports, nowSeconds));
  return { wallet, continued: false };
}

async function loadOrCreateWallet(path: string, nowMs: number): Promise<GenesisWallet> {
  if (!existsSync(path)) {
    await writeFileAtomically(path, serializeDocument(newWalletDocument({ label: "default", addresses: 1, nowMs })));
  }
  try {
    return await loadGenesisWallet(path);
  } catch (cause) {
    throw new OrchestratorError(
      "UP_GENESIS_FILE",
      `${path}: ${errorText(cause)}. Restore it from a backup, or move it away to get a new genesis address with --fresh`,
      { path },
      { cause },
    );
  }
}

/** Outputs of one transaction must differ, so the stock has many addresses. */
const STOCK_ADDRESSES = 64;

/**
 * Addresses of the wallet that funds logins; made when missing, mode 0600. Losing it loses what it holds, and no
 * login. @throws OrchestratorError UP_GENESIS_FILE
 */
export async function prepareStock(files: ChainFiles, nowMs: number): Promise<readonly Address[]> {
  const path = files.stock;
  if (!existsSync(path)) {
    const wallet = newWalletDocument({ label: "login stock", addresses: STOCK_ADDRESSES, nowMs });
    await writeFileAtomically(path, serializeDocument(wallet));
  }
  try {
    const { entries } = JSON.parse(await readFile(path, "utf8")) as { entries: { address: string }[] };
    return entries.map(({ address }) => decodeAddress(address));
  } catch (cause) {
    const text = `${path} is no wallet file: restore it from a backup, or move it away to get a new stock`;
    throw new OrchestratorError("UP_GENESIS_FILE", text, {
      path,
      reason: cause instanceof SyntaxError ? "not JSON" : "",
    });
  }
}

async function checkContinues(files: ChainFiles, wallet: GenesisWallet): Promise<void> {
  if (!existsSync(files.publisherToml)) throw disagree(files, "login_fiber.toml is missing beside login_data");
  const { node } = await loadFiberConfig(files.publisherToml).catch((cause: unknown) => {
    throw disagree(files, errorText(cause));
  });
  // Empty means the publisher stopped before its first signature was written: it will write it now.
  const address = node.genesis_address_str;
  if (address !== undefined && address !== "" && address !== wallet.address) {
    throw disagree(files, `login_fiber.toml names genesis address ${address}, login_genesis.json ${wallet.address}`);
  }
}

function disagree(files: ChainFiles, what: string): OrchestratorError {
  return new OrchestratorError(
    "UP_FILES_DISAGREE",
    `${files.directory}: ${what}. Mend or restore that file, or start a new chain with --fresh`,
  );
}

/**
 * Signs the genesis block of a new chain and writes key and signature into the publisher's toml, so that both nodes can
 * start at once. A signature that is there is left alone. @throws ConfigError
 */
export async function signGenesis(files: ChainFiles, wallet: GenesisWallet): Promise<void> {
  const { params } = await loadDaemonConfig({
    argv: ["--block-publisher", "--disable-default-peers"],
    env: { HOME: files.directory, GENESIS: files.genesis, FIBER_TOML: files.publisherToml },
  });
  if (params.genesis.signature !== undefined) return;
  await writeGenesisIdentity(files.publisherToml, {
    address: wallet.address,
    publicKey: wallet.publicKey,
    signature: toHex(signedGenesis(params, parseSecretKey(wallet.secretKey)).sig),
  });
}

/**
 * From now on there is a chain to continue, and its files stay as they are. Before either node starts: of two that start
 * at once the peer may be the first to make its directory, and a power cut then would leave it without a publisher's.
 */
export async function beginChain(files: ChainFiles): Promise<void> {
  await mkdir(files.publisherData, { recursive: true, mode: 0o700 });
}

/** Writes the peer's toml from the publisher's, once that is signed. @throws OrchestratorError UP_FILES_DISAGREE */
export async function writePeerToml(files: ChainFiles, ports: Ports): Promise<void> {
  const source = await readFile(files.publisherToml, "utf8");
  const { node } = await loadFiberConfig(files.publisherToml);
  if (!/^[0-9a-f]{130}$/i.test(node.genesis_signature_str ?? "")) {
    throw disagree(files, "login_fiber.toml has no genesis signature");
  }
  const text = source
    .replace(/^(\s*default_connections\s*=).*$/m, `$1 ["127.0.0.1:${ports.publisherPort}"]`)
    .replace(/^(\s*port\s*=).*$/m, `$1 ${ports.peerPort}`)
    .replace(/^(\s*web_interface_port\s*=).*$/m, `$1 ${ports.peerApi}`)
    .replace(/^#.*\n/, "# The peer's copy of login_fiber.toml, rewritten at each start.\n");
  await writeFileAtomically(files.peerToml, text);
}

/** One output of 1000 coins; only the peer dials (login-chain.md 8.1); bip44 8000 as in wallets (8.11). */
function publisherToml(genesisAddress: string, ports: Ports, nowSeconds: number): string {
  return `# The login chain. Address, key and signature are filled in at its first start.
[node]
genesis_signature_str = ""
genesis_address_str = ""
blockchain_pubkey_str = ""
blockchain_seckey_str = ""
genesis_timestamp = ${nowSeconds}
genesis_coin_volume = 1000000000
default_connections = []
peer_list_url = ""
port = ${ports.publisherPort}
web_interface_port = ${ports.publisherApi}
display_name = "SkywireLogin"
ticker = "SWL"
coin_hours_display_name = "Login Hours"
coin_hours_display_name_singular = "Login Hour"
coin_hours_ticker = "SLH"
bip44_coin = 8000
explorer_url = ""

[params]
max_coin_supply = 1000
initial_unlocked_count = 1
unlock_address_rate = 0
unlock_time_interval = 0
distribution_addresses = ["${genesisAddress}"]
`;
}
