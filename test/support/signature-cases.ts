import fc from "fast-check";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { CipherBackend } from "../../src/cipher/backend.ts";
import { isValidSecretKey } from "../../src/cipher/keys.ts";

export const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const FIELD_PRIME = 2n ** 256n - 2n ** 32n - 977n;

/** What `CipherBackend.recover` takes. */
export interface RecoveryCase {
  readonly digest: Uint8Array;
  readonly rs: Uint8Array;
  readonly recovery: number;
}

/**
 * Signatures as the network may send them: good ones, and good ones with the recovery id, one bit, one scalar or
 * the digest replaced, preferably by a value at an edge.
 */
export function anyRecovery(signer: CipherBackend): fc.Arbitrary<RecoveryCase> {
  const recovery = fc.integer({ min: 0, max: 3 });
  return fc.oneof(
    good(signer),
    fc.tuple(good(signer), recovery).map(([c, id]) => ({ ...c, recovery: id })),
    fc.tuple(good(signer), fc.integer({ min: 0, max: 511 })).map(([c, bit]) => ({ ...c, rs: flip(c.rs, bit) })),
    fc.tuple(good(signer), edges(), recovery).map(([c, r, id]) => ({ ...c, rs: pair(r, half(c.rs, 1)), recovery: id })),
    fc.tuple(good(signer), edges()).map(([c, s]) => ({ ...c, rs: pair(half(c.rs, 0), s) })),
    fc.tuple(good(signer), edges()).map(([c, digest]) => ({ ...c, digest: scalarBytes(digest) })),
    good(signer).map((c) => ({
      ...c,
      rs: pair(half(c.rs, 0), GROUP_ORDER - half(c.rs, 1)),
      recovery: c.recovery ^ 1,
    })),
    fc.record({ digest: bytes32(), rs: fc.uint8Array({ minLength: 64, maxLength: 64 }), recovery }),
  );
}

function good(signer: CipherBackend): fc.Arbitrary<RecoveryCase> {
  return fc
    .tuple(bytes32().filter(isValidSecretKey), bytes32())
    .map(([secret, digest]) => ({ digest, ...signer.sign(digest, secret) }));
}

/** Scalars next to 0, the order, its half, 2^255, 2^256, and where r + n passes the field prime. */
function edges(): fc.Arbitrary<bigint> {
  const near = (value: bigint) => fc.bigInt({ min: -20n, max: 20n }).map((d) => value + d);
  return fc
    .oneof(
      fc.bigInt({ min: 0n, max: 500n }),
      near(GROUP_ORDER),
      near(GROUP_ORDER / 2n),
      near(FIELD_PRIME - GROUP_ORDER),
      near(FIELD_PRIME),
      near(2n ** 255n),
      near(2n ** 256n - 21n),
    )
    .filter((value) => value >= 0n && value < 2n ** 256n);
}

const bytes32 = (): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: 32, maxLength: 32 });

const half = (rs: Uint8Array, which: 0 | 1): bigint => BigInt(`0x${toHex(rs.subarray(32 * which, 32 * which + 32))}`);

const scalarBytes = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, "0"));

function pair(r: bigint, s: bigint): Uint8Array {
  return Uint8Array.of(...scalarBytes(r), ...scalarBytes(s));
}

function flip(rs: Uint8Array, bit: number): Uint8Array {
  const out = Uint8Array.from(rs);
  out[bit >> 3] = (out[bit >> 3] as number) ^ (1 << (bit & 7));
  return out;
}
