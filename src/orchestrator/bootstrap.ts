import { setTimeout as pause } from "node:timers/promises";
import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { parseDroplets } from "../chain/droplet.ts";
import { genesisChange, makeGenesisBlock } from "../chain/genesis.ts";
import { coinHours } from "../chain/hours.ts";
import type { ChainParams } from "../chain/params.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import { encodeTransaction, newTransaction, signTransaction, type TxOut } from "../chain/transaction.ts";
import { type Address, encodeAddress } from "../cipher/address.ts";
import { hashHex, parseHash } from "../cipher/hash.ts";
import { parseSecretKey, type SecretKey } from "../cipher/keys.ts";
import { NULL_SIGNATURE } from "../cipher/sign.ts";
import { loadDaemonConfig } from "../config/config.ts";
import { loadGenesisWallet } from "../config/genesis-wallet.ts";
import { STOCK_OPTIONS, stockRules } from "../login/stock.ts";
import { type Coin, planEndowment } from "../login/stock-plan.ts";
import { type PlainRequest, plainFetch } from "../node/plain-fetch.ts";
import { spendCandidate } from "../wallet/choose-spends.ts";
import { createRawTransaction } from "../wallet/raw-transaction.ts";
import { OrchestratorError } from "./child-node.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
/** A transaction with more would not fit into 32 KiB. */
const INPUTS_MAX = 200;

/** Outputs of block 1 for the stock, and for the genesis address: what the Go reward server funds its logins from. */
const STOCK_PARTS = 64;
const OWN_PARTS = 8;
/** An older chain's stock gets half of what the genesis address has, when that is worth it. */
const ENDOWMENT_DROPLETS_MIN = 2_000_000n;

export interface BootstrapOptions {
  /** Base URL of the publisher. */
  readonly api: string;
  readonly genesisFile: string;
  readonly fiberToml: string;
  /** Addresses of the stock that funds logins; absent: there is none, and block 1 is one output as the Go command makes it. */
  readonly stock?: readonly Address[];
}

/**
 * Block 1 of a login chain: replaces the genesis output by ordinary ones (login-chain.md 4), half of the coins for the
 * stock (login-service.md 2). On a chain that is past block 0 a stock that holds nothing gets half of what the genesis
 * address has. Does nothing otherwise. @throws OrchestratorError UP_BOOTSTRAP_FAILED
 */
export async function bootstrapFirstBlock(options: BootstrapOptions): Promise<void> {
  const { api, stock } = options;
  const isNew = (await headSeq(api)) === 0;
  if (!isNew && (stock === undefined || (await holdsCoins(api, stock)))) return;
  const [wallet, { params }] = await Promise.all([
    loadGenesisWallet(options.genesisFile),
    // Nothing is dialled here: loopback peers in the file, as the Go command writes them, are no mistake.
    loadDaemonConfig({
      argv: ["--disable-default-peers"],
      env: { HOME: process.env.HOME, FIBER_TOML: options.fiberToml },
    }),
  ]);
  const key = parseSecretKey(wallet.secretKey);
  const coins = isNew ? [genesisCoin(params, key)] : await coinsOf(api, params.genesis.address, key);
  if (!isNew && coins.reduce((sum, coin) => sum + coin.coins, 0n) < ENDOWMENT_DROPLETS_MIN) return;
  const outputs = stock === undefined ? undefined : endowment(coins, params, stock);
  const unsigned =
    outputs === undefined
      ? spendGenesis(params)
      : newTransaction(
          coins.map(({ id }) => id),
          outputs,
        );
  const txn = signTransaction(
    unsigned,
    coins.map(({ secret }) => secret),
  );
  const response = await request(`${api}/api/v1/injectTransaction`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ rawtx: toHex(encodeTransaction(txn)), no_broadcast: true }),
  });
  const body = await response.text();
  // A publisher that was killed after taking the transaction has it in its pool, or in block 1 by now.
  if (response.status !== 200 && isNew && (await headSeq(api)) === 0) {
    throw new OrchestratorError("UP_BOOTSTRAP_FAILED", `the publisher refused the first transaction: ${body.trim()}`);
  }
}

