import { equalBytes, fromHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { installBackend } from "../cipher/active-backend.ts";
import type { CipherBackend } from "../cipher/backend.ts";
import { nobleBackend } from "../cipher/noble-backend.ts";
import { bindingsBackend } from "./bindings-backend.ts";
import { NativeError } from "./errors.ts";
import { type NodeHashing, nodeHashing } from "./node-hashing.ts";
import { wasmBackend } from "./wasm-backend.ts";

/** Fastest first: the order they are tried in. */
export const BACKEND_KINDS = ["bindings", "wasm", "noble"] as const;
export type BackendKind = (typeof BACKEND_KINDS)[number];

/** What was installed, for the start-up log and status. */
export interface InstalledBackend {
  readonly kind: BackendKind;
  readonly name: string;
  /** How hashes are computed, and why faster kinds were passed over. */
  readonly detail: string;
}

let installed: InstalledBackend | undefined;

/** What the last `installNativeBackend` of this thread chose; undefined before. */
export function installedBackend(): InstalledBackend | undefined {
  return installed;
}

/**
 * Installs the fastest cipher backend that loads and answers right. `force`, or LOGINCHAIN_CIPHER_BACKEND in
 * `env`, allows one kind only. May be called again.
 * @throws NativeError BACKEND_UNKNOWN; BACKEND_UNAVAILABLE when the forced kind cannot be used
 */
export async function installNativeBackend({
  force,
  env = process.env,
  load = loadBackend,
}: {
  readonly force?: BackendKind | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where backends come from; tests put failing ones here. */
  readonly load?: (kind: BackendKind, hashing: NodeHashing) => Promise<CipherBackend>;
} = {}): Promise<InstalledBackend> {
  const wanted = force ?? parseKind(env.LOGINCHAIN_CIPHER_BACKEND);
  const hashing = nodeHashing();
  const skipped: string[] = [];
  for (const kind of wanted === undefined ? BACKEND_KINDS : [wanted]) {
    try {
      const candidate = await load(kind, hashing);
      requireKnownAnswers(candidate);
      installBackend(candidate);
      const detail = [`hashing by ${hashing.name}`, ...skipped].join("; ");
      installed = { kind, name: candidate.name, detail };
      return installed;
    } catch (cause) {
      if (wanted !== undefined || kind === "noble")
        throw new NativeError("BACKEND_UNAVAILABLE", `cipher backend ${kind} cannot be used`, { kind }, { cause });
      skipped.push(`no ${kind}: ${errorText(cause).split("\n", 1)[0]}`);
    }
  }
  throw new NativeError("BACKEND_UNAVAILABLE", "no cipher backend can be used");
}

/** One backend, not installed: what `installNativeBackend` and tests choose from. Throws when it does not load. */
export async function loadBackend(kind: BackendKind, hashing: NodeHashing = nodeHashing()): Promise<CipherBackend> {
  if (kind === "bindings") return bindingsBackend(hashing);
  if (kind === "wasm") return wasmBackend(hashing);
  return { ...nobleBackend, sha256: hashing.sha256, ripemd160: hashing.ripemd160 };
}

function parseKind(text: string | undefined): BackendKind | undefined {
  if (text === undefined || text === "") return undefined;
  const kind = BACKEND_KINDS.find((known) => known === text);
  if (kind === undefined)
    throw new NativeError("BACKEND_UNKNOWN", `cipher backend must be one of ${BACKEND_KINDS.join(", ")}`, { text });
  return kind;
}

/**
 * A build for the wrong processor or a broken OpenSSL shows here rather than in the chain.
 * @throws NativeError BACKEND_WRONG_ANSWER
 */
function requireKnownAnswers(candidate: CipherBackend): void {
  for (const { what, got, want } of knownAnswers(candidate))
    if (got === undefined || !equalBytes(got, fromHex(want)))
      throw new NativeError("BACKEND_WRONG_ANSWER", `${candidate.name} gives a wrong ${what}`, { what });
}

/** Expected values: FIPS 180 and RIPEMD-160 for empty input; the generator, twice it, and a signature of secret key 1. */
function* knownAnswers(backend: CipherBackend): Generator<{ what: string; got: Uint8Array | undefined; want: string }> {
  const empty = new Uint8Array(0);
  const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0));
  const two = Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 2 : 0));
  const generator = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
  const digest = backend.sha256(empty);
  yield {
    what: "sha256",
    got: digest,
    want: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  };
  yield { what: "ripemd160", got: backend.ripemd160(empty), want: "9c1185a5c5e9fc54612808977ee8f548b2258d31" };
  const key = backend.publicKey(one);
  yield { what: "public key", got: key, want: generator };
  yield {
    what: "product",
    got: backend.multiply(key, two),
    want: "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
  };
  const { rs, recovery } = backend.sign(digest, one);
  yield { what: "recovered key", got: backend.recover(digest, rs, recovery), want: generator };
}
