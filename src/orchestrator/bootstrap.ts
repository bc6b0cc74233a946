import { setTimeout as pause } from "node:timers/promises";
import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { genesisChange, makeGenesisBlock } from "../chain/genesis.ts";
import type { ChainParams } from "../chain/params.ts";
import type { IdentifiedUxOut } from "../chain/store.ts";
import { encodeTransaction, signTransaction, type Transaction } from "../chain/transaction.ts";
import { parseSecretKey, type SecretKey } from "../cipher/keys.ts";
import { NULL_SIGNATURE } from "../cipher/sign.ts";
import { loadDaemonConfig } from "../config/config.ts";
import { loadGenesisWallet } from "../config/genesis-wallet.ts";
import { spendCandidate } from "../wallet/choose-spends.ts";
import { createRawTransaction } from "../wallet/raw-transaction.ts";
import { OrchestratorError } from "./child-node.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/**
 * Block 1 of a login chain: replaces the genesis output by an ordinary one of all coins to the same address
 * (login-chain.md 4). Does nothing when the chain is past block 0. `api` is the publisher's base URL.
 * @throws OrchestratorError UP_BOOTSTRAP_FAILED
 */
export async function bootstrapFirstBlock(options: {
  readonly api: string;
  readonly genesisFile: string;
  readonly fiberToml: string;
}): Promise<void> {
  if ((await headSeq(options.api)) > 0) return;
  const [wallet, { params }] = await Promise.all([
    loadGenesisWallet(options.genesisFile),
    // Nothing is dialled here: loopback peers in the file, as the Go command writes them, are no mistake.
    loadDaemonConfig({
      argv: ["--disable-default-peers"],
      env: { HOME: process.env.HOME, FIBER_TOML: options.fiberToml },
    }),
  ]);
  const txn = spendGenesis(params, parseSecretKey(wallet.secretKey));
  const response = await request(`${options.api}/api/v1/injectTransaction`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ rawtx: toHex(encodeTransaction(txn)), no_broadcast: true }),
  });
  const body = await response.text();
  // A publisher that was killed after taking the transaction has it in its pool, or in block 1 by now.
  if (response.status !== 200 && (await headSeq(options.api)) === 0) {
    throw new OrchestratorError("UP_BOOTSTRAP_FAILED", `the publisher refused the first transaction: ${body.trim()}`);
  }
}

function spendGenesis(params: ChainParams, key: SecretKey): Transaction {
  const { address, time, volume } = params.genesis;
  const genesis = { ...makeGenesisBlock(params.genesis), sig: NULL_SIGNATURE };
  const output = genesisChange(genesis).created[0]?.[0] as IdentifiedUxOut;
  const { txn } = createRawTransaction({
    spendable: [spendCandidate(output, time)],
    incoming: [],
    to: [{ address, coins: volume }],
    changeAddress: address,
    burnFactor: params.user.burnFactor,
  });
  return signTransaction(txn, [key]);
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

async function request(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch (cause) {
    const reason = errorText((cause as { cause?: unknown }).cause ?? cause);
    throw new OrchestratorError("UP_BOOTSTRAP_FAILED", `${url}: ${reason}`, { url }, { cause });
  }
}
