import assert from "node:assert/strict";
import { test } from "node:test";
import {
  inlineRecovery,
  RECOVERY_RECORD_BYTES,
  RECOVERY_RESULT_BYTES,
  RecoveryBatch,
  recoverRecords,
  type SignatureRecovery,
  Signers,
} from "../../../src/chain/signatures.ts";
import { SignerCache } from "../../../src/chain/signer-cache.ts";
import { type HashHex, sha256 } from "../../../src/cipher/hash.ts";
import { NULL_SIGNATURE, signHash } from "../../../src/cipher/sign.ts";
import { alice, bob, HOPELESS_SIGNATURE, malleated } from "../../support/chain.ts";

const digest = sha256(Uint8Array.of(1));

test("recovery answers in order: who signed, and whether strictly", async () => {
  const batch = new RecoveryBatch(5);
  batch.add(digest, signHash(digest, alice.secret));
  batch.add(digest, NULL_SIGNATURE);
  batch.add(digest, malleated(signHash(digest, bob.secret)));
  batch.add(digest, HOPELESS_SIGNATURE);
  batch.add(digest, signHash(digest, bob.secret));
  const signers = await batch.recover(inlineRecovery());
  assert.equal(signers.count, 5);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => signers.ok(i)),
    [true, false, true, false, true],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => signers.strict(i)),
    [true, false, false, false, true],
  );
  assert.deepEqual(
    [0, 2, 4].map((i) => signers.publicKey(i)),
    [alice.public, bob.public, bob.public],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => signers.owns(i, alice.address)),
    [true, false, false, false, false],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => signers.owns(i, bob.address)),
    [false, false, true, false, true],
  );
  const part = signers.slice(2, 4);
  assert.deepEqual([part.count, part.ok(0), part.ok(1)], [2, true, false]);
});

test("nobody owns an address of another version", async () => {
  const batch = new RecoveryBatch(1);
  batch.add(digest, signHash(digest, alice.secret));
  const signers = await batch.recover(inlineRecovery());
  const other = alice.address.slice();
  other[0] = 1;
  assert.ok(signers.owns(0, alice.address));
  assert.ok(!signers.owns(0, other));
});

test("records and results have the agreed sizes", () => {
  assert.deepEqual([RECOVERY_RECORD_BYTES, RECOVERY_RESULT_BYTES], [97, 55]);
  assert.equal(recoverRecords(new Uint8Array(0)).length, 0);
  assert.deepEqual(recoverRecords(new Uint8Array(97)), new Uint8Array(55));
});

test("an empty batch asks nobody, a large one goes out in parts and comes back in order", async () => {
  const sizes: number[] = [];
  const echo: SignatureRecovery = {
    name: "echo",
    async recover(records) {
      const count = records.length / RECOVERY_RECORD_BYTES;
      sizes.push(count);
      const results = new Uint8Array(count * RECOVERY_RESULT_BYTES);
      for (let i = 0; i < count; i++) {
        results[i * 55] = 1;
        results.set(records.subarray(i * 97, i * 97 + 33), i * 55 + 2);
      }
      return results;
    },
    close: async () => {},
  };
  assert.equal((await new RecoveryBatch(0).recover(echo)).count, 0);
  assert.deepEqual(sizes, []);
  const batch = new RecoveryBatch(10_000);
  const number = new Uint8Array(32);
  for (let i = 0; i < 10_000; i++) {
    new DataView(number.buffer).setUint32(0, i);
    batch.add(number, NULL_SIGNATURE);
  }
  const signers = await batch.recover(echo);
  assert.deepEqual(sizes, [4096, 4096, 1808]);
  for (const i of [0, 4095, 4096, 9999]) {
    const key = signers.publicKey(i);
    assert.equal(new DataView(key.buffer, key.byteOffset).getUint32(0), i);
  }
});

const key = (n: number) => `${n}` as HashHex;
const signersOf = (count: number) => new Signers(new Uint8Array(count * RECOVERY_RESULT_BYTES));

test("the cache forgets the least recently used beyond its entries", () => {
  const cache = new SignerCache({ entriesMax: 2 });
  cache.set(key(1), signersOf(1));
  cache.set(key(2), signersOf(1));
  cache.get(key(1));
  cache.set(key(3), signersOf(1));
  assert.deepEqual(
    [1, 2, 3].map((n) => cache.get(key(n)) !== undefined),
    [true, false, true],
  );
  cache.delete(key(1));
  cache.delete(key(1));
  assert.equal(cache.size, 1);
});

test("the cache forgets beyond its signatures, and counts them right when told twice", () => {
  const cache = new SignerCache({ signaturesMax: 10 });
  cache.set(key(1), signersOf(4));
  cache.set(key(1), signersOf(4));
  cache.set(key(2), signersOf(6));
  assert.equal(cache.size, 2);
  cache.set(key(3), signersOf(1));
  assert.equal(cache.get(key(1)), undefined);
  assert.equal(cache.size, 2);
  cache.set(key(4), signersOf(11)); // larger than all it may hold
  assert.equal(cache.size, 0);
});
