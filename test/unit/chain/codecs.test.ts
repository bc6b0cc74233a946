import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { U64_MAX } from "../../../src/base/uint64.ts";
import {
  type Block,
  blockHash,
  blockSize,
  bodySize,
  computeBodyHash,
  decodeBlock,
  decodeSignedBlock,
  encodeBlock,
  encodeBlockHeader,
  encodeSignedBlock,
  readSignedBlock,
  type SignedBlock,
} from "../../../src/chain/block.ts";
import { coinHours } from "../../../src/chain/hours.ts";
import { RuleError } from "../../../src/chain/rules.ts";
import {
  computeInnerHash,
  decodeTransaction,
  detachTransaction,
  digestToSign,
  encodedOutput,
  encodeTransaction,
  newTransaction,
  signInput,
  signTransaction,
  type Transaction,
  transactionSize,
  txid,
} from "../../../src/chain/transaction.ts";
import { createUnspents, predictUnspents, SetHash } from "../../../src/chain/unspents.ts";
import {
  type Droplets,
  decodeUxOut,
  encodeUxBody,
  encodeUxOut,
  type Hours,
  snapshotHash,
  type UxOut,
  uxId,
} from "../../../src/chain/uxout.ts";
import { type Address, encodeAddress } from "../../../src/cipher/address.ts";
import { type Hash, hashHex, NULL_HASH, sha256, xorHash } from "../../../src/cipher/hash.ts";
import { NULL_SIGNATURE, type Signature, verifyAddressSignedHash } from "../../../src/cipher/sign.ts";
import { Reader } from "../../../src/codec/reader.ts";
import { alice, bob, out } from "../../support/chain.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const bytesOf = <T>(length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }) as unknown as fc.Arbitrary<T>;
const u64 = <T>() => fc.bigInt({ min: 0n, max: U64_MAX }) as unknown as fc.Arbitrary<T>;
const u32 = () => fc.integer({ min: 0, max: 0xffff_ffff });

const anyTransaction: fc.Arbitrary<Transaction> = record({
  length: u32(),
  type: fc.integer({ min: 0, max: 255 }),
  innerHash: bytesOf<Hash>(32),
  sigs: fc.array(bytesOf<Signature>(65), { maxLength: 3 }),
  inputs: fc.array(bytesOf<Hash>(32), { maxLength: 3 }),
  outputs: fc.array(record({ address: bytesOf<Address>(21), coins: u64<Droplets>(), hours: u64<Hours>() }), {
    maxLength: 3,
  }),
});

const anyHeader = record({
  version: u32(),
  time: fc.maxSafeNat(),
  seq: fc.maxSafeNat(),
  fee: u64<Hours>(),
  prevHash: bytesOf<Hash>(32),
  bodyHash: bytesOf<Hash>(32),
  uxHash: bytesOf<Hash>(32),
});

const anyBlock: fc.Arbitrary<SignedBlock> = record({
  header: anyHeader,
  transactions: fc.array(anyTransaction, { maxLength: 3 }),
  sig: bytesOf<Signature>(65),
});

const anyUxOut: fc.Arbitrary<UxOut> = record({
  head: record({ time: fc.maxSafeNat(), seq: fc.maxSafeNat() }),
  body: record({
    srcTransaction: bytesOf<Hash>(32),
    address: bytesOf<Address>(21),
    coins: u64<Droplets>(),
    hours: u64<Hours>(),
  }),
});

/** A value of its own, sharing neither memory nor remembered bytes. */
function rebuilt<T>(value: T): T {
  return structuredClone(value);
}

