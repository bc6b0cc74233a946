import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import { ClientError } from "./errors.ts";
import type { Fetch } from "./transport.ts";

/** Who a verified access token speaks for. */
export interface Login {
  /** `skycoin:{publisher key}:{address}`: what to key your records by. */
  readonly subject: string;
  readonly address: string;
  readonly sessionId: string;
  readonly method: "return" | "signature";
  /** Unix seconds of the proof. */
  readonly authTime: number;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly clientId: string | undefined;
  readonly txid: string | undefined;
  readonly blockSeq: number | undefined;
}

export interface VerifierOptions {
  /** The login service's base URL, exactly as in `iss`: what it prints as public URL. */
  readonly issuer: string;
  /** Your client id; without one tokens are meant for the issuer itself. */
  readonly audience?: string;
  /** Refuse proofs older than this, for sensitive actions. Seconds. */
  readonly maxAgeSeconds?: number;
  /** Refuse other ways of proving. */
  readonly methods?: readonly ("return" | "signature")[];
  /** Clocks may differ by this much, seconds; 5 when absent. */
  readonly clockToleranceSeconds?: number;
  readonly fetch?: Fetch;
}

/**
 * Checks access tokens with the service's published keys alone. Keys are fetched when first needed, kept, and fetched
 * again (at most every 30 s) when a token names one that is not there: rotation needs no restart.
 */
export class LoginVerifier {
  readonly #options: VerifierOptions;
  readonly #issuer: string;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#issuer = options.issuer.replace(/\/+$/, "");
    const url = new URL(`${this.#issuer}/.well-known/jwks.json`);
    this.#keys = createRemoteJWKSet(url, {
      ...(options.fetch !== undefined && { [customFetch]: options.fetch as never }),
    });
  }

  /** @throws ClientError CLIENT_TOKEN: not a valid token of this service for us, here and now; CLIENT_UNREACHABLE */
  async verify(token: string): Promise<Login> {
    const { audience = this.#issuer, maxAgeSeconds, methods, clockToleranceSeconds = 5 } = this.#options;
    let payload: Record<string, unknown>;
    try {
      ({ payload } = await jwtVerify(token, this.#keys, {
        issuer: this.#issuer,
        audience,
        algorithms: ["EdDSA"],
        typ: "at+jwt",
        requiredClaims: ["sub", "exp", "sid", "address", "auth_time"],
        clockTolerance: clockToleranceSeconds,
      }));
    } catch (cause) {
      throw asClientError(cause);
    }
    const login = loginOf(payload);
    if (maxAgeSeconds !== undefined && Date.now() / 1000 - login.authTime > maxAgeSeconds + clockToleranceSeconds) {
      throw new ClientError("CLIENT_TOKEN", `the address was proved more than ${maxAgeSeconds} s ago: sign in again`);
    }
    if (methods !== undefined && !methods.includes(login.method)) {
      throw new ClientError("CLIENT_TOKEN", `proved by ${login.method}; needed is ${methods.join(" or ")}`);
    }
    return login;
  }
}

/** Not having the keys is our trouble, everything else the token's. */
function asClientError(cause: unknown): ClientError {
  const { code, message } = cause as { code?: string; message: string };
  const ours =
    !(cause instanceof errors.JOSEError) || cause instanceof errors.JWKSTimeout || code === "ERR_JOSE_GENERIC";
  return ours
    ? new ClientError("CLIENT_UNREACHABLE", `keys of the login service cannot be had: ${message}`, {}, { cause })
    : new ClientError("CLIENT_TOKEN", `not a valid login token: ${message}`, {}, { cause });
}

function loginOf(payload: Record<string, unknown>): Login {
  const text = (name: string): string | undefined => {
    const value = payload[name];
    return typeof value === "string" ? value : undefined;
  };
  const blockSeq = payload.block_seq;
  return {
    subject: text("sub") ?? "",
    address: text("address") ?? "",
    sessionId: text("sid") ?? "",
    method: text("acr") === "urn:skycoin:login:signature" ? "signature" : "return",
    authTime: Number(payload.auth_time),
    expiresAt: Number(payload.exp),
    clientId: text("client_id"),
    txid: text("txid"),
    blockSeq: typeof blockSeq === "number" ? blockSeq : undefined,
  };
}
