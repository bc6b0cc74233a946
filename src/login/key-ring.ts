import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { fromHex, toHex } from "../base/bytes.ts";
import { CoinError, errorText } from "../base/errors.ts";
import type { Random } from "../cipher/random.ts";
import type { LoginClock } from "./deadline.ts";

/** Where the secrets of a login service are kept: a file of mode 0600 in the node. */
export interface KeyVault {
  /** Undefined before the first start. */
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

export class KeyRingError extends CoinError<"LOGIN_KEYS"> {}

export interface KeyRingOptions {
  /** A key signs for so long. */
  readonly rotateMs: number;
  /** A new key is published for so long before it signs: verifiers cache key sets. */
  readonly aheadMs: number;
  /** A replaced key stays published for so long: at least the life of what it signed. */
  readonly overlapMs: number;
}

const DAY = 86_400_000;

export const KEY_RING_OPTIONS: KeyRingOptions = { rotateMs: 30 * DAY, aheadMs: DAY / 12, overlapMs: DAY };

/** Ed25519 for everything of ours; RSA for ID tokens of services that expect what OpenID Connect makes mandatory. */
export const SIGNING_ALGORITHMS = ["EdDSA", "RS256"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

interface StoredKey {
  readonly kid: string;
  readonly createdAtMs: number;
  readonly jwk: JWK;
}

interface Stored {
  readonly version: 1;
  /** 32 bytes, hex: return addresses and keyed hashes are derived from it. */
  readonly secret: string;
  readonly keys: readonly StoredKey[];
}

type SigningKey = Awaited<ReturnType<typeof importJWK>>;

/** The signing keys of the tokens, made when first needed and replaced in time, and the service's secret. */
export class KeyRing {
  readonly #vault: KeyVault;
  readonly #clock: Pick<LoginClock, "nowMs">;
  readonly #options: KeyRingOptions;
  readonly #algorithms: readonly SigningAlgorithm[];
  #stored: Stored;
  readonly #imported = new Map<string, { readonly sign: SigningKey; readonly verify: SigningKey }>();

  private constructor(parts: Parameters<typeof KeyRing.open>[0], stored: Stored) {
    this.#vault = parts.vault;
    this.#clock = parts.clock;
    this.#options = parts.options ?? KEY_RING_OPTIONS;
    this.#algorithms = [...new Set<SigningAlgorithm>(["EdDSA", ...(parts.algorithms ?? [])])];
    this.#stored = stored;
  }

  /** Reads the keys, makes what is missing or due. @throws KeyRingError LOGIN_KEYS, what the vault throws */
  static async open(parts: {
    readonly vault: KeyVault;
    readonly clock: Pick<LoginClock, "nowMs">;
    readonly random: Random;
    readonly options?: KeyRingOptions;
    /** Besides EdDSA. */
    readonly algorithms?: Iterable<SigningAlgorithm>;
  }): Promise<KeyRing> {
    const text = await parts.vault.load();
    const initial: Stored =
      text === undefined ? { version: 1, secret: toHex(parts.random(32)), keys: [] } : parse(text);
    const ring = new KeyRing(parts, initial);
    await ring.rotate();
    for (const stored of ring.#stored.keys) ring.#imported.set(stored.kid, await importKey(stored));
    return ring;
  }

  get secret(): Uint8Array {
    return fromHex(this.#stored.secret);
  }

  /** Makes the next key when the newest is due, drops those whose overlap is over. To be called now and then. */
  async rotate(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const { rotateMs, aheadMs, overlapMs } = this.#options;
    const all = [...this.#stored.keys];
    for (const algorithm of this.#algorithms) {
      const newest = all.findLast((key) => algorithmOf(key) === algorithm);
      if (newest !== undefined && nowMs - newest.createdAtMs < rotateMs - aheadMs) continue;
      const made = await makeKey(algorithm, nowMs);
      this.#imported.set(made.kid, await importKey(made));
      all.push(made);
    }
    const keys = all.filter((key, i) => {
      const next = all.find((later, j) => j > i && algorithmOf(later) === algorithmOf(key));
      return next === undefined || nowMs < next.createdAtMs + aheadMs + overlapMs;
    });
    if (keys.length === this.#stored.keys.length && keys.at(-1) === this.#stored.keys.at(-1)) return;
    const stored = { ...this.#stored, keys };
    await this.#vault.save(`${JSON.stringify(stored, null, 2)}\n`);
    this.#stored = stored;
    for (const kid of this.#imported.keys()) if (!keys.some((key) => key.kid === kid)) this.#imported.delete(kid);
  }

  /** The key to sign with now, of an algorithm this ring was opened with. */
  signing(algorithm: SigningAlgorithm): { readonly kid: string; readonly key: SigningKey } {
    const keys = this.#stored.keys.filter((key) => algorithmOf(key) === algorithm);
    const nowMs = this.#clock.nowMs();
    const usable = keys.filter(({ createdAtMs }) => createdAtMs + this.#options.aheadMs <= nowMs);
    const { kid } = (usable.at(-1) ?? keys[0]) as StoredKey;
    return { kid, key: (this.#imported.get(kid) as { sign: SigningKey }).sign };
  }

  /** By key id; undefined for a key that is not, or no longer, published. */
  verifying(kid: string | undefined): SigningKey | undefined {
    return kid === undefined ? undefined : this.#imported.get(kid)?.verify;
  }

  /** Public halves, newest first. */
  publicKeys(): readonly JWK[] {
    return [...this.#stored.keys].reverse().map(publicHalf);
  }
}

function algorithmOf({ jwk }: StoredKey): SigningAlgorithm {
  return jwk.kty === "RSA" ? "RS256" : "EdDSA";
}

function publicHalf(stored: StoredKey): JWK {
  const { kid, jwk } = stored;
  const { kty, crv, x, n, e } = jwk as { kty: string; crv: string; x: string; n: string; e: string };
  const alg = algorithmOf(stored);
  return { kty, ...(alg === "RS256" ? { n, e } : { crv, x }), kid, alg, use: "sig" };
}

async function makeKey(algorithm: SigningAlgorithm, nowMs: number): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(algorithm, { crv: "Ed25519", modulusLength: 2048, extractable: true });
  const jwk = await exportJWK(privateKey);
  return { kid: await calculateJwkThumbprint(jwk), createdAtMs: nowMs, jwk };
}

async function importKey(stored: StoredKey): Promise<{ sign: SigningKey; verify: SigningKey }> {
  const algorithm = algorithmOf(stored);
  try {
    return { sign: await importJWK(stored.jwk, algorithm), verify: await importJWK(publicHalf(stored), algorithm) };
  } catch (cause) {
    throw new KeyRingError("LOGIN_KEYS", `a signing key of the login service cannot be used: ${errorText(cause)}`);
  }
}

/** The text is never part of an error: it is all secrets. */
function parse(text: string): Stored {
  try {
    const value = JSON.parse(text) as Partial<Stored>;
    const fits = value.version === 1 && /^[0-9a-f]{64}$/.test(value.secret ?? "") && Array.isArray(value.keys);
    if (fits) return value as Stored;
  } catch {} // said below
  throw new KeyRingError(
    "LOGIN_KEYS",
    "the keys of the login service do not read: restore the file, or move it away to begin with new ones",
  );
}
