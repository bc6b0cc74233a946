import { toHex } from "../../src/base/bytes.ts";
import { parseDroplets } from "../../src/chain/droplet.ts";
import { encodeTransaction, newTransaction, signTransaction, type Transaction } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { addressOf, decodeAddress, encodeAddress } from "../../src/cipher/address.ts";
import { parseHash } from "../../src/cipher/hash.ts";
import { publicKeyOf, randomSecretKey, type SecretKey } from "../../src/cipher/keys.ts";

/** A challenge as the login API answers it. */
export interface ShownChallenge {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly login_address: string;
  readonly return_address: string;
  readonly amount: string;
  readonly message: string;
  readonly claim_secret?: string;
  readonly txid?: string;
  readonly block_seq?: number;
  readonly cause?: { readonly code: string };
  readonly notice?: { readonly code: string };
}

export interface ShownTokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly address: string;
  readonly session_id: string;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

interface ListedOutput {
  readonly hash: string;
  readonly coins: string;
  readonly calculated_hours: number;
}

/** Somebody who signs in: an address with its key, and the public listener. */
export class Visitor {
  readonly base: string;
  readonly secret: SecretKey;
  readonly address: string;
  /** The node publishes by itself and has no peer to tell. */
  readonly alone: boolean;

  constructor(base: string, secret: SecretKey = randomSecretKey(), { alone = false } = {}) {
    this.alone = alone;
    this.base = base;
    this.secret = secret;
    this.address = encodeAddress(addressOf(publicKeyOf(secret)));
  }

  async post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.#ask(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  async get<T>(path: string, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.#ask(path, { headers });
  }

  async #ask<T>(path: string, init: RequestInit): Promise<Answer<T>> {
    const response = await fetch(`${this.base}${path}`, init);
    const text = await response.text();
    let body: unknown = text;
    try {
      body = JSON.parse(text);
    } catch {} // error texts of the chain API
    return { status: response.status, body: body as T, headers: response.headers };
  }

  async challenge(more: Record<string, unknown> = {}): Promise<ShownChallenge> {
    const { status, body } = await this.post<ShownChallenge>("/login/v1/challenges", {
      address: this.address,
      ...more,
    });
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body;
  }

  async status(id: string): Promise<ShownChallenge> {
    return (await this.get<ShownChallenge>(`/login/v1/challenges/${id}`)).body;
  }

  /** Resolves with the first status, from `from` on, that is among those wanted or final. */
  async until(id: string, ...wanted: string[]): Promise<ShownChallenge> {
    for await (const shown of this.follow(id)) if (wanted.includes(shown.status)) return shown;
    throw new Error(`the challenge ended without ${wanted.join(", ")}: ${JSON.stringify(await this.status(id))}`);
  }

  /** The status stream. */
  async *follow(id: string, lastEventId?: string): AsyncGenerator<ShownChallenge> {
    const gone = new AbortController();
    const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const response = await fetch(`${this.base}/login/v1/challenges/${id}/events`, { headers, signal: gone.signal });
    if (response.status !== 200 || response.body === null)
      throw new Error(`${response.status} ${await response.text()}`);
    let text = "";
    try {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          const data = /^data: (.*)$/m.exec(event)?.[1];
          if (data !== undefined && /^event: status$/m.test(event)) yield JSON.parse(data) as ShownChallenge;
        }
      }
    } finally {
      gone.abort();
    }
  }

  /** What it could return now, from the read-only API. */
  async outputs(): Promise<readonly ListedOutput[]> {
    const { body } = await this.get<{ head_outputs: ListedOutput[]; outgoing_outputs: ListedOutput[] }>(
      `/api/v1/outputs?addrs=${this.address}`,
    );
    const leaving = new Set(body.outgoing_outputs.map(({ hash }) => hash));
    return body.head_outputs.filter(({ hash }) => !leaving.has(hash));
  }

  /** Everything the first output holds, to one address, an hour burnt at least. */
  async payment(to: string, output?: ListedOutput): Promise<Transaction> {
    const spent = output ?? (await this.outputs())[0];
    if (spent === undefined) throw new Error(`${this.address} holds nothing`);
    const hours = BigInt(spent.calculated_hours);
    const fee = (hours + 9n) / 10n;
    const out = {
      address: decodeAddress(to),
      coins: parseDroplets(spent.coins) as Droplets,
      hours: (hours - fee) as Hours,
    };
    return signTransaction(newTransaction([parseHash(spent.hash)], [out]), [this.secret]);
  }

  /** Sends the coin back. */
  async giveBack(to: string): Promise<string> {
    return this.inject(await this.payment(to));
  }

  async inject(txn: Transaction): Promise<string> {
    const { status, body } = await this.post<string>("/api/v1/injectTransaction", {
      rawtx: toHex(encodeTransaction(txn)),
      no_broadcast: this.alone,
    });
    if (status !== 200) throw new Error(`${status} ${body}`);
    return body;
  }

  async claim(id: string, secret: string | undefined): Promise<Answer<ShownTokens>> {
    return this.post(`/login/v1/challenges/${id}/claim`, { claim_secret: secret });
  }

  /** All of it. */
  async login(more: Record<string, unknown> = {}): Promise<ShownTokens> {
    const challenge = await this.challenge(more);
    await this.until(challenge.id, "waiting");
    await this.giveBack(challenge.return_address);
    await this.until(challenge.id, "confirmed");
    const { status, body } = await this.claim(challenge.id, challenge.claim_secret);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body;
  }
}
