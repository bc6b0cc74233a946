import type { TransactionReceipt } from "../chain/receipt.ts";
import { ClientError, LoginProblem } from "./errors.ts";
import { readEvents } from "./event-source.ts";
import { Transport, type TransportOptions } from "./transport.ts";

export type LoginMethod = "return" | "signature";
export type ChallengeStatusName = "funding" | "waiting" | "seen" | "confirmed" | "claimed" | "expired" | "failed";

/** A challenge as the service tells it (docs/login.md). */
export interface Challenge {
  readonly id: string;
  readonly status: ChallengeStatusName;
  readonly method: LoginMethod;
  readonly login_address: string;
  readonly return_address: string;
  /** Coins with six decimals. */
  readonly amount: string;
  /** `skycoin:ADDRESS?amount=..`, for a QR code or a link. */
  readonly uri: string;
  /** RFC 3339. */
  readonly expires_at: string;
  /** Where to send the visitor. */
  readonly page_url: string;
  readonly status_url: string;
  readonly events_url: string;
  /** The text to sign for method `signature`. */
  readonly message: string;
  readonly client_id?: string;
  readonly txid?: string;
  readonly block_seq?: number;
  readonly cause?: { readonly code: string; readonly text: string };
  readonly notice?: { readonly code: string; readonly text: string };
}

/** With the secret that claims the result: keep it in your session, never in a page. */
export interface NewChallenge extends Challenge {
  readonly claim_secret?: string;
}

export interface ChallengeRequest {
  /** Base58, or an account's xpub. */
  readonly address: string;
  readonly method?: LoginMethod;
  /** PKCE (S256) instead of a claim secret. */
  readonly codeChallenge?: string;
  /** The claim goes to a cookie of the calling browser. */
  readonly claim?: "secret" | "cookie";
}

export interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly token_type: "Bearer";
  readonly subject: string;
  readonly address: string;
  readonly session_id: string;
  /** URL of the receipt; absent for method `signature`. */
  readonly receipt?: string;
}

export interface LoginSession {
  readonly session_id: string;
  readonly subject: string;
  readonly address: string;
  readonly method: LoginMethod;
  /** RFC 3339, of the proof. */
  readonly auth_time: string;
  readonly expires_at: string;
  readonly client_id?: string;
  readonly txid?: string;
  readonly block_seq?: number;
}

export interface LoginClientOptions extends TransportOptions {
  /** Who asks: the audience of the tokens. */
  readonly clientId?: string;
  /** Shows that it is really you; for clients that have a secret. Never in a page. */
  readonly clientSecret?: string;
}

/** Something that happened (docs/login.md, topics). */
export interface LoginServiceEvent {
  /** The same at every telling. */
  readonly id: string;
  readonly type: string;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** For `events({ after })` after a break. */
  readonly cursor: string;
}

/** Between two looks where there is no event stream. */
const POLL_MS = 1000;

const FINAL: ReadonlySet<ChallengeStatusName> = new Set(["confirmed", "claimed", "expired", "failed"]);

