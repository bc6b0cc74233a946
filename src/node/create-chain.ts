import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../base/bytes.ts";
import { CoinError } from "../base/errors.ts";
import { blockHash } from "../chain/block.ts";
import { formatDroplets } from "../chain/droplet.ts";
import { makeGenesisBlock, signedGenesis, verifyGenesis } from "../chain/genesis.ts";
import type { ChainParams } from "../chain/params.ts";
import type { Droplets } from "../chain/uxout.ts";
import { addressOf, decodeAddress, encodeAddress } from "../cipher/address.ts";
import { generateMnemonic } from "../cipher/bip39.ts";
import { hashHex } from "../cipher/hash.ts";
import { deterministicKeys, type PublicKey, parseSecretKey } from "../cipher/keys.ts";
import { platformRandom } from "../cipher/random.ts";
import { signHash } from "../cipher/sign.ts";
import { loadDaemonConfig } from "../config/config.ts";
import { loadGenesisFile, paramsOfGenesisFile } from "../config/genesis-file.ts";
import { parseGenesisWallet } from "../config/genesis-wallet.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { newWalletDocument, serializeDocument } from "../wallet/document.ts";

export class CreateChainError extends CoinError<"CREATE_EXISTS" | "CREATE_SHARES" | "CREATE_AMOUNT"> {}

export interface CreateChainOptions {
  readonly directory: string;
  readonly name: string;
  readonly ticker: string;
  /** Whole coins. */
  readonly coins: bigint;
  /** Distribution addresses; 1 means the genesis address itself. */
  readonly addresses: number;
  readonly port: number;
  readonly apiPort: number;
  readonly nowSeconds: number;
}

/** Writes key, parameters and signed genesis block of a new chain; refuses to overwrite. @throws CreateChainError */
export async function createChain(
  options: CreateChainOptions,
): Promise<{ wallet: string; fiberToml: string; seeds: string | undefined; genesisHash: string }> {
  const { directory, coins, addresses } = options;
  const [wallet, fiberToml, seeds] = ["genesis.json", "fiber.toml", "distribution-seeds.csv"].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  for (const path of [wallet, fiberToml, ...(addresses > 1 ? [seeds] : [])]) {
    if (existsSync(path)) throw new CreateChainError("CREATE_EXISTS", `${path} exists: choose another --dir`, { path });
  }
  if (coins * 1_000_000n >= 1n << 63n) {
    throw new CreateChainError("CREATE_AMOUNT", `${coins} coins are more than 9223372036854 can be counted`);
  }
  if (coins % BigInt(addresses) !== 0n) {
    throw new CreateChainError("CREATE_SHARES", `${coins} coins cannot be split into ${addresses} equal whole shares`);
  }

  const document = serializeDocument(
    newWalletDocument({ label: "genesis", addresses: 1, nowMs: options.nowSeconds * 1000 }),
  );
  const key = parseGenesisWallet(document);
  const genesis = {
    address: decodeAddress(key.address),
    time: options.nowSeconds,
    volume: (coins * 1_000_000n) as Droplets,
  };
  const hash = blockHash(makeGenesisBlock(genesis));
  const signature = toHex(signHash(hash, parseSecretKey(key.secretKey)));

  const shares = addresses === 1 ? [] : distributionKeys(addresses);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFileAtomically(wallet, document);
  if (shares.length > 0) {
    await writeFileAtomically(seeds, shares.map(({ address, seed }) => `"${address}","${seed}"\n`).join(""));
  }
  await writeFileAtomically(
    fiberToml,
    fiberText(options, { ...key, signature }, addresses === 1 ? [key.address] : shares.map(({ address }) => address)),
  );
  return { wallet, fiberToml, seeds: shares.length > 0 ? seeds : undefined, genesisHash: hashHex(hash) };
}

/** One mnemonic for each, so that shares can be handed out separately. */
function distributionKeys(count: number): { address: string; seed: string }[] {
  return Array.from({ length: count }, () => {
    const seed = generateMnemonic(128, platformRandom);
    const [first] = deterministicKeys(new TextEncoder().encode(seed), 1).keys;
    return { address: encodeAddress(addressOf((first as { public: PublicKey }).public)), seed };
  });
}

function fiberText(
  options: CreateChainOptions,
  genesis: { address: string; publicKey: string; signature: string },
  distribution: readonly string[],
): string {
  const { name, ticker, coins, port, apiPort, nowSeconds } = options;
  const text = JSON.stringify; // a JSON string is a valid TOML basic string
  return `# Parameters of the chain ${text(name)}: the same file for every node. default_connections is for you to fill in.
[node]
genesis_signature_str = "${genesis.signature}"
genesis_address_str = "${genesis.address}"
blockchain_pubkey_str = "${genesis.publicKey}"
blockchain_seckey_str = ""
genesis_timestamp = ${nowSeconds}
genesis_coin_volume = ${coins * 1_000_000n}
default_connections = []
peer_list_url = ""
port = ${port}
web_interface_port = ${apiPort}
display_name = ${text(name)}
ticker = ${text(ticker)}
coin_hours_display_name = ${text(`${name} Hours`)}
coin_hours_display_name_singular = ${text(`${name} Hour`)}
coin_hours_ticker = ${text(`${ticker}H`)}
explorer_url = ""

[params]
max_coin_supply = ${coins}
initial_unlocked_count = ${distribution.length}
unlock_address_rate = 0
unlock_time_interval = 0
distribution_addresses = [
${distribution.map((address) => `    "${address}",\n`).join("")}]
`;
}

/** What a fiber.toml or genesis file defines, for people. */
export async function describeChain(path: string): Promise<string> {
  const params = await paramsOf(path);
  const { genesis, distribution } = params;
  const hash = blockHash(makeGenesisBlock(genesis));
  return [
    `coin            ${params.coin}`,
    `publisher key   ${toHex(params.publisherKey)}`,
    `genesis block   ${hashHex(hash)}`,
    `  address       ${encodeAddress(genesis.address)}`,
    `  time          ${genesis.time} (${new Date(genesis.time * 1000).toISOString()})`,
    `  coins         ${formatDroplets(genesis.volume)}`,
    `  signature     ${signatureState(params)}`,
    `coin supply     ${distribution.maxCoinSupply} coins over ${distribution.addresses.length} distribution addresses, ${distribution.initialUnlockedCount} of them unlocked`,
    `pool            burn factor ${params.unconfirmed.burnFactor}, ${params.unconfirmed.maxTransactionSize} bytes, ${params.unconfirmed.maxDecimals} decimals`,
    `block           ${params.maxBlockTransactionsSize} bytes of transactions`,
  ].join("\n");
}

function signatureState(params: ChainParams): string {
  if (params.genesis.signature === undefined) return "none yet: the publisher signs at its first start";
  try {
    verifyGenesis(signedGenesis(params), params);
    return `${toHex(params.genesis.signature)} (valid)`;
  } catch (error) {
    return `${toHex(params.genesis.signature)} (NOT VALID: ${(error as Error).message})`;
  }
}

/** A genesis file of ours by its `.json` name and format, otherwise any coin configuration. */
async function paramsOf(path: string): Promise<ChainParams> {
  if (path.endsWith(".json")) return paramsOfGenesisFile(await loadGenesisFile(path));
  // The parameters count, not whether its peers could be dialled: login chains name loopback ones.
  const config = await loadDaemonConfig({
    argv: ["--disable-default-peers"],
    env: { FIBER_TOML: path, HOME: process.env.HOME },
  });
  return config.params;
}