function endowment(coins: readonly Coin[], params: ChainParams, lanes: readonly Address[]): readonly TxOut[] {
  const to = { own: params.genesis.address, ownParts: OWN_PARTS, stockParts: Math.min(STOCK_PARTS, lanes.length) };
  return planEndowment(coins, to, stockRules(lanes, params, STOCK_OPTIONS));
}

function genesisOutput(params: ChainParams): IdentifiedUxOut {
  const genesis = { ...makeGenesisBlock(params.genesis), sig: NULL_SIGNATURE };
  return genesisChange(genesis).created[0]?.[0] as IdentifiedUxOut;
}

function genesisCoin(params: ChainParams, secret: SecretKey): Coin {
  const { id, ux } = genesisOutput(params);
  const hours = coinHours(ux, params.genesis.time);
  return { id, key: hashHex(id), coins: ux.body.coins, hours, secret };
}

function spendGenesis(params: ChainParams) {
  const { address, time, volume } = params.genesis;
  return createRawTransaction({
    spendable: [spendCandidate(genesisOutput(params), time)],
    incoming: [],
    to: [{ address, coins: volume }],
    changeAddress: address,
    burnFactor: params.user.burnFactor,
  }).txn;
}

async function holdsCoins(api: string, addresses: readonly Address[]): Promise<boolean> {
  const response = await request(`${api}/api/v1/balance?addrs=${addresses.map(encodeAddress).join(",")}`);
  const { confirmed, predicted } = (await response.json()) as Record<"confirmed" | "predicted", { coins: number }>;
  return confirmed.coins > 0 || predicted.coins > 0;
}

/** Confirmed outputs that nothing in the pool spends. */
async function coinsOf(api: string, address: Address, secret: SecretKey): Promise<Coin[]> {
  interface Listed {
    readonly hash: string;
    readonly coins: string;
    readonly calculated_hours: number;
  }
  const response = await request(`${api}/api/v1/outputs?addrs=${encodeAddress(address)}`);
  const listed = (await response.json()) as Record<"head_outputs" | "outgoing_outputs", Listed[]>;
  const leaving = new Set(listed.outgoing_outputs.map(({ hash }) => hash));
  return listed.head_outputs
    .filter(({ hash }) => !leaving.has(hash))
    .slice(0, INPUTS_MAX)
    .map(({ hash, coins, calculated_hours: hours }) => {
      const id = parseHash(hash);
      return { id, key: hashHex(id), coins: parseDroplets(coins), hours: BigInt(hours), secret };
    });
}

/** Height of the node at `api`. @throws OrchestratorError UP_BOOTSTRAP_FAILED */
export async function headSeq(api: string): Promise<number> {
  const response = await request(`${api}/api/v1/blockchain/metadata`);
  const { head } = (await response.json()) as { head: { seq: number } };
  return head.seq;
}

/** Waits until the node at `api` has block `seq`; resolves with its height. @throws OrchestratorError */
export async function waitForBlock(options: {
  readonly api: string;
  readonly seq: number;
  readonly timeoutMs: number;
}): Promise<number> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const seq = await headSeq(options.api);
    if (seq >= options.seq) return seq;
    if (performance.now() > deadline) {
      const seconds = options.timeoutMs / 1000;
      throw new OrchestratorError(
        "UP_BOOTSTRAP_FAILED",
        `block ${options.seq} did not reach ${options.api} within ${seconds} s: look at the log lines above`,
      );
    }
    await pause(POLL_MS);
  }
}

async function request(url: string, init: PlainRequest = {}): Promise<Response> {
  try {
    return await plainFetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch (cause) {
    throw new OrchestratorError("UP_BOOTSTRAP_FAILED", `${url}: ${errorText(cause)}`, { url }, { cause });
  }
}
