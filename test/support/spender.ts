import { setTimeout as pause } from "node:timers/promises";
import { toHex } from "../../src/base/bytes.ts";
import { errorText } from "../../src/base/errors.ts";
import { parseDroplets } from "../../src/chain/droplet.ts";
import {
  encodeTransaction,
  newTransaction,
  signTransaction,
  type Transaction,
  txid,
} from "../../src/chain/transaction.ts";
import { type Hours, uxId } from "../../src/chain/uxout.ts";
import { type Address, decodeAddress } from "../../src/cipher/address.ts";
import { type Hash, parseHash } from "../../src/cipher/hash.ts";
import { parseSecretKey, type SecretKey } from "../../src/cipher/keys.ts";
import { loadGenesisWallet } from "../../src/config/genesis-wallet.ts";

interface Held {
  readonly id: Hash;
  readonly coins: ReturnType<typeof parseDroplets>;
  readonly hours: bigint;
}

/** An answer over HTTP, or undefined while nobody answers. */
export async function askIfUp<T>(url: string, init: RequestInit = {}): Promise<T | undefined> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    return response.ok ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

async function answerOf(url: string, init: RequestInit): Promise<string> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    return response.ok ? "taken" : text;
  } catch (error) {
    return errorText(error);
  }
}

/** Sends the coins of a genesis address to itself over and over, each output for itself, whatever happens to the node. */
export class Spender {
  /** Transactions that a node said are confirmed. */
  readonly confirmed: string[] = [];
  /** From the request to "confirmed", in milliseconds. */
  readonly latencies: number[] = [];
  readonly #alone: boolean;
  readonly #address: Address;
  readonly #key: SecretKey;
  readonly #held: Held[];

  private constructor(address: Address, key: SecretKey, held: Held[], alone: boolean) {
    this.#alone = alone;
    this.#address = address;
    this.#key = key;
    this.#held = held;
  }

  /** `alone`: the node has no peers to pass transactions to. */
  static async open(api: string, walletFile: string, { alone = false } = {}): Promise<Spender> {
    const { address, secretKey } = await loadGenesisWallet(walletFile);
    const outputs = await askIfUp<{ head_outputs: { hash: string; coins: string; calculated_hours: number }[] }>(
      `${api}/api/v1/outputs?addrs=${address}`,
    );
    const held = (outputs?.head_outputs ?? []).map(({ hash, coins, calculated_hours }) => ({
      ...{ id: parseHash(hash), coins: parseDroplets(coins), hours: BigInt(calculated_hours) },
    }));
    if (held.length === 0) throw new Error("nothing to spend");
    return new Spender(decodeAddress(address), parseSecretKey(secretKey), held, alone);
  }

  /** Spends as `lanes` users would, until told to stop; resolves when the last transaction of each is confirmed. */
  async run(api: string, { lanes, signal }: { readonly lanes: number; readonly signal: AbortSignal }): Promise<void> {
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        while (!signal.aborted) await this.once(api);
      }),
    );
  }

  /** One transaction through the API, repeated until it is confirmed: the node may be gone meanwhile. */
  async once(api: string, { timeoutMs = 30_000, pollMs = 20, confirmedAt = api } = {}): Promise<void> {
    const { txn, next } = this.#make();
    const id = toHex(txid(txn));
    const startedAt = performance.now();
    const body = JSON.stringify({ rawtx: toHex(encodeTransaction(txn)), no_broadcast: this.#alone });
    const post = { method: "POST", headers: { "Content-Type": "application/json" }, body };
    for (let answer = "none"; ; ) {
      // Taken means kept: it is not sent again, a node that lost it is found out.
      if (answer !== "taken") answer = await answerOf(`${api}/api/v1/injectTransaction`, post);
      const found = await askIfUp<{ status: { confirmed: boolean } }>(`${confirmedAt}/api/v1/transaction?txid=${id}`);
      if (found?.status.confirmed) break;
      if (performance.now() - startedAt > timeoutMs) {
        throw new Error(`${id} is not confirmed after ${timeoutMs} ms; the answer was: ${answer}`);
      }
      await pause(pollMs);
    }
    this.latencies.push(performance.now() - startedAt);
    this.confirmed.push(id);
    this.#held.push(next);
  }

  #make(): { readonly txn: Transaction; readonly next: Held } {
    const held = this.#held.shift();
    if (held === undefined || held.hours < 2n) throw new Error("no output with hours is left");
    const { coins } = held;
    const hours = (held.hours - (held.hours + 9n) / 10n) as Hours;
    const unsigned = newTransaction([held.id], [{ address: this.#address, coins, hours }]);
    const txn = signTransaction(unsigned, [this.#key]);
    const id = uxId({ srcTransaction: txid(txn), address: this.#address, coins, hours });
    return { txn, next: { id, coins, hours } };
  }
}
