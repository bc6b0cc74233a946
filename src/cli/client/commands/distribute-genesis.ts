import { toHex } from "../../../base/bytes.ts";
import { addressInitialBalance } from "../../../chain/distribution.ts";
import { parseDroplets } from "../../../chain/droplet.ts";
import { encodeTransaction, newTransaction, signTransaction, type TxOut } from "../../../chain/transaction.ts";
import type { Droplets, Hours } from "../../../chain/uxout.ts";
import { addressOf, encodeAddress } from "../../../cipher/address.ts";
import { type Hash, parseHash } from "../../../cipher/hash.ts";
import { parseSecretKey, publicKeyOf, type SecretKey } from "../../../cipher/keys.ts";
import { SKYCOIN } from "../../../config/skycoin.ts";
import { defineCommand, exactly } from "../command.ts";
import type { ClientChain } from "../context.ts";
import { refused } from "../errors.ts";
import { asCount, asList, asObject, asString } from "../json.ts";
import type { NodeApi } from "../node-api.ts";
import { inject } from "./transactions.ts";

const DROPLETS_PER_COIN = 1_000_000n;
const HOURS_EACH = 1000n as Hours;

export const distributeGenesis = defineCommand({
  name: "distributeGenesis",
  arguments: "[genesis address secret key]",
  summary: "Pay the genesis coins to the distribution addresses",
  description: `Splits the genesis output evenly between the distribution addresses: the first transaction of a
new coin. For a coin other than Skycoin, FIBER_TOML must name its fiber.toml. Prints the transaction's id.
The key may stay in the shell's history.`,
  flags: {
    "genesis-seckey": { kind: "string", value: "", short: "s", help: "without effect, kept for compatibility" },
  },
  count: exactly(1),
  async run({ args, context }) {
    const key = parseKey(args[0] as string);
    const chain = await context.chain();
    const genesis = await fetchGenesisOutput(context.api);
    checkFits(genesis, key, chain);
    const { distribution } = chain;
    const coins = (addressInitialBalance(distribution) * DROPLETS_PER_COIN) as Droplets;
    const outputs = distribution.addresses.map((address): TxOut => ({ address, coins, hours: HOURS_EACH }));
    const txn = signTransaction(newTransaction([genesis.id], outputs), [key]);
    // A publisher needs no peer to make the block; others have to pass the transaction on.
    const health = asObject(await context.api.get("/api/v1/health"), "health");
    const broadcast = health.block_publisher !== true;
    context.print(await inject(context.api, toHex(encodeTransaction(txn)), { broadcast }));
  },
});

function parseKey(text: string): SecretKey {
  try {
    return parseSecretKey(text);
  } catch {
    throw refused("invalid genesis secret key");
  }
}

interface GenesisOutput {
  readonly id: Hash;
  readonly address: string;
  readonly coins: Droplets;
}

/** The output of block 0, as long as nothing was built on it. @throws ClientError */
async function fetchGenesisOutput(api: NodeApi): Promise<GenesisOutput> {
  const { head } = asObject(await api.get("/api/v1/blockchain/metadata"), "metadata");
  if (asCount(asObject(head, "head").seq, "head.seq") !== 0) {
    throw refused("genesis output has already been distributed");
  }
  const { body } = asObject(await api.get("/api/v1/block", { seq: 0 }), "block");
  const [txn, ...moreTxns] = asList(asObject(body, "body").txns, "txns");
  if (txn === undefined || moreTxns.length > 0) throw refused("genesis block has multiple transactions");
  const [output, ...moreOutputs] = asList(asObject(txn, "txn").outputs, "outputs");
  if (output === undefined || moreOutputs.length > 0) throw refused("genesis block has multiple outputs");
  const { uxid, dst, coins } = asObject(output, "output");
  return {
    id: parseHash(asString(uxid, "uxid")),
    address: asString(dst, "dst"),
    coins: parseDroplets(asString(coins, "coins")),
  };
}

/**
 * Differs: the reference pays whatever addresses it was compiled with; on another chain that gives all coins away
 * (login-chain.md 8.3). @throws ClientError CLIENT_INPUT
 */
function checkFits(genesis: GenesisOutput, key: SecretKey, { fiber, distribution }: ClientChain): void {
  if (fiber === undefined && genesis.address !== SKYCOIN.genesis.address) {
    throw refused(
      `the node runs a chain of its own (genesis address ${genesis.address}): set FIBER_TOML to its fiber.toml, ` +
        "or the coins would go to Skycoin's distribution addresses",
    );
  }
  if (fiber !== undefined && (fiber.params.distribution_addresses ?? []).length === 0) {
    throw refused(`${fiber.path} names no distribution_addresses`);
  }
  const supply = distribution.maxCoinSupply * DROPLETS_PER_COIN;
  if (genesis.coins !== supply) {
    throw refused(
      `max_coin_supply is ${distribution.maxCoinSupply} coins (${supply} droplets), but the genesis output holds ` +
        `${genesis.coins} droplets: nothing was sent`,
    );
  }
  if (encodeAddress(addressOf(publicKeyOf(key))) !== genesis.address) {
    throw refused(`the secret key does not belong to the genesis address ${genesis.address}`);
  }
}
