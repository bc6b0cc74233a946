import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { equalBytes } from "../base/bytes.ts";
import { decodeAddress, encodeAddress } from "../cipher/address.ts";
import { sha256 } from "../cipher/hash.ts";
import { platformRandom } from "../cipher/random.ts";
import { parseSignature, recoverSigner } from "../cipher/sign.ts";
import type { Challenge, ChallengeStatusName, LoginMethod } from "./login-client.ts";
import type { Fetch } from "./transport.ts";

export interface EmulatorOptions {
  /** `iss` of its tokens. */
  readonly issuer?: string;
  /**
   * What happens to a new challenge by itself: `confirm` at once (the default), `expire`, `fail`, or `hold` until
   * `confirm(id)` is called.
   */
  readonly behaviour?: "confirm" | "expire" | "fail" | "hold";
}

interface Emulated {
  challenge: Challenge;
  readonly secret: string;
  readonly listeners: Set<() => void>;
}

/** Publisher key in subjects: nobody's. */
const CHAIN = "02".padEnd(66, "0");

/**
 * A login service for the tests of other services: no chain, no network. Pass its `fetch` to `LoginClient`,
 * `LoginVerifier` and `requireLogin`; challenges confirm by themselves, tokens are real and verify with its keys.
 */
export class LoginEmulator {
  readonly issuer: string;
  /** Stands in for `fetch`. */
  readonly fetch: Fetch = async (input, init) => {
    init?.signal?.throwIfAborted();
    return this.handle(new Request(input, init));
  };
  readonly #behaviour: NonNullable<EmulatorOptions["behaviour"]>;
  readonly #challenges = new Map<string, Emulated>();
  readonly #revoked = new Set<string>();
  readonly #refresh = new Map<
    string,
    { readonly address: string; readonly clientId: string | undefined; readonly sid: string }
  >();
  readonly #keys = generateKeyPair("EdDSA", { extractable: true });

  constructor({ issuer = "http://login.test", behaviour = "confirm" }: EmulatorOptions = {}) {
    this.issuer = issuer;
    this.#behaviour = behaviour;
  }

  /** The visitor has proved the address of this challenge. */
  confirm(id: string): void {
    this.#step(id, "confirmed", { txid: random(32, "hex"), block_seq: 2 });
  }

  /** Any other end. */
  end(id: string, status: "expired" | "failed"): void {
    this.#step(id, status, status === "failed" ? { cause: { code: "funding_failed", text: "emulated" } } : {});
  }

  /** An access token without the ceremony. `authAgeSeconds` ago proved. */
  async tokenFor(
    address: string,
    options: {
      clientId?: string;
      authAgeSeconds?: number;
      expiresIn?: string;
      method?: LoginMethod;
      sid?: string;
    } = {},
  ): Promise<string> {
    const { clientId, authAgeSeconds = 0, expiresIn = "15m", method = "return", sid = random(12) } = options;
    return new SignJWT({
      sid,
      address,
      auth_time: Math.floor(Date.now() / 1000) - authAgeSeconds,
      acr: `urn:skycoin:login:${method}`,
      amr: [method === "signature" ? "skymsg" : "skytx"],
      ...(clientId !== undefined && { client_id: clientId }),
    })
      .setProtectedHeader({ alg: "EdDSA", kid: "emulator", typ: "at+jwt" })
      .setIssuer(this.issuer)
      .setSubject(`skycoin:${CHAIN}:${address}`)
      .setAudience(clientId ?? this.issuer)
      .setIssuedAt()
      .setExpirationTime(expiresIn)
      .setJti(random(12))
      .sign((await this.#keys).privateKey);
  }

  /** The HTTP side, for who wants to serve it. */
  async handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/.well-known/jwks.json") return this.#jwks();
    const [, id = "", action = ""] = /^\/login\/v1\/challenges\/([\w-]+)(?:\/(\w+))?$/.exec(pathname) ?? [];
    if (request.method === "POST") {
      const body = await bodyOf(request);
      if (pathname === "/login/v1/challenges") return this.#create(body);
      if (action === "signature") return this.#prove(id, body);
      if (action === "claim") return this.#claim(id, body);
      if (pathname === "/login/v1/token") return this.#rotate(body);
      if (pathname === "/login/v1/revoke") return this.#revoke(body);
    }
    const found = this.#challenges.get(id);
    if (found === undefined) return problem(404, id === "" ? "not_found" : "unknown_challenge");
    return action === "events" ? this.#events(found, request.signal) : json(200, found.challenge);
  }

  async #jwks(): Promise<Response> {
    const key = await exportJWK((await this.#keys).publicKey);
    return json(200, { keys: [{ ...key, kid: "emulator", alg: "EdDSA", use: "sig" }] });
  }

  #create(body: Readonly<Record<string, unknown>>): Response {
    const address = String(body.address ?? "");
    if (!isAddress(address)) return problem(400, "invalid_address");
    const [id, secret, expiresAt] = [random(16), random(32), new Date(Date.now() + 600_000)];
    const url = `${this.issuer}/login/v1/challenges/${id}`;
    const challenge: Challenge = {
      id,
      status: "waiting",
      method: body.method === "signature" ? "signature" : "return",
      login_address: address,
      return_address: address,
      amount: "0.010000",
      uri: `skycoin:${address}?amount=0.010000`,
      expires_at: expiresAt.toISOString(),
      page_url: `${this.issuer}/login/verify/${id}`,
      status_url: url,
      events_url: `${url}/events`,
      message: `login.test wants you to sign in with your Test address:\n${address}\n\nNonce: ${id}`,
      ...(typeof body.client_id === "string" && { client_id: body.client_id }),
    };
    this.#challenges.set(id, { challenge, secret, listeners: new Set() });
    const created = { ...challenge, claim_secret: secret };
    if (this.#behaviour === "confirm") this.confirm(id);
    else if (this.#behaviour !== "hold") this.end(id, this.#behaviour === "fail" ? "failed" : "expired");
    return json(201, created);
  }

  #prove(id: string, body: Readonly<Record<string, unknown>>): Response {
    const found = this.#challenges.get(id);
    if (found === undefined) return problem(404, "unknown_challenge");
    const { message, login_address: address } = found.challenge;
    if (!isSigned(message, address, String(body.signature))) return problem(422, "bad_signature");
    this.#step(id, "confirmed");
    return json(200, found.challenge);
  }

  async #claim(id: string, body: Readonly<Record<string, unknown>>): Promise<Response> {
    const found = this.#challenges.get(id);
    if (found === undefined) return problem(404, "unknown_challenge");
    if (body.claim_secret !== found.secret) return problem(403, "wrong_secret");
    const { status, login_address: address, client_id: clientId, method } = found.challenge;
    if (status === "claimed") return problem(409, "already_claimed");
    if (status === "expired") return problem(410, "challenge_expired");
    if (status !== "confirmed") return problem(409, status === "failed" ? "challenge_failed" : "not_confirmed");
    this.#step(id, "claimed");
    return this.#tokens({ address, clientId, sid: random(12) }, method);
  }

  async #tokens(
    family: { address: string; clientId: string | undefined; sid: string },
    method: LoginMethod = "return",
  ): Promise<Response> {
    const { address, clientId, sid } = family;
    const refresh = `lcr_${random(32)}`;
    this.#refresh.set(refresh, family);
    const access = await this.tokenFor(address, { sid, method, ...(clientId !== undefined && { clientId }) });
    return json(200, {
      ...{ access_token: access, refresh_token: refresh, expires_in: 900, token_type: "Bearer" },
      ...{ subject: `skycoin:${CHAIN}:${address}`, address, session_id: sid },
    });
  }

