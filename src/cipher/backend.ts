/**
 * What the pure layers need from outside: hashing and curve work. The portable implementation (noble) is
 * installed by default, so the same core runs in a browser; the node installs a faster one at start
 * (src/native). One process-wide choice instead of a parameter on every function: each transaction id is a
 * hash, and two backends never disagree (property tests hold them to it). See docs/decisions/0002-cipher-backend.md.
 */
export interface CipherBackend {
  /** Shown at start and in status, e.g. "secp256k1/bindings", "libauth (wasm)", "noble". */
  readonly name: string;
  sha256(data: Uint8Array): Uint8Array;
  ripemd160(data: Uint8Array): Uint8Array;
  /**
   * The compressed public key (33 bytes) that made the signature, or undefined when recovery fails (r or s
   * zero or >= n, x not on the curve, infinity). `recovery` is 0..3. Accepts s above n/2 (gotcha G11).
   */
  recover(digest: Uint8Array, rs: Uint8Array, recovery: number): Uint8Array | undefined;
  /** Compressed public key of a valid secret key. */
  publicKey(secret: Uint8Array): Uint8Array;
  /** 33 bytes, prefix 02 or 03, x below the field prime and on the curve. Any input length is answered. */
  isPublicKey(bytes: Uint8Array): boolean;
  /** Low-s signature, 64 bytes r ++ s and the recovery bit. Nonce: RFC 6979 hedged with fresh entropy. */
  sign(digest: Uint8Array, secret: Uint8Array): { readonly rs: Uint8Array; readonly recovery: number };
  /** Point multiplication secret * public, compressed, unhashed (deterministic key generation needs it raw). */
  multiply(publicKey: Uint8Array, secret: Uint8Array): Uint8Array;
}