/** The login API, for services and browsers. Refusals are thrown as `LoginProblem` with the service's code. */
export class LoginClient {
  readonly #transport: Transport;
  readonly #clientId: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: LoginClientOptions) {
    this.#transport = new Transport(options);
    const { clientId, clientSecret } = options;
    this.#clientId = clientId;
    this.#headers =
      clientId === undefined || clientSecret === undefined ? {} : { authorization: basic(clientId, clientSecret) };
  }

  /** Starts a login. Send the visitor to `page_url`, or show `uri` and `amount` yourself. */
  start({ address, method, codeChallenge, claim }: ChallengeRequest): Promise<NewChallenge> {
    const json = {
      address,
      ...(method !== undefined && { method }),
      ...(this.#clientId !== undefined && { client_id: this.#clientId }),
      ...(codeChallenge !== undefined && { code_challenge: codeChallenge }),
      ...(claim !== undefined && { claim }),
    };
    return this.#transport.json("/login/v1/challenges", { json, headers: this.#headers });
  }

  challenge(id: string, signal?: AbortSignal): Promise<Challenge> {
    return this.#transport.json(pathOf(id), { signal });
  }

  /** Every change of a challenge as it happens, the present status first. Ends with the server's stream. */
  async *changes(id: string, signal?: AbortSignal): AsyncGenerator<Challenge> {
    const ask = { accept: "text/event-stream", signal, endless: true } as const;
    const { body } = await this.#transport.send(`${pathOf(id)}/events`, ask);
    if (body === null) return;
    for await (const { event, data } of readEvents(body)) if (event === "status") yield JSON.parse(data) as Challenge;
  }

  /**
   * Waits until the visitor has proved the address or cannot any more: `confirmed`, `claimed`, `expired`, `failed`.
   * Follows the event stream, and asks again every second where that breaks.
   * @throws LoginProblem, the signal's reason
   */
  async settled(id: string, signal?: AbortSignal): Promise<Challenge> {
    for (;;) {
      try {
        for await (const change of this.changes(id, signal)) {
          // The stream tells history first: only the present status counts.
          if (FINAL.has(change.status)) break;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof LoginProblem && error.status < 500 && error.status !== 429) throw error;
      }
      const now = await this.#look(id, signal);
      if (now !== undefined && FINAL.has(now.status)) return now;
      await pause(POLL_MS, signal);
    }
  }

  async #look(id: string, signal: AbortSignal | undefined): Promise<Challenge | undefined> {
    try {
      return await this.challenge(id, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const passing = error instanceof ClientError || (error instanceof LoginProblem && error.status >= 429);
      if (passing) return undefined;
      throw error;
    }
  }

  /** Proves by signature: hex of 65 bytes, as `signMessage` makes. */
  prove(id: string, signature: string): Promise<Challenge> {
    return this.#transport.json(`${pathOf(id)}/signature`, { json: { signature } });
  }

  /** Once. With the secret of `start`, a PKCE verifier, or, in a browser, nothing: then the cookie counts. */
  claim(id: string, by: { readonly secret?: string; readonly verifier?: string } = {}): Promise<TokenAnswer> {
    const json = {
      ...(by.secret !== undefined && { claim_secret: by.secret }),
      ...(by.verifier !== undefined && { code_verifier: by.verifier }),
    };
    return this.#transport.json(`${pathOf(id)}/claim`, {
      method: "POST",
      ...(Object.keys(json).length > 0 && { json }),
    });
  }

  /** New tokens for a refresh token, which is used up: keep the new one. */
  refresh(refreshToken: string): Promise<TokenAnswer> {
    const form = { grant_type: "refresh_token", refresh_token: refreshToken };
    return this.#transport.json("/login/v1/token", { form, headers: this.#headers });
  }

  /** Ends the session of a token, whichever kind it is. */
  async revoke(token: string): Promise<void> {
    await this.#transport.send("/login/v1/revoke", { form: { token }, headers: this.#headers });
  }

  /** Asks the service itself, revocation included; `requireLogin` does without. Needs your client secret. */
  introspect(token: string): Promise<{ readonly active: boolean } & Readonly<Record<string, unknown>>> {
    return this.#transport.json("/login/v1/introspect", { form: { token }, headers: this.#headers });
  }

  /** Who this browser is signed in as; undefined: nobody. */
  async session(): Promise<LoginSession | undefined> {
    try {
      return await this.#transport.json<LoginSession>("/login/v1/session");
    } catch (error) {
      if (error instanceof LoginProblem && error.status === 401) return undefined;
      throw error;
    }
  }

  /**
   * What happens: blocks, transactions, the node's health, and, with your client secret, your visitors' logins. From
   * now on, or from everything after a cursor. Ends with the server's stream; go on with the last event's cursor.
   */
  async *events(
    ask: {
      readonly topics?: readonly string[];
      readonly addresses?: readonly string[];
      readonly after?: string;
      readonly signal?: AbortSignal;
    } = {},
  ): AsyncGenerator<LoginServiceEvent> {
    const query = new URLSearchParams({
      ...(ask.topics !== undefined && { topics: ask.topics.join(",") }),
      ...(ask.addresses !== undefined && { addresses: ask.addresses.join(",") }),
    });
    const { body } = await this.#transport.send(`/login/v1/events?${query}`, {
      accept: "text/event-stream",
      signal: ask.signal,
      endless: true,
      headers: { ...this.#headers, ...(ask.after !== undefined && { "last-event-id": ask.after }) },
    });
    if (body === null) return;
    for await (const { event, data, id } of readEvents(body)) {
      if (event !== "skipped") yield { ...(JSON.parse(data) as Omit<LoginServiceEvent, "cursor">), cursor: id };
    }
  }

  /** The proof for the archive; `verifyReceipt` checks it offline. */
  receipt(txid: string): Promise<TransactionReceipt> {
    return this.#transport.json(`/login/v1/receipts/${encodeURIComponent(txid)}`);
  }
}

/** RFC 6749 2.3.1. */
function basic(id: string, secret: string): string {
  return `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`;
}

function pathOf(id: string): string {
  return `/login/v1/challenges/${encodeURIComponent(id)}`;
}

/** @throws the signal's reason */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
