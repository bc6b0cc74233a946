/** Three implementations, one verdict: consensus must not depend on what a machine could load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import type { CipherBackend } from "../../../src/cipher/backend.ts";
import { isValidSecretKey } from "../../../src/cipher/keys.ts";
import { nobleBackend } from "../../../src/cipher/noble-backend.ts";
import { loadBackend } from "../../../src/native/install.ts";
import { recoveryVectors } from "../../support/cipher-vectors.ts";
import { anyRecovery, GROUP_ORDER } from "../../support/signature-cases.ts";

const bindings = await loadBackend("bindings").catch(() => undefined);
const wasm = await loadBackend("wasm");
const others: readonly CipherBackend[] = bindings === undefined ? [wasm] : [wasm, bindings];

test("the machine-code backend takes part", { skip: bindings === undefined && "no build for this platform" }, () => {
  assert.equal(others.length, 2);
});

const hex = (key: Uint8Array | undefined) => (key === undefined ? undefined : toHex(key));

for (const backend of [nobleBackend, ...others])
  test(`${backend.name} recovers what the reference does in every edge case`, () => {
    for (const vector of recoveryVectors) {
      const signature = fromHex(vector.signature);
      const key = backend.recover(fromHex(vector.digest), signature.subarray(0, 64), (signature[64] as number) & 3);
      assert.equal(hex(key) ?? null, vector.publicKey, vector.case);
    }
  });

for (const backend of others)
  test(`${backend.name} and noble recover the same key, or both none`, () => {
    let recovered = 0;
    fc.assert(
      fc.property(anyRecovery(nobleBackend), ({ digest, rs, recovery }) => {
        const key = nobleBackend.recover(digest, rs, recovery);
        assert.equal(hex(backend.recover(digest, rs, recovery)), hex(key));
        if (key !== undefined) recovered++;
      }),
      { numRuns: 250 },
    );
    assert.ok(recovered > 50 && recovered < 250, `both kinds of verdict occur: ${recovered} recovered`);
  });

const secrets = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(isValidSecretKey),
  fc.constantFrom(1n, 2n, 3n, GROUP_ORDER / 2n, GROUP_ORDER - 2n, GROUP_ORDER - 1n).map(scalar),
);

for (const backend of others)
  test(`${backend.name} and noble derive and multiply the same points`, () => {
    fc.assert(
      fc.property(secrets, secrets, (a, b) => {
        const point = nobleBackend.publicKey(a);
        assert.equal(hex(backend.publicKey(a)), hex(point));
        assert.equal(hex(backend.multiply(point, b)), hex(nobleBackend.multiply(point, b)));
      }),
      { numRuns: 40 },
    );
  });

const keyTexts = fc.oneof(
  fc.uint8Array({ minLength: 33, maxLength: 33 }),
  fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(([prefix, x]) => Uint8Array.of(prefix, ...x)),
  fc.constantFrom("02", "03", "04").map((prefix) => fromHex(prefix + "ff".repeat(32))),
  fc.constantFrom(0, 1, 32, 34, 64, 65).map((size) => new Uint8Array(size).fill(2)),
  secrets.map(nobleBackend.publicKey),
);

for (const backend of others)
  test(`${backend.name} and noble know the same public keys`, () => {
    fc.assert(
      fc.property(keyTexts, (bytes) => assert.equal(backend.isPublicKey(bytes), nobleBackend.isPublicKey(bytes))),
      { numRuns: 300 },
    );
  });

for (const signer of [nobleBackend, ...others])
  test(`what ${signer.name} signs is low-s and recovers to the key everywhere`, () => {
    const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(secrets, digests, (secret, digest) => {
        const { rs, recovery } = signer.sign(digest, secret);
        assert.ok(BigInt(`0x${toHex(rs.subarray(32))}`) <= (GROUP_ORDER - 1n) / 2n);
        for (const backend of [nobleBackend, ...others])
          assert.equal(hex(backend.recover(digest, rs, recovery)), hex(signer.publicKey(secret)));
        assert.notDeepEqual(signer.sign(digest, secret).rs, rs, "the nonce takes fresh entropy");
      }),
      { numRuns: 15 },
    );
  });

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, "0"));
}
