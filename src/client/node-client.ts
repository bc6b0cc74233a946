import { type Ask, Transport, type TransportOptions } from "./transport.ts";

/** Whole numbers of 64 bits: a number, or its digits where a double would lose some. `BigInt` takes both. */
export type Uint64 = number | string;

export interface BlockHeaderJson {
  readonly seq: number;
  readonly block_hash: string;
  readonly previous_block_hash: string;
  readonly timestamp: number;
  readonly fee: Uint64;
  readonly version: number;
  readonly tx_body_hash: string;
  readonly ux_hash: string;
}

export interface OutputJson {
  readonly hash: string;
  readonly time: number;
  readonly block_seq: number;
  readonly src_tx: string;
  readonly address: string;
  /** Coins with six decimals. */
  readonly coins: string;
  readonly hours: Uint64;
  /** At the head's time. */
  readonly calculated_hours: Uint64;
}

export interface OutputsJson {
  readonly head: BlockHeaderJson;
  readonly head_outputs: readonly OutputJson[];
  readonly outgoing_outputs: readonly OutputJson[];
  readonly incoming_outputs: readonly OutputJson[];
}

export interface BalanceJson {
  /** Droplets and hours. */
  readonly confirmed: { readonly coins: Uint64; readonly hours: Uint64 };
  readonly predicted: { readonly coins: Uint64; readonly hours: Uint64 };
}

export interface HealthJson {
  readonly blockchain: { readonly head: BlockHeaderJson; readonly unspents: number; readonly unconfirmed: number };
  readonly user_verify_transaction: { readonly burn_factor: number; readonly max_decimals: number };
  readonly fiber: { readonly display_name: string; readonly ticker: string; readonly bip44_coin: number };
}

export interface TransactionJson {
  readonly status: { readonly confirmed: boolean; readonly block_seq: number };
  readonly time: number;
  readonly txn: {
    readonly txid: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly {
      readonly uxid: string;
      readonly dst: string;
      readonly coins: string;
      readonly hours: Uint64;
    }[];
  };
}

/** The read-only chain API that the public listener shares with the Go node (docs/api.md). */
export class NodeClient {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  /** Any path of the API. @throws LoginProblem, ClientError */
  get<T>(path: string, ask?: Ask): Promise<T> {
    return this.#transport.json<T>(path, ask);
  }

  health(): Promise<HealthJson> {
    return this.get("/api/v1/health");
  }

  balance(addresses: readonly string[]): Promise<BalanceJson> {
    return this.get(`/api/v1/balance?addrs=${addresses.join(",")}`);
  }

  outputs(addresses: readonly string[]): Promise<OutputsJson> {
    return this.get(`/api/v1/outputs?addrs=${addresses.join(",")}`);
  }

  transaction(txid: string): Promise<TransactionJson> {
    return this.get(`/api/v1/transaction?txid=${txid}`);
  }

  /** Hex of a signed transaction in; its txid out. @throws LoginProblem with the node's reason */
  inject(rawtx: string): Promise<string> {
    return this.#transport.json<string>("/api/v1/injectTransaction", { json: { rawtx } });
  }
}