function refusesDamage(bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): void {
  for (let cut = 0; cut < bytes.length; cut++) {
    assert.throws(() => decode(bytes.subarray(0, cut)), { code: "CODEC_UNDERFLOW" }, `cut at ${cut}`);
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  assert.throws(() => decode(longer), { code: "CODEC_TRAILING" });
}

test("transactions survive the trip through bytes, and the bytes the trip through transactions", () => {
  fc.assert(
    fc.property(anyTransaction, (txn) => {
      const bytes = encodeTransaction(txn);
      assert.equal(bytes.length, transactionSize(txn));
      const decoded = decodeTransaction(bytes);
      assert.deepEqual(decoded, txn);
      assert.deepEqual(encodeTransaction(rebuilt(decoded)), bytes);
      assert.deepEqual(txid(decoded), sha256(bytes));
      assert.deepEqual(txid(rebuilt(txn)), txid(decoded));
      assert.deepEqual(computeInnerHash(rebuilt(txn)), computeInnerHash(decoded));
    }),
  );
});

test("blocks survive the trip through bytes, signed or not", () => {
  fc.assert(
    fc.property(anyBlock, (block) => {
      const signed = encodeSignedBlock(block);
      const decoded = decodeSignedBlock(signed);
      assert.deepEqual(decoded, block);
      assert.deepEqual(encodeSignedBlock(rebuilt(decoded)), signed);
      const plain = encodeBlock(block);
      assert.equal(plain.length, blockSize(block));
      assert.equal(blockSize(block), 128 + bodySize(block.transactions));
      assert.deepEqual(signed.subarray(0, plain.length), plain);
      assert.deepEqual(decodeBlock(plain), { header: block.header, transactions: block.transactions });
      assert.deepEqual(blockHash(decoded), sha256(encodeBlockHeader(block.header)));
      assert.deepEqual(blockHash(rebuilt(block)), blockHash(decoded));
    }),
  );
});

test("outputs survive the trip through bytes; the snapshot swaps body and head", () => {
  fc.assert(
    fc.property(anyUxOut, (ux) => {
      const bytes = encodeUxOut(ux);
      assert.deepEqual(decodeUxOut(bytes), ux);
      assert.deepEqual(uxId(ux.body), sha256(encodeUxBody(ux.body)));
      const swapped = new Uint8Array(85);
      swapped.set(bytes.subarray(16), 0);
      swapped.set(bytes.subarray(0, 16), 69);
      assert.deepEqual(snapshotHash(ux), sha256(swapped));
    }),
  );
});

test("cut at any byte or with one too many, nothing decodes", () => {
  fc.assert(
    fc.property(anyTransaction, anyUxOut, (txn, ux) => {
      refusesDamage(encodeTransaction(txn), decodeTransaction);
      refusesDamage(encodeUxOut(ux), decodeUxOut);
    }),
    { numRuns: 20 },
  );
  fc.assert(
    fc.property(anyBlock, (block) => {
      refusesDamage(encodeBlock(block), decodeBlock);
      refusesDamage(encodeSignedBlock(block), decodeSignedBlock);
    }),
    { numRuns: 5 },
  );
});

test("a count larger than the bytes behind it is refused before anything is read", () => {
  const txn = encodeTransaction(newTransaction([NULL_HASH], [])).slice();
  const view = new DataView(txn.buffer);
  for (const at of [37, 41 + 65, 45 + 65 + 32]) {
    const before = view.getUint32(at, true);
    for (const bomb of [0xffff_ffff, 65536, 10_000]) {
      view.setUint32(at, bomb, true);
      assert.throws(() => decodeTransaction(txn), { code: "CODEC_UNDERFLOW" });
    }
    view.setUint32(at, before, true);
  }
  decodeTransaction(txn);
  const block = encodeBlock({ header: fc.sample(anyHeader, 1)[0] as Block["header"], transactions: [] });
  new DataView(block.buffer).setUint32(124, 0xffff_ffff, true);
  assert.throws(() => decodeBlock(block), { code: "CODEC_UNDERFLOW" });
});

test("65536 entries are refused even when the bytes are there", () => {
  const bytes = new Uint8Array(41 + 65536);
  new DataView(bytes.buffer).setUint32(37, 65536, true);
  assert.throws(() => decodeTransaction(bytes), { code: "CODEC_MAXLEN" });
});

test("heights and times beyond 2^53-1 are refused", () => {
  const block = encodeBlock({ header: fc.sample(anyHeader, 1)[0] as Block["header"], transactions: [] });
  for (const at of [4, 12]) {
    const bad = block.slice();
    new DataView(bad.buffer).setBigUint64(at, 1n << 53n, true);
    assert.throws(() => decodeBlock(bad), { code: "CODEC_RANGE" });
  }
});

test("blocks follow each other in one buffer", () => {
  const blocks = fc.sample(anyBlock, 3);
  const r = new Reader(new Uint8Array(Buffer.concat(blocks.map(encodeSignedBlock))));
  assert.deepEqual(
    blocks.map(() => readSignedBlock(r)),
    blocks,
  );
  r.end();
});

test("the outputs a transaction creates have the ids and snapshots of the slow way", () => {
  fc.assert(
    fc.property(anyTransaction, fc.maxSafeNat(), fc.nat(3), (txn, time, seq) => {
      const head = { time, seq };
      const set = new SetHash(NULL_HASH);
      const created = createUnspents(txn, head, set);
      assert.deepEqual(
        created.map(({ ux }) => ux.body.srcTransaction),
        txn.outputs.map(() => (seq === 0 ? NULL_HASH : txid(txn))),
      );
      let slow = NULL_HASH;
      created.forEach(({ id, ux }, i) => {
        assert.deepEqual(id, uxId(ux.body));
        assert.deepEqual(ux.head, head);
        assert.deepEqual({ ...ux.body, srcTransaction: undefined }, { ...txn.outputs[i], srcTransaction: undefined });
        assert.deepEqual(encodedOutput(txn, i), encodeUxBody(ux.body).subarray(32));
        slow = xorHash(slow, snapshotHash(ux));
      });
      assert.deepEqual(set.value(), slow);
      for (const { ux } of predictUnspents(txn, head)) assert.deepEqual(ux.body.srcTransaction, txid(txn));
    }),
  );
});

test("a set hash forgets what is added twice, and does not change the hash it began with", () => {
  const start = sha256(Uint8Array.of(1));
  const before = start.slice();
  const set = new SetHash(start);
  const a = sha256(Uint8Array.of(2));
  set.toggle(a);
  assert.deepEqual(set.value(), xorHash(start, a));
  set.toggle(a);
  assert.deepEqual(set.value(), start);
  assert.deepEqual(start as Uint8Array, before);
});

test("a detached transaction is equal and shares no memory with the message it came in", () => {
  const [txn] = fc.sample(
    anyTransaction.filter((t) => t.outputs.length > 0),
    1,
  ) as [Transaction];
  const message = encodeTransaction(txn).slice();
  const decoded = decodeTransaction(message);
  const id = txid(decoded);
  const copy = detachTransaction(decoded);
  message.fill(0);
  assert.deepEqual(copy, txn);
  assert.deepEqual(txid(copy), id);
  assert.deepEqual(sha256(encodeTransaction(copy)), id);
});

interface RecordedTransaction {
  readonly hex: string;
  readonly txid: string;
  readonly inner_hash: string;
  readonly length: number;
  readonly in: readonly string[];
  readonly sigs: readonly string[];
  readonly out: readonly {
    readonly address: string;
    readonly coins: string;
    readonly hours: string;
    readonly uxid: string;
  }[];
}

interface RecordedUxOut {
  readonly hex: string;
  readonly uxid: string;
  readonly snapshot_hash: string;
  readonly coins: string;
  readonly hours: string;
  readonly time: string;
  readonly bk_seq: string;
  readonly coin_hours: readonly { readonly at: string; readonly hours: string; readonly error: string | null }[];
}

const skip = conformanceMissing;

test("the recorded transactions decode, hash and encode as recorded", { skip }, () => {
  const { transactions } = conformanceJson<{ transactions: RecordedTransaction[] }>("cipher/vectors/encoder.json");
  for (const recorded of transactions) {
    const txn = decodeTransaction(fromHex(recorded.hex));
    assert.equal(hashHex(txid(txn)), recorded.txid);
    assert.equal(toHex(txn.innerHash), recorded.inner_hash);
    assert.equal(txn.length, recorded.length);
    assert.deepEqual(txn.inputs.map(hashHex), recorded.in);
    assert.deepEqual(txn.sigs.map(toHex), recorded.sigs);
    assert.deepEqual(
      createUnspents(txn, { time: 1, seq: 1 }).map(({ id, ux: { body } }) => ({
        address: encodeAddress(body.address),
        coins: String(body.coins),
        hours: String(body.hours),
        uxid: hashHex(id),
      })),
      recorded.out,
    );
    assert.equal(toHex(encodeTransaction(rebuilt(txn))), recorded.hex);
  }
});

test("the recorded outputs decode and hash as recorded, and earn the recorded hours", { skip }, () => {
  for (const recorded of conformanceJson<{ ux_outs: RecordedUxOut[] }>("cipher/vectors/encoder.json").ux_outs) {
    const ux = decodeUxOut(fromHex(recorded.hex));
    assert.equal(hashHex(uxId(ux.body)), recorded.uxid);
    assert.equal(hashHex(snapshotHash(ux)), recorded.snapshot_hash);
    assert.deepEqual([ux.body.coins, ux.body.hours, ux.head.time, ux.head.seq].map(String), [
      recorded.coins,
      recorded.hours,
      recorded.time,
      recorded.bk_seq,
    ]);
    for (const { at, hours, error } of recorded.coin_hours) {
      const actual = (): string => String(coinHours(ux, Number(at)));
      if (error === null) assert.equal(actual(), hours);
      else assert.throws(actual, (thrown) => thrown instanceof RuleError && thrown.message === error);
    }
  }
});

test("signing one input leaves the others as they were, and a new transaction is consistent", () => {
  const inputs = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))];
  const fresh = newTransaction(inputs, [out(alice, 1n, 2n)]);
  assert.equal(fresh.length, encodeTransaction(fresh).length);
  assert.deepEqual(fresh.innerHash, computeInnerHash(rebuilt(fresh)));
  assert.deepEqual(fresh.sigs, [NULL_SIGNATURE, NULL_SIGNATURE]);
  const half = signInput(fresh, 1, alice.secret);
  assert.deepEqual(half.sigs[0], NULL_SIGNATURE);
  verifyAddressSignedHash(alice.address, half.sigs[1] as Signature, digestToSign(half.innerHash, inputs[1] as Hash));
  const whole = signInput(half, 0, bob.secret);
  assert.deepEqual(whole.sigs[1], half.sigs[1]);
  verifyAddressSignedHash(bob.address, whole.sigs[0] as Signature, digestToSign(whole.innerHash, inputs[0] as Hash));
  assert.throws(() => signTransaction(fresh, [alice.secret]), /one key per input/);
});

test("the digest to sign is the hash of inner hash and input", () => {
  const [a, b] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))];
  assert.deepEqual(digestToSign(a, b), sha256(new Uint8Array(Buffer.concat([a, b]))));
  assert.deepEqual(computeBodyHash([]), NULL_HASH);
});
