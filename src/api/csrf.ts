import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { goTime } from "./go-text.ts";

const LIFETIME_MS = 30_000;
const KEY_BYTES = 64;
const NONCE_BYTES = 64;

/** Methods that change something, so a page of another site must not be able to send them. */
const CHECKED = new Set(["POST", "PUT", "DELETE"]);

/**
 * Stateless tokens: `base64url(payload).base64url(HMAC-SHA-256(payload))` under a key that lives as long as the
 * process. Any number are valid at once, each for 30 seconds and as often as wanted. Source: api.md 5.
 */
export class CsrfTokens {
  readonly #key: Buffer;
  readonly #clock: Pick<Clock, "nowMs">;

  constructor({ clock, key = randomBytes(KEY_BYTES) }: { clock: Pick<Clock, "nowMs">; key?: Buffer }) {
    this.#key = key;
    this.#clock = clock;
  }

  issue(): string {
    const expires = BigInt(this.#clock.nowMs() + LIFETIME_MS) * 1_000_000n;
    const payload = Buffer.from(
      JSON.stringify({ Nonce: randomBytes(NONCE_BYTES).toString("base64"), ExpiresAt: goTime(expires) }),
    );
    return `${payload.toString("base64url")}.${this.#sign(payload)}`;
  }

  /** Why a request with this header must be refused; undefined when it may pass. */
  refusal(method: string, header: string | undefined): string | undefined {
    return CHECKED.has(method) ? this.#flaw(header ?? "") : undefined;
  }

  #flaw(token: string): string | undefined {
    const [encoded, signature, ...rest] = token.split(".");
    if (encoded === undefined || signature === undefined || rest.length > 0) return "invalid CSRF token";
    const bad = badBase64At(encoded);
    if (bad !== undefined) return `illegal base64 data at input byte ${bad}`;
    const payload = Buffer.from(encoded, "base64url");
    if (!sameBytes(Buffer.from(this.#sign(payload)), Buffer.from(signature))) return "invalid CSRF token signature";
    const { ExpiresAt } = JSON.parse(payload.toString()) as { ExpiresAt: string }; // our own text: the key signed it
    return this.#clock.nowMs() > Date.parse(ExpiresAt) ? "csrf token expired" : undefined;
  }

  #sign(payload: Buffer): string {
    return createHmac("sha256", this.#key).update(payload).digest("base64url");
  }
}

/** Differs: in constant time; the reference compares the texts. */
function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Offset at which Go's RawURLEncoding gives up. */
function badBase64At(text: string): number | undefined {
  const bad = text.search(/[^A-Za-z0-9_-]/);
  if (bad >= 0) return bad;
  return text.length % 4 === 1 ? text.length - 1 : undefined;
}
