import type { Topic } from "./events/topics.ts";
import type { SigningAlgorithm } from "./key-ring.ts";

/** A service that asks who its visitors are, as its operator has described it to this node. */
export interface LoginClient {
  /** 1 to 64 characters of `A-Za-z0-9._:-`. */
  readonly id: string;
  /** Shown to the visitor before signing. */
  readonly name: string;
  /** OpenID Connect: where codes may be sent, compared as text. */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /**
   * SHA-256, lower-case hex, of the secret with which the service itself signs in: to the code exchange, to `login.*`
   * events. Undefined: a client without secrets, such as a page; PKCE stands for it.
   */
  readonly secretSha256: string | undefined;
  /** OpenID Connect: how ID tokens for it are signed. */
  readonly idTokenAlgorithm: SigningAlgorithm;
  readonly webhooks: readonly ClientWebhook[];
}

export interface ClientWebhook {
  /** Names the queue of what is still to be delivered. */
  readonly id: string;
  /** Whose it is. */
  readonly clientId: string;
  readonly url: string;
  /** `whsec_...`, the current one first; never shown or logged. */
  readonly secrets: readonly string[];
  readonly topics: ReadonlySet<Topic>;
  /** For `address.activity`; undefined: every address. */
  readonly addresses: ReadonlySet<string> | undefined;
  readonly allowPrivate: boolean;
}

/** The services this node knows. Without any, every client id is accepted and none has rights. */
export class LoginClients {
  readonly #clients: ReadonlyMap<string, LoginClient>;

  constructor(clients: readonly LoginClient[] = []) {
    this.#clients = new Map(clients.map((client) => [client.id, client]));
  }

  get(id: string): LoginClient | undefined {
    return this.#clients.get(id);
  }

  all(): LoginClient[] {
    return [...this.#clients.values()];
  }

  /** The operator has described at least one, so an unknown id is a mistake or a pretence. */
  get isClosed(): boolean {
    return this.#clients.size > 0;
  }
}
