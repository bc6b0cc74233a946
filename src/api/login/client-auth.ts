import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { LoginClient, LoginClients } from "../../login/clients.ts";
import { LoginError } from "../../login/errors.ts";
import { GUESS_LIMITS, GuessLimit } from "../guess-limit.ts";
import type { LoginRequest } from "./route.ts";

/**
 * Services show who they are by the secret of which the clients file has the hash: HTTP Basic (RFC 6749 2.3.1), or
 * `client_id` and `client_secret` in the body. One for a listener: wrong secrets are counted.
 */
export class ClientAuth {
  readonly #clients: LoginClients;
  readonly #guesses: GuessLimit;

  constructor(clients: LoginClients, clock: Pick<Clock, "monotonicMs">) {
    this.#clients = clients;
    this.#guesses = new GuessLimit(GUESS_LIMITS, clock);
  }

  /** The service that asks; undefined: the request names none. @throws LoginError client_not_authenticated, rate_limited */
  of(request: LoginRequest): LoginClient | undefined {
    const given = basicOf(request.header("authorization")) ?? bodyOf(request.body);
    if (given === undefined) return undefined;
    const { ip } = request.caller;
    const wait = this.#guesses.waitSeconds(ip);
    if (wait > 0) {
      throw new LoginError("rate_limited", "Too many wrong secrets from here", { retryAfterSeconds: wait });
    }
    const client = this.#clients.get(given.id);
    const fits = timingSafeEqual(sha256(given.secret), Buffer.from(client?.secretSha256 ?? NOBODY, "hex"));
    if (client?.secretSha256 !== undefined && fits) return client;
    this.#guesses.wrong(ip);
    throw new LoginError("client_not_authenticated", "Not the id and secret of a service known here");
  }

  /** @throws LoginError client_not_authenticated, rate_limited */
  require(request: LoginRequest): LoginClient {
    const client = this.of(request);
    if (client !== undefined) return client;
    throw new LoginError(
      "client_not_authenticated",
      "Only for services in the file of -login-clients: send their id and secret as HTTP Basic",
    );
  }

  /**
   * What concerns a client that has a secret is for that client alone. The client, if it has one.
   * @throws LoginError client_not_authenticated
   */
  requireFor(clientId: string | undefined, request: LoginRequest): LoginClient | undefined {
    const asking = this.of(request);
    const known = clientId === undefined ? undefined : this.#clients.get(clientId);
    if (known?.secretSha256 === undefined) return undefined;
    if (asking?.id === known.id) return known;
    throw new LoginError("client_not_authenticated", "This client has a secret: send its id and secret as HTTP Basic");
  }
}

/** Compared with where there is no such client, so that the time does not tell which ids there are. */
const NOBODY = "00".repeat(32);

interface Given {
  readonly id: string;
  readonly secret: string;
}

/** Id and secret are form-encoded before they are joined (RFC 6749 2.3.1). */
function basicOf(header: string | undefined): Given | undefined {
  const encoded = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  return { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) };
}

function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

function bodyOf({ client_id: id, client_secret: secret }: LoginRequest["body"]): Given | undefined {
  return typeof id === "string" && typeof secret === "string" ? { id, secret } : undefined;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