  async #rotate(body: Readonly<Record<string, unknown>>): Promise<Response> {
    const token = String(body.refresh_token);
    const family = this.#refresh.get(token);
    this.#refresh.delete(token);
    if (family === undefined || this.#revoked.has(family.sid)) return problem(400, "invalid_grant");
    return this.#tokens(family);
  }

  #revoke(body: Readonly<Record<string, unknown>>): Response {
    const family = this.#refresh.get(String(body.token));
    if (family !== undefined) this.#revoked.add(family.sid);
    return json(200, {});
  }

  #events(found: Emulated, signal: AbortSignal): Response {
    const text = (): Uint8Array =>
      new TextEncoder().encode(`event: status\ndata: ${JSON.stringify(found.challenge)}\n\n`);
    const isOver = (): boolean => !["waiting", "confirmed"].includes(found.challenge.status);
    let tell = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        tell = () => {
          controller.enqueue(text());
          if (!isOver()) return;
          found.listeners.delete(tell);
          controller.close();
        };
        found.listeners.add(tell);
        signal.addEventListener("abort", () => {
          if (found.listeners.delete(tell)) controller.error(signal.reason);
        });
        tell();
      },
      cancel: () => void found.listeners.delete(tell),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  #step(id: string, status: ChallengeStatusName, more: Partial<Challenge> = {}): void {
    const found = this.#challenges.get(id);
    if (found === undefined) throw new RangeError(`no challenge ${id} was started here`);
    found.challenge = { ...found.challenge, ...more, status };
    for (const tell of [...found.listeners]) tell();
  }
}

function isAddress(text: string): boolean {
  try {
    return encodeAddress(decodeAddress(text)) === text;
  } catch {
    return false;
  }
}

function isSigned(message: string, address: string, signature: string): boolean {
  if (!/^[0-9a-f]{130}$/i.test(signature)) return false;
  const signer = recoverSigner(sha256(new TextEncoder().encode(message)), parseSignature(signature));
  return signer.ok && signer.strict && equalBytes(signer.address, decodeAddress(address));
}

async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const text = await request.text();
  if ((request.headers.get("content-type") ?? "").includes("form"))
    return Object.fromEntries(new URLSearchParams(text));
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function json(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
}

function problem(status: number, code: string): Response {
  const body = { type: `urn:loginchain:problem:${code}`, title: code, status, code, detail: `emulated: ${code}` };
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json" } });
}

function random(bytes: number, form: "hex" | "text" = "text"): string {
  const drawn = platformRandom(bytes);
  if (form === "hex") return Array.from(drawn, (b) => b.toString(16).padStart(2, "0")).join("");
  return btoa(String.fromCharCode(...drawn))
    .replace(/[+]/g, "-")
    .replace(/[/]/g, "_")
    .replace(/=/g, "");
}
